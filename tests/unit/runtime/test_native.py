"""`--native`: a program of this machine in place of a main container."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from emulator.agent.load_balancer.front_monitor import FailingTarget
from emulator.agent.scheduler.unhealthy_tasks import given_up
from emulator.ecs.job import JobSchedule
from emulator.ecs.network import ServiceDiscovery
from emulator.ecs.service import Service
from emulator.engine.fake import FakeEngine
from emulator.engine.interface import PublishedPort
from emulator.errors import InputError, UsageError
from emulator.events import Event, discard
from emulator.runtime.health.reasons import Code, Facts, reasons_of
from emulator.runtime.listeners.port_choice import AskedPorts, with_ports
from emulator.runtime.specs.attended.native import in_virtual_machine, natives, tell, with_natives
from emulator.runtime.specs.container import MemberSpec
from emulator.runtime.specs.task import TaskFactory, TaskSpec
from emulator.runtime.state.database import DesiredDatabase
from emulator.runtime.state.desired import DesiredState, Private
from emulator.runtime.state.names import Role
from emulator.settings_attended import Debugging, Native, Outlet
from tests.unit.runtime.world import AGENT, BORN, ROOT, ROUTED, ROUTER, World, connected, desired_state, make_service

TASK = "1" * 32


def port(number: int, **more: Any) -> dict[str, Any]:
    return {"portMappings": [{"containerPort": number}], **more}


def api(main: dict[str, Any] | None = None, **more: Any) -> Service:
    containers = {"api": {**port(80), **(main or {})}, "side": port(6379)}
    return make_service(containers, name="api", target=("api", 80), **more)


def worker(**more: Any) -> Service:
    return make_service({"worker": port(8000)}, name="worker", **more).model_copy(
        update={"discovery": ServiceDiscovery(name="worker", namespace="test.demo.local", port=8000)}
    )


def read(*options: str, services: Sequence[Service] | None = None, **more: Any) -> dict[str, Native]:
    return natives(options, services or [api(), worker()], more.get("debug", {}), more.get("replacements", {}))


def native(state: DesiredState, *options: str) -> DesiredState:
    """The state with the programs in place."""
    services = [desired.service for desired in state.services.values()]
    services_here = with_natives(state.services, read(*options, services=services), AGENT, discard)
    return state.model_copy(update={"services": services_here})


def task_of(state: DesiredState, name: str = "api", private: Private | None = None) -> TaskSpec:
    return TaskFactory(state, private or Private(), ROOT).task(state.services[name], TASK)


def member(task: TaskSpec, name: str = "api") -> MemberSpec:
    return next(one for one in task.members if one.definition.name == name)


def test_the_container_s_port_is_the_one_of_the_target_group_unless_another_is_named() -> None:
    main = {"portMappings": [{"containerPort": 9090}, {"containerPort": 80}]}
    assert read("api=3000", services=[api(main)]) == {"api": Native(ports={80: 3000})}
    assert read("api=3000", "api=3001:9090", services=[api(main)]) == {"api": Native(ports={80: 3000, 9090: 3001})}
    assert read("loner", services=[make_service(name="loner")]) == {"loner": Native()}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["ap=3000"], "there is no service ap"),
        (["=3000"], "--native takes SERVICE=PORT"),
        (["api"], "such as api=80"),
        (["api="], "such as api=80"),
        (["api=x"], "such as api=80"),
        (["api=0"], "such as api=80"),
        (["api=70000"], "such as api=80"),
        (["api=1:2:3"], "such as api=80"),
        (["api=3000:81"], "api has no port 81; it has 80"),
        (["api=3000", "worker=3000"], "port 3000 of this machine is given twice"),
        (["api=3000", "api=3001"], "port 80 of api is given twice"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(*options)


def test_a_misspelt_service_is_told_the_right_one() -> None:
    with pytest.raises(UsageError) as refused:
        read("wroker=3000")
    assert refused.value.hint == "did you mean worker? services: api, worker"


def test_a_service_without_a_port_takes_none() -> None:
    with pytest.raises(UsageError, match="loner has no port"):
        read("loner=3000", services=[make_service(name="loner")])


def test_jobs_and_services_without_tasks_are_refused() -> None:
    job = make_service(name="report").model_copy(update={"schedule": JobSchedule(expression="rate(1 hour)")})
    with pytest.raises(UsageError, match="report is a job"):
        read("report", services=[job])
    with pytest.raises(UsageError, match="api runs no task"):
        read("api=3000", services=[api(count=0)])


def test_a_debugger_or_another_image_has_no_place_in_it() -> None:
    with pytest.raises(UsageError, match="--debug api and --native api"):
        read("api=3000", debug={"api": Debugging(ports={1: 1})})
    for name in ("api", "api/api"):
        with pytest.raises(UsageError, match="--native api: no image runs"):
            read("api=3000", replacements={name: "other:1"})


def test_the_main_container_is_a_relay_in_the_network_of_this_machine() -> None:
    task = task_of(native(desired_state(api()), "api=3000"))
    relay, side = member(task).spec, member(task, "side").spec
    assert (relay.image, relay.network, relay.cap_drop, relay.user) == (AGENT, "host", ("ALL",), "65534:65534")
    assert json.loads((relay.command or ())[-1])["ports"] == {"80": 3000}
    assert (side.image, side.network) == ("side:1", f"container:{task.pause.name}")
    [volume] = task.volumes
    assert {mount.source for mount in relay.mounts} & {mount.source for mount in task.pause.mounts} == {volume}
    assert volume not in {mount.source for mount in side.mounts}, "only the two parts of the relay reach its sockets"
    assert relay.ports == (), "nothing is published for the program"


def test_where_docker_runs_in_a_virtual_machine_the_relay_asks_that_for_this_machine() -> None:
    state = native(desired_state(api()), "api=3000")
    options = state.services["api"].options
    assert options.native is not None
    options.native = options.native.model_copy(update={"in_virtual_machine": True})
    task = task_of(state)
    relay = member(task).spec
    assert relay.network == f"container:{task.pause.name}"
    assert json.loads((relay.command or ())[-1])["hosts"] == ["host.docker.internal"]


def test_daemons_whose_containers_do_not_reach_this_machine_are_refused() -> None:
    info = FakeEngine().info()
    assert not in_virtual_machine(replace(info, host="unix:///d.sock", shares_folders=True))
    assert in_virtual_machine(replace(info, host="unix:///d.sock", shares_folders=False))
    with pytest.raises(UsageError, match="another machine"):
        in_virtual_machine(replace(info, host="ssh://build"))
    with pytest.raises(UsageError, match="rootless"):
        in_virtual_machine(replace(info, host="unix:///d.sock", rootless=True))


def test_secrets_are_among_the_variables_of_the_relay_and_nowhere_else() -> None:
    """A restarted agent takes them back from there, and `copilot-local env` prints them."""
    main = {"secrets": [{"name": "KEY", "valueFrom": "key"}]}
    private = Private(services={"api": {"api": {"KEY": "hush"}}})
    task = task_of(native(desired_state(api(main)), "api=3000"), private=private)
    assert member(task).spec.environment["KEY"] == "hush"
    others = [task.pause, replace(member(task).spec, environment={}), member(task, "side").spec]
    assert "hush" not in repr(others)


def test_the_relay_does_not_run_with_the_variables_of_the_program() -> None:
    spec = member(task_of(native(desired_state(api()), "api=3000"))).spec
    assert (spec.entrypoint or ())[:2] == ("/usr/bin/env", "-i")


def test_sidecars_do_not_wait_for_its_health_and_it_has_no_check() -> None:
    containers = {
        "api": {**port(80), "healthCheck": {"command": ["CMD", "true"]}},
        "side": {"dependsOn": [{"containerName": "api", "condition": "HEALTHY"}]},
    }
    task = task_of(native(desired_state(make_service(containers, name="api")), "api=3000"))
    assert member(task, "side").depends_on == (("api", "START"),)
    check = member(task).spec.health_check
    assert check is not None
    assert check.test == ("NONE",)


def test_it_does_not_log_to_the_router() -> None:
    containers = {"api": {**port(80), **ROUTED}, "firelens_log_router": ROUTER}
    plain = desired_state(make_service(containers, name="api"))
    assert member(task_of(plain)).spec.log_driver == "fluentd"
    task = task_of(native(plain, "api=3000"))
    assert member(task).spec.log_driver == "json-file"
    assert {"SETUID", "SETGID"} <= set(task.pause.cap_add), (
        "the relay in pause becomes another user beside that of logs"
    )


def test_one_task_runs_and_the_old_one_goes_before_it() -> None:
    told: list[Event] = []
    services = with_natives(desired_state(api(count=3)).services, read("api=3000"), AGENT, told.append)
    assert (services["api"].desired_count, services["api"].one_task_at_a_time) == (1, True)
    assert [event.message for event in told] == ["it runs one task while its program runs on this machine"]


def test_a_program_that_is_not_started_is_the_reason_and_no_ground_to_give_its_task_up() -> None:
    world = World(api())
    world.state = native(world.state, "api=3000")
    task_id = world.runs_task("api", state=world.state)
    target = {"name": "api-00000001", "target_group": "default", "state": "unhealthy", "check": "L4CON"}
    task, desired = world.observed.tasks[task_id], world.state.services["api"]
    later = BORN + timedelta(hours=1)
    [reason] = reasons_of(Facts(task, desired, [target], {}, None, later))
    assert (reason.code, reason.text) == (Code.NOT_LISTENING, "nothing listens on 127.0.0.1:3000 of this machine")
    assert reason.hint == "start the process; `copilot-local env api` prints its variables"
    assert not reason.final
    assert given_up(world.state, world.observed, {task_id: FailingTarget("web", 3000, "")}, later) == {}


def outlets(state: DesiredState, world: World | None = None, asked: AskedPorts | None = None) -> tuple[Outlet, ...]:
    observed = (world or World()).observed
    found = with_ports(state, asked or AskedPorts(), observed, frozenset()).services["api"].options.native
    assert found is not None
    return found.outlets


def test_sidecars_and_other_services_are_published_for_it() -> None:
    state = native(desired_state(api(), worker(), make_service(name="loner")), "api=3000")
    found = outlets(state)
    assert [(one.host, one.port) for one in found] == [("127.0.0.1", 6379), ("worker.test.demo.local", 8000)]
    desired = state.services["api"]
    options = desired.options.model_copy(update={"native": Native(ports={80: 3000}, outlets=found)})
    pause = task_of(
        state.model_copy(update={"services": {"api": desired.model_copy(update={"options": options})}})
    ).pause
    assert pause.ports == tuple(PublishedPort(61000 + n, one.host_port, "127.0.0.1") for n, one in enumerate(found))


def test_a_service_without_tasks_is_not_published() -> None:
    assert {one.host for one in outlets(native(desired_state(api(), worker(count=0)), "api=3000"))} == {"127.0.0.1"}


def test_service_connect_names_are_published_for_clients() -> None:
    client = connected("api", containers={"api": port(80)})
    state = native(desired_state(client, connected("store", serves="store")), "api=3000")
    assert [(one.host, one.port) for one in outlets(state)] == [("store", 8080)]


def test_what_is_published_keeps_its_port() -> None:
    state = native(desired_state(api()), "api=3000")
    desired = state.services["api"]
    ports = Native(ports={80: 3000}, outlets=(Outlet(host="127.0.0.1", port=6379, host_port=6390),))
    options = desired.options.model_copy(update={"native": ports})
    before = state.model_copy(update={"services": {"api": desired.model_copy(update={"options": options})}})
    world = World(api())
    world.runs_task("api", state=before)
    assert outlets(state, world) == ports.outlets


def test_the_load_balancer_leaves_its_port_free() -> None:
    state = native(desired_state(api()), "api=8080")
    assert with_ports(state, AskedPorts(), World().observed, frozenset()).front_port > 8080
    with pytest.raises(InputError, match="port 8080 of this machine is asked for twice"):
        with_ports(state, AskedPorts(http=8080), World().observed, frozenset())


def test_what_is_otherwise_than_in_a_container_is_said() -> None:
    containers: dict[str, dict[str, Any]] = {
        "api": {
            "portMappings": [{"containerPort": 80}, {"containerPort": 9090}],
            "healthCheck": {"command": ["CMD", "true"]},
            "mountPoints": [{"sourceVolume": "data", "containerPath": "/data"}],
        },
        "side": {"dependsOn": [{"containerName": "api", "condition": "HEALTHY"}]},
        "firelens_log_router": ROUTER,
    }
    service = make_service(containers, name="api")
    told: list[Event] = []
    tell(read("api=3000", services=[service]), [service], told.append)
    assert [event.message for event in told] == [
        "start its program so that it listens on 127.0.0.1:3000; `copilot-local env api` prints its variables",
        "its port 9090 leads nowhere; --native api=PORT:9090 gives one",
        "what its program prints does not reach the log router",
        "the container health check of its main container does not run on this machine",
        "side starts without waiting until api is healthy",
        "its volumes are in containers only, not on this machine: /data",
    ]


def test_everything_of_the_relay_goes_with_the_task() -> None:
    task = task_of(native(desired_state(api()), "api=3000"))
    [labels] = task.volumes.values()
    assert labels["copilot-local.role"] == Role.VOLUME
    assert labels["copilot-local.task"] == TASK


def test_databases_of_addons_are_published_for_it() -> None:
    state = native(desired_state(api()), "api=3000")
    database = DesiredDatabase(key="api/Db", program="postgres", engine="postgres", identifier="demo-db", port=5432)
    found = outlets(state.model_copy(update={"databases": [database]}))
    assert ("demo-db", 5432) in [(one.host, one.port) for one in found]
