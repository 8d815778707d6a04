"""The log store cannot be written while no log router is there: the relay and the drain live on, and tell what is lost.

A limit on the size of files in place of a full disk: a write beyond it fails after a part of it was written, too.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.agent.log_relay import buffer_recovery
from emulator.agent.log_relay.buffer_recovery import take_back
from emulator.agent.log_relay.relay import HELD_WITHOUT_ROUTER
from emulator.logstore.beneath import open_beneath
from emulator.runtime.state.conventions import RELAY_MEMORY
from tests.unit.agent.relay_rig import (
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
from tests.unit.agent.test_drain import connect, draining, message, records

Relay = subprocess.Popen[str]


def allow(process: int, size: int = resource.RLIM_INFINITY) -> None:
    """Lets a process write files of that many bytes."""
    resource.prlimit(process, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def says(process: Relay, *texts: str) -> Callable[[], bool]:
    """Whether the process has told all that in its log from now on."""
    assert process.stderr is not None
    pipe, told = process.stderr.fileno(), bytearray()
    os.set_blocking(pipe, False)

    def has_told() -> bool:
        with contextlib.suppress(BlockingIOError):
            told.extend(os.read(pipe, 1 << 16))
        return all(text in told.decode() for text in texts)

    return has_told


def lose_router(start_router: StartRouter, driver: Driver, until: Until) -> socket.socket:
    """A router takes three lines and dies before it has acknowledged them; returns where they came from."""
    router = start_router(acknowledges=False)
    connection = driver()
    send(connection, 0, 3)
    until(lambda: router.lines == numbers(0, 3))
    router.die()
    return connection


def settle(folder: Path, relay: Relay, until: Until) -> str:
    """What the relay answers to who settles."""
    (folder / "relay.settled").unlink(missing_ok=True)
    relay.send_signal(signal.SIGUSR1)
    until((folder / "relay.settled").exists, 60)
    return (folder / "relay.settled").read_text()


def test_what_cannot_be_written_is_held_and_written_once_there_is_room(
    folder: Path, relay: Relay, driver: Driver, start_router: StartRouter, until: Until
) -> None:
    connection = lose_router(start_router, driver, until)
    allow(relay.pid, 200)  # the first line, and some of the second one
    relay.send_signal(signal.SIGUSR1)
    until(says(relay, "the log store cannot be written"))
    send(connection, 3, 6)
    allow(relay.pid)

    def written() -> bool:
        relay.send_signal(signal.SIGUSR1)  # again and again: who settles may have been answered before
        return len(drained(folder)) == 6

    until(written)
    assert drained(folder) == numbers(0, 6)
    assert len((folder / "hello.0123.drained").read_text().splitlines()) == 6, "no part of a line is left"
    assert settle(folder, relay, until) == "6"


def test_what_is_held_while_it_cannot_be_written_goes_to_the_next_router(
    relay: Relay, driver: Driver, start_router: StartRouter, until: Until
) -> None:
    lose_router(start_router, driver, until)
    allow(relay.pid, 0)
    relay.send_signal(signal.SIGUSR1)
    until(says(relay, "the log store cannot be written"))
    router = start_router()
    until(lambda: router.lines == numbers(0, 3))


def test_who_settles_is_told_how_many_records_are_not_written(
    folder: Path, relay: Relay, driver: Driver, start_router: StartRouter, until: Until
) -> None:
    lose_router(start_router, driver, until)
    write_chunk(folder / "buffer" / "forward.0" / "1.flb", [entry(number) for number in range(3, 5)])
    allow(relay.pid, 10)
    assert settle(folder, relay, until) == "0 5"
    allow(relay.pid)
    until(lambda: settle(folder, relay, until) == "5")
    assert sorted(drained(folder)) == numbers(0, 5)


def test_an_answer_that_cannot_be_written_is_written_once_there_is_room(
    folder: Path, relay: Relay, driver: Driver, start_router: StartRouter, until: Until
) -> None:
    router = start_router()
    connection = driver()
    allow(relay.pid, 0)
    relay.send_signal(signal.SIGUSR1)
    until((folder / "relay.new").exists)
    send(connection, 0, 3)
    until(lambda: router.lines == numbers(0, 3))
    assert not (folder / "relay.settled").exists()
    allow(relay.pid)
    until((folder / "relay.settled").exists)
    assert (folder / "relay.settled").read_text() == "0"


def test_no_container_waits_for_a_full_log_store_and_what_is_lost_is_counted(
    folder: Path, relay: Relay, driver: Driver, start_router: StartRouter, until: Until
) -> None:
    connections = [lose_router(start_router, driver, until), driver(), driver()]
    allow(relay.pid, 10)
    block = b"".join(message("x" * 2000, number=number) for number in range(100))
    rest = dict.fromkeys(connections, b"")
    blocks = 0

    def printed() -> bool:
        nonlocal blocks
        for connection in connections:
            with contextlib.suppress(BlockingIOError):
                while rest[connection] or blocks * len(block) < 2 * HELD_WITHOUT_ROUTER:
                    blocks += not rest[connection]
                    rest[connection] = rest[connection] or block
                    rest[connection] = rest[connection][connection.send(rest[connection], socket.MSG_DONTWAIT) :]
        return not any(rest.values())

    until(printed, 60)
    until(says(relay, "records are lost: the log store cannot be written"))
    assert int(state(relay.pid, "VmHWM").split()[0]) * 1024 < RELAY_MEMORY
    until(lambda: settle(folder, relay, until) == f"0 {blocks * 100 + 3}")
    allow(relay.pid)
    until(lambda: " " in settle(folder, relay, until) and not settle(folder, relay, until).startswith("0 "), 60)
    written, lost = map(int, settle(folder, relay, until).split())
    assert written + lost == blocks * 100 + 3
    assert len((folder / "hello.0123.drained").read_text().splitlines()) == written
    assert relay.poll() is None


def test_a_chunk_that_is_gone_when_it_is_cut_keeps_no_other_from_being_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (tmp_path / "forward.0" / name for name in ("1.flb", "2.flb"))
    for path in (first, second):
        write_chunk(path, [entry(number) for number in range(5)])

    def opened(root: Path, relative: Path, flags: int = os.O_RDONLY) -> int:
        first.unlink(missing_ok=True)
        return open_beneath(root, relative, flags)

    monkeypatch.setattr(buffer_recovery, "open_beneath", opened)
    assert take_back(tmp_path, [batch(3, 4)]) == 1
    write_chunk(first, [entry(number) for number in range(3)])
    assert second.read_bytes() == first.read_bytes()


def test_a_drain_whose_log_store_is_full_tells_what_is_lost_and_takes_on(folder: Path, until: Until) -> None:
    with draining(folder) as drain, connect(folder) as connection:
        allow(drain.pid, 10)
        connection.sendall(message("one"))
        until(says(drain, "1 records are lost: the log store cannot be written"))
        allow(drain.pid)
        connection.sendall(message("two"))
        until(lambda: [record.fields["log"] for record in records(folder)] == ["two"])
