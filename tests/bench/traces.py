"""Figures of traces: what a receiver takes in a second without loss, and its memory at that."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from emulator.testing import Environment
from tests.bench.harness import Figure
from tests.docker.project import docker
from tests.docker.traces.conftest import SERVICES, write_workspace

LEAST_OTLP, LEAST_UDP, MOST_MEMORY = 5000.0, 4000.0, 40.0
BATCHES, BATCH = 60, 512
DATAGRAMS, A_SECOND = 5500, 1100
"""Each a segment with three subsegments: 4,400 spans a second."""

OTLP = """
import sys, time
import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest as Request
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
batches, size = int(sys.argv[1]), int(sys.argv[2])
requests = []
for batch in range(batches):
    request = Request()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "bench"
    scope = resource.scope_spans.add()
    for number in range(size):
        span = scope.spans.add(trace_id=(batch + 1).to_bytes(16, "big"), span_id=(number + 1).to_bytes(8, "big"),
                               name="a span of the benchmark", kind=2,
                               start_time_unix_nano=time.time_ns(), end_time_unix_nano=time.time_ns() + 1000000)
        for name in ("http.request.method", "url.path", "server.address", "user_agent.original"):
            span.attributes.add(key=name).value.string_value = "/some/value/of/it"
        span.attributes.add(key="http.response.status_code").value.int_value = 200
    requests.append(request)
stub = TraceServiceStub(grpc.insecure_channel("127.0.0.1:4317"))
began = time.perf_counter()
for request in requests:
    stub.Export(request, timeout=30)
print(batches * size / (time.perf_counter() - began))
"""
UDP = """
import json, socket, sys, time
count, rate = int(sys.argv[1]), int(sys.argv[2])
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
now = time.time()
made = []
for number in range(count):
    inner = [{"id": f"{number:08x}{other:08x}", "name": "a subsegment", "start_time": now, "end_time": now + 0.1}
             for other in range(1, 4)]
    document = {"trace_id": f"1-{int(now):08x}-{number:024x}", "id": f"{number:08x}00000000", "name": "datagrams",
                "start_time": now, "end_time": now + 0.2, "subsegments": inner}
    made.append(b'{"format":"json","version":1}\\n' + json.dumps(document).encode())
began = time.perf_counter()
for number, data in enumerate(made):
    client.sendto(data, ("127.0.0.1", 2000))
    ahead = (number + 1) / rate - (time.perf_counter() - began)
    if ahead > 0.005:
        time.sleep(ahead)
print(4 * count / (time.perf_counter() - began))
"""


def figures() -> Iterator[Figure]:
    folder = Path(tempfile.mkdtemp())
    try:
        workspace = write_workspace(folder / "traces")
        for name in SERVICES.keys() - {"web"}:
            shutil.rmtree(workspace / "copilot" / name)
        with Environment(workspace) as environment:
            yield from _figures(environment)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _figures(environment: Environment) -> Iterator[Figure]:
    rate = _run(environment, OTLP, BATCHES, BATCH)
    kept = _kept(environment, "bench", BATCHES * BATCH)
    note = f"{BATCHES} exports of {BATCH} spans over gRPC, {kept} kept"
    enough = rate if kept == BATCHES * BATCH else 0.0
    yield Figure("spans a second, OTLP", enough, LEAST_OTLP, "/s", "at least", 1.0, True, note=note)
    sent = _run(environment, UDP, DATAGRAMS, A_SECOND)
    kept = _kept(environment, "datagrams", 4 * DATAGRAMS)
    note = f"{DATAGRAMS} datagrams of 4 spans, {kept} kept"
    enough = sent if kept == 4 * DATAGRAMS else 0.0
    yield Figure("spans a second, UDP", enough, LEAST_UDP, "/s", "at least", 1.0, True, note=note)
    yield Figure("memory of a receiver", _memory(environment), MOST_MEMORY, "MiB", "at most", 1.0)


def _run(environment: Environment, script: str, *arguments: int) -> float:
    done = environment.exec("web/web", ["python3", "-c", script, *map(str, arguments)], timeout=120)
    assert done.exit_code == 0, done.stderr
    return float(done.stdout)


def _kept(environment: Environment, service: str, expected: int) -> int:
    """How many spans of a service are kept, once there are as many as expected, or no more come."""
    kept, before = 0, -1
    while kept != expected and kept != before:
        before = kept
        time.sleep(2)
        found = environment.agent.traces(limit="10000", service=[service])["traces"]
        kept = sum(one["spans"] for one in found)
    return kept


def _memory(environment: Environment) -> float:
    """MiB of the receiver's container, as Docker has it."""
    [row] = [
        row
        for row in environment.engine.list_containers(environment.names.labels())
        if row.labels.get("copilot-local.traces") == "capture"
    ]
    text = docker("stats", "--no-stream", "--format", "{{json .MemUsage}}", row.name)
    return _mib(str(json.loads(text)).partition(" / ")[0])


def _mib(text: str) -> float:
    for unit, factor in (("GiB", 1024.0), ("MiB", 1.0), ("KiB", 1 / 1024)):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * factor
    raise AssertionError(text)
