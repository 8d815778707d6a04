"""Which container was killed for memory: by events as Docker sent them for a task whose containers share its memory."""

from __future__ import annotations

from datetime import UTC, datetime

from emulator.engine.interface import EngineEvent
from emulator.runtime.health.exits import Exit, Exits


def read(*events: tuple[str, str, dict[str, str]]) -> dict[str, Exit]:
    """The exits by container, from (action, container, attributes)."""
    exits = Exits()
    found = [exits.note(EngineEvent(action, name, more, datetime.now(UTC))) for action, name, more in events]
    return {end.container_id: end for end in found if end is not None}


RECORDED: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("oom", "pause", {}),
    ("oom", "proxy", {}),
    ("oom", "web", {}),
    ("die", "web", {"exitCode": "137"}),
    ("kill", "proxy", {"signal": "3"}),
    ("die", "proxy", {"exitCode": "0"}),
)


def test_of_containers_that_share_memory_the_one_that_was_killed_is_named() -> None:
    found = read(*RECORDED)
    assert str(found["web"]) == "was killed: OutOfMemoryError: Container killed due to memory usage"
    assert str(found["proxy"]) == "exited with code 0"


def test_one_that_was_stopped_was_not_killed_for_memory() -> None:
    found = read(("oom", "proxy", {}), ("kill", "proxy", {"signal": "15"}), ("die", "proxy", {"exitCode": "143"}))
    assert (found["proxy"].out_of_memory, found["proxy"].signalled) == (False, True)


def test_a_reload_is_no_stop_and_a_new_start_begins_anew() -> None:
    found = read(("kill", "web", {"signal": "1"}), ("oom", "web", {}), ("die", "web", {"exitCode": "137"}))
    assert found["web"].out_of_memory
    found = read(("oom", "web", {}), ("start", "web", {}), ("die", "web", {"exitCode": "1"}))
    assert not found["web"].out_of_memory
