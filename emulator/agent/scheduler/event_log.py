"""What the agent's own log has of the plans that it carries out."""

from __future__ import annotations

import logging

from emulator.events import Event, EventKind

log = logging.getLogger(__name__)


def log_event(event: Event) -> None:
    """Notes a step that is done or has failed, and warnings."""
    if event.kind in (EventKind.STEP_FAILED, EventKind.WARNING):
        log.warning("%s: %s", event.subject, event.message)
    elif event.kind is EventKind.STEP_DONE:
        log.info("%s", event.subject)
