from __future__ import annotations

import pytest

from emulator.ecs.service import Build
from emulator.engine.interface import Health
from emulator.runtime.reports.overview import overview
from emulator.runtime.reports.service_details import service_details
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import DEMO, FRONT, desired_state, make_service

CHECK = {"healthCheck": {"command": ["CMD-SHELL", "true"]}}


def test_an_environment_with_its_containers_and_targets(bench: Bench) -> None:
    running = bench.up(
        make_service({"hello": CHECK, "init": {"image": "db:1", "essential": False}}, target=("hello", 80))
    )
    [init] = [c.name for c in bench.observed.containers if c.name.endswith("-init")]
    [hello] = [c.name for c in bench.observed.containers if c.name.endswith("-hello")]
    bench.engine.finish(init, 2)
    bench.engine.set_health(hello, Health.UNHEALTHY)
    bench.agent.status["targets"] = [{"name": "hello-1"}]
    seen = overview(bench.engine, DEMO)
    assert (seen.app, seen.environment, seen.supervised) == ("demo", "test", True)
    assert seen.url == running.url
    assert seen.targets == ({"name": "hello-1"},)
    rows = [(row.service, row.name, row.state, row.health, row.exit_code) for row in seen.containers]
    assert rows == [
        ("hello", "hello", "running", "unhealthy", None),
        ("hello", "init", "exited", "", 2),
        ("hello", "pause", "running", "", None),
        ("", "agent", "running", "", None),
        ("", "front", "running", "", None),
    ]
    assert seen.containers[-1].image_name == FRONT  # it runs by an id


def test_images_are_known_by_what_they_are_built_from_or_by_their_reference() -> None:
    service = make_service({"hello": {}, "init": {"image": "db:1"}})
    built = service.model_copy(update={"builds": {"hello": Build(context="web", dockerfile="web/Dockerfile")}})
    details = service_details(desired_state(built))
    assert details["hello"]["images"] == {"hello": "built from web/Dockerfile", "init": "db:1"}


def status(*, desired: int = 1, deaths: int = 0, failure: str = "") -> dict[str, object]:
    why = "CannotPullContainerError: No such image" if deaths else ""
    return {"desired_count": desired, "failed_starts": deaths, "last_failure": why, "failure": failure}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (status(), ()),
        (status(deaths=1), ()),
        (status(deaths=1, desired=2), ("hello: 1 of 2 tasks run; the last one did not stay: CannotPull",)),
        (status(deaths=3), ("hello: 1 of 1 tasks run; the last 3 did not stay: CannotPullContainerError",)),
        (status(failure="its secrets are gone, run up again"), ("hello: its secrets are gone, run up again",)),
    ],
)
def test_a_service_whose_tasks_do_not_stay_says_why(
    bench: Bench, said: dict[str, object], expected: tuple[str, ...]
) -> None:
    bench.up(make_service())
    bench.agent.status["services"] = {"hello": said}
    found = overview(bench.engine, DEMO).failures
    assert len(found) == len(expected)
    assert all(text.startswith(start) for text, start in zip(found, expected, strict=True))


def test_a_log_store_without_room_is_told(bench: Bench) -> None:
    bench.up(make_service())
    bench.agent.status["log_store_full"] = True
    [told] = overview(bench.engine, DEMO).failures
    assert told.startswith("log store: the disk is full")


def test_spans_that_a_deployment_would_lose_are_told(bench: Bench) -> None:
    bench.up(make_service())
    bench.agent.status["lost_traces"] = [
        {"workload": "hello", "code": "strange-id", "text": "ids that are not X-Ray's"}
    ]
    assert overview(bench.engine, DEMO).failures == ("hello: ids that are not X-Ray's",)


def test_an_agent_that_does_not_answer_supervises_nothing(bench: Bench) -> None:
    bench.up(make_service())
    bench.agent.refuses = {"message": "busy"}
    seen = overview(bench.engine, DEMO)
    assert not seen.supervised
    assert [row.name for row in seen.containers] == ["hello", "pause", "agent"]


def test_a_front_that_does_not_run_has_no_url(bench: Bench) -> None:
    bench.up(make_service(target=("hello", 80)))
    bench.engine.stop(DEMO.front, 0)
    assert overview(bench.engine, DEMO).url is None


def test_nothing(bench: Bench) -> None:
    seen = overview(bench.engine, DEMO)
    assert (seen.url, seen.supervised, seen.containers, seen.targets) == (None, False, (), ())
