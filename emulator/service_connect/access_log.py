"""The access log of Service Connect's proxies, in ECS's formats. Pure.

No key of a manifest asks for it, but a template patch may: `AccessLogConfiguration` of `ServiceConnectConfiguration`.
Copilot's template has the `LogConfiguration` that ECS wants beside it: the service's own log group.

Source: Amazon ECS, "Service Connect access logs"; API `ServiceConnectAccessLogConfiguration`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from emulator.service_connect.patched import access_log_of

if TYPE_CHECKING:
    from emulator.ecs.service import Service
    from emulator.service_connect.model import Protocol

Json = dict[str, object]
Format = Literal["text", "json"]
_FORMATS: tuple[Format, ...] = ("text", "json")
Kind = Literal["", "text", "text-query", "json", "json-query"]
"""A format, with the query parameters of paths or without; empty: no access log."""

_EXTENSIONS = "type.googleapis.com/envoy.extensions"
_PATH = "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%"
_PATH_ALONE = "%REQ_WITHOUT_QUERY(X-ENVOY-ORIGINAL-PATH?:PATH)%"
_REQUEST = '[%START_TIME%] "%REQ(:METHOD)% {path} %PROTOCOL%" %RESPONSE_CODE% {status}%BYTES_RECEIVED% %BYTES_SENT%'
_REST = (
    '%DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%"'
    ' "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"'
)
_TCP = (
    "[%START_TIME%] %DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_REMOTE_PORT% %BYTES_RECEIVED% %BYTES_SENT% %DURATION%"
    " %CONNECTION_TERMINATION_DETAILS% %CONNECTION_ID%"
)
_STREAM_ID, _GRPC_STATUS = "%STREAM_ID%", "%GRPC_STATUS()%"


@dataclass(frozen=True, slots=True)
class AccessLog:
    """One that is written: `query`, with the query parameters of paths."""

    format: Format
    query: bool = False

    @property
    def kind(self) -> Kind:
        """Both in a word."""
        if self.format == "text":
            return "text-query" if self.query else "text"
        return "json-query" if self.query else "json"

    @classmethod
    def of(cls, kind: Kind) -> AccessLog | None:
        """What such a word stands for; None for the empty one."""
        return cls("json" if kind.startswith("json") else "text", kind.endswith("-query")) if kind else None


def deployed_log(service: Service) -> AccessLog | None:
    """The access log that a service's template patches ask for; None where they do not."""
    found, formats = access_log_of(service), {one.upper(): one for one in _FORMATS}
    format = formats.get(str(found.get("Format", "")).upper())
    return AccessLog(format, found.get("IncludeQueryParameters") == "ENABLED") if format else None


def loggers(log: AccessLog | None, protocol: Protocol) -> Json:
    """What a filter of a proxy has of it: to its standard output, as ECS's proxies write it."""
    if log is None:
        return {}
    path = _PATH if log.query else _PATH_ALONE
    content: Json = (
        {"text_format_source": {"inline_string": _line(protocol, path)}}
        if log.format == "text"
        else {"json_format": _keys(protocol, path)}
    )
    if not log.query and protocol != "tcp":
        kind = f"{_EXTENSIONS}.formatter.req_without_query.v3.ReqWithoutQuery"
        content["formatters"] = [{"name": "envoy.formatter.req_without_query", "typed_config": {"@type": kind}}]
    kind = f"{_EXTENSIONS}.access_loggers.stream.v3.StdoutAccessLog"
    config = {"@type": kind, "log_format": content}
    return {"access_log": [{"name": "envoy.access_loggers.stdout", "typed_config": config}]}


def _line(protocol: Protocol, path: str) -> str:
    if protocol == "tcp":
        return f"{_TCP}\n"
    status = f"{_GRPC_STATUS} " if protocol == "grpc" else ""
    stream = f' "{_STREAM_ID}"' if protocol in ("http2", "grpc") else ""
    return f"{_REQUEST.format(path=path, status=status)} {_REST}{stream}\n"


def _keys(protocol: Protocol, path: str) -> Json:
    if protocol == "tcp":
        return {
            "start_time": "%START_TIME%",
            "downstream_remote_address": "%DOWNSTREAM_REMOTE_ADDRESS%",
            "downstream_remote_port": "%DOWNSTREAM_REMOTE_PORT%",
            "bytes_received": "%BYTES_RECEIVED%",
            "bytes_sent": "%BYTES_SENT%",
            "duration": "%DURATION%",
            "connection_termination_details": "%CONNECTION_TERMINATION_DETAILS%",
            "connection_id": "%CONNECTION_ID%",
        }
    return {
        "start_time": "%START_TIME%",
        "method": "%REQ(:METHOD)%",
        "path": path,
        "protocol": "%PROTOCOL%",
        "response_code": "%RESPONSE_CODE%",
        **({"grpc_status": _GRPC_STATUS} if protocol == "grpc" else {}),
        "bytes_received": "%BYTES_RECEIVED%",
        "bytes_sent": "%BYTES_SENT%",
        # The documentation has this one key for HTTP/1.1, and another one for the others.
        ("duration_ms" if protocol == "http" else "duration"): "%DURATION%",
        "upstream_service_time": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
        "forwarded_for": "%REQ(X-FORWARDED-FOR)%",
        "user_agent": "%REQ(USER-AGENT)%",
        "request_id": "%REQ(X-REQUEST-ID)%",
        "authority": "%REQ(:AUTHORITY)%",
        "upstream_host": "%UPSTREAM_HOST%",
        **({"stream_id": _STREAM_ID} if protocol in ("http2", "grpc") else {}),
    }
