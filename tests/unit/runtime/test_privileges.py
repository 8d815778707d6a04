"""What the containers of an environment may do, and how much of the machine they may take."""

from __future__ import annotations

import pytest

from emulator.frontdoor.balancers import Balancer
from emulator.runtime.specs.agent import idle_agent_spec
from emulator.runtime.specs.drain import drain_spec
from emulator.runtime.specs.limits import OWN_PIDS, TASK_PIDS
from emulator.runtime.specs.load_balancer import front_spec
from emulator.runtime.specs.udp_relay import udp_relay_spec
from emulator.runtime.state.desired import NetworkPort
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import DEMO, ROOT, World, desired_state, make_service

TASK = "0" * 32


def test_what_is_ours_has_limits_and_gets_no_new_privileges() -> None:
    service = make_service(target=("hello", 80))
    front = front_spec(desired_state(service))
    assert front is not None
    state = desired_state(make_service(target=("hello", 80), internal=True))
    state.network_ports.append(NetworkPort(service="hello", port=53, protocol="UDP", host_port=5300))
    internal, relay = front_spec(state, Balancer.INTERNAL), udp_relay_spec(state)
    assert internal is not None
    assert relay is not None
    pause = World(service).factory.task(desired_state(service).services["hello"], TASK).pause
    agent = idle_agent_spec(Bench().engine, DEMO, "agent:1")
    for spec in (pause, front, internal, relay, agent, drain_spec(DEMO, "hello", TASK, "agent:1", ROOT)):
        assert spec.security_options == ("no-new-privileges",), spec.name
        assert spec.pids_limit, spec.name
        assert spec.memory, spec.name
        assert spec.cap_drop == ("ALL",), spec.name


def test_the_agent_writes_to_its_volumes_and_to_memory() -> None:
    agent = idle_agent_spec(Bench().engine, DEMO, "agent:1")
    assert agent.read_only
    assert set(agent.tmpfs) == {"/run", "/tmp"}


@pytest.mark.parametrize("dropped", [[], ["CHOWN"], ["NET_RAW"], ["ALL"]])
def test_a_task_makes_no_frames_of_its_own_and_no_processes_without_end(dropped: list[str]) -> None:
    world = World(make_service({"hello": {"linuxParameters": {"capabilities": {"drop": dropped}}}}))
    [member] = world.factory.task(world.state.services["hello"], TASK).members
    assert set(member.spec.cap_drop) == {*dropped, "NET_RAW"}
    assert member.spec.pids_limit == TASK_PIDS
    assert member.spec.security_options == (), "as on Fargate, where sudo works"


@pytest.mark.parametrize(("nested", "limit"), [(True, TASK_PIDS), (False, OWN_PIDS)])
def test_a_pause_that_limits_its_task_has_room_for_it(nested: bool, limit: int) -> None:
    world = World(make_service())
    world.factory.nested_limits = nested
    assert world.factory.task(world.state.services["hello"], TASK).pause.pids_limit == limit
