"""How large the head of a message was on the wire. Pure."""

from __future__ import annotations

from emulator.trace.requests.exchange import Headers, HeadSize, Request, Response


def head_size(headers: Headers) -> int:
    """Bytes of the headers on the wire."""
    return sum(len(name) + len(value) + len(": \r\n") for name, value in headers)


def request_head(request: Request | None) -> HeadSize | None:
    """The size of a request's head; None without a request."""
    if request is None:
        return None
    return _sized(f"{request.method} {request.target} HTTP/{request.version}", request.headers)


def response_head(response: Response | None) -> HeadSize | None:
    """The size of an answer's head; None without an answer."""
    if response is None:
        return None
    return _sized(f"HTTP/{response.version} {response.status} {response.reason}", response.headers)


def _sized(first: str, headers: Headers) -> HeadSize:
    name, value = max(headers, key=lambda one: len(one[0]) + len(one[1]), default=("", ""))
    longest = len(name) + len(value) + len(": ") if name else 0
    return HeadSize(len(first) + head_size(headers) + len("\r\n\r\n"), name, longest)
