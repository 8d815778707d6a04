"""Spans for the tests of traces."""

from __future__ import annotations

import json
from typing import Any

from emulator.traces.spans import Span

TRACE = "6b0bad11a8d784a85017b9a9437b8d38"
XRAY = "1-6b0bad11-a8d784a85017b9a9437b8d38"
START = 0x6B0BAD11
HEADER = b'{"format":"json","version":1}\n'


def document(**fields: Any) -> dict[str, Any]:
    """A segment document that is complete."""
    found = {"trace_id": XRAY, "id": "c383d6f10d8381d8", "name": "shop", "start_time": START, "end_time": START + 0.5}
    return {**found, **fields}


def datagram(**fields: Any) -> bytes:
    return HEADER + json.dumps(document(**fields)).encode()


def span(id: str, parent: str = "", **fields: Any) -> Span:
    """A span of `shop`, whose id is a digit repeated."""
    found: dict[str, Any] = {
        "trace": TRACE,
        "span": id * 16,
        "parent": parent * 16,
        "name": f"span {id}",
        "service": "shop",
        "kind": "internal" if parent else "server",
        "root": not parent,
        "start": float(START),
        "end": START + 0.5,
        "workload": "shop",
        "task": "t" * 32,
        "address": "10.0.0.2",
    }
    return Span(**{**found, **fields})
