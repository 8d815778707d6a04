"""Answers of 5xx that a proxy made itself, although what it asked answered well, or was not asked. Pure.

Source of nginx's defaults: `proxy_buffer_size` and `proxy_read_timeout` of ngx_http_proxy_module; of the load
balancer's limit: "Quotas for your Application Load Balancers", response headers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from emulator.redaction import redact_forms
from emulator.trace.diagnosis.servers import bare
from emulator.trace.diagnosis.too_large import bytes_of
from emulator.trace.diagnosis.view import Diagnosis, View, name_of, text
from emulator.trace.requests.exchange import Outcome
from emulator.trace.requests.hops import FRONTS, Hop

_BUFFER = "proxy_buffer_size"
_NGINX_PAGE = 4096
"""nginx's default for `proxy_buffer_size` is a memory page."""
ALB_RESPONSE_HEADERS = 32 * 1024
_GATEWAY = (502, 504)
"""Statuses that speak of a server behind the one that answers."""
_SILENT = 444
"""nginx's status for no answer at all."""
_FROM_A_SIDECAR = (502, 503, 504)
_NAMED = (Outcome.REFUSED, Outcome.UNREACHABLE, Outcome.NO_ANSWER, Outcome.CUT, Outcome.MALFORMED)
"""What became of a hop that has a diagnosis of its own."""
_ERROR = re.compile(r"\[(?:error|crit|alert|emerg)\] \d+#\d+: (?:\*\d+ )?(?P<what>.+)")
_REQUEST = re.compile(r'request: "(?P<request>[^"]*)"')
_LONGEST = 300


def made_by_proxy(view: View, number: int, hop: Hop) -> Diagnosis | None:
    """Why a proxy answered 5xx itself; None where what it asked did, or where that has a diagnosis of its own."""
    if hop.status is None or hop.status < 500 or not hop.exchange.request:
        return None
    asked = view.after(number)
    if any(one.status == hop.status or _has_its_own(one) for one in asked):
        return None
    if not _is_proxy(view, hop, asked):
        return None
    what, line = _what(hop, asked), said_of(view.printed(hop), hop)
    answered = next((one for one in reversed(asked) if one.status is not None), None)
    if large := _too_large(view, number, hop, answered, f"{what}: ", line):
        return large
    name, because = _name(hop), f"; its log: {line}" if line else ""
    hint = f"`copilot-local logs -c {name}` has what it said" if hop.task else ""
    if not asked:
        return _asked_nothing(view, number, hop, what, because, hint)
    directive = view.proxy_pass(asked[-1])
    late = too_late(view, hop, asked[-1])
    return Diagnosis(
        f"{what}{because}",
        late or (hint and f"{name} made this {hop.status} itself; see `copilot-local logs -c {name}`"),
        number,
        directive.position if directive else None,
    )


def _asked_nothing(view: View, number: int, hop: Hop, what: str, because: str, hint: str) -> Diagnosis | None:
    """nginx says so itself (`return`), or the address of its `proxy_pass` is suspected: no name, or none with that
    port."""
    if (written := view.returned(hop)) is not None:
        return Diagnosis(f"{what}, as `{text(written)}` says", hint, number, written.position)
    if hop.status not in _GATEWAY and view.unseen(hop):
        return None  # it may be another program's answer
    directive = view.passing(hop)
    if directive is None or view.unseen(hop):
        return Diagnosis(f"{what}{because}", hint or "`copilot-local targets` says whether a target is healthy", number)
    return Diagnosis(
        f"{what}{because}",
        f"is `{text(directive)}` right? Containers of the task are at localhost; `copilot-local connect` has the names"
        f" and ports of other services, `copilot-local logs -c {_name(hop)}` what it said",
        number,
        directive.position,
    )


def _what(hop: Hop, asked: Sequence[Hop]) -> str:
    name, status = _name(hop), hop.status
    if not asked:
        return f"{name} answered {status} itself; it asked no other container"
    answered = next((one for one in reversed(asked) if one.status is not None), None)
    if answered is not None:
        return f"{name} answered {status} although {answered.server} answered {answered.status}"
    last = asked[-1]
    if last.exchange.outcome is Outcome.UNFINISHED:
        return f"{name} answered {status} before {last.server} had answered"
    return f"{name} answered {status} itself; what {last.server} answered cannot be read"


def _name(hop: Hop) -> str:
    if hop.container in FRONTS:
        return "the load balancer" if hop.container == FRONTS[0] else "the internal load balancer"
    return name_of(hop)


def closed_by_proxy(view: View, number: int, hop: Hop) -> str:
    """What to add of a proxy that gave no answer: whom it had asked, and what it printed. Empty: not known."""
    answered = next((one for one in reversed(view.after(number)) if one.status is not None), None)
    line = said_of(view.printed(hop), hop) if hop.task else ""
    said = f", although {answered.server} answered {answered.status}" if answered is not None else ""
    return said + (f"; its log: {line}" if line else "")


