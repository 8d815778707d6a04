"""Which of nginx's server blocks and locations a request gets, from what `nginx -T` prints. Pure.

Source: nginx's documentation, "How nginx processes a request", "Server names", and `location` and `proxy_pass` of the
modules ngx_http_core_module and ngx_http_proxy_module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from emulator.errors import Position

COMMAND = ("nginx", "-T")
_FILE = re.compile(r"# configuration file (.+):")
_TOKEN = re.compile(r"""\s+|\#[^\n]*|([{};])|"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|((?:\$\{[^}]*\}|\\.|[^\s;{}])+)""")


@dataclass(slots=True)
class Directive:
    """One directive; `block` holds what stands between its braces."""

    name: str
    arguments: tuple[str, ...]
    position: Position
    block: list[Directive] = field(default_factory=list)

    def all(self, name: str) -> list[Directive]:
        return [inner for inner in self.block if inner.name == name]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The server block for a request. `matched`: its name fits; else it is the one that takes what nothing fits."""

    server: Directive
    matched: bool
    others: tuple[Directive, ...]
    """The other server blocks on that port."""

    @property
    def names(self) -> tuple[str, ...]:
        return server_names(self.server)


def parse(dump: str) -> list[Directive]:
    """The directives of all files in the dump. What breaks nginx's grammar ends its file."""
    found: list[Directive] = []
    file, lines = "", list[str]()
    for line in dump.splitlines():
        if match := _FILE.fullmatch(line):
            found += _parse_file(file, "\n".join(lines))
            file, lines = match[1], []
        else:
            lines.append(line)
    return found + _parse_file(file, "\n".join(lines))


def choose_server(configuration: Sequence[Directive], host: str, port: int) -> Chosen | None:
    """The server block that nginx gives a request to; None where none listens on that port."""
    servers = [server for server in _servers(configuration) if _listens(server, port)]
    if not servers:
        return None
    name = re.sub(r":\d+$", "", host).lower()
    ranked = [(rank, server) for server in servers if (rank := _fit(server, name)) is not None]
    default = next((server for server in servers if _is_default(server, port)), servers[0])
    best = max(ranked, key=lambda pair: pair[0], default=None)
    chosen = best[1] if best else default
    return Chosen(chosen, best is not None, tuple(server for server in servers if server is not chosen))


def choose_location(server: Directive, path: str) -> Directive | None:
    """The location of a server block that a path gets, nested ones included."""
    path = path.partition("?")[0]
    prefixes = [loc for loc in server.all("location") if _prefix(loc) is not None]
    fitting = [loc for loc in prefixes if _fits(loc, path)]
    exact = next((loc for loc in fitting if loc.arguments[0] == "="), None)
    best = exact or max(fitting, key=lambda loc: len(_prefix(loc) or ""), default=None)
    if best is not None and best.arguments[0] not in ("=", "^~"):
        nested = choose_location(best, path)
        if nested is not None:
            return nested
    if best is None or best.arguments[0] not in ("=", "^~"):
        for loc in server.all("location"):
            if loc.arguments[0] in ("~", "~*") and _matches(loc.arguments[1], path, loc.arguments[0] == "~*"):
                return loc
    return best


def proxy_pass(server: Directive, path: str) -> Directive | None:
    """The `proxy_pass` that a path of a server block ends at."""
    location = choose_location(server, path)
    return next(iter((location or server).all("proxy_pass")), None)


def passes_on(server: Directive) -> bool:
    """Whether anything in a server block goes to somebody else."""
    return any(
        directive.name in ("proxy_pass", "fastcgi_pass", "grpc_pass", "uwsgi_pass") for directive in _deep(server)
    )


def server_names(server: Directive) -> tuple[str, ...]:
    """The names of a server block; `""` where it has none, which fits requests without a Host."""
    return tuple(name for line in server.all("server_name") for name in line.arguments)


def _parse_file(file: str, text: str) -> list[Directive]:
    top: list[Directive] = []
    stack = [top]
    words: list[tuple[str, int]] = []
    line = 1
    for match in _TOKEN.finditer(text):
        if mark := match[1]:
            if mark == "}":
                if len(stack) > 1:
                    stack.pop()
            elif words:
                name, at = words[0]
                directive = Directive(name, tuple(word for word, _ in words[1:]), Position(file, at))
                stack[-1].append(directive)
                if mark == "{":
                    stack.append(directive.block)
            words = []
        elif match.lastindex:
            words.append((match[match.lastindex], line))
        line += match[0].count("\n")
    return top


def _servers(configuration: Sequence[Directive]) -> Iterator[Directive]:
    for directive in configuration:
        if directive.name == "server":
            yield directive
        elif directive.name == "http":
            yield from _servers(directive.block)


def _deep(directive: Directive) -> Iterator[Directive]:
    for inner in directive.block:
        yield inner
        yield from _deep(inner)


def _listens(server: Directive, port: int) -> bool:
    lines = server.all("listen")
    return port == 80 if not lines else any(_port(line.arguments) == port for line in lines)


def _port(arguments: Sequence[str]) -> int | None:
    found = re.fullmatch(r"(?:.*:)?(\d+)", arguments[0]) if arguments else None
    return int(found[1]) if found else None if arguments and arguments[0].startswith("unix:") else 80


def _is_default(server: Directive, port: int) -> bool:
    return any(
        _port(line.arguments) == port and {"default_server", "default"} & set(line.arguments[1:])
        for line in server.all("listen")
    )


def _fit(server: Directive, name: str) -> tuple[int, int] | None:
    """How well a name fits: exact, `*.` with the longest rest, `.*` with the longest rest, regular expression."""
    best: tuple[int, int] | None = None
    for pattern in server_names(server):
        low = pattern.lower()
        rank: tuple[int, int] | None = None
        if low == name or (low.startswith(".") and name == low[1:]):
            rank = (4, 0)
        elif low.startswith(("*.", ".")) and name.endswith(low.removeprefix("*")):
            rank = (3, len(low))
        elif low.endswith(".*") and name.startswith(low[:-1]):
            rank = (2, len(low))
        elif pattern.startswith("~") and _matches(pattern[1:], name, True):
            rank = (1, 0)
        if rank is not None and (best is None or rank > best):
            best = rank
    return best


def _prefix(location: Directive) -> str | None:
    if not location.arguments or location.arguments[0] in ("~", "~*") or location.arguments[0].startswith("@"):
        return None
    return location.arguments[-1]


def _fits(location: Directive, path: str) -> bool:
    prefix = _prefix(location) or ""
    return path == prefix if location.arguments[0] == "=" else path.startswith(prefix)


def _matches(expression: str, text: str, ignore_case: bool) -> bool:
    """PCRE's expressions are Python's in all but rare cases; one that is not matches nothing here."""
    try:
        return re.search(expression, text, re.IGNORECASE if ignore_case else 0) is not None
    except re.error:
        return False
