"""The name server of a task, over real sockets, with another one in the place of Docker's."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from emulator.agent.aws_names import NameServer

HOST = "cl-shop-test-aws"
HERE = "127.0.0.1"
LONG = [f"part {number} of a long text" for number in range(40)]


class Dockers(asyncio.DatagramProtocol):
    """Knows the endpoint and a few more, and notes what it is asked for."""

    def __init__(self, *, endpoint: bool = True) -> None:
        self.asked: list[str] = []
        self.endpoint = endpoint

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        answer = self.answer(dns.message.from_wire(data))
        if len(answer.to_wire()) > 512:
            answer.answer, answer.flags = [], answer.flags | dns.flags.TC
        self.transport.sendto(answer.to_wire(), addr)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(2), "big")
        answer = self.answer(dns.message.from_wire(await reader.readexactly(size))).to_wire()
        writer.write(len(answer).to_bytes(2, "big") + answer)
        await writer.drain()
        writer.close()

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        answer, [question] = dns.message.make_response(query), query.question
        name = question.name.to_text().rstrip(".")
        self.asked.append(name)
        if name == HOST and self.endpoint:
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", HERE))
        elif name == "worker.test.shop.local":
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", "192.0.2.7"))
        elif name == "long.example":
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", "TXT", *(f'"{part}"' for part in LONG)))
        else:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer


class Endpoint:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.said.append((await reader.readline()).decode().strip())
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()


def free_port() -> int:
    with socket.socket() as one:
        one.bind((HERE, 0))
        return int(one.getsockname()[1])


async def both(dockers: Dockers) -> tuple[asyncio.Server, asyncio.DatagramTransport]:
    """Docker's name server on a port of TCP that is free for UDP too."""
    loop = asyncio.get_running_loop()
    while True:
        streams = await asyncio.start_server(dockers.connected, HERE, 0)
        try:
            address = (HERE, port_of(streams))
            transport, _ = await loop.create_datagram_endpoint(lambda: dockers, local_addr=address)
        except OSError:  # another program has it
            streams.close()
            await streams.wait_closed()
        else:
            return streams, transport


