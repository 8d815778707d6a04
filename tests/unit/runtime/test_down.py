"""Taking an environment down, from labels alone and whatever state it is in."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from emulator.engine.fake import Behaviour
from emulator.engine.interface import ContainerSpec
from emulator.errors import Conflict, CopilotLocalError, EngineError, EngineTimeout, EngineUnavailable, ImageError
from emulator.events import EventKind
from emulator.runtime.control.client import Agent
from emulator.runtime.lifecycle.down import down
from emulator.runtime.machine.environments import running_environments
from emulator.runtime.specs.agent import agent_spec
from emulator.runtime.state import names
from emulator.runtime.state.names import Names, Role
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import AGENT, DEMO, desired_state, firelens, make_service

Until = Callable[[Callable[[], object]], None]

ROUTER = "cl-demo-test-hello-task0001-firelens_log_router"
PAUSE_OF_HELLO = "cl-demo-test-task0001-pause"
"""With the relay: while that runs, no drain is needed."""
HELLO = "cl-demo-test-hello-task0001-hello"


def take_down(bench: Bench, **options: Any) -> bool:
    return down(bench.engine, DEMO, bench.emit, **options)


@pytest.fixture
def running(bench: Bench) -> Bench:
    """A service that logs through FireLens, with front and agent, as `up` leaves it."""
    state = desired_state(firelens())
    labels = DEMO.labels(Role.VOLUME)
    bench.engine.ensure_network(DEMO.network, DEMO.labels(Role.NETWORK))
    bench.engine.ensure_volume(DEMO.state_volume, labels)
    bench.engine.ensure_volume(DEMO.log_volume, {**labels, names.DATA: "logs"})
    bench.engine.create_container(agent_spec(bench.engine, DEMO, state))
    bench.engine.start(DEMO.agent)
    bench.start(state)
    bench.engine.calls.clear()
    return bench


def test_only_volumes_with_data_are_left(running: Bench) -> None:
    assert take_down(running) is True
    assert running.left() == {"containers": [], "networks": [], "volumes": ["cl-demo-test-logs"]}


def test_with_volumes_nothing_is_left(running: Bench) -> None:
    take_down(running, volumes=True)
    assert running.left() == {"containers": [], "networks": [], "volumes": []}


@pytest.mark.parametrize("volumes", [False, True])
def test_the_agent_looks_after_nothing_any_more_and_serves_tasks_to_their_end(running: Bench, volumes: bool) -> None:
    """What is being stopped may ask for credentials, and what was sent to the agent is written down."""
    take_down(running, volumes=volumes)
    assert running.agent.said[-1] == ("retire" if volumes else "finish")
    done = running.did("pause", "stop", "remove")
    assert not {"pause agent", "stop agent"} & {*done}
    assert done.index("stop firelens_log_router") < done.index("remove agent")


@pytest.fixture
def plain(bench: Bench) -> Bench:
    """A service that logs to CloudWatch by itself, and ignores SIGTERM."""
    options = {"awslogs-stream-prefix": "copilot", "awslogs-group": "/copilot/demo"}
    state = desired_state(make_service({"hello": {"logConfiguration": {"logDriver": "awslogs", "options": options}}}))
    bench.engine.behave("*-hello", Behaviour(log=("the last line",), stop_code=None))
    bench.engine.ensure_network(DEMO.network, DEMO.labels(Role.NETWORK))
    bench.engine.ensure_volume(DEMO.log_volume, {**DEMO.labels(Role.VOLUME), names.DATA: "logs"})
    bench.engine.create_container(agent_spec(bench.engine, DEMO, state))
    bench.engine.start(DEMO.agent)
    bench.start(state)
    bench.engine.calls.clear()
    return bench


def test_what_containers_printed_is_kept_by_the_agent_before_it_goes(plain: Bench) -> None:
    take_down(plain)
    assert [verb for verb in plain.agent.said if verb in ("keep", "finish")] == ["keep", "finish"]
    [stored] = [request["files"] for request in plain.agent.requests if request["verb"] == "keep"]
    [(name, content)] = stored.items()
    assert re.fullmatch(r"hello\.task00010*\.@hello@[0-9a-f]{8}", name)
    assert "the last line" in content
    assert "create_container" not in dict(plain.engine.calls), "no container beside it"


def test_where_the_agent_cannot_keep_it_a_container_beside_it_does(plain: Bench) -> None:
    """It is of another version."""
    plain.agent.unknown.add("keep")
    take_down(plain)
    assert [target for verb, target in plain.engine.calls if verb == "put_files" and "-keep-" in target]
    assert plain.left()["containers"] == []


def test_a_container_that_ignored_its_stop_before_the_command_asked_is_marked(plain: Bench) -> None:
    ahead = Agent(plain.engine, DEMO).retire()
    ahead.began = time.monotonic() - 60
    take_down(plain, ahead=ahead)
    [told] = [e.message for e in plain.events if e.kind is EventKind.STEP_DONE and "stop hello/hello" in e.subject]
    assert told == "(ignored its stop signal; killed)"


@pytest.mark.parametrize("agent", ["stops it", "is removed meanwhile", "is of another version"])
def test_a_container_hears_of_its_end_once(plain: Bench, until: Until, agent: str) -> None:
    """Many programs take a second SIGTERM for an order to give up what they are at."""
    ahead = Agent(plain.engine, DEMO).retire()
    ahead.began = time.monotonic()
    plain.agent.stops = [HELLO]
    if agent == "is of another version":
        plain.agent.unknown.add("stopping")
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(take_down, plain, ahead=ahead)
        if agent != "is of another version":
            until(lambda: "stopping" in plain.agent.said)
            looks = []
            plain.engine.before = lambda verb, _: looks.append(verb) if verb == "list_containers" else None
            until(lambda: len(looks) > 3)
            assert not [target for verb, target in plain.engine.calls if verb == "stop" and target == HELLO]
            if agent == "stops it":
                plain.engine.finish(HELLO, 0)
            else:
                plain.engine.remove(DEMO.agent)
        assert ended.result(20) is True
    stops = [target for verb, target in plain.engine.calls if verb == "stop" and target == HELLO]
    assert stops == ([] if agent == "stops it" else [HELLO])
    assert plain.left()["containers"] == []


def test_a_retirement_that_was_asked_for_ahead_is_gone_on_with(running: Bench) -> None:
    ahead = Agent(running.engine, DEMO).retire()
    take_down(running, ahead=ahead)
    assert running.agent.said == ["retire", "finish"]
    assert running.left()["containers"] == []
    assert all(stream.closed for stream in running.agent.streams)


def test_one_that_was_asked_for_ahead_is_closed_where_nothing_runs(plain: Bench) -> None:
    ahead = Agent(plain.engine, DEMO).retire()
    for container in plain.observed.containers:
        plain.engine.remove(container.name)
    take_down(plain, ahead=ahead)
    assert all(stream.closed for stream in plain.agent.streams)


def test_an_agent_that_does_not_know_how_to_finish_ends_in_order(running: Bench) -> None:
    """It is of another version, and writes down what came last when it is stopped."""
    running.agent.unknown.add("finish")
    take_down(running)
    done = running.did("stop", "remove")
    assert done.index("stop firelens_log_router") < done.index("stop agent") < done.index("remove agent")


def test_an_agent_that_does_not_answer_is_killed_first_then_the_task_goes_in_order(running: Bench) -> None:
    """It is not frozen: Docker can neither remove nor thaw it where a command is just starting in it."""
    running.agent.refuses = {"message": "no such request"}
    take_down(running)
    done = running.did("pause", "kill", "stop", "remove")
    assert done[0] == "kill agent", "or it would replace what is being stopped"
    assert "pause agent" not in done
    order = [step for step in done if step in ("stop hello", "stop firelens_log_router", "remove pause")]
    assert order == ["stop hello", "stop firelens_log_router", "remove pause"]


def test_an_agent_that_cannot_be_killed_is_removed_before_anything_stops(running: Bench) -> None:
    running.agent.refuses = {"message": "no such request"}
    running.engine.fail("kill", EngineError("no"), target=DEMO.agent)
    take_down(running)
    assert running.did("stop", "remove")[0] == "remove agent"
    assert running.left()["containers"] == []


@pytest.mark.parametrize("volumes", [False, True])
def test_the_local_aws_endpoint_writes_down_what_it_holds_once_no_task_sends(running: Bench, volumes: bool) -> None:
    """But not what goes anyway."""
    endpoint = ContainerSpec(name=DEMO.aws, image=AGENT, labels=DEMO.labels(Role.AWS))
    running.engine.create_container(endpoint)
    running.engine.start(DEMO.aws)
    running.engine.calls.clear()
    take_down(running, volumes=volumes)
    done = [call for call in running.did("stop", "remove") if call.endswith(("hello", "aws"))]
    assert done[-2:] == (["remove hello", "remove aws"] if volumes else ["stop aws", "remove aws"])
    assert done[0] == "stop hello"


def test_targets_get_no_time_to_drain(running: Bench) -> None:
    take_down(running)
    assert not [event for event in running.events if "deregister" in event.subject]


def test_the_stop_timeout_can_be_shortened(running: Bench) -> None:
    take_down(running, timeout=2)
    assert running.engine.stop_timeouts[HELLO] == 2


def test_down_again_finds_nothing(running: Bench) -> None:
    take_down(running)
    assert take_down(running) is False


def test_nothing_of_others_is_touched(running: Bench) -> None:
    for number, labels in enumerate(({}, {names.APP: "demo", names.ENVIRONMENT: "prod"}, {names.APP: "other"})):
        running.engine.create_container(ContainerSpec(name=f"other-{number}", image="hello:1", labels=labels))
        running.engine.ensure_network(f"other-{number}", labels)
        running.engine.ensure_volume(f"other-{number}", labels)
    take_down(running, volumes=True)
    others = {"other-0", "other-1", "other-2"}
    assert {container.name for container in running.engine.list_containers({})} == others
    assert set(running.engine.list_networks({})) == others
    assert set(running.engine.list_volumes({})) >= others


@pytest.mark.parametrize("role", [Role.DRAIN, Role.MEMBER, Role.FRONT])
def test_leftovers_of_a_crash_go_too(running: Bench, role: Role) -> None:
    labels = {**DEMO.labels(role), names.TASK: "deadbeef"}
    running.engine.create_container(ContainerSpec(name="leftover", image="hello:1", labels=labels))
    running.engine.start("leftover")
    take_down(running)
    assert running.left()["containers"] == []


def test_what_a_dying_command_still_created_goes_too(running: Bench) -> None:
    """A request that was under way when its maker was killed is carried out by the daemon all the same."""
    late = ContainerSpec(name="late", image="hello:1", labels=DEMO.labels(Role.MEMBER))

    def create(verb: str, target: str) -> None:
        if (verb, target) == ("remove", f"{DEMO.prefix}-front"):
            running.engine.before = None
            running.engine.create_container(late)

    running.engine.before = create
    take_down(running)
    assert running.left()["containers"] == []


def test_what_comes_up_after_the_last_listing_goes_too(running: Bench) -> None:
    late = ContainerSpec(name="late", image="hello:1", network=DEMO.network, labels=DEMO.labels(Role.MEMBER))

    def create(verb: str, target: str) -> None:
        if verb == "remove_network":
            running.engine.before = None
            running.engine.start(running.engine.create_container(late))

    running.engine.before = create
    take_down(running)
    assert running.left()["containers"] == []


def test_a_volume_that_docker_still_calls_in_use_is_asked_for_again(running: Bench) -> None:
    running.engine.fail("remove_volume", Conflict("volume is in use"), target="*-state", times=2)
    running.engine.fail("remove_volume", Conflict("volume is in use"), target="cl-fl-*")
    take_down(running)
    assert running.left()["volumes"] == ["cl-demo-test-logs"]


def test_a_stop_that_fails_is_told_and_the_rest_is_removed_all_the_same(running: Bench) -> None:
    running.engine.fail("stop", EngineError("cannot stop: broken pipe"), target="*-hello")
    take_down(running)
    assert running.left()["containers"] == []
    assert running.warnings() == ["the orderly stop failed, the rest is killed: cannot stop: broken pipe"]


def test_what_cannot_be_stopped_takes_no_order_from_the_others(running: Bench) -> None:
    """The local AWS endpoint holds what it was sent last: another container's failure does not kill it."""
    endpoint = ContainerSpec(name=DEMO.aws, image=AGENT, labels=DEMO.labels(Role.AWS))
    running.engine.create_container(endpoint)
    running.engine.start(DEMO.aws)
    running.engine.fail("stop", EngineError("cannot stop: broken pipe"), target="*-hello", times=9)
    take_down(running)
    assert running.did("stop")[-1] == "stop aws"
    assert running.left()["containers"] == []


