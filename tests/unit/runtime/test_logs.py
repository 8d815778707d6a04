"""What containers print: all of it so far, or as it comes."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from emulator.engine.fake import Behaviour
from emulator.engine.interface import ContainerSpec, LogLine, Stream
from emulator.errors import EngineError, EngineTimeout
from emulator.events import EventKind
from emulator.runtime.health.router_chatter import is_chatter
from emulator.runtime.lifecycle.down import down
from emulator.runtime.reports.follow import EnvironmentFollower, follow_all
from emulator.runtime.reports.logs import ContainerLine, Wanted, every_line, members_of, print_so_far
from emulator.runtime.state import names
from emulator.runtime.state.log_subjects import LogSubjects
from emulator.runtime.state.names import Role
from emulator.runtime.state.observed import observe
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import DEMO, desired_state, make_service

Until = Callable[[Callable[[], object]], None]
HELLO = "cl-demo-test-hello-task0001-hello"
WEB = "cl-demo-test-web-task0002-web"


@pytest.fixture
def talking(bench: Bench) -> Bench:
    """Two services that print."""
    bench.engine.behave("*-hello", Behaviour(log=("hello starts",)))
    bench.start(desired_state(make_service(), make_service(name="web")))
    bench.engine.print_line(WEB, "web says", "stderr")
    bench.engine.print_line(HELLO, "hello says")
    return bench


def so_far(
    bench: Bench, services: list[str], tail: int | None = None, wanted: Wanted = every_line
) -> list[ContainerLine]:
    members = members_of(observe(bench.engine, DEMO), services)
    return list(print_so_far(bench.engine, members, tail, wanted))


def texts(found: list[ContainerLine]) -> list[str]:
    return [line.line.text for line in found]


def test_lines_of_all_containers_come_by_their_time(talking: Bench) -> None:
    found = so_far(talking, [])
    assert texts(found) == ["hello starts", "web says", "hello says"]
    assert [(line.service, line.container, line.line.stream) for line in found[:2]] == [
        ("hello", "hello", "stdout"),
        ("web", "web", "stderr"),
    ]


def test_lines_of_one_service(talking: Bench) -> None:
    assert texts(so_far(talking, ["web"])) == ["web says"]


def test_the_last_lines_of_each(talking: Bench) -> None:
    assert texts(so_far(talking, [], 1)) == ["web says", "hello says"]


def test_the_last_lines_of_each_are_the_last_of_those_that_are_wanted(talking: Bench) -> None:
    assert texts(so_far(talking, ["hello"], 1, lambda _, line: "starts" in line.text)) == ["hello starts"]


def test_a_container_that_is_gone_meanwhile_is_left_out(talking: Bench) -> None:
    lines = print_so_far(talking.engine, members_of(observe(talking.engine, DEMO), []), None, every_line)
    talking.engine.before = lambda verb, target: talking.engine.remove(WEB) if (verb, target) == ("logs", WEB) else None
    assert texts(list(lines)) == ["hello starts", "hello says"]


def test_following_shows_new_tasks_too_and_every_last_word(talking: Bench, until: Until) -> None:
    found: list[ContainerLine] = []
    with ThreadPoolExecutor(1) as pool:

        def follow() -> None:
            found.extend(follow_all(talking.engine, DEMO, ["hello"], None, threading.Event()))

        following = pool.submit(follow)
        until(lambda: ("logs", HELLO) in talking.engine.calls)
        state = desired_state(make_service(count=2), make_service(name="web"))
        talking.start(state)
        second = "cl-demo-test-hello-task0003-hello"
        until(lambda: ("logs", second) in talking.engine.calls)
        talking.engine.print_line(second, "bye")
        down(talking.engine, DEMO, talking.emit)
        following.result(10)
    assert texts(found)[:2] == ["hello starts", "hello says"]
    assert sorted(texts(found)[2:]) == ["bye", "hello starts"]


def test_following_shows_what_a_container_prints_that_is_started_again(talking: Bench, until: Until) -> None:
    found: list[ContainerLine] = []
    with ThreadPoolExecutor(1) as pool:

        def follow() -> None:
            found.extend(follow_all(talking.engine, DEMO, ["web"], 0, threading.Event()))

        following = pool.submit(follow)
        until(lambda: ("logs", WEB) in talking.engine.calls)
        for text in ("one", "two"):
            talking.engine.finish(WEB, 1)
            talking.engine.start(WEB)
            talking.engine.print_line(WEB, text)
        down(talking.engine, DEMO, talking.emit)
        following.result(10)
    assert texts(found) == ["one", "two"]


def test_following_begins_with_the_last_lines_of_all_containers_by_their_time(talking: Bench) -> None:
    talking.engine.print_line(WEB, "web goes on")
    interrupted = threading.Event()
    lines = follow_all(talking.engine, DEMO, [], 2, interrupted)
    assert [next(lines).line.text for _ in range(4)] == ["hello starts", "web says", "hello says", "web goes on"]
    talking.engine.print_line(HELLO, "one more")
    assert next(lines).line.text == "one more"
    interrupted.set()
    assert list(lines) == []


def test_a_line_of_the_same_moment_as_the_last_one_is_neither_lost_nor_shown_twice(bench: Bench) -> None:
    """Docker is asked for lines since a microsecond, in which a container may print several."""
    bench.start(desired_state(make_service(name="web")))
    web, moment, interrupted = "cl-demo-test-web-task0001-web", datetime.now(UTC), threading.Event()
    for text in ("one", "two"):
        bench.engine.print_line(web, text, at=moment)
    lines = follow_all(bench.engine, DEMO, ["web"], None, interrupted)
    assert [next(lines).line.text for _ in range(2)] == ["one", "two"]
    bench.engine.print_line(web, "three", at=moment)
    assert next(lines).line.text == "three"
    interrupted.set()
    assert list(lines) == []


def test_following_ends_with_an_interruption(talking: Bench) -> None:
    interrupted = threading.Event()
    lines = follow_all(talking.engine, DEMO, ["web"], None, interrupted)
    assert next(lines).line.text == "web says"
    interrupted.set()
    assert list(lines) == []


def test_following_nothing_ends_at_once(bench: Bench) -> None:
    assert list(follow_all(bench.engine, DEMO, [], None, threading.Event())) == []


def labels(container: str, *, service: str = "hello", task: str = "task0001", role: str = "") -> dict[str, str]:
    return {names.SERVICE: service, names.TASK: task, names.CONTAINER: container, names.ROLE: role}


class TestFollower:
    def follower(self, bench: Bench, **options: Any) -> EnvironmentFollower:
        options = {"all_lines": True, **options}
        return EnvironmentFollower(bench.engine, DEMO, bench.emit, LogSubjects(one_service=True), **options)

    def test_lines_become_events_under_their_containers_name(self, talking: Bench) -> None:
        with following(self.follower(talking)) as follower:
            talking.engine.stop(HELLO, 0)
            follower.finish(HELLO)
        lines = [(e.subject, e.message, e.fields["stream"]) for e in talking.events if e.kind is EventKind.LOG]
        own = [line for line in lines if line[0] == "hello"]
        assert own == [("hello", "hello starts", "stdout"), ("hello", "hello says", "stdout")]

    def test_it_can_be_closed_while_containers_run(self, talking: Bench, until: Until) -> None:
        with following(self.follower(talking)) as follower:
            until(lambda: "hello says" in logged(talking))
        follower.finish(HELLO)
        talking.engine.print_line(HELLO, "not heard")
        assert "not heard" not in logged(talking)

    def test_a_container_that_is_gone_is_no_trouble(self, bench: Bench) -> None:
        with following(self.follower(bench)) as follower:
            follower.finish("gone")
        assert bench.events == []

    def test_what_was_printed_before_is_left_out_unless_it_is_asked_for(self, talking: Bench, until: Until) -> None:
        with following(self.follower(talking, all_lines=False)) as follower:
            until(lambda: ("logs", HELLO) in talking.engine.calls)
            talking.engine.print_line(HELLO, "news")
            talking.engine.stop(HELLO, 0)
            follower.finish(HELLO)
        assert logged(talking) == ["news"]

    def test_a_container_that_is_started_again_is_read_on(self, talking: Bench) -> None:
        with following(self.follower(talking)) as follower:
            for text in ("again", "and again"):
                talking.engine.finish(HELLO, 1)
                talking.engine.start(HELLO)
                talking.engine.print_line(HELLO, text)
            talking.engine.stop(HELLO, 0)
            follower.finish(HELLO)
        own = ["hello starts", "hello says", "hello starts", "again", "hello starts", "and again"]
        assert logged(talking, "hello") == own

    def test_a_container_that_is_made_anew_under_its_name_is_read_too(self, talking: Bench, until: Until) -> None:
        spec = talking.engine.spec(HELLO)
        with following(self.follower(talking)) as follower:
            until(lambda: "hello says" in logged(talking))
            talking.engine.remove(HELLO)
            talking.engine.create_container(spec)
            talking.engine.start(HELLO)
            talking.engine.print_line(HELLO, "another one says")
            until(lambda: "another one says" in logged(talking))
            talking.engine.stop(HELLO, 0)
            follower.finish(HELLO)
        assert logged(talking, "hello") == ["hello starts", "hello says", "hello starts", "another one says"]

    def test_the_last_words_of_one_whose_start_it_has_not_heard_of_yet(self, talking: Bench) -> None:
        talking.engine.fail("events", EngineError("no events"), times=None)
        follower = self.follower(talking)
        follower.start()
        talking.engine.stop(HELLO, 0)
        follower.finish(HELLO)
        follower.close()
        assert logged(talking, "hello") == ["hello starts", "hello says"]

    def test_a_log_that_docker_does_not_give_at_first_is_asked_for_again(self, talking: Bench) -> None:
        talking.engine.fail("logs", EngineTimeout("late"), target=HELLO, times=2)
        with following(self.follower(talking)) as follower:
            talking.engine.stop(HELLO, 0)
            follower.finish(HELLO)
        assert logged(talking, "hello") == ["hello starts", "hello says"]

    @pytest.mark.parametrize("lost", [1, 2])
    def test_last_lines_that_the_stream_of_one_that_ends_leaves_out_are_read(
        self, talking: Bench, monkeypatch: pytest.MonkeyPatch, lost: int
    ) -> None:
        whole, looks = talking.engine.logs, Counter[str]()

        def logs(container: str, **options: Any) -> Stream[LogLine]:
            looks[container] += 1
            lines = list(whole(container, **{**options, "follow": False}))
            return Lines(lines[:-lost] if looks[container] == 1 else lines)

        monkeypatch.setattr(talking.engine, "logs", logs)
        talking.engine.stop(HELLO, 0)
        with following(self.follower(talking)) as follower:
            follower.finish(HELLO)
        assert logged(talking, "hello") == ["hello starts", "hello says"]

    @pytest.mark.parametrize("shown", [False, True])
    @pytest.mark.parametrize("role", [Role.ROUTER, Role.MEMBER])
    def test_the_banner_of_a_log_router_is_shown_where_it_is_asked_for(
        self, bench: Bench, shown: bool, role: str
    ) -> None:
        lines = ("[2024/01/01 00:00:00] [ info] [engine] started", "[2024/01/01 00:00:00] [ warn] no upstream")
        bench.engine.behave("one", Behaviour(log=lines))
        bench.engine.create_container(ContainerSpec("one", "hello:1", {**DEMO.labels(), **labels("one", role=role)}))
        bench.engine.start("one")
        with following(self.follower(bench, show_router=shown)) as follower:
            bench.engine.stop("one", 0)
            follower.finish("one")
        assert len(logged(bench)) == (2 if shown or role != Role.ROUTER else 1)


class Lines:
    """A stream that ends where its lines do."""

    def __init__(self, lines: list[LogLine]) -> None:
        self._lines = iter(lines)

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> LogLine:
        return next(self._lines)

    def close(self) -> None:
        self._lines = iter(())


@contextmanager
def following(follower: EnvironmentFollower) -> Iterator[EnvironmentFollower]:
    follower.start()
    follower.wait()
    try:
        yield follower
    finally:
        follower.close()


def logged(bench: Bench, subject: str = "") -> list[str]:
    found = [event for event in bench.events if event.kind is EventKind.LOG]
    return [event.message for event in found if not subject or event.subject == subject]


class TestSubjects:
    def test_one_task_of_one_service(self) -> None:
        subjects = LogSubjects(one_service=True)
        assert subjects.subject("hello", "aaaabbbbcccc", "nginx") == "nginx"

    def test_one_task_of_each_of_several_services(self) -> None:
        subjects = LogSubjects(one_service=False)
        assert subjects.subject("hello", "aaaabbbbcccc", "nginx") == "hello/nginx"
        assert subjects.subject("web", "ddddeeeeffff", "nginx") == "web/nginx"

    def test_two_tasks_of_a_service(self) -> None:
        subjects = LogSubjects(one_service=False)
        subjects.add("hello", "aaaabbbbcccc")
        assert subjects.subject("hello", "ddddeeeeffff", "nginx") == "hello/ddddeeee/nginx"
        assert subjects.subject("hello", "aaaabbbbcccc", "nginx") == "hello/aaaabbbb/nginx"

    def test_tasks_that_are_to_come(self) -> None:
        assert LogSubjects(one_service=True, several=["hello"]).subject("hello", "aaaabbbbcccc", "nginx") == (
            "aaaabbbb/nginx"
        )


@pytest.mark.parametrize(
    "line",
    [
        "Fluent Bit v1.8.15",
        "\x1b[1mFluent Bit v1.9.10\x1b[0m",
        "* \x1b[1m\x1b[93mCopyright (C) 2015-2022 The Fluent Bit Authors\x1b[0m",
        "* Fluent Bit is a CNCF sub-project under the umbrella of Fluentd",
        "* https://fluentbit.io",
        "",
        "AWS for Fluent Bit Container Image Version 2.31.12",
        "[2024/01/01 00:00:00] [ info] [storage] version=1.1.6",
        "[2024/01/01 00:00:00] [debug] [retry] new retry created",
        "[2024/01/01 00:00:00.123456] [ info] [engine] started (pid=1)",
        "[\x1b[1m2024/01/01 00:00:00\x1b[0m] [\x1b[92m info\x1b[0m] [engine] started",
        'time="2024-01-01T00:00:00Z" level=info msg="[cloudwatch 0] plugin parameter region = \'us-east-1\'"',
        "______ _                  _    ______ _ _           _____  __  ",
        "|  ___| |                | |   | ___ (_) |         |____ |/  | ",
        "| |_  | |_   _  ___ _ __ | |_  | |_/ /_| |_  __   __   / /`| | ",
        "\\_|   |_|\\__,_|\\___|_| |_|\\__| \\____/|_|\\__|   \\_/  \\____(_)___/",
    ],
)
def test_chatter_of_a_log_router(line: str) -> None:
    assert is_chatter(line)


@pytest.mark.parametrize(
    "line",
    [
        "[2024/01/01 00:00:00] [ warn] [engine] failed to flush chunk",
        "[2024/01/01 00:00:00] [error] [config] unknown key",
        'time="2024-01-01T00:00:00Z" level=error msg="[cloudwatch 0] NoCredentialProviders"',
        '[0] web-firelens-0123: [1700000000.000000000, {"log"=>"x"}]',
        '{"date":1700000000.0,"log":"-----------------"}',
        "Error: Configuration file contains errors. Aborting",
        "exec /entrypoint.sh: no such file or directory",
        "-----------------------------",
    ],
)
def test_what_a_log_router_says_of_trouble_and_of_records(line: str) -> None:
    assert not is_chatter(line)
