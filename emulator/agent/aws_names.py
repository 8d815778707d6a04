"""Leads AWS's own host names to the local AWS endpoint: the name server of a task, in one process with its relay.

`python3 -m emulator.agent.aws_names PORT HOST SERVICE LEADS ADDRESS READY`: the first four are those of
`emulator.agent.aws_relay`; the name server listens at ADDRESS, and makes the file READY once it does.
The containers of the task ask it through the `/etc/resolv.conf` that they share with the pause. A name of AWS has the
endpoint's address, and no other record; everything else goes on to Docker's own name server, unread. Nothing of AWS is
ever asked for outside: where the endpoint has no address, the answer is a failure.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast
from urllib.parse import quote

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from emulator.agent.aws_relay import CALLER, ENDPOINT_PORT, serve
from emulator.regions import SUFFIXES

PORT = 53
DOCKERS = ("127.0.0.11", PORT)
"""Docker's name server, the same address in every container."""
DOMAINS = tuple(map(dns.name.from_text, SUFFIXES))
"""Of AWS's services, with everything below."""
TTL = 5
"""Seconds that an answer holds: the endpoint may have another address when it starts again."""
TIMEOUT = 10.0
"""Seconds for a question that goes on."""
_INTRODUCTION = 2.0
"""Seconds for it; an endpoint that starts just now is not waited for."""

Ask = Callable[[bytes], Awaitable[bytes]]
"""Asks Docker's name server. Raises OSError or EOFError."""


class NameServer:
    """Answers the questions of one task. `host` is the endpoint, at whose `port` it speaks HTTP; `service` the task's
    service, which the endpoint learns before an answer leads a call there."""

    def __init__(self, host: str, port: int, service: str, upstream: tuple[str, int] = DOCKERS) -> None:
        self._host = host
        self._port = port
        self._service = service
        self._upstream = upstream
        self._running: set[asyncio.Task[None]] = set()

    async def answer(self, question: bytes, ask: Ask) -> bytes:
        """The answer to a message; empty where it is no question, or Docker's name server does not answer."""
        try:
            query = dns.message.from_wire(question, question_only=True)
        except (dns.exception.DNSException, ValueError):
            return b""
        if len(query.question) != 1 or query.flags & dns.flags.QR:
            return b""
        if any(query.question[0].name.is_subdomain(domain) for domain in DOMAINS):
            return await self._endpoint(query)
        try:
            async with asyncio.timeout(TIMEOUT):
                return await ask(question)
        except (OSError, EOFError):
            return b""

    async def _endpoint(self, query: dns.message.Message) -> bytes:
        """The answer to a question about a name of AWS."""
        answer = dns.message.make_response(query, recursion_available=True)
        asked = query.question[0]
        if asked.rdtype == dns.rdatatype.A:
            found = await self._addresses()
            if found:
                await self._introduce(found[0])
                answer.answer.append(dns.rrset.from_text(asked.name, TTL, asked.rdclass, asked.rdtype, *found))
            else:
                answer.set_rcode(dns.rcode.SERVFAIL)
        return answer.to_wire()

    async def _addresses(self) -> list[str]:
        """The endpoint's; none while it is not there."""
        question = dns.message.make_query(self._host, dns.rdatatype.A)
        with contextlib.suppress(OSError, dns.exception.DNSException):
            async with asyncio.timeout(TIMEOUT):
                answer = dns.message.from_wire(await self.ask_datagram(question.to_wire()))
            return [str(record) for found in answer.answer for record in found if record.rdtype == dns.rdatatype.A]
        return []

    async def _introduce(self, address: str) -> None:
        """Tells the endpoint whose calls come from this task's address."""
        with contextlib.suppress(OSError, EOFError):
            async with asyncio.timeout(_INTRODUCTION):
                reader, writer = await asyncio.open_connection(address, self._port)
                request = f"GET {CALLER}{quote(self._service)}?address HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
                writer.write(request.encode())
                await reader.readuntil(b"\r\n\r\n")
                writer.close()

    async def ask_datagram(self, question: bytes) -> bytes:
        """Asks Docker's name server by UDP. Raises OSError."""
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[bytes] = loop.create_future()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Answer(answered), remote_addr=self._upstream)
        try:
            transport.sendto(question)
            return await answered
        finally:
            transport.close()

    async def ask_stream(self, question: bytes) -> bytes:
        """Asks Docker's name server by TCP. Raises OSError or EOFError."""
        reader, writer = await asyncio.open_connection(*self._upstream)
        try:
            writer.write(_framed(question))
            return await _read_framed(reader)
        finally:
            writer.close()

    def received(self, transport: asyncio.DatagramTransport, question: bytes, address: tuple[str, int]) -> None:
        """Answers a datagram, beside others."""

        async def respond() -> None:
            if content := await self.answer(question, self.ask_datagram):
                transport.sendto(content, address)

        task = asyncio.get_running_loop().create_task(respond())
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers the questions of a connection, one after the other."""
        try:
            while content := await self.answer(await _read_framed(reader), self.ask_stream):
                writer.write(_framed(content))
                await writer.drain()
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    async def serve(self, ready: Path, host: str, port: int = PORT) -> None:
        """Listens until the process ends; `ready` is there as soon as it does. OSError where something has the port."""
        loop = asyncio.get_running_loop()
        datagrams, _ = await loop.create_datagram_endpoint(lambda: _Questions(self), local_addr=(host, port))
        try:
            async with await asyncio.start_server(self.connected, host, port) as streams:
                ready.touch()
                await streams.serve_forever()
        finally:
            datagrams.close()


class _Questions(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._server.received(self._transport, data, addr)


class _Answer(asyncio.DatagramProtocol):
    def __init__(self, answered: asyncio.Future[bytes]) -> None:
        self._answered = answered

    def datagram_received(self, data: bytes, _: tuple[str, int]) -> None:
        if not self._answered.done():
            self._answered.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self._answered.done():
            self._answered.set_exception(exc)


def _framed(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


async def _read_framed(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))


async def run(port: int, host: str, service: str, leads: Path, address: str, ready: Path) -> None:
    """Runs relay and name server; ends with the first of them."""
    async with asyncio.TaskGroup() as both:
        both.create_task(NameServer(host, ENDPOINT_PORT, service).serve(ready, address))
        both.create_task(serve(port, host, service, leads))


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4]), sys.argv[5], Path(sys.argv[6])))
