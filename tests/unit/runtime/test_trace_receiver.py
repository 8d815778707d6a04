"""What stands in the place of a collector of traces, and that it is there first."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.events import Event
from emulator.runtime.specs.task import TaskFactory, TaskSpec
from emulator.runtime.specs.trace_receiver import check_collectors, with_receiver_images
from emulator.runtime.state.desired import DesiredState, Private
from emulator.settings_traces import TraceSettings
from emulator.traces.collectors import local_collectors
from tests.unit.runtime.world import desired_state, make_service

COLLECTOR = {"image": "amazon/aws-xray-daemon", "command": ["-o"], "user": "1000", "essential": True}


def state_of(containers: dict[str, dict[str, Any]], **policies: Any) -> DesiredState:
    state = desired_state(make_service(containers))
    [desired] = state.services.values()
    definition = desired.service.task_definition
    desired.options.collectors = local_collectors(definition, TraceSettings(collectors=policies))
    with_receiver_images(state.services, "agent:1")
    return state


def task_of(state: DesiredState) -> TaskSpec:
    [desired] = state.services.values()
    return TaskFactory(state, Private(), "/var/lib/docker").task(desired, "t" * 32)


def members(state: DesiredState) -> dict[str, Any]:
    return {member.definition.name: member for member in task_of(state).members}


def test_a_receiver_runs_from_the_agent_s_image_without_rights_of_any_kind() -> None:
    spec = members(state_of({"hello": {}, "xray": COLLECTOR}))["xray"].spec
    assert (spec.image, spec.user, spec.read_only, spec.cap_drop) == ("agent:1", "65534:65534", True, ("ALL",))
    assert spec.entrypoint[-1] == "emulator.traces.receiver"
    assert spec.command == ("xray", "1.0")
    assert spec.labels["copilot-local.traces"] == "capture"
    assert spec.labels["copilot-local.essential"] == "true"


def test_every_other_container_waits_for_it_whatever_the_order_of_the_manifest_is() -> None:
    waits = [{"containerName": "hello", "condition": "START"}]
    found = members(state_of({"hello": {}, "other": {"dependsOn": waits}, "xray": {**COLLECTOR, "dependsOn": waits}}))
    assert found["hello"].depends_on == (("xray", "START"),)
    assert found["other"].depends_on == (("hello", "START"), ("xray", "START"))
    assert found["xray"].depends_on == ()


def test_a_health_check_of_the_collector_asks_the_receiver() -> None:
    check = {"command": ["CMD", "/healthcheck"], "interval": 7}
    waits = [{"containerName": "xray", "condition": "HEALTHY"}]
    found = members(state_of({"hello": {"dependsOn": waits}, "xray": {**COLLECTOR, "healthCheck": check}}))
    health = found["xray"].spec.health_check
    assert (health.test[0], health.test[-1], health.interval) == ("CMD", "check", 7)
    assert found["hello"].depends_on == (("xray", "HEALTHY"),)


def test_a_daemon_that_runs_itself_reads_where_to_export_to() -> None:
    found = members(state_of({"hello": {}, "xray": COLLECTOR}, xray="real"))
    [(folder, [file])] = found["xray"].files
    assert (folder, file.path) == ("/etc/amazon/xray", "cfg.yaml")
    assert b"Endpoint: http://169.254.170.2:2000" in file.content
    assert found["xray"].spec.command == ("-o",)
    assert found["hello"].depends_on == ()


@pytest.mark.parametrize(
    ("policies", "said"),
    [
        ({}, []),
        ({"xray": "live"}, ["traces of xray leave this machine, as deployed"]),
        ({"xry": "live"}, ["no collector is called xry; those there are: xray"]),
    ],
)
def test_what_leaves_the_machine_and_what_no_collector_answers_to_is_said(
    policies: dict[str, str], said: list[str]
) -> None:
    events: list[Event] = []
    check_collectors(state_of({"hello": {}, "xray": COLLECTOR}, **policies), policies, events.append)
    assert [event.message for event in events] == said