def test_a_daemon_that_goes_away_is_an_error(running: Bench) -> None:
    def leave(verb: str, target: str) -> None:
        if verb == "stop":
            running.engine.reachable = False

    running.engine.before = leave
    with pytest.raises(EngineUnavailable):
        take_down(running)


def test_an_interrupted_stop_kills_and_still_removes_all(running: Bench) -> None:
    killed = threading.Event()

    def kill(verb: str, target: str) -> None:
        if (verb, target) == ("stop", HELLO):
            killed.set()

    running.engine.before = kill
    take_down(running, cancelled=killed)
    assert "stop firelens_log_router" not in running.did("stop")
    assert running.left()["containers"] == []


def test_an_interruption_does_not_wait_for_a_container_that_ignores_its_stop(running: Bench) -> None:
    killed, ended = threading.Event(), threading.Event()

    def stop(verb: str, target: str) -> None:
        if (verb, target) == ("stop", HELLO):
            killed.set()
            assert ended.wait(20), "it was not killed"
        if (verb, target) == ("kill", HELLO):
            ended.set()

    running.engine.before = stop
    take_down(running, cancelled=killed)
    assert running.warnings() == []
    assert running.left()["containers"] == []


def test_killing_removes_containers_before_the_router_they_log_to(running: Bench) -> None:
    """The engine in memory hangs, as Docker does, where a container is removed that logs to a dead router."""
    killed = threading.Event()
    killed.set()
    take_down(running, cancelled=killed)
    removed = running.did("remove")
    assert removed.index("remove hello") < removed.index("remove firelens_log_router") < removed.index("remove pause")
    assert running.left()["containers"] == []


@pytest.mark.parametrize("removed", [False, True])
def test_killing_opens_a_drain_for_a_dead_router_without_a_relay(running: Bench, removed: bool) -> None:
    running.engine.finish(ROUTER, 1)
    running.engine.finish(PAUSE_OF_HELLO, 1)
    if removed:
        running.engine.remove(ROUTER)
    killed = threading.Event()
    killed.set()
    take_down(running, cancelled=killed)
    assert "create_container drain" in running.did("create_container")
    assert running.left()["containers"] == []


class TestADeadRouterWithoutAnAgent:
    """The agent goes first, so this is what an interrupted `down` leaves for the next one."""

    @pytest.fixture
    def orphaned(self, running: Bench) -> Bench:
        running.engine.behave("*-firelens_log_router", Behaviour(exits=(1,)))
        running.engine.remove(DEMO.agent)
        running.engine.finish(ROUTER, 1)
        running.engine.finish(PAUSE_OF_HELLO, 1)
        running.engine.remove(ROUTER)
        return running

    @pytest.mark.parametrize("at_once", [False, True])
    def test_is_drained_by_an_image_of_the_agent_that_is_asked_for(self, orphaned: Bench, at_once: bool) -> None:
        killed = threading.Event()
        if at_once:
            killed.set()
        take_down(orphaned, cancelled=killed, volumes=True, agent_image=lambda: AGENT)
        assert "create_container drain" in orphaned.did("create_container")
        assert orphaned.left() == {"containers": [], "networks": [], "volumes": []}

    def test_is_drained_though_the_agents_own_image_was_removed(self, running: Bench) -> None:
        running.engine.remove(DEMO.agent)
        old = replace(agent_spec(running.engine, DEMO, desired_state(firelens())), image="agent:0")
        running.engine.add_image("agent:0")
        running.engine.create_container(old)
        running.engine.remove_image("agent:0")
        running.engine.finish(ROUTER, 1)
        running.engine.finish(PAUSE_OF_HELLO, 1)
        running.engine.remove(ROUTER)
        take_down(running, volumes=True, agent_image=lambda: AGENT)
        assert running.left()["containers"] == []

    def test_where_there_is_no_image_either_is_told_with_what_to_do(self, orphaned: Bench) -> None:
        def none() -> str:
            raise ImageError("the wheels could not be fetched")

        with pytest.raises(CopilotLocalError):
            take_down(orphaned, agent_image=none)
        assert any("the wheels could not be fetched" in warning for warning in orphaned.warnings())
        assert any("no image is there for a drain" in warning for warning in orphaned.warnings())

    def test_needs_no_image_where_nothing_logs_to_it(self, orphaned: Bench) -> None:
        orphaned.engine.listening.add("unix://*/fluent.sock")
        orphaned.engine.finish(HELLO, 0)

        def ask() -> str:
            raise AssertionError("it is not needed")

        assert take_down(orphaned, agent_image=ask)


