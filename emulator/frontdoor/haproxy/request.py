"""What the front does to every request before and after a rule is chosen: limits, the path to match, headers."""

from __future__ import annotations

import re

from emulator.frontdoor.balancers import Listener
from emulator.frontdoor.haproxy.actions import DATE, SERVER_HEADER, generated, listener_port
from emulator.frontdoor.haproxy.pages import page_path
from emulator.frontdoor.haproxy.text import quote
from emulator.frontdoor.options import FOLDER, FrontOptions

MAX_FORWARDED_FOR = 30
MAX_REQUEST_LINE = 16 * 1024
MAX_HEADER = 16 * 1024
MAX_HEADERS = 64 * 1024
MAX_RESPONSE_HEADERS = 32 * 1024
_LABEL = "[A-Za-z0-9_~!$&()*+;=%-]+"
HOST_PATTERN = rf"^(?:\[[0-9A-Fa-f:.]+\]|{_LABEL}(?:\.{_LABEL})*\.?)(?::[0-9]{{0,5}})?$"
"""What a Host header may be. What is none of these gets 400; HAProxy itself refuses less."""
MAX_PORT = 65535
PROBE_HEADER = "X-Copilot-Local-Probe"
"""In a TRACE request of our own, which asks whether the listener answers and is not logged."""
TRACE_HEADER_BUDGET = 7 * 1024
"""Above this many bytes of headers a trace header is replaced rather than extended."""


def is_host(value: str) -> bool:
    """Whether a Host header is well-formed."""
    port = value.rpartition(":")[2]
    return re.match(HOST_PATTERN, value) is not None and not (port.isdecimal() and int(port) > MAX_PORT)


def limit_lines() -> list[str]:
    """Requests that a load balancer answers by itself, whatever the rules."""
    bare = f"{SERVER_HEADER} {DATE}"
    close = "hdr Connection close"
    return [
        f"http-request set-log-level silent if {{ method TRACE }} {{ req.hdr({PROBE_HEADER}) -m found }}",
        generated(405, FOLDER, "if { method TRACE }"),
        generated(400, FOLDER, "if { method CONNECT }", close),
        # Its access log calls HTTP/1.2 and the like acceptable; what is no HTTP/1 on such a connection is not.
        generated(505, FOLDER, "if { fc_http_major 1 } !{ req.ver -m beg 1. }", close),
        generated(400, FOLDER, "if { req.ver -m str 1.1 } !{ req.hdr(host) -m found }", close),
        generated(
            400, FOLDER, f"if {{ req.hdr(host) -m found }} !{{ req.fhdr(host,1) -m reg {quote(HOST_PATTERN)} }}", close
        ),
        generated(400, FOLDER, f"if {{ req.fhdr(host,1),port_only gt {MAX_PORT} }}", close),
        generated(414, FOLDER, f"if {{ url_len gt {MAX_REQUEST_LINE} }}", close),
        # Few requests have so many bytes of headers that more about them has to be known.
        f"http-request set-var(txn.much) bool(true) if {{ req.hdrs,length gt {TRACE_HEADER_BUDGET} }}",
        generated(
            400,
            FOLDER,
            f"if {{ var(txn.much) -m found }} {{ req.hdrs -m reg '(?:^|\\n)[^\\n]{{{MAX_HEADER + 1},}}' }}",
            close,
        ),
        generated(400, FOLDER, f"if {{ var(txn.much) -m found }} {{ req.hdrs,length gt {MAX_HEADERS} }}", close),
        f"http-request return status 463 {bare} if {{ req.hdr_cnt(x-forwarded-for) gt {MAX_FORWARDED_FOR} }}",
    ]


