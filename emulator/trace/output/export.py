"""A trace for programs: a JSON object a request, and HAR 1.2, which browsers' tools and proxies open. Pure.

Source of HAR: the W3C's draft "HTTP Archive (HAR) format", version 1.2.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from emulator import __version__
from emulator.trace.diagnosis.view import Diagnosis
from emulator.trace.requests.changes import Change
from emulator.trace.requests.exchange import Exchange, Headers, HeadSize, Outcome
from emulator.trace.requests.hops import Hop, Trace, header

Json = dict[str, object]
UNKNOWN = -1
"""HAR's word for what is not known."""


def as_json(trace: Trace, diagnoses: Sequence[Diagnosis], traces: Sequence[Mapping[str, Any]] = ()) -> str:
    """One line. `traces`: the spans that the request led to, as the agent has them; empty where there are none."""
    content: Json = {
        "trace_id": trace.trace_id,
        "hops": [_hop(hop) for hop in trace.hops],
        "diagnoses": [asdict(one) | {"position": str(one.position) if one.position else None} for one in diagnoses],
        "traces": list(traces),
    }
    return json.dumps(content, ensure_ascii=False)


def as_har(traces: Iterable[Trace]) -> str:
    """An entry a hop. Bodies are not captured: their sizes are there. `_` begins the names that are ours."""
    entries = [_entry(trace, number) for trace in traces for number in range(len(trace.hops))]
    entries.sort(key=lambda entry: str(entry["startedDateTime"]))
    log = {"version": "1.2", "creator": {"name": "copilot-local", "version": __version__}, "entries": entries}
    return json.dumps({"log": log}, indent=2, ensure_ascii=False) + "\n"


def _hop(hop: Hop) -> Json:
    exchange = hop.exchange
    return {
        "client": hop.client,
        "server": hop.server,
        "service": hop.service,
        "task": hop.task,
        "depth": hop.depth,
        "parent": hop.parent,
        "joined_by": hop.by,
        "fits": hop.fits,
        "outcome": str(exchange.outcome),
        "began": _moment(exchange.began),
        "milliseconds": _rounded(hop.milliseconds),
        "first_byte_milliseconds": _rounded(_between(exchange.began, exchange.answered)),
        "client_address": exchange.client,
        "server_address": exchange.server,
        "method": hop.method,
        "path": hop.path,
        "host": hop.host,
        "status": hop.status,
        "request": asdict(exchange.request) if exchange.request else None,
        "response": asdict(exchange.response) if exchange.response else None,
        "informational": list(exchange.informational),
        "request_head": asdict(hop.request_head) if hop.request_head else None,
        "response_head": asdict(hop.response_head) if hop.response_head else None,
        "request_changes": [_change(change) for change in hop.request_changes],
        "response_changes": [_change(change) for change in hop.response_changes],
        "tls_server_name": exchange.server_name,
        "sent": exchange.sent,
        "received": exchange.received,
        "note": exchange.note,
        "listening": list(exchange.listening),
        "access_log": [asdict(one) for one in hop.logged],
    }


def _change(change: Change) -> Json:
    """Large values are with the requests and answers alone: here they are null, beside their sizes."""
    return asdict(change) | ({"before": None, "after": None} if change.is_large else {})


def _entry(trace: Trace, number: int) -> Json:
    hop = trace.hops[number]
    exchange = hop.exchange
    total = hop.milliseconds
    wait = _between(exchange.began, exchange.answered)
    receive = _between(exchange.answered, exchange.ended)
    entry: Json = {
        "startedDateTime": _moment(exchange.began),
        "time": _rounded(total) if total is not None else 0,
        "request": _request(exchange) | _head(hop.request_head),
        "response": _response(exchange) | _head(hop.response_head),
        "cache": {},
        "timings": {"send": 0, "wait": _rounded(wait) or 0, "receive": _rounded(receive) or 0},
        "serverIPAddress": exchange.server.rpartition(":")[0],
        "connection": exchange.client.rpartition(":")[2],
        "_client": hop.client,
        "_server": hop.server,
        "_traceId": trace.trace_id,
        "_hop": number,
        "_outcome": str(exchange.outcome),
    }
    if exchange.note:
        entry["comment"] = exchange.note
    return entry


def _request(exchange: Exchange) -> Json:
    request = exchange.request
    if request is None:
        scheme = "https" if exchange.outcome is Outcome.TLS else "tcp"
        name = exchange.server_name or exchange.server
        url = f"{scheme}://{name}/" if scheme == "https" else f"{scheme}://{name}"
        return _message("", exchange.sent) | {"method": "", "url": url, "queryString": []}
    host = header(request.headers, "host") or exchange.server
    url = request.target if "://" in request.target else f"http://{host}{request.target}"
    query = parse_qsl(request.target.partition("#")[0].partition("?")[2], keep_blank_values=True)
    return _message(request.version, request.body, request.headers) | {
        "method": request.method,
        "url": url,
        "queryString": [{"name": name, "value": value} for name, value in query],
    }


def _response(exchange: Exchange) -> Json:
    response = exchange.response
    if response is None:
        content = {"size": exchange.received, "mimeType": "x-unknown"}
        return _message("", exchange.received) | {
            "status": 0,
            "statusText": str(exchange.outcome),
            "content": content,
            "redirectURL": "",
        }
    kind = header(response.headers, "content-type") or "x-unknown"
    return _message(response.version, response.body, response.headers) | {
        "status": response.status,
        "statusText": response.reason,
        "content": {"size": response.body, "mimeType": kind},
        "redirectURL": header(response.headers, "location"),
    }


def _message(version: str, body: int, headers: Headers = ()) -> Json:
    return {
        "httpVersion": f"HTTP/{version}" if version else "unknown",
        "cookies": [],
        "headers": [{"name": name, "value": value} for name, value in headers],
        "headersSize": UNKNOWN,
        "bodySize": body,
    }


def _head(head: HeadSize | None) -> Json:
    """A message's head as it was on the wire, with the secrets that are not shown."""
    return {"headersSize": UNKNOWN if head is None else head.bytes}


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else max(end - start, 0) * 1000


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