def test_a_container_that_docker_takes_long_to_remove_is_waited_for_and_its_drain_stays_meanwhile(
    running: Bench,
) -> None:
    """Docker's log driver waits longer and longer between two tries to reach a router that is gone."""
    running.engine.finish(ROUTER, 1)
    running.engine.finish(PAUSE_OF_HELLO, 1)
    running.engine.remove(ROUTER)
    killed = threading.Event()
    killed.set()
    stuck = EngineTimeout("Docker did not remove it in time")
    running.engine.fail("remove", stuck, target="*-hello", times=3)
    take_down(running, cancelled=killed, volumes=True)
    removed = running.did("remove")
    assert removed.count("remove hello") == 4
    assert removed.index("remove drain") > len(removed) - removed[::-1].index("remove hello") - 1
    assert running.left() == {"containers": [], "networks": [], "volumes": []}


def test_a_container_that_cannot_be_removed_is_an_error(running: Bench) -> None:
    running.engine.fail("remove", EngineTimeout("Docker did not remove it in time"), target="*-hello", times=None)
    with pytest.raises(EngineTimeout, match="did not remove it"):
        take_down(running)


def test_a_network_that_docker_keeps_is_a_warning_and_the_rest_goes(running: Bench) -> None:
    lost = Conflict("network cl-demo-test has active endpoints", hint="`docker network inspect cl-demo-test`")
    running.engine.fail("remove_network", lost, times=None)
    assert take_down(running, volumes=True) is True
    assert running.left() == {"containers": [], "networks": [DEMO.network], "volumes": []}
    [warning] = running.warnings()
    assert "network cl-demo-test is left: network cl-demo-test has active endpoints" in warning
    assert "then run `copilot-local down` again" in warning


