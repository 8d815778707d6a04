"""The access log, from the socket that HAProxy writes to until `logs --access` prints it."""

from __future__ import annotations

import contextlib
import errno
import json
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from emulator.agent.load_balancer.access_log import AccessLog
from emulator.agent.load_balancer.draining_worker import OldWorker
from emulator.logstore.records import ACCESS
from emulator.logstore.store import rotate
from tests.unit.agent.exhausted import no_file, no_thread
from tests.unit.agent.rig import Rig
from tests.unit.runtime.world import desired_state, make_service

Until = Callable[[Callable[[], object]], None]
CREATED = 1_795_348_800_123_456

FIELDS: dict[str, Any] = {
    "second": CREATED // 1_000_000,
    "created": CREATED,
    "frontend": "http",
    "client": "172.20.0.1",
    "client_port": 50000,
    "target": "172.20.0.5",
    "target_port": 80,
    "queue": 0,
    "connect": 1,
    "respond": 7,
    "active": 9,
    "status": 200,
    "received": 80,
    "sent": 120,
    "end": "--",
    "method": "GET",
    "uri": "/api/x",
    "version": "HTTP/1.1",
    "cipher": None,
    "tls": None,
    "sni": None,
    "host": "localhost",
    "agent": "curl/8.5.0",
    "rule": "1",
    "group": "hello:default",
    "trace": "Root=1-6aab787c-27aaf3f93f32ff1f5a67dc16",
    "target_status": 200,
    "location": None,
    "grpc": None,
}


def record(**changes: object) -> bytes:
    """A line as HAProxy writes it: it escapes quotes and backslashes, and nothing else."""
    fields = {name: f"<{name}>" if isinstance(value, str) else value for name, value in {**FIELDS, **changes}.items()}
    text = json.dumps(fields)
    for name, value in {**FIELDS, **changes}.items():
        if isinstance(value, str):
            text = text.replace(f'"<{name}>"', '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"')
    return text.encode("latin-1") + b"\n"


@pytest.fixture
def connect(rig: Rig) -> Iterator[Callable[[], socket.socket]]:
    """Opens connections as HAProxy's workers do. The socket's path is short, as it has to be."""
    rig.boot(desired_state(make_service()))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "access.sock"
        taken = AccessLog(path, rig.access)
        taken.start()
        opened: list[socket.socket] = []

        def connect() -> socket.socket:
            opened.append(socket.socket(socket.AF_UNIX))
            opened[-1].connect(str(path))
            return opened[-1]

        yield connect
        for one in opened:
            one.close()
        taken.close()


Connect = Callable[[], socket.socket]


def requests(rig: Rig, *services: str) -> list[dict[str, Any]]:
    return list(rig.agent.access(follow=False, services=list(services)))


def test_a_request_as_a_load_balancer_logs_it(rig: Rig, connect: Connect, until: Until) -> None:
    connect().sendall(record())
    until(lambda: requests(rig))
    (found,) = requests(rig)
    assert found["time"] == "2026-11-22T12:00:00.123456+00:00"
    assert found["service"] == "hello"
    assert found["line"].startswith("http 2026-11-22T12:00:00.132456Z app/demo-test/")
    assert '"GET http://localhost:8080/api/x HTTP/1.1" "curl/8.5.0"' in found["line"]
    assert found["fields"]["target"] == "172.20.0.5:80"


