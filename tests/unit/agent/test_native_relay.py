"""The relay between a task and a program of this machine, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from emulator.agent import native_relay
from emulator.agent.native_relay import Outlet, Program, follow, lead, neighbours, socket_path
from emulator.agent.streams import Ends

LIMIT = 60
ROUTES = """\
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010013AC	0003	0	0	0	00000000	0	0	0
eth0	000013AC	00000000	0001	0	0	0	0000FFFF	0	0	0
eth0	02AAFEA9	00000000	0005	0	0	0	FFFFFFFF	0	0	0
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def silent_port() -> Iterator[int]:
    """A port at which nothing listens, and that is given to no other program meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read())
    await writer.drain()
    writer.close()


@asynccontextmanager
async def listening(port: int, host: str = "127.0.0.1") -> AsyncIterator[None]:
    server = await asyncio.start_server(echo, host, port)
    async with server:
        yield


@asynccontextmanager
async def running(*works: Awaitable[None]) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def asked(port: int, content: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(content)
        writer.write_eof()
        return await reader.read()
    finally:
        await close(writer)


async def ends(port: int) -> bool:
    """Whether a connection ends without an answer."""
    try:
        return await asked(port, b"hello") == b""
    except OSError:
        return True


async def accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    await close(writer)
    return True


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    while not await condition():
        await asyncio.sleep(0.01)


def within_limit(work: Awaitable[object]) -> None:
    async def run() -> None:
        await asyncio.wait_for(work, LIMIT)

    asyncio.run(run())


def test_the_task_s_port_is_open_as_long_as_the_program_listens(tmp_path: Path) -> None:
    inside, outside, said = free_port(), free_port(), list[str]()
    path = socket_path(str(tmp_path), inside)

    async def closed() -> bool:
        return not await accepts(inside)

    async def work() -> None:
        program = Program(path, ["127.0.0.1", "::1"], outside, said.append)
        async with running(program.run(), follow(path, inside)):
            for _ in range(2):  # started, ended, started again
                assert not await accepts(inside)
                async with listening(outside):
                    await until(lambda: accepts(inside))
                    content = b"x" * (1 << 20)
                    assert await asyncio.gather(*(asked(inside, content) for _ in range(10))) == [content] * 10
                await until(closed)
        assert not path.exists()

    within_limit(work())
    here = f"127.0.0.1:{outside} of this machine"
    assert said[:3] == [
        f"nothing listens on {here} yet",
        f"the program on {here} answers for this container",
        f"nothing listens on {here} any more",
    ]


def test_a_socket_of_before_opens_nothing(tmp_path: Path) -> None:
    """The relay was killed while the program listened, and starts again after that has ended."""
    inside = free_port()
    path = socket_path(str(tmp_path), inside)
    path.touch()

    async def work() -> None:
        with silent_port() as port:
            async with running(Program(path, ["127.0.0.1"], port, lambda text: None).run()):

                async def gone() -> bool:
                    return not path.exists()

                await until(gone)

    within_limit(work())


def test_a_connection_of_a_port_to_itself_is_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked again and again, the kernel once takes the port that is asked for as the one to ask from. The relay ends
    where it is cancelled at the very moment of an answer."""
    path, said, asked_again = socket_path(str(tmp_path), 1), list[str](), asyncio.Event()
    usual = asyncio.open_connection
    times = 0

    async def to_itself(host: str, port: int) -> Ends:
        nonlocal times
        with silent_port() as own:
            pass
        ends = await usual(host, own, local_addr=(host, own))
        assert ends[1].get_extra_info("sockname") == ends[1].get_extra_info("peername")
        times += 1
        if times == 2:
            asked_again.set()
        return ends

    async def work() -> None:
        monkeypatch.setattr(asyncio, "open_connection", to_itself)
        async with running(Program(path, ["127.0.0.1"], 1, said.append).run()):
            await asked_again.wait()

    within_limit(work())
    assert said == ["nothing listens on 127.0.0.1:1 of this machine yet"]


def test_a_published_port_leads_to_what_the_task_reaches() -> None:
    async def work() -> None:
        port, published = free_port(), free_port()
        outlet = Outlet(inside=published, host="localhost", port=port)
        async with listening(port), running(lead(outlet, lambda address: False)):
            await until(lambda: accepts(published))
            assert await asked(published, b"hello") == b"hello"

    within_limit(work())


def test_other_containers_are_not_led_anywhere() -> None:
    async def work() -> None:
        port, published = free_port(), free_port()
        outlet = Outlet(inside=published, host="127.0.0.1", port=port)
        async with listening(port), running(lead(outlet, lambda address: address == "127.0.0.1")):
            await until(lambda: accepts(published))
            assert await ends(published)

    within_limit(work())


def test_where_nothing_is_the_connection_ends() -> None:
    async def work() -> None:
        published = free_port()
        with silent_port() as port:
            async with running(lead(Outlet(inside=published, host="127.0.0.1", port=port), lambda address: False)):
                await until(lambda: accepts(published))
                assert await ends(published)

    within_limit(work())


@pytest.mark.parametrize(
    ("address", "expected"),
    [("172.19.0.1", False), ("172.19.0.7", True), ("192.168.65.1", False), ("127.0.0.1", False)],
)
def test_the_gateway_is_this_machine_and_the_rest_of_the_network_is_not(address: str, expected: bool) -> None:
    assert neighbours(ROUTES)(address) is expected


def test_the_task_s_own_routes_can_be_read() -> None:
    neighbours(native_relay.ROUTES.read_text(encoding="ascii"))
