"""The ways that a request may take through a server block of nginx: rewrites, locations, and what it ends at. Pure.

Source: nginx's documentation, ngx_http_rewrite_module, `try_files`, `error_page`, `internal` and `limit_except` of
ngx_http_core_module, ngx_http_index_module. What nginx decides by what is not known here (files, variables, other
programs) leaves every way open: there is one way only where nginx has no choice.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from emulator.redaction import HIDDEN
from emulator.trace.diagnosis.locations import located, modifier_of, name_of, normalized, passes
from emulator.trace.diagnosis.nginx import Directive
from emulator.trace.diagnosis.pcre import compiled
from emulator.trace.diagnosis.servers import server_names
from emulator.trace.diagnosis.variables import Asked, State, Value, after_reading, filled, holds, path_of_rewrite

_MOST = 100
"""Ways that are looked at: a configuration of many conditions has more than anyone asks for."""
_JUMPS = 10
"""nginx's own limit for one request."""
_PROGRAM = re.compile(
    r"(?:rewrite|access|precontent|content)_by_lua(?:_block|_file)?|js_content|js_access|perl"
    r"|more_(?:set|clear)_input_headers"
)
"""What decides by a program of its own, once the directives of rewrite's module have run."""
_FIRST_PROGRAM = re.compile(r"server_rewrite_by_lua(?:_block|_file)?")
"""The same before them."""
_REDIRECTS = (301, 302, 303, 307, 308)
_ADDRESS = ("http://", "https://", "$scheme")


@dataclass(frozen=True, slots=True)
class Route:
    """One way, to its end."""

    blocks: tuple[Directive, ...]
    """The server block, the locations from the outermost one in, and the `if` that holds."""
    end: Directive | None
    """What answers: a `return`, a `rewrite` that redirects, a `proxy_pass` or its like, the location whose slash is
    missing. None: a file, or that there is none."""
    state: State
    entered: tuple[Directive, ...] = ()
    """The blocks of the first location that it got."""
    unknown: bool = False
    """What it ends at is not known."""

    @property
    def passes(self) -> bool:
        """Whether another server answers."""
        return self.end is not None and passes(self.end)

    @property
    def on_error(self) -> bool:
        """Whether it leads over an `error_page`."""
        return self.state.on_error

    @property
    def rewrites(self) -> tuple[Directive, ...]:
        """Those that have changed its path."""
        return self.state.rewrites

    @property
    def status(self) -> int | None:
        """What it is answered with, where nginx says that itself."""
        words = self.end.arguments if self.end is not None else ()
        match self.end.name if self.end is not None else "":
            case "return":
                return int(words[0]) if words and words[0].isdecimal() else 302
            case "rewrite":
                return 301 if words[2:] == ("permanent",) else 302
            case "location":
                return 301
            case "error_page":
                return 302
            case "try_files":
                return int(words[-1][1:]) if words[-1][1:].isdecimal() else None
            case _:
                return None

    @property
    def redirects(self) -> bool:
        return self.status in _REDIRECTS


def routes(configuration: Sequence[Directive], server: Directive, asked: Asked) -> list[Route]:
    """Every way that the request may take, the likeliest ones first. Those over an `error_page` come last."""
    path, _, query = asked.target.partition("#")[0].partition("?")
    merge = not any(one.arguments == ("off",) for one in nearest((server,), configuration, "merge_slashes"))
    state = State(
        asked,
        None if HIDDEN in path else normalized(path, merge_slashes=merge),
        None if HIDDEN in query else query,
        # Groups of a server's name are variables too.
        captures=None if any(name.startswith("~") for name in server_names(server)) else (),
    )
    found: dict[tuple[object, ...], Route] = {}
    count = 0
    for route in islice(_Walk(configuration, server).serve(state, 0), _MOST):
        found.setdefault((id(route.end), *map(id, route.blocks), route.on_error, route.unknown), route)
        count += 1
    every = list(found.values())
    if count == _MOST:
        every.append(Route((server,), None, state, unknown=True))
    return sorted(every, key=lambda one: one.on_error)


def nearest(blocks: Sequence[Directive], configuration: Sequence[Directive], name: str) -> list[Directive]:
    """The directives of a name in the innermost block that has some: what holds there."""
    outer = [one for block in configuration if block.name == "http" for one in block.all(name)]
    return next((here for block in reversed(blocks) if (here := block.all(name))), outer)


