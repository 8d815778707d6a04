"""The receiver's ports, spoken to by real clients; what it holds and hands on."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
import random
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from emulator.traces import ports, wire
from emulator.traces.intake import decoded
from emulator.traces.receiver.http import LARGEST
from emulator.traces.receiver.outbox import HELD, Courier, Outbox
from emulator.traces.receiver.serving import Receiver
from emulator.traces.wire import Payload, Report
from tests.unit.traces.spans import datagram


def free_offset() -> int:
    """What is added to every port, so that all of them are free. Another process that looks at the same time looks
    elsewhere."""
    every = range(20_000, 45_000, 97)
    for offset in random.sample(every, len(every)):
        sockets = []
        try:
            for port in ports.EVERY:
                sockets.append(socket.socket())
                sockets[-1].bind(("0.0.0.0", port + offset))
            return offset
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()
    raise AssertionError("no free ports")


@dataclass
class Running:
    outbox: Outbox
    offset: int

    def request(self, port: int, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", port + self.offset, timeout=10)) as connection:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request("POST" if port != ports.HEALTH else "GET", path, body, named)
            answer = connection.getresponse()
            return answer.status, answer.read()


@pytest.fixture
def receiver() -> Iterator[Running]:
    loop, outbox, offset = asyncio.new_event_loop(), Outbox("collector"), free_offset()
    receiver = Receiver(outbox, 1.0)
    servers = loop.run_until_complete(receiver.start((), offset))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield Running(outbox, offset)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    receiver.close()
    for server in servers:
        server.close()
    loop.run_until_complete(asyncio.sleep(0))
    for task in asyncio.all_tasks(loop):
        task.cancel()
        loop.run_until_complete(asyncio.wait([task]))
    loop.close()


def test_a_datagram(receiver: Running) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(datagram(), ("127.0.0.1", ports.XRAY + receiver.offset))
    _, [payload] = receiver.outbox.next(10)
    assert payload.protocol == "xray"
    assert decoded(payload, [])[0].name == "shop"


@pytest.mark.parametrize("kind", ["grpc", "http"])
@pytest.mark.parametrize("compressed", [False, True])
def test_opentelemetry_s_own_exporters(receiver: Running, kind: str, compressed: bool) -> None:
    # Imported here: every worker collects this file, one runs it, and these take longer than all else that it imports.
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter

    exporter: SpanExporter
    if kind == "grpc":
        import grpc  # type: ignore[import-untyped]
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter

        compression = grpc.Compression.Gzip if compressed else grpc.Compression.NoCompression
        target = f"127.0.0.1:{ports.GRPC + receiver.offset}"
        exporter = GrpcExporter(endpoint=target, insecure=True, compression=compression)
    else:
        from opentelemetry.exporter.otlp.proto.http import Compression
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter

        url = f"http://127.0.0.1:{ports.HTTP + receiver.offset}/v1/traces"
        exporter = HttpExporter(endpoint=url, compression=Compression.Gzip if compressed else Compression.NoCompression)
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    for name in ("first", "second"):
        provider.get_tracer("test").start_span(name).end()
    provider.shutdown()
    names: list[str] = []
    while len(names) < 2:
        _, payloads = receiver.outbox.next(10)
        assert {one.protocol for one in payloads} == {f"otlp_{kind}"}
        names += [span.name for one in payloads for span in decoded(one, [])]
    assert names == ["first", "second"]


def test_json_and_a_compressed_body(receiver: Running) -> None:
    headers = {"Content_Type": "application/json", "Content_Encoding": "gzip"}
    assert receiver.request(ports.HTTP, "/v1/traces", gzip.compress(b"{}"), **headers) == (200, b"{}")
    _, [payload] = receiver.outbox.next(10)
    assert (payload.protocol, payload.data) == ("otlp_json", b"{}")


def test_metrics_and_logs_are_taken_and_counted(receiver: Running) -> None:
    for path in ("/v1/metrics", "/v1/logs", "/v1/logs"):
        assert receiver.request(ports.HTTP, path, b"", Content_Type="application/x-protobuf") == (200, b"")
    report, payloads = receiver.outbox.next(0)
    assert (report.others, payloads) == ({"metrics": 1, "logs": 2}, [])


@pytest.mark.parametrize(
    ("port", "path", "body", "headers", "status"),
    [
        (ports.HTTP, "/v2/spans", b"{}", {"Content_Type": "application/json"}, 404),
        (ports.HTTP, "/v1/traces", b"{}", {"Content_Type": "text/plain"}, 415),
        (ports.HTTP, "/v1/traces", b"no gzip", {"Content_Encoding": "gzip"}, 400),
        (ports.HTTP, "/v1/traces", b"{}", {"Content_Encoding": "br"}, 400),
        (ports.HTTP, "/v1/traces", gzip.compress(b"0" * (LARGEST + 1)), {"Content_Encoding": "gzip"}, 413),
        (ports.HTTP, "/v1/traces", b"0" * (LARGEST + 1), {"Content_Type": "application/json"}, 413),
        (ports.XRAY, "/nothing", b"{}", {}, 404),
    ],
)
def test_what_a_collector_refuses_is_refused_and_it_goes_on(
    receiver: Running, port: int, path: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    assert receiver.request(port, path, body, **headers)[0] == status
    assert receiver.request(ports.HEALTH, "/")[0] == 200


@pytest.mark.parametrize("port", [ports.XRAY, ports.GRPC, ports.HTTP, ports.HEALTH])
def test_what_is_no_protocol_at_all_ends_a_connection_and_nothing_else(receiver: Running, port: int) -> None:
    with socket.create_connection(("127.0.0.1", port + receiver.offset), 10) as connection:
        connection.sendall(b"\x16\x03\x01\x00\xa5 nonsense \r\n\r\n" * 10)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    assert receiver.request(ports.HEALTH, "/")[0] == 200


def test_an_unknown_method_of_grpc_is_unimplemented(receiver: Running) -> None:
    import grpc

    with grpc.insecure_channel(f"127.0.0.1:{ports.GRPC + receiver.offset}") as channel:
        call = channel.unary_unary("/some.Service/Method")
        with pytest.raises(grpc.RpcError) as raised:
            call(b"", timeout=10)
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_sampling_is_answered_in_the_form_that_the_sdks_insist_on(receiver: Running) -> None:
    status, body = receiver.request(ports.XRAY, "/GetSamplingRules", b"{}")
    rule = json.loads(body)["SamplingRuleRecords"][0]["SamplingRule"]
    assert (status, rule["FixedRate"], rule["Version"], rule["Attributes"]) == (200, 1.0, 1, {})
    _, body = receiver.request(ports.XRAY, "/SamplingTargets", b"{}")
    assert isinstance(json.loads(body)["LastRuleModification"], float)
    assert receiver.request(ports.XRAY, "/TelemetryRecords", b"{}") == (200, b"{}")


def test_a_port_that_is_taken_or_another_container_s_is_left_alone() -> None:
    offset, outbox = free_offset(), Outbox("collector")

    async def start() -> list[int]:
        servers = await Receiver(outbox, 1.0).start((ports.XRAY,), offset)
        found = [server.sockets[0].getsockname()[1] - offset for server in servers]
        for server in servers:
            server.close()
        return found

    with socket.socket() as taken:
        taken.bind(("0.0.0.0", ports.HTTP + offset))
        taken.listen()
        assert asyncio.run(start()) == [ports.GRPC, ports.HEALTH]
    assert outbox.taken == (ports.HTTP,)


def test_the_oldest_are_dropped_and_counted_while_the_agent_is_away() -> None:
    outbox = Outbox("collector")
    for number in range(5):
        outbox.add("xray", bytes([number]) * (HELD // 4))
    assert outbox.full
    report, payloads = outbox.next(0)
    assert (report.dropped, payloads[0].data[0]) == (1, 1)


def test_what_is_handed_over_comes_back_as_it_was() -> None:
    payloads = [Payload("xray", 1.5, b"\x00\n"), Payload("otlp_json", 2.5, b""), Payload("api", 3.5, b"x" * 1000)]
    report = Report("collector", dropped=1, refused=2, others={"metrics": 3}, taken=(2000,))
    assert wire.decode(wire.encode(report, payloads)) == (report, payloads)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "no report"),
        (b"{}\n", "no report"),
        (b"[]\n", "no report"),
        (b'{"container": "x", "dropped": [1]}\n', "no report"),
        (b'{"container": "x"}\n\x00', "cut short"),
        (b'{"container": "x"}\n' + b"\xff" * 20, "cut short"),
    ],
)
def test_a_body_that_is_none(body: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        wire.decode(body)


def test_the_courier_hands_over_again_what_the_agent_did_not_take() -> None:
    bodies: list[bytes] = []

    class Agent(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        statuses = iter([404, 503, 200])

        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(next(self.statuses, 200))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *words: object) -> None:
            """Says nothing."""

    outbox = Outbox("collector")
    outbox.add("xray", b"one")
    with HTTPServer(("127.0.0.1", 0), Agent) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        courier = Courier(outbox, server.server_address[:2])  # type: ignore[arg-type]
        courier.start()
        while not outbox.empty:
            threading.Event().wait(0.01)
        outbox.close()
        courier.join()
        server.shutdown()
        thread.join()
    assert len(bodies) == 3
    assert {wire.decode(body)[1][0].data for body in bodies} == {b"one"}
