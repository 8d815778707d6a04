"""`--debug`: a port of this machine for a debugger, another command, one task, and no verdict on its health."""

from __future__ import annotations

from datetime import timedelta

import pytest

from emulator.agent.load_balancer.front_monitor import FailingTarget
from emulator.agent.scheduler.unhealthy_tasks import given_up
from emulator.engine.interface import PublishedPort
from emulator.errors import UsageError
from emulator.events import Event
from emulator.runtime.specs.attended.debugging import check_options, debugged, read_options
from emulator.runtime.specs.task import TaskFactory
from emulator.runtime.state.desired import DesiredState, Private
from emulator.settings_attended import Debugging
from tests.unit.runtime.world import BORN, ROOT, World, desired_state, make_service, nginx_sidecar, text_of

API = {"api": Debugging(ports={5678: 5678}, command=("python", "-m", "debugpy", "app.py"))}


def debugging(state: DesiredState, debug: dict[str, Debugging] = API) -> DesiredState:
    return state.model_copy(update={"services": debugged(state.services, debug, lambda event: None)})


def test_ports_and_commands_are_read_by_container() -> None:
    found = read_options(["api=5678", "api=9000:9229"], ["api=python -m debugpy 'my app.py'"])
    assert found == {
        "api": Debugging(ports={5678: 5678, 9229: 9000}, command=("python", "-m", "debugpy", "my app.py")),
    }


@pytest.mark.parametrize(
    ("ports", "commands", "message"),
    [
        (["api"], [], "--debug takes CONTAINER=PORT"),
        (["api=0"], [], "--debug takes CONTAINER=PORT"),
        (["api=70000"], [], "--debug takes CONTAINER=PORT"),
        (["api=1:2:3"], [], "--debug takes CONTAINER=PORT"),
        ([], ["api=python"], "api is not debugged"),
        (["api=1"], ["api="], "--debug-command takes CONTAINER=COMMAND"),
        (["api=1"], ["api=it's"], "No closing quotation"),
    ],
)
def test_what_cannot_be_meant_is_refused(ports: list[str], commands: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_options(ports, commands)


def test_a_container_must_be_there_once() -> None:
    web, api = make_service({"web": {}, "nginx": {}}, name="web"), make_service({"api": {}, "nginx": {}}, name="api")
    check_options(API, [web, api])
    with pytest.raises(UsageError, match="there is no container db"):
        check_options({"db": Debugging(ports={1: 1})}, [web, api])
    with pytest.raises(UsageError, match="nginx is a container of web and api"):
        check_options({"nginx": Debugging(ports={1: 1})}, [web, api])
    with pytest.raises(UsageError, match="web and api cannot both have port 5678"):
        check_options({"web": Debugging(ports={1: 5678}), **API}, [web, api])


def test_pause_publishes_the_port_and_the_container_runs_the_other_command() -> None:
    service = make_service({"api": {"entryPoint": ["/entry"], "command": ["serve"]}, "nginx": {}}, name="api")
    state = debugging(desired_state(service))
    task = TaskFactory(state, Private(), ROOT).task(state.services["api"], "1" * 32)
    assert task.pause.ports == (PublishedPort(5678, 5678, "127.0.0.1"),)
    api, nginx = task.members
    assert (api.spec.entrypoint, api.spec.command) == (("python",), ("-m", "debugpy", "app.py"))
    assert (nginx.spec.entrypoint, nginx.spec.command) == (None, None)


def test_a_service_of_several_tasks_runs_one() -> None:
    told: list[Event] = []
    services = debugged(desired_state(make_service(name="api", count=3)).services, API, told.append)
    assert services["api"].desired_count == 1
    assert [event.message for event in told] == ["it runs one task while it is debugged"]


def test_the_old_task_goes_before_the_debugged_one_publishes_its_port() -> None:
    service = make_service(name="api")
    world = World(service)
    world.state = debugging(world.state)
    world.factory = TaskFactory(world.state, Private(), ROOT)
    world.runs_task("api", state=desired_state(service))
    plan = text_of(world.reconcile().plan)
    stop, start = (plan.index(words) for words in ("remove container 00000001-pause", "start container api-new"))
    assert stop < start


def test_a_debugged_task_is_not_given_up() -> None:
    service = nginx_sidecar()
    plain = desired_state(service)
    world = World(service)
    task = world.runs_task()
    later = BORN + timedelta(hours=1)
    failing = {task: FailingTarget("web", 80, "Health checks failed")}
    observed = world.observed
    assert given_up(plain, observed, failing, later).keys() == failing.keys()
    state = debugging(plain, {service.name: Debugging(ports={1: 1})})
    assert given_up(state, observed, failing, later) == {}