def test_a_worker_for_which_no_file_is_left_waits_for_one(
    rig: Rig, connect: Connect, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = connect()
    no_file(monkeypatch, first.getpeername())
    for number, worker in enumerate((first, connect(), connect()), start=1):
        worker.sendall(record(uri=f"/{number}"))
    until(lambda: len(requests(rig)) == 3)


def test_a_worker_for_which_no_thread_is_left_connects_anew(
    rig: Rig, connect: Connect, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    with no_thread(monkeypatch, "access log"):
        worker = connect()
        worker.settimeout(30)
        assert worker.recv(1) == b""
    connect().sendall(record())
    until(lambda: requests(rig))


def test_of_a_worker_that_is_replaced_the_next_requests_are_kept_where_some_could_not_be(
    rig: Rig, folder: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = AccessLog(folder / "access.sock", rig.access)
    keep, troubles = log.keep, [OSError(errno.ENOSPC, "No space left on device")]

    def keep_or_fail(lines: bytes) -> None:
        if troubles:
            raise troubles.pop()
        keep(lines)

    monkeypatch.setattr(log, "keep", keep_or_fail)
    with socket.socket(socket.AF_UNIX) as haproxy:
        haproxy.bind(str(folder / "haproxy.sock"))
        haproxy.listen()
        old = OldWorker(folder / "haproxy.sock", "Pid: 7", log, lambda _: "CurrConns: 5")
        session, _ = haproxy.accept()
        with session:
            old.replaced()
            session.sendall(record(uri="/lost"))
            until(lambda: not troubles)
            session.sendall(record(uri="/kept"))
            until(lambda: (rig.access / ACCESS.name).exists() and b"/kept" in (rig.access / ACCESS.name).read_bytes())
    until(lambda: "worker 7" not in {thread.name for thread in threading.enumerate()})
    log.close()


def test_the_requests_of_one_service(rig: Rig, connect: Connect, until: Until) -> None:
    connect().sendall(record() + record(group="web:default", uri="/web") + record(group=None, rule=0, uri="/nobody"))
    until(lambda: len(requests(rig)) == 3)
    assert [found["fields"]["request"].split("8080")[1] for found in requests(rig, "web")] == ["/web HTTP/1.1"]


def test_a_record_that_comes_in_pieces_while_another_worker_writes_too(
    rig: Rig, connect: Connect, until: Until
) -> None:
    old, new = connect(), connect()
    whole = record(uri="/old")
    old.sendall(whole[:100])
    new.sendall(record(uri="/new"))
    until(lambda: requests(rig))
    old.sendall(whole[100:])
    until(lambda: len(requests(rig)) == 2)
    assert {found["fields"]["request"].split("8080")[1] for found in requests(rig)} == {
        "/old HTTP/1.1",
        "/new HTTP/1.1",
    }


def test_what_clients_send_breaks_no_line(rig: Rig, connect: Connect, until: Until) -> None:
    connect().sendall(record(agent='tab\tbell\aquote" é \\ ]') + record(uri="/next"))
    until(lambda: len(requests(rig)) == 2)
    assert rig.access.joinpath(ACCESS.name).read_bytes().count(b"\n") == 2
    assert '"tab\\x09bell\\x07quote\\x22 \\xE9 \\x5C ]"' in requests(rig)[0]["line"]


def test_what_is_no_record_ends_that_connection_and_no_other(rig: Rig, connect: Connect, until: Until) -> None:
    broken, fine = connect(), connect()
    broken.sendall(b"this is no record\n")
    assert broken.recv(1) == b""
    fine.sendall(record())
    until(lambda: requests(rig))


def test_rotation_loses_nothing(rig: Rig, connect: Connect, until: Until) -> None:
    worker = connect()
    for number in range(20):
        worker.sendall(record(uri=f"/{number}"))
        until(lambda number=number: len(requests(rig)) == number + 1)  # type: ignore[misc]
        rotate(rig.access, max_bytes=1500, keep=15)
    assert len(list(rig.access.iterdir())) > 3
    assert len(requests(rig)) == 20


def test_it_is_no_record_of_a_log_router_nor_of_a_container(rig: Rig, connect: Connect, until: Until) -> None:
    connect().sendall(record())
    until(lambda: requests(rig))
    assert list(rig.agent.records(follow=False, services=[])) == []
    assert list(rig.agent.records(follow=False, services=[], kept=True)) == []


def test_following_gives_what_comes_later(rig: Rig, connect: Connect) -> None:
    worker = connect()
    worker.sendall(record(uri="/first"))
    following = rig.agent.access(follow=True, services=[])
    assert "/first" in next(following)["line"]
    worker.sendall(record(uri="/second"))
    assert "/second" in next(following)["line"]
    following.close()  # type: ignore[attr-defined]


def test_the_last_ones(rig: Rig, connect: Connect, until: Until) -> None:
    worker = connect()
    for number in range(3):
        worker.sendall(record(uri=f"/{number}"))
        until(lambda number=number: len(requests(rig)) == number + 1)  # type: ignore[misc]
    [last] = rig.agent.access(follow=False, services=[], tail=1)
    assert "/2" in last["line"]


def test_what_a_replaced_worker_says_twice_is_kept_once(rig: Rig, tmp_path: Path) -> None:
    taken = AccessLog(tmp_path / "access.sock", tmp_path)
    records = [record(worker=7, number=number) for number in range(3)]
    other = record(worker=8, number=1)
    taken.expect_twice(7)
    taken.keep(b"".join(records[:2]))
    taken.keep(b"".join([*records, other, other]))
    assert (tmp_path / ACCESS.name).read_bytes().count(b"\n") == 5
    taken.expect_once(7)
    taken.keep(b"".join(records))
    assert (tmp_path / ACCESS.name).read_bytes().count(b"\n") == 8
    taken.close()


def test_a_burst_is_stored_whole_and_in_order(rig: Rig, connect: Connect, until: Until) -> None:
    worker = connect()
    worker.sendall(b"".join(record(uri=f"/{number}", created=CREATED + number) for number in range(5000)))
    until(lambda: rig.access.joinpath(ACCESS.name).read_bytes().count(b"\n") == 5000)
    paths = [found["fields"]["request"].split("8080")[1].split()[0] for found in requests(rig)]
    assert paths == [f"/{number}" for number in range(5000)]


def test_an_agent_that_ends_stores_what_was_sent_and_takes_no_more(rig: Rig, tmp_path: Path) -> None:
    rig.boot(desired_state(make_service()))
    with tempfile.TemporaryDirectory() as folder:
        ending = AccessLog(Path(folder) / "access.sock", rig.access)
        ending.start()
        sent = 0
        with socket.socket(socket.AF_UNIX) as worker:
            worker.connect(str(Path(folder) / "access.sock"))
            worker.sendall(record())
            while not rig.access.joinpath(ACCESS.name).exists():
                worker.sendall(record())  # its thread is there once something is stored
                sent += 1
            for _ in range(100):
                worker.sendall(record())
            ending.finish(20)
            with pytest.raises(BrokenPipeError):
                worker.sendall(record())
        assert rig.access.joinpath(ACCESS.name).read_bytes().count(b"\n") == 1 + sent + 100


def test_the_end_of_a_load_balancer_that_is_killed_is_awaited(rig: Rig, until: Until) -> None:
    rig.boot(desired_state(make_service()))
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as pool:
        ending = AccessLog(Path(folder) / "access.sock", rig.access)
        ending.start()
        with socket.socket(socket.AF_UNIX) as worker:
            worker.connect(str(Path(folder) / "access.sock"))
            worker.sendall(record())
            until(lambda: rig.access.joinpath(ACCESS.name).exists())
            finished = pool.submit(ending.finish, 20, ends=True)
            until(lambda: not listens(Path(folder) / "access.sock"))
            worker.sendall(record())
            assert not finished.done()
        finished.result()
        assert rig.access.joinpath(ACCESS.name).read_bytes().count(b"\n") == 2


def listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as one:
        return one.connect_ex(str(path)) == 0


def test_an_agent_that_starts_stores_what_the_one_before_did_not(rig: Rig, until: Until) -> None:
    """HAProxy's ring still has it; of what it sends again nothing is stored twice."""
    rig.boot(desired_state(make_service()))
    first, lost, unsent = (record(uri=f"/{name}", created=CREATED + n) for n, name in enumerate(("a", "b", "c")))
    rig.access.mkdir(exist_ok=True)
    rig.access.joinpath(f"{ACCESS.name}.1").write_bytes(first)
    with tempfile.TemporaryDirectory() as folder:
        starting = AccessLog(Path(folder) / "access.sock", rig.access, first + lost + unsent + b"\n")
        starting.start()
        with socket.socket(socket.AF_UNIX) as worker:
            worker.connect(str(Path(folder) / "access.sock"))
            worker.sendall(unsent + record(uri="/d", created=CREATED + 9))
            until(lambda: len(requests(rig)) == 4)
        starting.finish(20)
    paths = [found["fields"]["request"].split("8080")[1].split()[0] for found in requests(rig)]
    assert sorted(paths) == ["/a", "/b", "/c", "/d"]


def test_what_has_no_lines_ends_the_connection(rig: Rig, connect: Connect) -> None:
    broken = connect()
    with contextlib.suppress(OSError):
        broken.sendall(b"{" * (2 << 20))
    with contextlib.suppress(ConnectionResetError):
        assert broken.recv(1) == b""


def test_a_line_that_cannot_be_read_hides_no_other(rig: Rig, connect: Connect, until: Until) -> None:
    connect().sendall(record(uri="/first") + b'{"created": torn\n' + record(uri="/last"))
    until(lambda: len(requests(rig)) == 2)
