"""What the fake has beyond the contract: scripted behaviour, injected failures, a stuck log driver."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from emulator.engine.fake import Behaviour, FakeEngine
from emulator.engine.interface import (
    Container,
    ContainerSpec,
    ContainerState,
    Engine,
    ExecResult,
    Health,
    HealthCheckSpec,
    PublishedPort,
)
from emulator.errors import EngineError, EngineTimeout, EngineUnavailable, ImageError, LogDriverNotReady, PortInUse

ADDRESS = "unix:///var/lib/docker/volumes/task/_data/fluent.sock"


@pytest.fixture
def fake() -> FakeEngine:
    engine = FakeEngine()
    engine.add_image("app:1")
    return engine


def run(fake: FakeEngine, name: str, **fields: object) -> str:
    container = fake.create_container(ContainerSpec(name=name, image="app:1", **fields))  # type: ignore[arg-type]
    fake.start(container)
    return container


def row(fake: FakeEngine, name: str) -> Container:
    return next(row for row in fake.list_containers({}) if row.name == name)


def test_it_is_an_engine(fake: FakeEngine) -> None:
    engine: Engine = fake
    assert engine.info().host == "fake://"


def test_exits_are_one_for_each_start(fake: FakeEngine) -> None:
    fake.behave("worker", Behaviour(exits=(1, None), log=("up",)))
    container = run(fake, "worker")
    assert row(fake, "worker").exit_code == 1
    fake.start(container)
    assert row(fake, "worker").state is ContainerState.RUNNING
    assert [line.text for line in fake.logs(container)] == ["up", "up"]


def test_behaviour_goes_by_name_or_image_and_the_last_wins(fake: FakeEngine) -> None:
    fake.behave("app:*", Behaviour(exits=(5,)))
    fake.behave("*-db", Behaviour(exits=(6,)))
    run(fake, "web")
    run(fake, "the-db")
    assert [row(fake, "web").exit_code, row(fake, "the-db").exit_code] == [5, 6]


def test_health_verdicts_are_one_for_each_listing(fake: FakeEngine) -> None:
    fake.behave("web", Behaviour(health=(Health.STARTING, Health.UNHEALTHY, Health.HEALTHY)))
    events = fake.events({})
    run(fake, "web", health_check=HealthCheckSpec(("CMD", "true")))
    seen = [row(fake, "web").health for _ in range(4)]
    assert seen == [Health.STARTING, Health.UNHEALTHY, Health.HEALTHY, Health.HEALTHY]
    fake.set_health("web", Health.UNHEALTHY)
    assert row(fake, "web").health is Health.UNHEALTHY
    assert [next(events).action for _ in range(5)] == [
        "create",
        "start",
        "health_status: unhealthy",
        "health_status: healthy",
        "health_status: unhealthy",
    ]


def test_a_container_ends_and_prints_when_a_test_says_so(fake: FakeEngine) -> None:
    container = run(fake, "web")
    fake.print_line("web", "last words", "stderr")
    fake.finish("web", 9)
    (line,) = fake.logs(container, follow=True)
    assert (line.stream, line.text) == ("stderr", "last words")
    assert row(fake, "web").exit_code == 9


@pytest.mark.parametrize(
    ("policy", "code", "state"),
    [
        ("no", 1, ContainerState.EXITED),
        ("on-failure", 1, ContainerState.RUNNING),
        ("on-failure", 0, ContainerState.EXITED),
        ("always", 0, ContainerState.RUNNING),
    ],
)
def test_restart_policies_act_between_listings(fake: FakeEngine, policy: str, code: int, state: ContainerState) -> None:
    run(fake, "web", restart=policy)
    fake.finish("web", code)
    assert row(fake, "web").state is state
    fake.stop("web", 1)
    assert row(fake, "web").state is ContainerState.EXITED


def test_a_log_router_has_to_listen_before_and_as_long_as_others_log(fake: FakeEngine) -> None:
    fake.behave("router", Behaviour(listens=("unix://*/fluent.sock",)))
    options = {"fluentd-address": ADDRESS, "fluentd-async": "false"}
    app = fake.create_container(ContainerSpec(name="app", image="app:1", log_driver="fluentd", log_options=options))
    with pytest.raises(LogDriverNotReady):
        fake.start(app)
    run(fake, "router")
    fake.start(app)
    fake.finish("router", 1)
    with pytest.raises(EngineTimeout):
        fake.stop(app, 1)
    with pytest.raises(EngineTimeout):
        fake.kill(app)
    with pytest.raises(EngineTimeout):
        fake.remove(app)
    assert row(fake, "app").state is ContainerState.RUNNING
    fake.start("router")
    fake.stop(app, 1)
    assert row(fake, "app").exit_code == 143


def test_an_asynchronous_driver_waits_for_nobody(fake: FakeEngine) -> None:
    options = {"fluentd-address": ADDRESS, "fluentd-async": "true"}
    run(fake, "app", log_driver="fluentd", log_options=options)
    fake.remove("app")
    assert fake.list_containers({}) == []


def test_a_listener_that_is_no_container(fake: FakeEngine) -> None:
    fake.listening.add(ADDRESS)
    run(fake, "app", log_driver="fluentd", log_options={"fluentd-address": ADDRESS})
    fake.stop("app", 1)
    assert row(fake, "app").exit_code == 143


def test_failures_strike_by_verb_target_and_count(fake: FakeEngine) -> None:
    fake.fail("start", EngineError("injected"), target="*-one", times=2)
    for name in ("the-one", "the-two"):
        fake.create_container(ContainerSpec(name=name, image="app:1"))
    fake.start("the-two")
    for _ in range(2):
        with pytest.raises(EngineError, match="injected"):
            fake.start("the-one")
    fake.start("the-one")


def test_calls_are_kept_with_names(fake: FakeEngine) -> None:
    container = run(fake, "web")
    fake.exec(container, ["ls", "-l"])
    fake.stop(container, 7)
    assert fake.calls == [("create_container", "web"), ("start", "web"), ("exec", "web"), ("stop", "web")]
    assert fake.execs == [("web", ("ls", "-l"))]
    assert fake.stop_timeouts == {"web": 7}


def test_a_call_can_be_held_back_without_holding_others(fake: FakeEngine) -> None:
    meeting = threading.Barrier(2, timeout=10)

    def before(verb: str, target: str) -> None:
        if verb == "start":
            meeting.wait()

    fake.before = before
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: run(fake, name), ["one", "two"]))
    assert len(fake.list_containers({})) == 2


def test_an_exec_is_answered_by_the_behaviour(fake: FakeEngine) -> None:
    fake.behave("web", Behaviour(exec=lambda command: ExecResult(3, " ".join(command).encode(), b"")))
    assert fake.exec(run(fake, "web"), ["a", "b"]) == ExecResult(3, b"a b", b"")


def test_ports_of_others_are_taken(fake: FakeEngine) -> None:
    fake.used_ports.add(8080)
    container = fake.create_container(ContainerSpec(name="web", image="app:1", ports=(PublishedPort(80, 8080),)))
    with pytest.raises(PortInUse, match="8080"):
        fake.start(container)


def test_only_what_the_registry_has_can_be_pulled(fake: FakeEngine) -> None:
    fake.registry["nginx:1"] = FakeEngine().add_image("nginx:1", command=("serve",))
    lines: list[str] = []
    fake.pull("nginx:1", on_line=lines.append)
    image = fake.image("docker.io/library/nginx:1")
    assert image is not None
    assert image.command == ("serve",)
    assert lines
    with pytest.raises(ImageError):
        fake.pull("nginx:2")


def test_without_a_daemon_every_verb_says_so(fake: FakeEngine) -> None:
    fake.reachable = False
    with pytest.raises(EngineUnavailable):
        fake.info()
    with pytest.raises(EngineUnavailable):
        fake.list_containers({})
