"""What containers print: all of it so far, or as it comes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from emulator.engine.fake import Behaviour
from emulator.events import EventKind
from emulator.runtime.down import down
from emulator.runtime.logs import ContainerLine, LogFollower, follow_all, print_so_far
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


def texts(found: list[ContainerLine]) -> list[str]:
    return [line.line.text for line in found]


def test_lines_of_all_containers_come_by_their_time(talking: Bench) -> None:
    found = list(print_so_far(talking.engine, DEMO, [], None))
    assert texts(found) == ["hello starts", "web says", "hello says"]
    assert [(line.service, line.container, line.line.stream) for line in found[:2]] == [
        ("hello", "hello", "stdout"),
        ("web", "web", "stderr"),
    ]


def test_lines_of_one_service(talking: Bench) -> None:
    assert texts(list(print_so_far(talking.engine, DEMO, ["web"], None))) == ["web says"]


def test_the_last_lines_of_each(talking: Bench) -> None:
    assert texts(list(print_so_far(talking.engine, DEMO, [], 1))) == ["web says", "hello says"]


def test_a_container_that_is_gone_meanwhile_is_left_out(talking: Bench) -> None:
    lines = print_so_far(talking.engine, DEMO, [], None)
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


def test_following_ends_with_an_interruption(talking: Bench) -> None:
    interrupted = threading.Event()
    lines = follow_all(talking.engine, DEMO, ["web"], None, interrupted)
    assert next(lines).line.text == "web says"
    interrupted.set()
    assert list(lines) == []


def test_following_nothing_ends_at_once(bench: Bench) -> None:
    assert list(follow_all(bench.engine, DEMO, [], None, threading.Event())) == []


class TestFollower:
    def test_lines_become_events_under_their_containers_name(self, talking: Bench) -> None:
        follower = LogFollower(talking.engine, talking.emit)
        follower.follow(HELLO, "hello")
        follower.follow(HELLO, "hello")
        talking.engine.stop(HELLO, 0)
        follower.finish(HELLO)
        lines = [(e.subject, e.message, e.fields["stream"]) for e in talking.events if e.kind is EventKind.LOG]
        assert lines == [("hello", "hello starts", "stdout"), ("hello", "hello says", "stdout")]

    def test_it_can_be_closed_while_containers_run(self, talking: Bench, until: Until) -> None:
        follower = LogFollower(talking.engine, talking.emit)
        follower.follow(HELLO, "hello")
        until(lambda: any(event.message == "hello says" for event in talking.events))
        follower.close()
        follower.finish(HELLO)
        talking.engine.print_line(HELLO, "nobody hears this")
        assert not any(event.message == "nobody hears this" for event in talking.events)

    def test_a_container_that_is_gone_is_no_trouble(self, bench: Bench) -> None:
        follower = LogFollower(bench.engine, bench.emit)
        follower.follow("gone", "gone")
        follower.finish("gone")
        assert bench.events == []
