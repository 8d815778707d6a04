"""What tests hear of containers that ran out of memory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from emulator.engine.fake import FakeEngine
from emulator.engine.interface import ContainerSpec, EngineEvent
from emulator.runtime.state import names
from emulator.runtime.state.names import Names, Role
from emulator.testing.observation.journal import Journal
from emulator.testing.observation.watcher import Watcher

SHOP = Names("shop", "test")


def labels(name: str) -> Mapping[str, str]:
    role = {names.ROLE: Role.PAUSE} if name == "pause" else {names.CONTAINER: name}
    return {**SHOP.labels(Role.MEMBER), names.SERVICE: "web", names.TASK: "0123456789", **role}


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("task", ["web: a process was killed: the task ran out of memory", "web/web: ran out of memory"]),
        ("container", ["web/web: ran out of memory"]),
    ],
)
def test_only_the_container_that_was_killed_is_said_to_have_run_out_of_memory(scope: str, expected: list[str]) -> None:
    engine = FakeEngine()
    engine.add_image("pause:1")
    pause = ContainerSpec(name="pause", image="pause:1", labels={**labels("pause"), names.LIMITS: scope})
    engine.create_container(pause)
    journal = Journal()
    watcher = Watcher(engine, SHOP, journal, lambda _: None)
    hear = ("pause", "proxy", "web") if scope == "task" else ("web",)
    events: list[tuple[str, str, dict[str, str]]] = [("oom", name, {}) for name in hear]
    events += [("die", "web", {"exitCode": "137"}), ("kill", "proxy", {"signal": "15"})]
    for action, name, more in [*events, ("die", "proxy", {"exitCode": "143"})]:
        watcher._heard(EngineEvent(action, name, {**labels(name), **more}, datetime.now(UTC)))
    said = [f"{event.subject}: {event.message}" for _, event in journal.events()]
    assert [line for line in said if "memory" in line] == expected
    [death] = journal.deaths()
    assert (death.container, death.out_of_memory) == ("web", True)
