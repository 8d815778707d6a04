"""The overview as the agent answers it over its socket on this machine: no Docker call, no Docker SDK."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from emulator.runtime.control import direct
from emulator.runtime.listeners import probe
from emulator.runtime.listeners.published import PublishedListener
from emulator.runtime.reports.overview_rows import Overview, from_plain

if TYPE_CHECKING:
    from emulator.runtime.state.names import Names


def direct_overview(environment: Names) -> Overview | None:
    """What runs, by a listing that the agent made for this answer; None where it cannot be asked this way."""
    content = direct.answer(environment, "overview")
    if content is None:
        return None
    try:
        found = from_plain(content)
    except (TypeError, KeyError, ValueError):
        return None  # an agent of another version
    return found if (found.app, found.environment) == (environment.app, environment.environment) else None


def silent_here(environment: Names, listeners: Sequence[PublishedListener]) -> dict[int, str]:
    """By host port, why a listener of that overview does not answer, where the daemon publishes ports here."""
    return probe.silent(listeners) if probe.publishes_here(direct.daemon_of(environment)) else {}
