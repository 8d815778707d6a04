"""Which directive made nginx ask a server, and where that server's address is written. Pure.

Source: nginx's documentation, `proxy_pass` of ngx_http_proxy_module and its like of other modules, `server` of
ngx_http_upstream_module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emulator.trace.diagnosis.locations import passes
from emulator.trace.diagnosis.nginx import Directive
from emulator.trace.diagnosis.routes import Route
from emulator.trace.diagnosis.variables import State, filled, mapped, variables_in

_PORTS = {"http": 80, "https": 443, "grpc": 80, "grpcs": 443}
_AUTHORITY = re.compile(r"(?:(?P<scheme>\w+)://)?(?P<host>\[[^]]*\]|[^/:]*)(?::(?P<port>\d+))?(?:/.*)?")


@dataclass(frozen=True, slots=True)
class AskedBy:
    """What made nginx ask a server."""

    passes: Directive
    """The `proxy_pass`, or its like."""
    route: Route | None = None
    """How the request came to it; None where it is another one's, as that of an `auth_request`."""
    address: Directive | None = None
    """Where the server's address is written: here, a `server` of an `upstream`, or a `set`. None: not known."""


@dataclass(frozen=True, slots=True)
class _Target:
    host: str
    port: int
    directive: Directive | None


def asked_by(
    configuration: Sequence[Directive], server: Directive, ways: Sequence[Route], address: str, port: int
) -> AskedBy | None:
    """What made nginx ask that address; None where it is not known, or where several may have."""
    certain: list[AskedBy] = []
    open_: list[AskedBy] = []
    for way in ways:
        if way.end is None or not passes(way.end):
            continue
        targets = _targets(configuration, way.end, way.state)
        fitting = [AskedBy(way.end, way, one.directive) for one in targets or () if _fits(one, address, port)]
        certain += fitting
        if targets is None or (not fitting and any(_through_connect(one, address) for one in targets)):
            open_.append(AskedBy(way.end, way))
    if certain or open_:
        return _only([one for one in certain if not one.route or not one.route.on_error]) or _only(certain or open_)
    others = [
        AskedBy(one, None, target.directive)
        for one in _deep(server)
        if passes(one)
        for target in _targets(configuration, one, None) or ()
        if _fits(target, address, port)
    ]
    return _only(others)


def goes_unseen(configuration: Sequence[Directive], way: Route) -> bool:
    """Whether a way's answer may be another program's that no hop shows: through a socket of files, or a program in
    nginx itself."""
    if way.end is None or not passes(way.end):
        return way.unknown
    targets = _targets(configuration, way.end, way.state)
    return targets == [] or "unix:" in " ".join(way.end.arguments)


def _only(found: Sequence[AskedBy]) -> AskedBy | None:
    """The one that it was; without its address where that is written more than once."""
    if len({id(one.passes) for one in found}) != 1:
        return None
    first = found[0]
    return first if len({id(one.address) for one in found}) == 1 else AskedBy(first.passes, first.route)


def _deep(directive: Directive) -> Iterator[Directive]:
    for inner in directive.block:
        yield inner
        yield from _deep(inner)


def _targets(configuration: Sequence[Directive], directive: Directive, state: State | None) -> list[_Target] | None:
    """The addresses of TCP that it may pass to; None where they are not known."""
    written = "".join(directive.arguments[:1])
    names = variables_in(written)
    text = written if not names else filled(state, written) if state is not None else None
    if text is None:
        return None
    if re.match(r"(?:\w+://)?unix:", text):
        return []
    found = _AUTHORITY.fullmatch(text)
    if found is None:
        return None
    upstream = next((one for one in _upstreams(configuration) if one.arguments == (found["host"],)), None)
    if upstream is not None:
        return list(_servers(upstream))
    port = int(found["port"] or _PORTS.get(found["scheme"] or "", 80))
    where: Directive | None = directive
    if names and state is not None:
        said = [state.values.get(name) or mapped(state, name) for name in names]
        where = next((one.directive for one in said if one.text and str(port) in re.findall(r"\d+", one.text)), None)
        where = where or (directive if f":{port}" in written else None)
    return [_Target(found["host"], port, where)]


def _upstreams(configuration: Sequence[Directive]) -> Iterator[Directive]:
    for block in configuration:
        for one in [block, *(block.block if block.name == "http" else ())]:
            if one.name == "upstream":
                yield one


def _servers(upstream: Directive) -> Iterator[_Target]:
    for one in upstream.all("server"):
        found = _AUTHORITY.fullmatch("".join(one.arguments[:1]))
        if found is not None and not one.arguments[0].startswith("unix:"):
            yield _Target(found["host"], int(found["port"] or 80), one)


def _fits(target: _Target, address: str, port: int) -> bool:
    """Whether a target may be that address. What a name leads to is not known, but for `localhost`."""
    if target.port != port:
        return False
    if target.host == "localhost":
        return address.startswith("127.") or address in ("::1", "[::1]")
    return not _is_literal(target.host) or target.host == address


def _through_connect(target: _Target, address: str) -> bool:
    """Whether a proxy of Service Connect may have asked that address for a target, which is at another port then."""
    return not address.startswith("127.") and target.host != "localhost" and not _is_literal(target.host)


def _is_literal(host: str) -> bool:
    return re.fullmatch(r"[\d.]+|\[.*\]", host) is not None
