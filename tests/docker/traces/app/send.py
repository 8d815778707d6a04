"""Sends one segment of X-Ray's and one span over OTLP, with the text that is given; sends nothing by an SDK."""

from __future__ import annotations

import json
import socket
import sys
import time
import urllib.request

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

text, now = sys.argv[1], time.time()
document = {
    "trace_id": f"1-6b0bad12-{'c' * 24}",
    "id": "d" * 16,
    "name": "by the daemon",
    "start_time": now,
    "end_time": now + 1,
    "annotations": {"text": text},
}
datagram = b'{"format":"json","version":1}\n' + json.dumps(document).encode()
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(datagram, ("127.0.0.1", 2000))

request = ExportTraceServiceRequest()
resource = request.resource_spans.add()
resource.resource.attributes.add(key="service.name").value.string_value = "by otlp"
ids = {"trace_id": b"e" * 16, "span_id": b"f" * 8}
times = {"start_time_unix_nano": int(now * 1e9), "end_time_unix_nano": int(now * 1e9) + 1000}
span = resource.scope_spans.add().spans.add(name="by otlp", kind=2, **ids, **times)
span.attributes.add(key="text").value.string_value = text
headers = {"Content-Type": "application/x-protobuf"}
url = "http://127.0.0.1:4318/v1/traces"
urllib.request.urlopen(urllib.request.Request(url, request.SerializeToString(), headers)).close()
