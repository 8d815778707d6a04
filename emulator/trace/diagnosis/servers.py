"""Which of nginx's server blocks a request gets. Pure.

Source: nginx's documentation, "How nginx processes a request", "Server names", and `listen` and `server_name` of
ngx_http_core_module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emulator.trace.diagnosis.nginx import Directive
from emulator.trace.diagnosis.pcre import matches

_ANY, _ANY_6 = "*", "[::]"
_PORTS = re.compile(r"(?:(?P<address>.*):)?(?P<first>\d+)(?:-(?P<last>\d+))?")


@dataclass(frozen=True, slots=True)
class Chosen:
    """The server block for a request. `matched`: its name fits; else it is the one that takes what nothing fits."""

    server: Directive
    matched: bool
    others: tuple[Directive, ...]
    """The other server blocks on that address and port."""
    known: bool = True
    """False where nginx may have taken another one: a name's expression or a listener's address is not known."""

    @property
    def names(self) -> tuple[str, ...]:
        return server_names(self.server)


@dataclass(frozen=True, slots=True)
class _Listen:
    """A `listen`: an address (`*`: any of IPv4) and ports. One without a port of TCP has none."""

    address: str
    ports: range
    default: bool = False


def choose_server(configuration: Sequence[Directive], host: str, port: int, address: str = "") -> Chosen | None:
    """The server block that nginx gives a request to; None where none listens on that port.

    `address`: where the request came in. Blocks that listen on it take it from those that listen on all.
    """
    listening = [(one, server) for server in _servers(configuration) for one in _listens(server) if port in one.ports]
    if not listening:
        return None
    there = {one.address for one, _ in listening}
    wanted = next((one for one in (_literal(address), _ANY, _ANY_6) if one in there), "")
    mine = [(one, server) for one, server in listening if one.address == wanted or not wanted]
    servers = list({id(server): server for _, server in mine}.values())
    named = _named(servers, bare(host))
    default = next((server for one, server in mine if one.default), servers[0])
    chosen = named[0] if named else None
    sure = len(named) < 2 and not any(_is_name(one) for one in there if one != wanted)
    others = tuple(server for server in servers if server is not (chosen or default))
    return Chosen(chosen or default, chosen is not None, others, sure and bool(wanted or len(there) == 1))


def bare(host: str) -> str:
    """A host without its port, in lower case, and without the dot that may end it."""
    return re.sub(r":\d+$", "", host).lower().removesuffix(".")


def server_names(server: Directive) -> tuple[str, ...]:
    """The names of a server block; `""` where it has none, which fits requests without a Host."""
    return tuple(name for line in server.all("server_name") for name in line.arguments)


def speaks_tls(server: Directive, port: int) -> Directive | None:
    """The `listen` that takes TLS alone on a port."""
    return next(
        (one for one in server.all("listen") if port in _listen(one.arguments).ports and "ssl" in one.arguments), None
    )


def _servers(configuration: Sequence[Directive]) -> Iterator[Directive]:
    for directive in configuration:
        if directive.name == "server":
            yield directive
        elif directive.name == "http":
            yield from _servers(directive.block)


def _listens(server: Directive) -> list[_Listen]:
    return [_listen(line.arguments) for line in server.all("listen")] or [_Listen(_ANY, range(80, 81))]


def _listen(arguments: Sequence[str]) -> _Listen:
    words = arguments[1:]
    default = bool({"default_server", "default"} & set(words))
    where = arguments[0] if arguments else ""
    if where.startswith("unix:"):
        return _Listen(where, range(0), default)
    match = _PORTS.fullmatch(where)
    if match is None:
        return _Listen(_literal(where), range(80, 81), default)
    first = int(match["first"])
    address = match["address"] or _ANY
    if address == _ANY_6 and "ipv6only=off" in words:
        address = _ANY  # which takes both
    return _Listen(_literal(address), range(first, int(match["last"] or first) + 1), default)


def _literal(address: str) -> str:
    """An address as all that are the same are written here."""
    return {"0.0.0.0": _ANY, "localhost": "127.0.0.1"}.get(address, address)


def _is_name(address: str) -> bool:
    """Whether an address is looked up when nginx starts, so that it is not known here."""
    return address != _ANY and re.fullmatch(r"[\d.]+|\[.*\]|unix:.*", address) is None


def _named(servers: Sequence[Directive], host: str) -> list[Directive]:
    """The server blocks that may be taken for a name: one, none, or more where an expression is not known."""
    names = list(_heard(servers))
    best = max(names, key=lambda pair: _fit(pair[0], host), default=None)
    if best is not None and _fit(best[0], host) > _NOT:
        return [best[1]]
    found: list[Directive] = []
    for name, server in names:
        if not name.startswith("~") or (fits := matches(name[1:], host, ignore_case=True)) is False:
            continue
        found.append(server)
        if fits:
            return found
    return [*found, *found]  # perhaps it is none of them


def _heard(servers: Sequence[Directive]) -> Iterator[tuple[str, Directive]]:
    """The names that count. nginx ignores one that stands further up already, also where only a part of it does:
    `.shop.test` is `shop.test` and `*.shop.test` in one."""
    seen: set[str] = set()
    for server in servers:
        for written in server_names(server) or ("",):
            name = written if written.startswith("~") else written.lower()
            parts = [name[1:], f"*{name}"] if name.startswith(".") else [name]
            known = [part in seen for part in parts]
            seen.update(parts[: known.index(True)] if any(known) else parts)
            if not any(known):
                yield name, server


_NOT = (0, 0)


def _fit(name: str, host: str) -> tuple[int, int]:
    """How well a name fits: exact, `*.` with the longest rest, `.*` with the longest rest."""
    if name == host or (name.startswith(".") and host == name[1:]):
        return 3, 0
    if name.startswith(("*.", ".")) and host.endswith(name.removeprefix("*")):
        return 2, len(name.removeprefix("*"))
    if name.endswith(".*") and not name.startswith("~") and host.startswith(name[:-1]):
        return 1, len(name)
    return _NOT