class _Walk:
    def __init__(self, configuration: Sequence[Directive], server: Directive) -> None:
        self._configuration = configuration
        self._server = server
        self._taken: set[tuple[object, ...]] = set()
        """Jumps, by where they lead: the same one again leads to nothing new."""
        self._http = [one for block in configuration if block.name == "http" for one in block.block]

    def serve(self, state: State, jumps: int) -> Iterator[Route]:
        """From the start: what stands in the server block comes before its locations."""
        if self._has(_FIRST_PROGRAM, (self._server,)):
            yield Route((self._server,), None, state, unknown=True)
        for after, end in _rewritten(self._server.block, state):
            if end is not None:
                yield from self._ended(Route((self._server,), end, after), jumps)
            else:
                yield from self._find(replace(after, changed=False, inside=None), jumps)

    def _find(self, state: State, jumps: int) -> Iterator[Route]:
        if state.path is None or jumps > _JUMPS:
            yield Route((self._server,), None, state, unknown=True)
            return
        for found in located(self._server, state.path):
            blocks, after = (self._server, *found.blocks), state
            for location in found.blocks:
                if modifier_of(location) in ("~", "~*"):
                    _, after = after.searched(compiled(name_of(location), modifier_of(location) == "~*"), state.path)
            if found.slash:
                yield Route(blocks, found.blocks[-1], after, blocks)
            else:
                yield from self._inside(after, blocks, jumps)

    def _inside(self, state: State, blocks: tuple[Directive, ...], jumps: int) -> Iterator[Route]:
        """In a location, or in none."""
        location = blocks[-1]
        if location is self._server:
            yield from self._content(state, blocks, jumps)
        elif location.all("internal") and not state.internal:
            yield from self._ended(Route(blocks, None, state, blocks), jumps)
        else:
            for after, end in _rewritten(location.block, state):
                there = blocks if after.inside is None else (*blocks, after.inside)
                if end is not None:
                    yield from self._ended(Route(there, end, after, blocks), jumps)
                elif after.changed:
                    for route in self._find(replace(after, changed=False, inside=None), jumps + 1):
                        yield replace(route, entered=blocks)
                else:
                    yield from self._content(after, there, jumps)

    def _content(self, state: State, blocks: tuple[Directive, ...], jumps: int) -> Iterator[Route]:
        entered = blocks[:-1] if state.inside is not None else blocks
        own = [one for one in blocks[-1].block if passes(one)]
        if state.inside is not None and not own:
            own = [one for one in blocks[-2].block if passes(one)]
        excepted = [
            one for block in blocks for inner in block.all("limit_except") for one in inner.block if passes(one)
        ]
        files = blocks[-1].all("try_files") if state.inside is None else []
        handlers: list[Directive | None] = [*own[:1], *excepted]
        for handler in handlers or [None]:
            yield from self._ended(Route(blocks, handler, state, entered), jumps)
        for line in files:
            for route in self._tried(line, state, blocks, jumps):
                yield replace(route, entered=entered)
        if not own and state.path is not None and state.path.endswith("/"):
            yield from self._indexed(state.path, state, blocks, jumps)
        if self._has(_PROGRAM, blocks):
            yield Route(blocks, None, state, entered, unknown=True)

    def _has(self, program: re.Pattern[str], blocks: Sequence[Directive]) -> bool:
        """Whether such a directive holds in the blocks."""
        return any(
            program.fullmatch(one.name) for one in [*self._http, *(one for block in blocks for one in block.block)]
        )

    def _tried(self, line: Directive, state: State, blocks: tuple[Directive, ...], jumps: int) -> Iterator[Route]:
        """What comes when none of the files is there."""
        for folder in line.arguments[:-1]:
            if folder.endswith("/") and (path := filled(state, folder)) is not None:
                yield from self._indexed(path, state, blocks, jumps)
        last = "".join(line.arguments[-1:])
        if last.startswith("="):
            yield from self._ended(Route(blocks, line, state, blocks), jumps)
        elif last.startswith("@"):
            yield from self._named(last, state, jumps)
        else:
            yield from self._jump(*_split(state, last), blocks, jumps)

    def _indexed(self, folder: str, state: State, blocks: tuple[Directive, ...], jumps: int) -> Iterator[Route]:
        """A folder's own file, which may be another location's."""
        if state.from_folder:
            return  # that file is there, and is no folder
        for name in [word for line in self._nearest(blocks, "index") for word in line.arguments] or ["index.html"]:
            file = filled(state, name)
            path = None if file is None else posixpath.join(folder, file)
            yield from self._jump(path, replace(state, from_folder=True), blocks, jumps)

    def _named(self, name: str, state: State, jumps: int) -> Iterator[Route]:
        for location in self._server.all("location"):
            if location.arguments == (name,) and jumps < _JUMPS and self._is_new(name, state):
                inner = replace(state, internal=True, inside=None, changed=False)
                yield from self._inside(inner, (self._server, location), jumps + 1)

    def _jump(self, path: str | None, state: State, blocks: tuple[Directive, ...], jumps: int) -> Iterator[Route]:
        """An internal redirect to a path."""
        if path is None:
            yield Route(blocks, None, state, blocks, unknown=True)
        elif jumps < _JUMPS and self._is_new(path, state):
            yield from self.serve(replace(state, path=path, internal=True, inside=None, changed=False), jumps + 1)

    def _is_new(self, where: str, state: State) -> bool:
        values = frozenset((name, value.text) for name, value in state.values.items())
        key = (where, state.path if where.startswith("@") else "", state.query, state.on_error, values)
        new = key not in self._taken
        self._taken.add(key)
        return new

    def _ended(self, route: Route, jumps: int) -> Iterator[Route]:
        """A way, and where an `error_page` leads it in the place of its own answer."""
        yield route
        again = any(one.arguments == ("on",) for one in self._nearest(route.blocks, "recursive_error_pages"))
        if route.on_error and not again:
            return
        for page in self._nearest(route.blocks, "error_page"):
            codes, target = [word for word in page.arguments[:-1] if word.isdecimal()], page.arguments[-1:]
            if not target or (route.status is not None and str(route.status) not in codes):
                continue
            state = replace(route.state, on_error=True)
            if target[0].startswith("@"):
                found = self._named(target[0], state, jumps)
            elif target[0].startswith("/"):
                method = "HEAD" if state.asked.method == "HEAD" else "GET"
                state = replace(state, asked=replace(state.asked, method=method))
                found = self._jump(*_split(state, target[0]), route.blocks, jumps)
            else:
                found = iter([replace(route, end=page, state=state)])
            for one in found:
                yield replace(one, entered=route.entered)

    def _nearest(self, blocks: Sequence[Directive], name: str) -> list[Directive]:
        return nearest(blocks, self._configuration, name)


