"""Which containers the agent starts again by their restart policies, and which it leaves."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from emulator.agent.scheduler.supervisor import Supervisor
from emulator.engine.interface import EngineEvent
from emulator.events import discard
from tests.unit.agent.rig import Rig
from tests.unit.agent.test_supervisor import acting
from tests.unit.runtime.world import make_service

POLICY: dict[str, Any] = {"restartPolicy": {"enabled": True, "restartAttemptPeriod": 60}}
WAITS = {"dependsOn": [{"containerName": "web", "condition": "START"}]}


def boot(rig: Rig, containers: dict[str, dict[str, Any]]) -> Supervisor:
    supervisor = rig.boot(acting(make_service(containers)))
    supervisor.look()
    for name in containers:
        happens(rig, name, "start")
    return supervisor


def happens(rig: Rig, name: str, action: str) -> None:
    """The agent hears an event of a container."""
    row = rig.task.members[name].container
    rig.supervisor._restarts.happened(EngineEvent(action, row.id, row.labels, datetime.now(UTC)))


def exits(rig: Rig, name: str) -> None:
    rig.engine.finish(rig.container(name), 1)
    happens(rig, name, "die")


def states(rig: Rig) -> dict[str, str]:
    return {name: member.container.state for name, member in rig.task.members.items()}


def test_one_that_ran_for_its_period_is_started_again(rig: Rig) -> None:
    supervisor = boot(rig, {"hello": {}, "web": {**POLICY, "essential": False}})
    rig.clock.now += 61
    exits(rig, "web")
    supervisor.look()
    assert states(rig) == {"hello": "running", "web": "running"}


def test_one_that_died_too_young_is_never_started_again(rig: Rig) -> None:
    supervisor = boot(rig, {"hello": {}, "web": {**POLICY, "essential": False}})
    rig.clock.now += 5
    exits(rig, "web")
    for _ in range(3):
        supervisor.look()
        rig.clock.now += 600
    assert states(rig) == {"hello": "running", "web": "exited"}


def test_the_moment_of_its_exit_counts_not_that_of_the_look(rig: Rig) -> None:
    supervisor = boot(rig, {"hello": {}, "web": {**POLICY, "essential": False}})
    rig.clock.now += 5
    exits(rig, "web")
    rig.clock.now += 600
    supervisor.look()
    assert states(rig) == {"hello": "running", "web": "exited"}


def test_none_is_started_again_while_its_task_stops(rig: Rig) -> None:
    supervisor = boot(rig, {"hello": {**POLICY, **WAITS}, "web": POLICY})
    rig.clock.now += 1000
    task = rig.task
    seen: list[dict[str, str]] = []

    def while_web_stops(verb: str, target: str) -> None:
        if verb == "stop" and target.endswith("-web"):
            rig.engine.before = None
            happens(rig, "hello", "die")
            supervisor.look()
            seen.append(states(rig))

    rig.engine.before = while_web_stops
    supervisor.deployments.stop_task(task.id, discard)
    assert seen == [{"hello": "exited", "web": "running"}]
    assert [call for call in rig.did("start") if task.short_id in call] == []


def test_one_that_is_replaced_in_place_is_not_started_beside_the_new_one(rig: Rig) -> None:
    supervisor = boot(rig, {"hello": {}, "web": {**POLICY, "essential": False}})
    rig.clock.now += 1000
    old = rig.container("web")
    seen: list[str] = []

    def while_it_is_stopped(verb: str, target: str) -> None:
        if verb == "start" and target.endswith("-web-2"):
            rig.engine.before = None
            supervisor.look()
            seen.extend(row.state for row in rig.observed.containers if row.name == old)

    rig.engine.before = while_it_is_stopped
    changed = acting(make_service({"hello": {}, "web": {**POLICY, "essential": False, "command": ["other"]}}))
    supervisor.deployments.apply(changed, supervisor.scheduler.private, discard, in_place=True)
    assert seen == ["exited"]
    assert rig.container("web") != old
