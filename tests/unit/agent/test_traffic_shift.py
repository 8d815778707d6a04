"""Deployments that shift traffic: their stages and hooks, as the control API and the records have them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Literal

import pytest

from emulator.ecs.deployment import Deployment, LifecycleHook, TrafficShift
from emulator.ecs.service import Service
from emulator.errors import CopilotLocalError
from emulator.events import Event
from emulator.runtime.control.client import AgentError
from emulator.runtime.health.deployments import deployment_lines
from emulator.runtime.state.desired import Private
from tests.unit.agent.rig import Rig
from tests.unit.agent.test_rollouts import runs, said, service, told
from tests.unit.runtime.world import desired_state, make_service

Until = Callable[[Callable[[], object]], None]
STAGES = ("PRE_SCALE_UP", "POST_SCALE_UP", "PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT")


def shifting(
    command: str, *stages: str, timeout: int = 5, action: Literal["ROLLBACK", "CONTINUE"] = "ROLLBACK"
) -> Service:
    """A service that nothing calls, whose deployments wait at these stages."""
    hook = LifecycleHook(target="PAUSE", stages=list(stages), timeout_minutes=timeout, on_timeout=action)
    shift = TrafficShift(strategy="CANARY", canary_bake_minutes=0, hooks=[hook] if stages else [])
    found = make_service({"hello": {"command": [command]}})
    return found.model_copy(update={"deployment": Deployment(shift=shift)})


class Update:
    """A deployment under way, and how it ended."""

    def __init__(self, rig: Rig, new: Service) -> None:
        self.failure: CopilotLocalError | None = None
        self.events: list[Event] = []
        self._rig = rig
        self._thread = threading.Thread(target=self._run, args=(new,), daemon=True)
        self._thread.start()

    def _run(self, new: Service) -> None:
        try:
            self._rig.supervisor.deployments.apply(desired_state(new), Private(), self.events.append)
        except CopilotLocalError as error:
            self.failure = error

    def ended(self) -> CopilotLocalError | None:
        self._thread.join(20)
        assert not self._thread.is_alive()
        return self.failure


def newest(rig: Rig) -> dict[str, Any]:
    found: dict[str, Any] = service(rig)["serviceDeployments"][0]
    return found


def waits_at(rig: Rig, stage: str) -> bool:
    found = newest(rig)
    return found.get("lifecycleStage") == stage and "lifecycleHookDetails" in found


@pytest.mark.parametrize("stage", STAGES)
def test_a_hook_that_is_answered_lets_the_deployment_go_on(rig: Rig, until: Until, stage: str) -> None:
    runs(rig, shifting("one"))
    old = rig.task.id
    update = Update(rig, shifting("two", stage))
    until(lambda: waits_at(rig, stage))
    lines = deployment_lines(rig.agent.status()["services"]["hello"])
    assert len(lines) == 1
    assert f"its deployment (CANARY) is at {stage}" in lines[0]
    assert "`copilot-local deployment continue` goes on" in lines[0]
    assert old in [task.id for task in rig.tasks]
    rig.agent.answer_hook("hello", "CONTINUE")
    assert update.ended() is None
    assert rig.task.id != old
    assert any(f"lifecycle stage {stage}, " in line and "awaiting" in line for line in said(rig))
    assert any("5% of the traffic on its tasks" in reason for _, reason in told(rig))
    assert newest(rig)["deploymentConfiguration"]["canaryConfiguration"]["canaryPercent"] == 5


@pytest.mark.parametrize("stage", STAGES)
def test_a_rollback_keeps_the_old_task(rig: Rig, until: Until, stage: str) -> None:
    runs(rig, shifting("one"))
    old = rig.task.id
    update = Update(rig, shifting("two", stage))
    until(lambda: waits_at(rig, stage))
    rig.agent.answer_hook("hello", "ROLLBACK")
    failure = update.ended()
    assert failure is not None
    assert f"its PAUSE hook at {stage} was answered with ROLLBACK" in failure.message
    assert rig.task.id == old
    assert newest(rig)["status"] in ("ROLLBACK_SUCCESSFUL", "ROLLBACK_IN_PROGRESS")


@pytest.mark.parametrize("stage", ["PRE_SCALE_UP", "POST_SCALE_UP"])
def test_another_service_is_deployed_meanwhile_and_stays_so(rig: Rig, until: Until, stage: str) -> None:
    rig.spawn = lambda work: threading.Thread(target=work, daemon=True).start()
    runs(rig, shifting("one"), make_service({"web": {}}, name="web"))
    update = Update(rig, shifting("two", stage))
    until(lambda: waits_at(rig, stage))
    other = Update(rig, make_service({"web": {"command": ["new"]}}, name="web"))
    assert other.ended() is None
    [web] = rig.observed.tasks_of("web")
    rig.agent.answer_hook("hello", "CONTINUE")
    assert update.ended() is None
    rig.boot()
    state = rig.agent.state().services
    assert web.config_hash in state["web"].accepted_hashes()
    assert rig.observed.tasks_of("hello")[0].config_hash in state["hello"].accepted_hashes()


def test_a_hook_without_an_answer_in_time_does_what_it_says(rig: Rig) -> None:
    runs(rig, shifting("one"))
    old = rig.task.id
    failure = Update(rig, shifting("two", "POST_SCALE_UP", timeout=0)).ended()
    assert failure is not None
    assert "was not answered within" in failure.message
    assert rig.task.id == old
    assert Update(rig, shifting("three", "POST_SCALE_UP", timeout=0, action="CONTINUE")).ended() is None
    assert rig.task.id != old


def test_an_answer_that_no_deployment_waits_for_is_refused(rig: Rig) -> None:
    runs(rig, shifting("one", "POST_SCALE_UP"))
    with pytest.raises(AgentError, match="no deployment of hello waits"):
        rig.agent.answer_hook("hello", "CONTINUE")
    with pytest.raises(AgentError, match="the action is CONTINUE or ROLLBACK"):
        rig.agent.answer_hook("hello", "STOP")  # type: ignore[arg-type]


def test_a_restarted_agent_knows_the_records_of_before(rig: Rig) -> None:
    runs(rig, shifting("one"))
    assert Update(rig, shifting("two")).ended() is None
    before = newest(rig)
    rig.boot()
    assert newest(rig)["deploymentConfiguration"] == before["deploymentConfiguration"]
