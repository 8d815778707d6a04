"""Spans of OpenTelemetry, with the ids and the header of X-Ray: the collector sends them there."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagators.aws import AwsXRayPropagator
from opentelemetry.sdk.extension.aws.trace import AwsXRayIdGenerator
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

_propagator = AwsXRayPropagator()
_provider = TracerProvider(resource=Resource.create({"service.name": "api"}), id_generator=AwsXRayIdGenerator())
_provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=500))
_tracer = _provider.get_tracer("api")


def serving(method: str, path: str, headers: Mapping[str, str]) -> AbstractContextManager[trace.Span]:
    """The span of a request, below the one that its header names."""
    parent = _propagator.extract({name.title(): value for name, value in headers.items()})
    attributes = {"http.request.method": method, "url.path": path}
    return _tracer.start_as_current_span(
        f"{method} /{path.strip('/').partition('/')[0]}", parent, trace.SpanKind.SERVER, attributes
    )


def onward() -> dict[str, str]:
    """What a message carries, so that who gets it goes on with this trace."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier
