"""The relay between Docker's log driver and Fluent Bit: no line is lost or doubled, whenever Fluent Bit dies."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgpack
import pytest

from emulator.agent.log_relay.buffer_recovery import stored, take_back
from emulator.agent.log_relay.forward import Batch, Splitter
from emulator.agent.log_relay.relay import HELD, HELD_WITHOUT_ROUTER
from emulator.runtime.state.conventions import RELAY_MEMORY
from tests.unit.agent.relay_rig import (
    HEADER,
    Driver,
    StartRouter,
    Until,
    batch,
    drained,
    entry,
    numbers,
    send,
    state,
    write_chunk,
)
from tests.unit.agent.test_drain import SECONDS, TAG, event_time, message


def test_docker_finds_no_listener_until_the_router_listens(
    folder: Path,
    relay: subprocess.Popen[str],
    driver: Callable[[], socket.socket],
    start_router: StartRouter,
    until: Until,
) -> None:
    until(lambda: relay.poll() is None)
    assert not (folder / "relay.sock").exists()
    router = start_router()
    send(driver(), 0, 3)
    until(lambda: router.lines == numbers(0, 3))


def test_it_settles_where_no_router_ever_listened(
    folder: Path, relay: subprocess.Popen[str], start_router: StartRouter, driver: Driver, until: Until
) -> None:
    def settled() -> bool:
        relay.send_signal(signal.SIGUSR1)  # again and again: it may not hear it yet
        return (folder / "relay.settled").exists()

    until(lambda: Path(f"/proc/{relay.pid}/cmdline").read_bytes().startswith(sys.executable.encode()))
    until(settled)
    router = start_router()
    send(driver(), 0, 3)
    until(lambda: router.lines == numbers(0, 3))


def test_lines_that_come_fast_go_on_singly_and_are_acknowledged_together(
    folder: Path, driver: Driver, start_router: StartRouter, until: Until
) -> None:
    router = start_router()
    send(driver(), 0, 5000)
    until(lambda: router.lines == numbers(0, 5000))
    assert 0 < router.asked < 500


def test_what_a_dead_router_had_not_acknowledged_goes_to_the_next_one(
    folder: Path, driver: Driver, start_router: StartRouter, until: Until
) -> None:
    dying = start_router(acknowledges=False)
    connection = driver()
    send(connection, 0, 10)
    until(lambda: dying.lines)
    dying.die()
    send(connection, 10, 20)
    connection.close()  # the container has ended
    router = start_router()
    until(lambda: router.lines == numbers(0, 20))


def test_a_router_that_closes_one_connection_after_another_as_it_dies_has_not_stored_what_it_did_not_acknowledge(
    folder: Path, driver: Driver, start_router: StartRouter, until: Until
) -> None:
    dying = start_router(acknowledges=False)
    send(driver(), 0, 3)
    until(lambda: dying.lines == numbers(0, 3))
    chunk = folder / "buffer" / "forward.0" / "1.flb"
    write_chunk(chunk, [entry(number) for number in range(3)])
    until(dying.close_one())
    dying.die()
    until(lambda: len(chunk.read_bytes()) == len(HEADER) + 2 + len(TAG))
    router = start_router()
    until(lambda: router.lines == numbers(0, 3))


def test_what_was_not_acknowledged_over_a_connection_that_ends_alone_is_sent_again(
    folder: Path, driver: Driver, start_router: StartRouter, until: Until
) -> None:
    router = start_router(acknowledges=False)
    send(driver(), 0, 3)
    until(lambda: router.lines == numbers(0, 3))
    router.close_one()
    until(lambda: router.lines == numbers(0, 3) * 2)


@pytest.mark.parametrize("found", [0, 2, 3], ids=["delivered already", "two of three", "all"])
def test_of_a_router_that_runs_again_already_the_buffer_is_left_alone_and_what_stands_there_not_sent_again(
    folder: Path,
    relay: subprocess.Popen[str],
    driver: Driver,
    start_router: StartRouter,
    until: Until,
    found: int,
) -> None:
    dying = start_router(acknowledges=False)
    connection = driver()
    send(connection, 0, 3)
    until(lambda: dying.lines)
    relay.send_signal(signal.SIGSTOP)  # a busy machine: it does not get to look
    dying.die()
    chunk = folder / "buffer" / "forward.0" / "1.flb"
    write_chunk(chunk, [entry(number) for number in range(found)])
    content = chunk.read_bytes()
    router = start_router()
    relay.send_signal(signal.SIGCONT)
    send(connection, 3, 5)
    until(lambda: router.lines == numbers(found, 5))
    assert chunk.read_bytes() == content


def test_of_batches_in_a_buffer_the_messages_behind_the_last_one_found_are_left(tmp_path: Path) -> None:
    path = tmp_path / "forward.0" / "1.flb"
    write_chunk(path, [*(entry(number) for number in (1, 2, 4, 5)), entry(6)[:-2]])  # a filter dropped the third
    batches = [batch(3, 4), batch(5, 6, 7), batch(8)]
    counts = stored(tmp_path, batches)
    assert counts == [2, 1, 0]
    rests = [one.after(count) for one, count in zip(batches, counts, strict=True)]
    assert rests == [None, batch(6, 7), batch(8)]


def test_what_was_acknowledged_is_not_sent_again(
    folder: Path, driver: Driver, start_router: StartRouter, until: Until
) -> None:
    first = start_router()
    connection = driver()
    send(connection, 0, 10)
    until(lambda: first.lines == numbers(0, 10))
    first.die()
    send(connection, 10, 20)
    second = start_router()
    until(lambda: second.lines == numbers(10, 20))


def test_what_no_router_takes_is_in_the_log_store_once_it_settles(
    folder: Path,
    relay: subprocess.Popen[str],
    driver: Callable[[], socket.socket],
    start_router: StartRouter,
    until: Until,
) -> None:
    dying = start_router(acknowledges=False)
    send(driver(), 0, 3)
    until(lambda: dying.lines)
    dying.die()
    write_chunk(folder / "buffer" / "forward.0" / "1.flb", [entry(number) for number in range(3, 6)], zeros=4096)
    relay.send_signal(signal.SIGUSR1)
    until(lambda: sorted(drained(folder)) == numbers(0, 6))
    until((folder / "relay.settled").exists)
    assert (folder / "relay.settled").read_text() == "6"
    assert list((folder / "buffer").glob("*/*.flb")) == []


def test_what_a_dead_router_had_delivered_is_not_written_again(
    folder: Path, relay: subprocess.Popen[str], driver: Driver, start_router: StartRouter, until: Until
) -> None:
    """Neither what it had not acknowledged nor what still lies in its buffer. A filter may have changed the text. What
    one of its outputs got and another one did not was not delivered."""
    dying = start_router(acknowledges=False)
    send(driver(), 1, 5)
    until(lambda: dying.lines == numbers(1, 5))
    dying.die()
    write_chunk(folder / "buffer" / "forward.0" / "1.flb", [entry(number) for number in range(5, 8)])
    lines = [
        f'{TAG}: [{SECONDS}.00000000{number}, {{"log":"LINE {number}"{more}}}]\n'
        for number, more in ((1, ',"source":"stdout"'), (2, ',"source":"stdout"'), (3, ',"source":"stdout"'), (5, ""))
    ]
    (folder / "hello.0123.hello").write_text("".join(lines[2:]))
    (folder / "hello.0123.hello.1").write_text(lines[0])
    half = f'{TAG}: [{SECONDS}.000000004, {{"log":"li'
    (folder / "hello.0123.output-1").write_text("".join(lines) + half)
    (folder / "hello.0123.output-2").write_text(f'audited: [{SECONDS}.000000009, {{"log":"line 9"}}]\n')
    (folder / "other.0123.other").write_text(f'{TAG}: [{SECONDS}.000000006, {{"log":"line 6"}}]\n')
    relay.send_signal(signal.SIGUSR1)
    until((folder / "relay.settled").exists)
    assert sorted(drained(folder)) == ["line 2", "line 4", "line 6", "line 7"]
    assert (folder / "relay.settled").read_text() == "4"


def test_what_it_holds_without_a_router_has_a_limit(
    folder: Path, relay: subprocess.Popen[str], driver: Driver, start_router: StartRouter, until: Until
) -> None:
    router = start_router()
    connections = [driver() for _ in range(5)]
    for connection in connections:
        send(connection, 0, 1)
        connection.setblocking(False)
    until(lambda: len(router.lines) == len(connections))
    router.die()
    block = b"".join(message(f"line {number}", number=number) for number in range(1, 1000))
    rest = [block] * len(connections)
    sent = 0

    def full() -> bool:
        nonlocal sent
        before = sent
        for number, connection in enumerate(connections):
            with contextlib.suppress(BlockingIOError):
                done = connection.send(rest[number])
                rest[number] = rest[number][done:] or block
                sent += done
        return sent == before and state(relay.pid, "State").startswith("S")

    until(full)
    assert HELD_WITHOUT_ROUTER / 2 < sent < HELD_WITHOUT_ROUTER * 1.5
    until((folder / "hello.0123.drained").exists)  # a container has to wait: it does not for long
    until(lambda: not full())
    assert int(state(relay.pid, "VmHWM").split()[0]) * 1024 < RELAY_MEMORY


def test_a_container_that_waited_for_its_router_goes_on_when_that_dies(
    relay: subprocess.Popen[str], driver: Driver, start_router: StartRouter, until: Until
) -> None:
    router = start_router(acknowledges=False)
    connection = driver()
    block = b"".join(message(f"line {number}", number=number) for number in range(1, 1000))
    send(connection, 0, 1)
    connection.setblocking(False)
    until(lambda: router.lines == ["line 0"])
    rest, sent = block, 0

    def waits() -> bool:
        nonlocal rest, sent
        before = sent
        with contextlib.suppress(BlockingIOError):
            while True:
                done = connection.send(rest)
                rest = rest[done:] or block
                sent += done
        return sent == before and state(relay.pid, "State").startswith("S")

    until(waits)
    held = sent
    assert held < 4 * HELD
    router.die()
    until(lambda: waits() and sent > held + 4 * HELD)


@pytest.mark.parametrize("length", [False, True], ids=["old files", "files with a length"])
def test_a_batch_that_was_stored_in_vain_is_cut_off(tmp_path: Path, length: bool) -> None:
    path = tmp_path / "forward.0" / "1.flb"
    write_chunk(path, [entry(number) for number in range(10)], zeros=512, length=length)
    assert take_back(tmp_path, [batch(*range(7, 12))]) == 1
    expected = tmp_path / "expected" / "1.flb"
    write_chunk(expected, [entry(number) for number in range(7)], length=length)
    assert path.read_bytes() == expected.read_bytes()


def test_of_other_batches_nothing_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "forward.0" / "1.flb"
    write_chunk(path, [entry(number) for number in range(10)])
    content = path.read_bytes()
    (tmp_path / "forward.0" / "2.flb").write_bytes(b"something else")
    assert take_back(tmp_path, [batch(10, 11)]) == 0
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("of", "last"),
    [
        pytest.param(f"{TAG}x", 4, id="of another container"),
        pytest.param(TAG, 6, id="of the same one, with later lines after it"),
    ],
)
def test_what_was_acknowledged_stays_where_two_lines_have_the_same_time(tmp_path: Path, of: str, last: int) -> None:
    path = tmp_path / "forward.0" / "1.flb"
    write_chunk(path, [entry(number) for number in range(last + 1)], of=of)
    content = path.read_bytes()
    assert take_back(tmp_path, [batch(4)]) == 0
    assert path.read_bytes() == content


def split(sent: bytes, size: int = 100_000) -> list[Batch]:
    """What a splitter makes of a stream that comes in pieces of a size."""
    splitter = Splitter()
    found = [splitter.feed(sent[at : at + size]) for at in range(0, len(sent), size)]
    return [batch for batch in found if batch is not None]


@pytest.mark.parametrize("size", [1, 7, 500, 100_000])
def test_messages_pass_as_they_are_however_they_are_cut(size: int) -> None:
    messages = [
        msgpack.packb([TAG, event_time(SECONDS, n), {"log": f"line {n}"}, (None, {})[n % 2]]) for n in range(50)
    ]
    batches = split(b"".join(messages), size)
    assert b"".join(part for batch in batches for part in batch.parts) == b"".join(messages)
    whole = batches[0]
    for other in batches[1:]:
        whole.add(other)
    sent = whole.sent("7")
    assert sent == b"".join(messages)[:-1] + msgpack.packb({"chunk": "7"})
    assert whole.size == len(b"".join(messages))


@pytest.mark.parametrize(
    "options",
    [
        pytest.param((), id="none"),
        pytest.param((None,), id="nil"),
        pytest.param(({},), id="empty"),
        pytest.param(({"size": None},), id="another"),
        pytest.param(({"chunk": "x"},), id="an own chunk"),
    ],
)
def test_the_last_message_asks_for_an_acknowledgement(options: tuple[object, ...]) -> None:
    content = ["other", SECONDS, {"log": b"\xff", "partial": "true"}]
    [batch] = split(msgpack.packb([*content, *options], use_bin_type=False))
    sent = msgpack.unpackb(batch.sent("7"), raw=True)
    assert sent == [b"other", SECONDS, {b"log": b"\xff", b"partial": b"true"}, {b"chunk": b"7"}]


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(["tag", [[SECONDS, {"log": "x"}]], {}], id="several entries"),
        pytest.param(["tag", b"\x92\x00\x80", {}], id="packed entries"),
        pytest.param(["tag", SECONDS], id="too short"),
        pytest.param([SECONDS, SECONDS, {}, {}], id="no tag"),
        pytest.param({"tag": 1}, id="no array"),
    ],
)
def test_another_message_is_refused(odd: object) -> None:
    with pytest.raises(ValueError, match="not a message"):
        split(msgpack.packb(odd))


def test_what_is_no_message_ends_the_connection_and_nothing_else(
    folder: Path, driver: Driver, start_router: StartRouter, until: Until
) -> None:
    router = start_router()
    odd = driver()
    odd.sendall(b"\xc1 GET / HTTP/1.1")
    assert odd.recv(1) == b""
    send(driver(), 0, 3)
    until(lambda: router.lines == numbers(0, 3))
