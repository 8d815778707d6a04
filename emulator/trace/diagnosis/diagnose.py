"""What is wrong between the hops of a request, and what to do about it. Pure, but for reading nginx's configuration
through the function that it is given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

from emulator.errors import Position
from emulator.trace.diagnosis import nginx, too_large
from emulator.trace.diagnosis.asked_by import AskedBy
from emulator.trace.diagnosis.lost_headers import dropped_names
from emulator.trace.diagnosis.lost_query import lost_query
from emulator.trace.diagnosis.lost_upgrade import is_keyless, lost_upgrade
from emulator.trace.diagnosis.made_by_proxy import closed_by_proxy, closed_on_purpose, made_by_proxy, too_late
from emulator.trace.diagnosis.redirects import forwarded_proto, redirected
from emulator.trace.diagnosis.refused import refused
from emulator.trace.diagnosis.servers import bare, server_names
from emulator.trace.diagnosis.view import (
    REDIRECTS,
    Diagnosis,
    ReadLines,
    ReadNginx,
    View,
    eaten_prefix,
    location_of,
    text,
)
from emulator.trace.requests.exchange import Outcome
from emulator.trace.requests.hops import FRONTS, Hop, Trace

_NOT_FOUND = 404
_BEFORE_RULES = (400, 405, 414, 501, 505)
"""What it answers to requests that it does not take."""
_NO_TARGET = (502, 503, 504)
"""What a load balancer answers where no target takes the request."""


def diagnose(
    trace: Trace,
    read_nginx: ReadNginx = lambda _: (),
    status: int | None = None,
    why_unanswered: Callable[[Hop], Sequence[Why]] = lambda _: (),
    printed: ReadLines = lambda _: (),
) -> list[Diagnosis]:
    """The faults of a request, those nearest to its end first, and after them what is perhaps one.
    `status`: what the client was answered, if known.
    `why_unanswered`: why the targets of a request are not healthy that the load balancer answered itself.
    `printed`: what the server of a hop printed meanwhile."""
    looker = _Looker(trace, read_nginx, printed)
    looker.status = status
    looker.why_unanswered = why_unanswered
    found: dict[tuple[str, Position | None], Diagnosis] = {}
    for number in reversed(range(len(trace.hops))):
        for one in looker.look(number):
            found.setdefault((one.message, one.position), one)  # a proxy may try again and again
    return sorted(found.values(), key=lambda one: not one.certain)


class Why(Protocol):
    """A reason why a task is not healthy: what, and what to do."""

    @property
    def text(self) -> str: ...

    @property
    def hint(self) -> str: ...


class _Looker(View):
    status: int | None = None
    """What the client was answered, which a connection over TLS does not show."""
    why_unanswered: Callable[[Hop], Sequence[Why]]

    def look(self, number: int) -> list[Diagnosis]:
        hop = self.hops[number]
        match hop.exchange.outcome:
            case Outcome.REFUSED:
                return [self._refused(number, hop)]
            case Outcome.UNREACHABLE:
                hint = "is the address right, and does anything run there?"
                return [Diagnosis(f"{hop.server} does not answer {hop.client}'s attempt to connect", hint, number)]
            case Outcome.NO_ANSWER | Outcome.CUT:
                return self._no_answer(number, hop)
            case Outcome.UNFINISHED:
                return self._waits(number, hop)
            case Outcome.MALFORMED:
                return [
                    Diagnosis(f"{hop.client} → {hop.server} is no proper HTTP/1.1: {hop.exchange.note}", "", number)
                ]
            case _:
                pass
        fault = (
            redirected(self, number, hop)
            or too_large.refused(self, number, hop)
            or self._prefix_eaten(number, hop)
            or self._wrong_server_block(number, hop)
            or self._host_changed(number, hop)
            or self._front_alone(number, hop)
        )
        if fault is None or not fault.certain:
            fault = made_by_proxy(self, number, hop) or fault
        named_with_a_loop = any(location_of(one) for one in self.hops)
        beside = (
            lost_upgrade(self, number, hop),
            lost_query(self, number, hop),
            None if named_with_a_loop else forwarded_proto(self, number, hop),
            dropped_names(self, number, hop),
        )
        return [one for one in (fault, *beside) if one is not None]

    # one fault each

    def _no_answer(self, number: int, hop: Hop) -> list[Diagnosis]:
        hint = f"`copilot-local logs -c {hop.container}` has what it said" if hop.container else ""
        waiting = self.before(hop)
        if waiting is not None and waiting.status == 504 and hop.exchange.outcome is Outcome.NO_ANSWER:
            message = f"{hop.server} did not answer {hop.client} in time, and {hop.client} answered 504"
            return [Diagnosis(message, too_late(self, waiting, hop) or hint, number)]
        if waiting is not None and waiting.status is not None and hop.exchange.broken_off and hop.status is not None:
            return []  # the client's doing: whether that is a fault shows in what it answered
        if (silent := closed_on_purpose(self, number, hop)) is not None:
            return [silent]
        more = closed_by_proxy(self, number, hop)
        return [Diagnosis(f"{hop.server} gave {hop.client} no whole answer: {hop.exchange.note}{more}", hint, number)]

    def _waits(self, number: int, hop: Hop) -> list[Diagnosis]:
        """Of a chain in which all wait, the last one is waited for. What outlives its request keeps it from nothing."""
        if hop.parent is not None and self.hops[hop.parent].exchange.ended is not None:
            return []
        if any(after.exchange.outcome is not Outcome.ANSWERED for after in self.after(number)):
            return []
        what = "had not answered" if hop.status is None else f"had answered {hop.status} and not finished"
        name = hop.container or hop.server
        hint = f"`copilot-local logs -c {name}` has what it said" if hop.container and hop.task else ""
        return [Diagnosis(f"{name} {what} {hop.client}'s request when the trace ended", hint, number)]

    def _refused(self, number: int, hop: Hop) -> Diagnosis:
        why = self.why_unanswered(hop) if hop.task and not hop.exchange.server.startswith("127.") else ()
        return refused(self, number, hop, [one.text for one in why], next((one.hint for one in why if one.hint), ""))

    def _prefix_eaten(self, number: int, hop: Hop) -> Diagnosis | None:
        before = self.before(hop)
        if before is None or hop.status is None or not 400 <= hop.status < 500:
            return None
        eaten = eaten_prefix(before.path, hop.path)
        if not eaten or not self.passed_on(hop):
            return None
        found = self.asked_by(hop)
        rewrite = _rewrite(found) if found is not None else None
        directive = rewrite or (found.passes if found is not None else None)
        return Diagnosis(
            f"{hop.client} took {eaten} off the path: it was asked for {before.path} and asked"
            f" {hop.container or hop.server} for {hop.path}, which answered {hop.status}",
            (directive and _kept(directive, rewritten=rewrite is not None))
            or f"if {hop.container or hop.server} expects the whole path, pass it on as it is",
            number,
            directive.position if directive else None,
            certain=hop.status == _NOT_FOUND,  # with another status it may know the path, as one that wants a login
        )

    def _wrong_server_block(self, number: int, hop: Hop) -> Diagnosis | None:
        """nginx answered itself, while another of its server blocks was meant: the one for the Host before a
        proxy changed it, or the only kind that passes this path on."""
        redirects = hop.status in REDIRECTS
        failed = hop.status is not None and (hop.status >= 400 or redirects)
        if not failed or self.after(number):
            return None
        chosen = self.server_block(hop)
        ways = self.ways(hop)
        if chosen is None or any(way.passes or way.unknown for way in ways):
            return None  # it may be the answer of what it passed the request on to
        before = self.before(hop)
        changed = before is not None and bare(before.host) != bare(hop.host)
        asked = self.server_block_for(hop, before.host) if before and changed else None
        certain = True
        if asked is not None and asked.matched and asked.known and asked.server is not chosen.server:
            meant, does = asked.server, f"is for {bare(before.host) if before else ''}"
        elif redirects:
            return None  # which is what its configuration says
        else:
            meant_for = {id(one): self.ways_through(one, hop) for one in chosen.others}
            better = [one for one in chosen.others if any(way.passes for way in meant_for[id(one)])]
            if not better:
                return None
            meant, does = better[0], f"passes {hop.path} on"
            # A file that is not there is missed wherever it was looked for.
            certain = all(way.status == hop.status for way in ways if not way.on_error) and all(
                way.passes for way in meant_for[id(meant)] if not way.on_error
            )
        names = [name for name in server_names(meant) if name] or ["without a name"]
        which = "fits this block" if chosen.matched else "fits no server_name, so nginx takes its default server"
        sent = f" ({hop.client} sent it in place of {before.host})" if before is not None and changed else ""
        return Diagnosis(
            f"{hop.container or hop.server} answered {hop.status} itself, from the wrong server block: Host"
            f" {hop.host}{sent} {which}; {' '.join(names)} ({meant.position}) {does}",
            f"ask with Host {names[0]}, or add `{bare(hop.host)}` to the server_name at {meant.position}"
            if not sent
            else f"let {hop.client} pass the Host on{self.in_nginx(before, 'proxy_set_header Host $host;')}",
            number,
            chosen.server.position,
            certain=certain and (bool(sent) or not chosen.matched),
        )

    def _host_changed(self, number: int, hop: Hop) -> Diagnosis | None:
        before = self.before(hop)
        if before is None or hop.status is None or bare(before.host) == bare(hop.host) or not hop.host:
            return None
        if hop.status not in (400, 403, 404, 421, *REDIRECTS) or self.after(number):
            return None
        directive = self.proxy_pass(hop)
        return Diagnosis(
            f"{hop.client} put Host {hop.host} in place of {before.host}; {hop.container or hop.server}"
            f" answered {hop.status}",
            f"if it chooses by Host, pass the Host on{self.in_nginx(before, 'proxy_set_header Host $host;')}",
            number,
            directive.position if directive else None,
            certain=False,
        )

    def _front_alone(self, number: int, hop: Hop) -> Diagnosis | None:
        status = hop.status or self.status
        if hop.depth or len(self.hops) > 1 or hop.container not in FRONTS or status is None or status < 400:
            return None
        if status in _NO_TARGET and hop.method and (why := self.why_unanswered(hop)):
            return Diagnosis(
                f"the load balancer answered {status} itself; no container was asked, since none is healthy:"
                f" {'; '.join(dict.fromkeys(one.text for one in why))}",
                next((one.hint for one in why if one.hint), "`copilot-local targets` says what the checks got"),
                number,
            )
        asked = f" {hop.method} {hop.path}" if hop.method else ""
        route = f"`copilot-local route{asked}` says which rules there are"
        if status in _BEFORE_RULES and is_keyless(hop):
            hint = "a WebSocket's handshake needs the header Sec-WebSocket-Key"
        elif status in _BEFORE_RULES:
            hint = f"unless a rule says so ({route}), it does not take such a method, path, version or headers"
        else:
            hint = f"{route}, `copilot-local targets` whether a target is healthy"
        return Diagnosis(f"the load balancer answered {status} itself; no container was asked", hint, number)


def _rewrite(found: AskedBy) -> nginx.Directive | None:
    """The rewrite that made the path what was passed on; None where the `proxy_pass` has a path of its own for it."""
    rewrites = found.route.rewrites if found.route is not None else ()
    if not rewrites or (rewrites[-1].arguments[2:] != ("break",) and _kept(found.passes, rewritten=False)):
        return None
    return rewrites[-1]


def _kept(directive: nginx.Directive, *, rewritten: bool) -> str:
    """What to write so that the path stays as it is; empty where that is not plain."""
    if rewritten:
        return f"`{text(directive)}` takes it off: without it the path stays as it is"
    whole = "".join(directive.arguments[:1])
    kept = re.sub(r"^([a-z]+://[^/$]+)/[^$]*$", r"\1", whole)
    if kept == whole:
        return ""
    what = "slash" if whole == kept + "/" else "path"
    return (
        f"the {what} at the end of `{text(directive)}` takes the place of the location's prefix:"
        f" with `{directive.name} {kept};` the path stays as it is"
    )
