"""Requests that h11 does not take, or that are not complete: what can be said of them. Pure."""

from __future__ import annotations

import re

from emulator.trace.requests.exchange import Request

_LINE = re.compile(rb"[\r\n]*([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) +([^\r\n]*?)(?: HTTP/([0-9.]+))?[ \t]*(?:\r?\n|$)")


def rough_request(head: bytes) -> Request | None:
    """Method, target and those headers that can be told apart; None where it does not begin as a request does.

    `version` is empty where the first line does not end with one. A last line that is not complete is left out.
    """
    match = _LINE.match(head)
    if match is None:
        return None
    headers = []
    for line in head[match.end() :].split(b"\n")[:-1]:
        name, colon, value = line.rstrip(b"\r").partition(b":")
        if not line.strip():
            break
        if colon and name.strip():
            headers.append((name.strip().decode("latin-1"), value.strip().decode("latin-1")))
    return Request(
        match[1].decode("latin-1"), match[2].decode("latin-1"), (match[3] or b"").decode("latin-1"), tuple(headers)
    )
