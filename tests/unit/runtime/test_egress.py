"""The network that is closed to a log router none of whose destinations is live."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from emulator.engine.fake import Behaviour, FakeEngine
from emulator.engine.interface import ContainerSpec, ExecResult
from emulator.runtime.specs.egress import GROUP, closed_router, open_reason
from emulator.runtime.specs.pause_script import HOSTS_VARIABLE, PAUSE_SCRIPT, RELAY_SCRIPT, RULES_VARIABLE
from emulator.runtime.specs.task import TaskFactory, TaskSpec
from emulator.runtime.state import names
from emulator.runtime.state.desired import Private
from emulator.settings import LogPolicy
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.test_routers import ROUTER, logging
from tests.unit.runtime.world import ROOT, desired_state, make_service

TASK_ID = "task0001"


def task(policies: Mapping[str, LogPolicy]) -> TaskSpec:
    state = desired_state(logging())
    state.services["hello"].options.log_destinations = dict(policies)
    return TaskFactory(state, Private(), ROOT).task(state.services["hello"], TASK_ID)


def router_of(made: TaskSpec) -> ContainerSpec:
    return next(member.spec for member in made.members if member.spec.name.endswith("firelens_log_router"))


@pytest.mark.parametrize("policies", [{}, {"*": "capture"}, {"*": "local-aws"}, {"datadog": "live"}])
def test_it_is_closed_where_no_destination_is_live(policies: Mapping[str, LogPolicy]) -> None:
    made = task(policies)
    rules = made.pause.environment[RULES_VARIABLE]
    assert f"--gid-owner {GROUP} --suppl-groups" in rules
    assert rules.splitlines()[-2:] == ["-A ROUTER -j REJECT", "COMMIT"]
    router = router_of(made)
    assert router.groups == (str(GROUP),)
    assert {"SETGID", "NET_RAW", "NET_ADMIN"} <= set(router.cap_drop)
    assert router.labels[names.EGRESS] == "closed"
    [app] = [member.spec for member in made.members if member.spec.name != router.name]
    assert app.groups == ()


@pytest.mark.parametrize("policies", [{"*": "live"}, {"cloudwatch": "live"}, {"hello": "live"}])
def test_it_is_open_where_one_is_live(policies: Mapping[str, LogPolicy]) -> None:
    made = task(policies)
    assert RULES_VARIABLE not in made.pause.environment
    assert (router_of(made).groups, router_of(made).cap_drop) == ((), ("NET_RAW",))


def test_it_is_open_without_a_log_router() -> None:
    state = desired_state(make_service())
    made = TaskFactory(state, Private(), ROOT).task(state.services["hello"], TASK_ID)
    assert RULES_VARIABLE not in made.pause.environment


def test_the_local_aws_endpoint_is_found_without_a_name_server() -> None:
    assert task({"*": "local-aws"}).pause.environment[HOSTS_VARIABLE] == "169.254.170.2 local-aws.internal"
    assert HOSTS_VARIABLE not in task({}).pause.environment


def test_capabilities_that_lead_out_are_not_added_either() -> None:
    spec = ContainerSpec(name="r", image="i", cap_add=("SYS_PTRACE", "CAP_SETGID", "net_admin"), cap_drop=("CHOWN",))
    closed = closed_router(spec)
    assert closed.cap_add == ("SYS_PTRACE",)
    assert closed.cap_drop[0] == "CHOWN"


def test_the_rules_are_there_before_anything_else_but_the_route() -> None:
    for script in (PAUSE_SCRIPT, RELAY_SCRIPT):
        assert script.index("iptables-restore") < script.index("/etc/hosts") < script.index("exec ")


def test_the_router_waits_for_the_rules(bench: Bench) -> None:
    bench.start(desired_state(logging()))
    waits = [number for number, (verb, target) in enumerate(bench.engine.calls) if verb == "exec" and "pause" in target]
    assert waits[0] < bench.engine.calls.index(("start", ROUTER))


def test_a_network_that_cannot_be_closed_is_said_aloud(bench: Bench) -> None:
    said = ExecResult(0, b"open iptables-restore: not found\n", b"")
    bench.engine.behave(
        "*-pause", Behaviour(exec=lambda command: said if command[0] == "sh" else ExecResult(0, b"", b""))
    )
    bench.start(desired_state(logging()))
    [warning] = [event for event in bench.events if "network cannot be closed" in event.message]
    assert "iptables-restore: not found" in warning.message


def test_nothing_is_waited_for_where_it_is_open() -> None:
    engine = FakeEngine()
    assert open_reason(engine, ContainerSpec(name="r", image="i", network="container:pause")) == ""
    assert engine.execs == []
