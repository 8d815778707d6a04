"""Captures as containers: each ends with its session, also where one of them cannot begin."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

import pytest

from emulator.engine.fake import FakeEngine
from emulator.engine.interface import ContainerSpec
from emulator.errors import NotFound, TaskError
from emulator.trace.capture import END
from emulator.trace.container import capture_spec
from emulator.trace.requests.exchange import Exchange, Finished, Outcome, Report
from emulator.trace.requests.hops import Place, identity
from emulator.trace.session import CaptureSession

IMAGE = "copilot-local/agent:1"
READY = Report(ready=True)


class Script:
    """A capture that says what it is told to, and what is left when it is asked to end."""

    def __init__(self, first: Sequence[Report], last: Sequence[Report]) -> None:
        self.queue: queue.Queue[Report | None] = queue.Queue()
        for report in first:
            self.queue.put(report)
        if not any(report.ready for report in first):
            self.queue.put(None)
        self.last = last
        self.closed = False

    def write(self, data: bytes) -> None:
        assert data == END
        for report in self.last:
            self.queue.put(report)
        self.queue.put(None)

    def close_stdin(self) -> None:
        raise AssertionError("impossible where Docker is reached over TLS")

    def chunks(self) -> Iterator[bytes]:
        return (line + b"\n" for line in self.lines())

    def lines(self) -> Iterator[bytes]:
        while (report := self.queue.get()) is not None:
            yield json.dumps(asdict(report)).encode()

    def error_output(self) -> bytes:
        return b"a traceback"

    def exit_code(self) -> int | None:
        return None

    def close(self) -> None:
        self.closed = True
        self.queue.put(None)


class Engine(FakeEngine):
    """`scripts`: what captures say, by the container they run in."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: dict[str, Script] = {}
        self.add_image(IMAGE)
        for name in ("one", "two"):
            self.create_container(ContainerSpec(name, IMAGE))
            self.start(name)

    def exec_stream(self, container: str, command: Sequence[str]) -> Script:
        assert command[-1] == "emulator.trace.capture"
        return self.scripts[container]

    def captures(self) -> list[str]:
        return sorted(row.name for row in self.list_containers({"role": "trace"}))


def place(name: str) -> Place:
    return Place(name, name, "172.30.0.9")


def spec(of: Place) -> ContainerSpec:
    return capture_spec(f"trace-{of.container}", IMAGE, {"role": "trace"}, of.container)


def seen(number: int) -> Report:
    return Report(exchange=Exchange("172.30.0.2:4000", "172.30.0.3:80", number, Outcome.ANSWERED, float(number)))


def test_a_capture_may_see_packets_and_nothing_else() -> None:
    found = spec(place("one"))
    assert found.network == "container:one"
    assert (found.cap_drop, found.cap_add) == (("ALL",), ("NET_RAW",))
    assert found.read_only
    assert found.auto_remove
    assert "no-new-privileges" in found.security_options
    assert found.log_driver == "none"  # nothing of what it sees is kept anywhere
    assert not found.mounts


def test_what_captures_see_is_gathered_and_counted_and_they_are_gone_at_the_end() -> None:
    engine = Engine()
    engine.scripts["trace-one"] = Script([READY, seen(1)], [seen(2), Report(finished=Finished(10, 1, 100))])
    engine.scripts["trace-two"] = Script([READY], [Report(finished=Finished(5, 2, 0))])
    session = CaptureSession(engine, spec)
    session.watch([place("one"), place("two")])
    assert engine.captures() == ["trace-one", "trace-two"]
    account = session.end()
    assert (account.packets, account.lost, account.missing) == (15, 3, 100)
    assert str(account) == "3 packets and 100 bytes were not seen"
    assert [(where.name, exchange.sequence) for where, exchange in session.seen()] == [("one", 1), ("one", 2)]
    assert engine.captures() == []


@pytest.mark.parametrize(
    ("report", "words"), [(Report(fault="no packet socket: not permitted"), "not permitted"), (None, "a traceback")]
)
def test_a_capture_that_cannot_begin_says_why_and_none_is_left(report: Report | None, words: str) -> None:
    engine = Engine()
    engine.scripts["trace-one"] = Script([READY], [])
    engine.scripts["trace-two"] = Script([report] if report else [], [])
    session = CaptureSession(engine, spec)
    with pytest.raises(TaskError, match=words):
        session.watch([place("one"), place("two")])
    session.close()
    assert engine.captures() == []


def test_a_namespace_that_is_gone_is_an_error_and_none_is_left() -> None:
    engine = Engine()
    session = CaptureSession(engine, spec)
    with pytest.raises(NotFound):
        session.watch([place("gone")])
    assert engine.captures() == []


def test_an_exchange_is_forgotten_in_all_its_accounts() -> None:
    engine = Engine()
    early = Exchange("172.30.0.2:4000", "172.30.0.3:80", 1, Outcome.ANSWERED, 10.0)
    late = replace(early, began=10.001)
    inside = replace(early, client="127.0.0.1:4000", server="127.0.0.1:80")
    engine.scripts["trace-one"] = Script([READY, Report(exchange=early), Report(exchange=inside)], [])
    engine.scripts["trace-two"] = Script([READY, Report(exchange=late), Report(exchange=inside)], [])
    session = CaptureSession(engine, spec)
    session.watch([place("one"), place("two")])
    session.end()
    assert len(session.seen()) == 4
    session.forget({identity(place("one"), early), identity(place("one"), inside)})
    assert [(where.name, exchange.client) for where, exchange in session.seen()] == [("two", "127.0.0.1:4000")]


def test_a_capture_that_ended_early_is_begun_again_and_said() -> None:
    engine = Engine()
    ending = Script([READY, seen(1)], [])
    engine.scripts["trace-one"] = ending
    session = CaptureSession(engine, spec)
    session.watch([place("one")])
    assert session.account.complete
    ending.queue.put(None)
    session._captures[place("one").container]._thread.join(10)
    engine.scripts["trace-one"] = Script([READY], [seen(2), Report(finished=Finished(2, 0, 0))])
    session.watch([place("one")])
    account = session.end()
    assert (account.ended_early, account.complete) == (1, False)
    assert str(account) == "1 captures ended early"
    assert [exchange.sequence for _, exchange in session.seen()] == [1, 2]


def test_captures_follow_the_tasks() -> None:
    engine = Engine()
    engine.scripts["trace-one"] = Script([READY], [Report(finished=Finished(1, 0, 0))])
    engine.scripts["trace-two"] = Script([READY], [Report(finished=Finished(2, 0, 0))])
    session = CaptureSession(engine, spec)
    session.watch([place("one")])
    session.leave([place("two")])
    session.watch([place("two")])
    assert engine.captures() == ["trace-two"]
    assert session.end().packets == 3
