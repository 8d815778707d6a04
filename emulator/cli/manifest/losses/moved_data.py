"""Warns of data that would be made anew: resources do not move between stacks."""

from __future__ import annotations

from emulator.ecs.addons.model import Addons
from emulator.events import Emit, Event, EventKind


def warn_of_moved_data(owner: str, addons: Addons | None, emit: Emit) -> None:
    """Of addons that are put into a stack of Copilot's, which has them in a stack of their own."""
    from emulator.leave.kinds import HOLDS_DATA

    resources = addons.section("Resources") if addons is not None else {}
    found = [name for name, it in resources.items() if isinstance(it, dict) and it.get("Type") in HOLDS_DATA]
    if found:
        text = (
            f"--addons inline makes {', '.join(found)} anew and empty where Copilot deployed the addons: leave it out "
            "for an existing stack"
        )
        emit(Event(EventKind.WARNING, owner, text))
