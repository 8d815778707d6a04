"""A service of the tests: it answers GET, asks NEXT where that is set, and traces both with the SDK that SDK names.

With `otel-http` the path says how OpenTelemetry sends a trace: `/proto…` in protobuf, any other in JSON.
"""

from __future__ import annotations

import os
import signal
import sys
import urllib.request
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
SDK, NEXT, NAME = os.environ["SDK"], os.environ.get("NEXT", ""), os.environ["COPILOT_SERVICE_NAME"]


def ask(headers: dict[str, str]) -> str:
    """What the next service answers; empty where there is none."""
    if not NEXT:
        return ""
    with urllib.request.urlopen(urllib.request.Request(NEXT, headers=headers), timeout=10) as answer:
        return str(answer.read().decode())


def with_xray() -> App:
    from aws_xray_sdk.core import xray_recorder  # type: ignore[import-untyped]
    from aws_xray_sdk.core.models.trace_header import TraceHeader  # type: ignore[import-untyped]

    xray_recorder.configure(service=NAME, context_missing="LOG_ERROR")

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        came = TraceHeader.from_header_str(environ.get("HTTP_X_AMZN_TRACE_ID"))
        segment = xray_recorder.begin_segment(
            NAME, traceid=came.root, parent_id=came.parent, sampling=came.sampled or 1
        )
        segment.put_http_meta("method", environ["REQUEST_METHOD"])
        segment.put_http_meta("url", f"http://{environ['HTTP_HOST']}{environ['PATH_INFO']}")
        print(f"serving {segment.trace_id}", flush=True)
        try:
            body = ""
            if NEXT:
                with xray_recorder.in_subsegment("next", namespace="remote") as inner:
                    header = TraceHeader(root=segment.trace_id, parent=inner.id, sampled=1).to_header_str()
                    body = ask({"X-Amzn-Trace-Id": header})
            _, inner, parts = environ["PATH_INFO"].partition("/inner/")
            for number in range(int(parts) if inner else 0):
                with xray_recorder.in_subsegment(f"part {number}"):
                    pass
            if environ["PATH_INFO"].endswith("/fail"):
                raise RuntimeError("no such order")
            segment.put_http_meta("status", 200)
            start("200 OK", [("Content-Type", "text/plain")])
            return [f"{segment.trace_id} {body}".encode()]
        except RuntimeError as error:
            segment.add_exception(error, [])
            segment.put_http_meta("status", 500)
            start("500 Internal Server Error", [("Content-Type", "text/plain")])
            return [segment.trace_id.encode()]
        finally:
            xray_recorder.end_segment()

    return app


def exporters() -> list[Any]:
    """Those that the SDK's name chooses: the first one sends a trace, the second one where the path begins so."""
    if SDK == "otel-grpc":
        from opentelemetry.exporter.otlp.proto.grpc import trace_exporter as grpc

        return [grpc.OTLPSpanExporter()]
    from opentelemetry.exporter.otlp.json.http import trace_exporter as json
    from opentelemetry.exporter.otlp.proto.http import trace_exporter as proto

    return [json.OTLPSpanExporter(), proto.OTLPSpanExporter()]


def with_otel() -> App:
    from opentelemetry import propagate, trace
    from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
    from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import SpanKind

    ids = None
    if os.environ.get("OTEL_PYTHON_ID_GENERATOR") == "xray":
        from opentelemetry.sdk.extension.aws.trace import AwsXRayIdGenerator

        ids = AwsXRayIdGenerator()
    senders = [BatchSpanProcessor(one, schedule_delay_millis=200) for one in exporters()]
    in_protobuf: set[int] = set()

    class ByPath(SpanProcessor):
        def on_end(self, span: ReadableSpan) -> None:
            senders[span.context.trace_id in in_protobuf].on_end(span)

    provider = TracerProvider(id_generator=ids)
    provider.add_span_processor(ByPath())
    trace.set_tracer_provider(provider)
    tracer = trace.get_tracer("app")

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        number = trace.get_current_span().get_span_context().trace_id
        if environ["PATH_INFO"].startswith("/proto"):
            in_protobuf.add(number)
        id = format(number, "032x")
        print(f"serving {id}", flush=True)
        with tracer.start_as_current_span("ask", kind=SpanKind.CLIENT, attributes={"peer.service": "next"}) as span:
            headers: dict[str, str] = {}
            propagate.inject(headers)
            try:
                body = ask(headers)
            except OSError as error:
                span.record_exception(error)
                body = str(error)
        start("200 OK", [("Content-Type", "text/plain")])
        return [f"{id} {body}".encode()]

    return OpenTelemetryMiddleware(app)


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Handler(WSGIRequestHandler):
    def get_environ(self) -> dict[str, Any]:
        return {**super().get_environ(), "REMOTE_PORT": str(self.client_address[1])}

    def log_message(self, *words: object) -> None:
        """Says nothing of requests."""


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
app = with_xray() if SDK == "xray" else with_otel()
print(f"{NAME} listens", file=sys.stderr, flush=True)
make_server("", 8080, app, Server, Handler).serve_forever()