def closed_on_purpose(view: View, number: int, hop: Hop) -> Diagnosis | None:
    """nginx's `return 444`, which closes the connection without an answer; None where another way may have."""
    ways = view.ways(hop)
    ends = {id(way.end): way.end for way in ways if not way.on_error}
    end, chosen = next(iter(ends.values()), None), view.server_block(hop)
    if len(ends) != 1 or end is None or ways[0].status != _SILENT or view.unseen(hop) or chosen is None:
        return None
    why, hint = "", "a request that is to be told gets another status, such as 404"
    if not chosen.matched:
        why = f"; Host {hop.host} fits no server_name, so nginx takes its default server"
        meant = [one for one in chosen.others if any(way.passes for way in view.ways_through(one, hop))]
        if meant:
            hint = f"add `{bare(hop.host)}` to the server_name at {meant[0].position}"
    message = f"{name_of(hop)} closed the connection without an answer, as `{text(end)}` says{why}"
    return Diagnosis(message, hint, number, end.position)


def said_of(lines: Sequence[str], hop: Hop) -> str:
    """What a proxy's log says of a request: nginx's line of an error, else the last line with its path and status.

    Only what stands before nginx's own account of the request is given, without secrets.
    """
    path = hop.path.partition("?")[0]
    errors = [match for line in lines if (match := _ERROR.search(line))]
    for match in reversed(errors):
        request = _REQUEST.search(match["what"])
        if request is None or request["request"].split(" ")[:2] in ([hop.method, hop.path], [hop.method, path]):
            return _quoted(match["what"].partition(", client: ")[0])
    others = [] if errors else [line for line in lines if _tells(line, path, hop.status)]
    return _quoted(others[-1]) if others else ""


def _tells(line: str, path: str, status: int | None) -> bool:
    """Whether a line is of a request, and more than an access log's line, which says no more than the trace."""
    common = re.search(r'" \d{3} (?:\d+|-)(?: "|$)', line)
    return common is None and path != "/" and path in line and (status is None or str(status) in line)


def _quoted(line: str) -> str:
    line = redact_forms(line.strip())
    return f'"{line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"}"'


def _has_its_own(asked: Hop) -> bool:
    """Whether a diagnosis is made of a hop itself; not where its client broke off an answer that had begun."""
    begun = asked.exchange.broken_off and asked.status is not None
    return asked.exchange.outcome in _NAMED and not begun


def _is_proxy(view: View, hop: Hop, asked: Sequence[Hop]) -> bool:
    """Whether a server passes requests on. An application that asks another one may answer 500 or 503 for reasons of
    its own; 502 and 504 speak of the one behind."""
    if hop.container in FRONTS or hop.status in _GATEWAY:
        return bool(asked or hop.task) or hop.depth > 0
    if any((one.method, one.path) == (hop.method, hop.path) for one in asked):
        return True
    if hop.status in _FROM_A_SIDECAR and hop.container and hop.container != hop.service:
        return True
    return bool(view.configuration(hop)) and (bool(asked) or view.passes_on(hop))


def _too_large(view: View, number: int, hop: Hop, answered: Hop | None, what: str, line: str) -> Diagnosis | None:
    """An answer whose headers are larger than a proxy takes."""
    head = answered.response_head if answered is not None else None
    if head is None or answered is None:
        return None
    size, largest = head.bytes, f"{head.largest} alone {head.largest_bytes}"
    if hop.container in FRONTS:
        if size <= ALB_RESPONSE_HEADERS:
            return None
        return Diagnosis(
            f"{what}the answer's headers have {size} bytes ({largest}), and it takes no more than"
            f" {ALB_RESPONSE_HEADERS}",
            f"let {name_of(answered)} send less; an ALB's limit cannot be raised",
            number,
        )
    if not view.ways(hop):
        if "too big header" not in line:
            return None
        return Diagnosis(f"{what}the headers have {size} bytes ({largest}); its log: {line}", "", number)
    directive = next(iter(view.effective(hop, _BUFFER)), None)
    limit = bytes_of(directive.arguments[0]) if directive and directive.arguments else _NGINX_PAGE
    if size <= limit and "too big header" not in line:
        return None
    have = (
        directive.arguments[0] if directive and directive.arguments else "nginx's default of one memory page, 4k or 8k"
    )
    wanted = _next_size(size)
    position = directive or view.proxy_pass(answered)
    return Diagnosis(
        f"{what}the answer's headers have {size} bytes ({largest}), and {_BUFFER} is {have}"
        + (f"; its log: {line}" if line else ""),
        f"write `{_BUFFER} {wanted}k; proxy_buffers 4 {wanted}k;`"
        + (
            f", not `{text(directive)}`"
            if directive
            else f" beside its `proxy_pass`, or let {name_of(answered)} send less"
        ),
        number,
        position.position if position else None,
    )


def too_late(view: View, hop: Hop, asked: Hop) -> str:
    """What to do about an answer that came too late for nginx; empty where that is not it."""
    if hop.status != 504 or not view.ways(hop):
        return ""
    directive = next(iter(view.effective(hop, "proxy_read_timeout")), None)
    limit = directive.arguments[0] if directive and directive.arguments else "nginx's default of 60s"
    return f"it waits for {limit} (`proxy_read_timeout`): raise that, or let {name_of(asked)} answer sooner"


def _next_size(size: int) -> int:
    """Kilobytes of a buffer for headers of that size: the next power of two, so that a few more fit."""
    kilobytes = 8
    while kilobytes * 1024 < size * 5 // 4:
        kilobytes *= 2
    return kilobytes