def test_a_volume_that_is_in_use_is_a_warning_and_the_others_go(running: Bench) -> None:
    running.engine.fail("remove_volume", Conflict("volume is in use"), target=DEMO.log_volume, times=None)
    take_down(running, volumes=True)
    assert running.left() == {"containers": [], "networks": [], "volumes": [DEMO.log_volume]}
    [warning] = running.warnings()
    assert f"`docker ps -a --filter volume={DEMO.log_volume}` shows what uses it" in warning


def test_a_container_that_cannot_be_removed_keeps_nothing_else(running: Bench) -> None:
    """Docker has lost the container's endpoint and fails to take it out of the network."""
    running.engine.fail("remove", EngineError("endpoint not found"), target=DEMO.front, times=None)
    with pytest.raises(EngineError, match="endpoint not found"):
        take_down(running, volumes=True)
    left = running.left()
    assert left["containers"] == [DEMO.front]
    assert left["volumes"] == []


def test_logs_are_read_to_their_end_before_a_container_is_removed(running: Bench) -> None:
    ahead: list[tuple[str, bool]] = []

    def before_remove(container: str) -> None:
        ahead.append((container.rpartition("-")[2], container in {c.name for c in running.engine.list_containers({})}))

    take_down(running, before_remove=before_remove)
    assert ("hello", True) in ahead


def test_the_environments_that_run_are_known_by_their_labels(bench: Bench) -> None:
    assert running_environments(bench.engine) == []
    bench.start(desired_state(make_service()))
    labels = {names.APP: "app", names.ENVIRONMENT: "prod"}
    bench.engine.create_container(ContainerSpec(name="other", image="hello:1", labels=labels))
    assert running_environments(bench.engine) == [Names("app", "prod"), Names("demo", "test")]
