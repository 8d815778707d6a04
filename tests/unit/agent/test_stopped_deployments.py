"""Deployments that their user stops: they go back to the last one that succeeded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from emulator.ecs.deployment import CircuitBreaker, Deployment
from emulator.ecs.service import Service
from emulator.engine.fake import Behaviour
from emulator.engine.interface import ExecResult, Health
from emulator.errors import CopilotLocalError
from emulator.events import discard
from emulator.runtime.control.client import AgentError
from emulator.runtime.state.desired import Private
from tests.unit.agent.rig import Rig
from tests.unit.agent.test_rollouts import primary, runs, service, settle
from tests.unit.runtime.world import desired_state, make_service

Until = Callable[[Callable[[], object]], None]
STARTING = Behaviour(health=(Health.STARTING,), exec=lambda _: ExecResult(1, b"", b""))


def made(command: str) -> Service:
    """One whose tasks have a health check, and whose circuit breaker is off."""
    check = {"command": ["CMD-SHELL", "true"], "retries": 10, "startPeriod": 300}
    found = make_service({"hello": {"command": [command], "healthCheck": check}})
    return found.model_copy(
        update={"deployment": Deployment(circuit_breaker=CircuitBreaker(enable=False, rollback=False))}
    )


def newest(rig: Rig) -> dict[str, Any]:
    found: dict[str, Any] = service(rig)["serviceDeployments"][0]
    return found


def settled(rig: Rig) -> bool:
    settle(rig)
    return bool(primary(rig)["rolloutState"] == "COMPLETED")


def runs_alone(rig: Rig, task: str) -> bool:
    rig.supervisor.look()
    return [one.id for one in rig.tasks] == [task]


def test_of_the_agents_own(rig: Rig, until: Until) -> None:
    rig.spawn = lambda work: threading.Thread(target=work, daemon=True).start()
    runs(rig, made("one"))
    until(lambda: settled(rig))
    first = primary(rig)
    old = rig.task.id
    rig.engine.behave("*-hello", STARTING)
    rig.agent.order(desired_state(made("two")), Private())
    rig.supervisor.look()
    until(lambda: len(rig.tasks) == 2)
    rig.agent.stop_deployment("hello")
    until(lambda: runs_alone(rig, old))
    assert primary(rig)["taskDefinition"] == first["taskDefinition"]
    assert newest(rig)["status"] in ("ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL")
    assert newest(rig)["statusReason"] == "Service deployment rolled back by user."
    assert "circuit breaker" not in primary(rig)["rolloutStateReason"]
    with pytest.raises(AgentError, match="no deployment of hello is in progress"):
        rig.agent.stop_deployment("hello")


def test_of_a_command(rig: Rig, until: Until) -> None:
    runs(rig, made("one"))
    old = rig.task.id
    rig.engine.behave("*-hello", STARTING)
    failed: list[CopilotLocalError] = []

    def update() -> None:
        try:
            rig.agent.apply(desired_state(made("two")), Private(), discard)
        except CopilotLocalError as error:
            failed.append(error)

    thread = threading.Thread(target=update)
    thread.start()
    until(lambda: len(rig.tasks) == 2)
    rig.agent.stop_deployment("hello")
    thread.join(60)
    [error] = failed
    assert "its deployment was stopped" in error.message
    assert "rolled back to revision 1" in error.message
    assert [task.id for task in rig.tasks] == [old]


def test_the_first_one_has_nothing_to_go_back_to(rig: Rig) -> None:
    rig.engine.behave("*-hello", STARTING)
    rig.boot(desired_state(made("one")))
    lease = rig.agent.hold(Private())
    lease.begin(desired_state(made("one")), Private())
    lease.hand_over()
    with pytest.raises(AgentError, match="nothing to go back to"):
        rig.agent.stop_deployment("hello")
