"""Which of nginx's server blocks and locations a request gets, from what `nginx -T` prints. Pure.

Source: nginx's documentation, "How nginx processes a request", "Server names", and `include`, `location` and
`proxy_pass` of ngx_core_module, ngx_http_core_module and ngx_http_proxy_module.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
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
    """The directives of the main file in the dump, each `include` replaced by what its files hold.

    Each directive knows the file that it stands in. What breaks nginx's grammar ends its file.
    """
    files: dict[str, list[Directive]] = {}
    file, lines = "", list[str]()
    for line in [*dump.splitlines(), None]:
        match = _FILE.fullmatch(line) if line is not None else None
        if line is not None and match is None:
            lines.append(line)
            continue
        if file or lines:
            files.setdefault(file, _parse_file(file, "\n".join(lines)))
        file, lines = match[1] if match else "", []
    main = next((name for name in files if name), "")  # nginx prints it first; its warnings may come before it
    return _included(files.get(main, []), files, posixpath.dirname(main), (main,))


def _included(
    block: Sequence[Directive], files: Mapping[str, list[Directive]], folder: str, within: tuple[str, ...]
) -> list[Directive]:
    """A block with its includes in place. A name is relative to the main file's folder, as nginx reads it."""
    found: list[Directive] = []
    for directive in block:
        if directive.name == "include" and len(directive.arguments) == 1:
            pattern = posixpath.join(folder, directive.arguments[0])
            for name in sorted(files):
                if name not in within and _globbed(name, pattern):
                    found += _included(files[name], files, folder, (*within, name))
        else:
            inner = _included(directive.block, files, folder, within)
            found.append(Directive(directive.name, directive.arguments, directive.position, inner))
    return found


def _globbed(name: str, pattern: str) -> bool:
    """Whether glob(3) finds a file: `*` and `?` do not cross a slash, nor find a name that begins with a dot."""
    names, patterns = name.split("/"), pattern.split("/")
    return len(names) == len(patterns) and all(
        one == wanted or (fnmatch.fnmatchcase(one, wanted) and one.startswith(".") == wanted.startswith("."))
        for one, wanted in zip(names, patterns, strict=True)
    )


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


def effective(configuration: Sequence[Directive], host: str, port: int, path: str, name: str) -> list[Directive]:
    """The directives of a name that hold for a request: of its location, else of its server block, else of `http`."""
    chosen = choose_server(configuration, host, port)
    if chosen is None:
        return []
    location = choose_location(chosen.server, path)
    outer = [one for block in configuration if block.name == "http" for one in block.all(name)]
    return (location.all(name) if location else []) or chosen.server.all(name) or outer


def redirect(server: Directive, path: str) -> tuple[Directive, tuple[str, ...]] | None:
    """The `return` or `rewrite` that redirects every request for a path, with the words of the `if` around it, if any.

    What stands in the server block comes before its locations, as nginx runs them.
    """
    location = choose_location(server, path)
    for block in [server, *([location] if location else [])]:
        for inner in block.block:
            within = inner.block if inner.name == "if" else [inner]
            found = next((one for one in within if _redirects(one)), None)
            if found is not None:
                return found, inner.arguments if inner.name == "if" else ()
    return None


def _redirects(directive: Directive) -> bool:
    words = directive.arguments
    if directive.name == "rewrite":
        return words[-1:] in (("permanent",), ("redirect",)) or any(word.startswith("http") for word in words[1:2])
    return directive.name == "return" and (words[:1] in _REDIRECT_CODES or any(w.startswith("http") for w in words[:1]))


_REDIRECT_CODES = tuple((code,) for code in ("301", "302", "303", "307", "308"))


def speaks_tls(server: Directive, port: int) -> Directive | None:
    """The `listen` that takes TLS alone on a port."""
    return next((one for one in server.all("listen") if _port(one.arguments) == port and "ssl" in one.arguments), None)


def passes_on(server: Directive) -> bool:
    """Whether a server block proxies any request."""
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