def path_lines() -> list[str]:
    """Sets `txn.path` and `txn.host`, what rules match on; the request itself stays as it was sent.

    A path is matched decoded, with `//`, `/./` and `/../` resolved; one that climbs above the root is answered with
    400. AWS documents that paths are normalised, not how; this agrees with what was observed. The work is only done
    for paths that need it.
    """
    odd = "if { var(txn.odd) -m found }"
    return [
        "http-request set-var(txn.path) path",
        "http-request set-var(txn.odd) bool(true) if { path -m sub % // /. }",
        f"http-request set-var(txn.sent) pathq {odd}",
        f"http-request set-path '%[path,url_dec]' {odd}",
        f"http-request normalize-uri path-merge-slashes {odd}",
        f"http-request normalize-uri path-strip-dot {odd}",
        # Without a condition: HAProxy 3.0 takes this directive for another one where it has one. Only odd paths change.
        "http-request normalize-uri path-strip-dotdot",
        f"http-request set-var(txn.path) path {odd}",
        f"http-request set-pathq '%[var(txn.sent)]' {odd}",
        generated(400, FOLDER, f"{odd} {{ var(txn.path) -m reg '^/\\.\\.(?:/|$)' }}", "hdr Connection close"),
        # The index matters: without it HAProxy takes the last of several Host headers.
        "http-request set-var(txn.host) req.fhdr(host,1),host_only,lower",
    ]


def header_lines(listener: Listener, options: FrontOptions) -> list[str]:
    """The headers that a target sees: `X-Forwarded-*`, `X-Amzn-Trace-Id`, `Host`."""
    port = listener_port(listener, options)
    # The time, and three random numbers of 32 bits: writing a UUID takes HAProxy several times as long.
    digits = "hex,bytes(8,8),lower"
    new_id = f"1-%[date,{digits}]-%[rand,{digits}]%[rand,{digits}]%[rand,{digits}]"
    has_root = "{ req.fhdr(x-amzn-trace-id) -m reg '(?:^|;)Root=' }"
    small = "!{ var(txn.much) -m found }"
    extended = f"Self={new_id};%[req.fhdr(x-amzn-trace-id),regsub(Self=[^;]*;?,)]"
    one_line = "{ req.fhdr_cnt(x-forwarded-for) eq 1 }"
    return [
        f"http-request set-var-fmt(txn.trace_id) 'Root={new_id}'",
        f"http-request set-var-fmt(txn.trace_id) '{extended}' if {has_root} {small}",
        "http-request set-header X-Amzn-Trace-Id '%[var(txn.trace_id)]'",
        # One line stays one line; several stay as they are and the peer follows.
        f"http-request set-header X-Forwarded-For '%[req.fhdr(x-forwarded-for)], %[src]' if {one_line}",
        f"http-request add-header X-Forwarded-For '%[src]' unless {one_line}",
        f"http-request set-header X-Forwarded-Proto {listener.lower()}",
        f"http-request set-header X-Forwarded-Port {port}",
        *_host_lines(port),
        # An ALB answers `Expect: 100-continue` itself and does not pass it on.
        "http-request wait-for-body time 10s at-least 1 if { req.hdr(expect) -m found }",
        "http-request del-header Expect",
    ]


def _host_lines(port: int) -> list[str]:
    """The `Host` header with `preserve_host_header` off: the port is cut on 80 and 443, and added elsewhere."""
    missing = f"http-request set-header Host localhost:{port} unless {{ req.hdr(host) -m found }}"
    if port in (80, 443):
        return ["http-request set-header Host '%[var(txn.host)]' if { req.hdr(host) -m found }", missing]
    with_port = "{ req.fhdr(host,1),port_only gt 0 }"
    return [
        missing,
        f"http-request set-header Host '%[var(txn.host)]:{port}' unless {with_port}",
        # Most are written as they should be: a look costs less than writing them again.
        "http-request set-header Host '%[req.fhdr(host,1),lower]'"
        " if { req.fhdr(host,1) -m reg [A-Z] } || { req.fhdr_cnt(host) gt 1 }",
    ]


def response_lines() -> list[str]:
    """Answers of targets that a load balancer does not pass on."""
    bare = f"content-type text/html file {FOLDER}/{page_path(502)} {SERVER_HEADER} {DATE}"
    return [f"http-response return status 502 {bare} if {{ res.hdrs,length gt {MAX_RESPONSE_HEADERS} }}"]