def _split(state: State, target: str) -> tuple[str | None, State]:
    """The path that a directive leads to inside nginx, and the request there: the query it had is gone."""
    path, _, query = target.partition("?")
    return filled(state, path), replace(after_reading(state, target), query=filled(state, query))


def _rewritten(directives: Sequence[Directive], state: State) -> Iterator[tuple[State, Directive | None]]:
    """The ways through the directives of rewrite's module: what is left to do, or the directive that answers."""
    for after, end, _ in _steps(directives, state):
        yield after, end


_Step = tuple[State, Directive | None, bool]
"""What a way has led to: the request, what answers it, and whether it goes no further."""


def _steps(directives: Sequence[Directive], state: State) -> Iterator[_Step]:
    for number, one in enumerate(directives):
        words, rest = one.arguments, directives[number + 1 :]
        match one.name:
            case "return":
                yield state, one, True
                return
            case "break":
                yield replace(state, changed=False), None, True
                return
            case "set" if len(words) == 2:
                value = Value(filled(state, words[1]), one)
                state = after_reading(state, words[1]).with_value(words[0].removeprefix("$"), value)
            case "rewrite" if len(words) > 1:
                found, after = state.searched(compiled(words[0]), state.path)
                if found is not False:
                    yield from _replaced(one, after, rest)
                if found:
                    return
                state = replace(state, captures=after.captures)
            case "if":
                found, after = holds(state, words)
                if found is not False:
                    yield from _held(one, after, rest)
                if found:
                    return
                state = replace(state, captures=after.captures)
            case name if name.startswith("set_") and words and words[0].startswith("$"):
                state = state.with_value(words[0][1:], Value(None))
    yield state, None, False


def _held(condition: Directive, state: State, rest: Sequence[Directive]) -> Iterator[_Step]:
    """The ways through an `if` that holds, and on."""
    for after, end, stopped in _steps(condition.block, replace(state, inside=condition)):
        if stopped:
            yield after, end, True
        else:
            yield from _steps(rest, after)


def _replaced(rewrite: Directive, state: State, rest: Sequence[Directive]) -> Iterator[_Step]:
    """The ways behind a `rewrite` that matches."""
    replacement, flag = rewrite.arguments[1], "".join(rewrite.arguments[2:3])
    if flag in ("permanent", "redirect") or replacement.startswith(_ADDRESS):
        yield state, rewrite, True
        return
    after = path_of_rewrite(state, replacement)
    after = replace(after, changed=flag != "break", rewrites=(*state.rewrites, rewrite))
    if flag in ("last", "break"):
        yield after, None, True
    else:
        yield from _steps(rest, after)