def port_of(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port


@asynccontextmanager
async def serving(dockers: Dockers, folder: Path, endpoint: Endpoint | None = None) -> AsyncIterator[int]:
    """The port of a task's name server."""
    streams, transport = await both(dockers)
    listening = await asyncio.start_server((endpoint or Endpoint()).connected, HERE, 0)
    asked, told, port = port_of(streams), port_of(listening), free_port()
    ready = folder / "ready"
    task = asyncio.create_task(NameServer(HOST, told, "api one", (HERE, asked)).serve(ready, HERE, port))
    while not ready.exists():
        await asyncio.sleep(0.01)
        if task.done():
            task.result()
    try:
        yield port
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        transport.close()
        for server in (streams, listening):
            server.close()
            await server.wait_closed()


def within(work: Coroutine[Any, Any, None]) -> None:
    async def run() -> None:
        await asyncio.wait_for(work, 60)

    asyncio.run(run())


async def ask(port: int, name: str, kind: str = "A") -> dns.message.Message:
    return await dns.asyncquery.udp(dns.message.make_query(name, kind), HERE, port=port, timeout=30)


def records(answer: dns.message.Message) -> list[str]:
    return [str(record) for found in answer.answer for record in found]


@pytest.mark.parametrize(
    "name",
    [
        *("sqs.us-east-1.amazonaws.com", "sts.amazonaws.com", "a-bucket.s3.eu-west-1.amazonaws.com"),
        *("SQS.Us-East-1.AmazonAWS.com", "sqs.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_a_name_of_aws_leads_to_the_endpoint(name: str, tmp_path: Path) -> None:
    async def work() -> None:
        dockers, endpoint = Dockers(), Endpoint()
        async with serving(dockers, tmp_path, endpoint) as port:
            answer = await ask(port, name)
        assert (records(answer), answer.rcode()) == ([HERE], dns.rcode.NOERROR)
        assert answer.answer[0].ttl <= 5  # the endpoint may start again with another address
        assert dockers.asked == [HOST]
        assert endpoint.said == ["GET /copilot-local/caller/api%20one?address HTTP/1.1"]

    within(work())


@pytest.mark.parametrize("kind", ["AAAA", "TXT", "HTTPS", "MX", "ANY"])
def test_a_name_of_aws_has_no_other_record(kind: str, tmp_path: Path) -> None:
    async def work() -> None:
        dockers = Dockers()
        async with serving(dockers, tmp_path) as port:
            answer = await ask(port, "sqs.us-east-1.amazonaws.com", kind)
        assert (records(answer), answer.rcode(), dockers.asked) == ([], dns.rcode.NOERROR, [])

    within(work())


def test_without_the_endpoint_it_fails_and_nothing_is_asked_outside(tmp_path: Path) -> None:
    async def work() -> None:
        dockers = Dockers(endpoint=False)
        async with serving(dockers, tmp_path) as port:
            answer = await ask(port, "sqs.us-east-1.amazonaws.com")
        assert (records(answer), answer.rcode(), dockers.asked) == ([], dns.rcode.SERVFAIL, [HOST])

    within(work())


def test_an_endpoint_that_does_not_listen_yet_is_answered_all_the_same(tmp_path: Path) -> None:
    async def work() -> None:
        class Deaf(Endpoint):
            async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                del reader
                writer.transport.abort()

        async with serving(Dockers(), tmp_path, Deaf()) as port:
            assert records(await ask(port, "sqs.us-east-1.amazonaws.com")) == [HERE]

    within(work())


@pytest.mark.parametrize("name", ["worker.test.shop.local", "notamazonaws.com", "amazonaws.com.example", "com"])
def test_other_names_are_answered_as_before(name: str, tmp_path: Path) -> None:
    async def work() -> None:
        dockers = Dockers()
        async with serving(dockers, tmp_path) as port:
            answer = await ask(port, name)
        assert dockers.asked == [name]
        known = name == "worker.test.shop.local"
        assert records(answer) == (["192.0.2.7"] if known else [])
        assert answer.rcode() == (dns.rcode.NOERROR if known else dns.rcode.NXDOMAIN)

    within(work())


def test_a_long_answer_comes_by_tcp(tmp_path: Path) -> None:
    async def work() -> None:
        async with serving(Dockers(), tmp_path) as port:
            short = await ask(port, "long.example", "TXT")
            assert short.flags & dns.flags.TC
            query = dns.message.make_query("long.example", "TXT")
            whole = await dns.asyncquery.tcp(query, HERE, port=port, timeout=30)
            ours = await dns.asyncquery.tcp(
                dns.message.make_query("s3.amazonaws.com", "A"), HERE, port=port, timeout=30
            )
        assert sorted(records(whole)) == sorted(f'"{part}"' for part in LONG)
        assert records(ours) == [HERE]

    within(work())


def test_many_are_answered_beside_each_other(tmp_path: Path) -> None:
    async def work() -> None:
        names = ["sqs.us-east-1.amazonaws.com", "worker.test.shop.local"] * 100
        async with serving(Dockers(), tmp_path) as port:
            answers = await asyncio.gather(*(ask(port, name) for name in names))
        assert [records(answer) for answer in answers] == [[HERE], ["192.0.2.7"]] * 100

    within(work())


def test_what_is_no_question_is_not_answered(tmp_path: Path) -> None:
    async def work() -> None:
        dockers = Dockers()
        answered = dns.message.make_response(dns.message.make_query("sqs.us-east-1.amazonaws.com", "A"))
        double = dns.message.make_query("worker.test.shop.local", "A")
        double.question.append(dns.message.make_query("sqs.us-east-1.amazonaws.com", "A").question[0])
        async with serving(dockers, tmp_path) as port:
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                asyncio.DatagramProtocol, remote_addr=(HERE, port)
            )
            for wrong in (b"", b"\0", b"\xff" * 600, answered.to_wire(), double.to_wire()):
                transport.sendto(wrong)
            transport.close()
            assert records(await ask(port, "worker.test.shop.local")) == ["192.0.2.7"]
        assert dockers.asked == ["worker.test.shop.local"]

    within(work())


def test_a_port_that_is_taken_is_an_error(tmp_path: Path) -> None:
    async def work() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind((HERE, 0))
            server = NameServer(HOST, 1, "api")
            with pytest.raises(OSError, match="in use"):
                await server.serve(tmp_path / "ready", HERE, taken.getsockname()[1])
        assert not (tmp_path / "ready").exists()

    within(work())
