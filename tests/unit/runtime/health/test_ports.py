"""Who listens in a task: from the kernel's table in its namespace, and the sockets that its containers have open."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from emulator.engine.fake import Behaviour
from emulator.engine.interface import ExecResult
from emulator.runtime.health.ports import Listening, listening_in
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import desired_state, make_service

Answer = Callable[[Sequence[str]], ExecResult]
HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
DNS, WEB, LOCAL, OTHER = "0B00007F:9ACB", "00000000:0BB8", "0100007F:0BB9", "00000000:2328"


def row(address: str, inode: int, state: str = "0A") -> str:
    return f"   0: {address} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1 0\n"


def table(*rows: str) -> Answer:
    # Without IPv6 there is no second table, which `cat` complains about.
    return lambda _: ExecResult(1, (HEAD + "".join(rows)).encode(), b"cat: can't open '/proc/net/tcp6'")


def sockets(*inodes: int) -> Answer:
    listed = "".join(f"lrwx------ 1 0 0 64 Jan 1 00:00 {at} -> socket:[{inode}]\n" for at, inode in enumerate(inodes))
    text = f"/proc/1/fd:\nl-wx------ 1 0 0 64 Jan 1 00:00 1 -> pipe:[1]\n{listed}"
    return lambda _: ExecResult(0, text.encode(), b"")


def no_shell(_: Sequence[str]) -> ExecResult:
    return ExecResult(127, b"", b"exec: sh: not found")


def look(bench: Bench, pause: Answer, **containers: Answer) -> list[Listening] | None:
    bench.engine.behave("*-pause", Behaviour(exec=pause))
    for name, answer in containers.items():
        bench.engine.behave(f"*-{name}", Behaviour(exec=answer))
    task = bench.start(desired_state(make_service({name: {} for name in containers}, name=next(iter(containers)))))
    return listening_in(bench.engine, task)


def test_each_port_is_the_container_s_that_has_its_socket(bench: Bench) -> None:
    rows = [row(DNS, 1), row(WEB, 20), row(LOCAL, 30), row(OTHER, 40), row(WEB, 50, "01")]
    found = look(bench, table(*rows), hello=sockets(20, 7), nginx=sockets(30))
    assert found == [
        Listening(3000, "0.0.0.0", "hello"),
        Listening(3001, "127.0.0.1", "nginx"),
        Listening(9000, "0.0.0.0", ""),
    ]


def test_our_relay_to_the_aws_endpoint_is_no_container_s(bench: Bench) -> None:
    bench.engine.behave("*-pause", Behaviour(exec=table(row(LOCAL, 30), row(OTHER, 40))))
    task = bench.start(desired_state(make_service()))
    assert listening_in(bench.engine, task, 0x0BB9) == [Listening(9000, "0.0.0.0", "hello")]


def test_what_is_left_is_the_one_s_that_does_not_show_its_processes(bench: Bench) -> None:
    found = look(bench, table(row(WEB, 20), row(OTHER, 40)), hello=no_shell, nginx=sockets(20))
    assert found == [Listening(3000, "0.0.0.0", "nginx"), Listening(9000, "0.0.0.0", "hello")]


def test_of_several_that_do_not_show_theirs_none_is_named(bench: Bench) -> None:
    found = look(bench, table(row(WEB, 20)), hello=no_shell, nginx=no_shell)
    assert found == [Listening(3000, "0.0.0.0", "")]


def test_a_single_container_is_not_asked(bench: Bench) -> None:
    assert look(bench, table(row(WEB, 20)), hello=no_shell) == [Listening(3000, "0.0.0.0", "hello")]
    assert [name for name, _ in bench.engine.execs if name.endswith("hello")] == []


def test_nothing_listens_or_nothing_is_known(bench: Bench) -> None:
    assert look(bench, table(row(DNS, 1)), hello=no_shell) == []
    bench.engine.behave("*-pause", Behaviour(exec=no_shell))
    task = next(iter(bench.observed.tasks.values()))
    bench.engine.remove(task.pause.name if task.pause else "")
    assert listening_in(bench.engine, task) is None
