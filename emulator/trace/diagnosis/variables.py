"""What nginx's variables and conditions are for a request, as far as that can be known. Pure.

Source: nginx's documentation, variables of ngx_http_core_module, `if` and `set` of ngx_http_rewrite_module.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from emulator.redaction import HIDDEN
from emulator.trace.diagnosis.nginx import Directive
from emulator.trace.diagnosis.pcre import as_bytes, compiled
from emulator.trace.diagnosis.servers import bare

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|([1-9])|(\w+))")
_DEFINING = ("map", "geo", "split_clients", "js_set", "js_var", "perl_set", "map_hash", "auth_jwt_claim_set")
_REGEXES = {"~": (False, True), "~*": (True, True), "!~": (False, False), "!~*": (True, False)}
"""By operator: whether it ignores case, and whether it wants a match."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came to nginx, in plain HTTP."""

    method: str
    target: str
    host: str
    headers: Mapping[str, str | None] = field(default_factory=dict)
    """By name as `$http_` has it. None: it is not known, as a secret one."""
    port: int = 80
    defined: frozenset[str] = frozenset()
    """Variables that the configuration defines by other means than `set`: what they are is not known."""


@dataclass(frozen=True, slots=True)
class Value:
    """What a variable is, with the directive that says so. None: not known."""

    text: str | None
    directive: Directive | None = None


@dataclass(frozen=True, slots=True)
class State:
    """A request on its way through nginx."""

    asked: Asked
    path: str | None
    """As nginx compares it, one character a byte; None where it is not known, after a rewrite for instance."""
    query: str | None
    values: Mapping[str, Value] = field(default_factory=dict)
    captures: tuple[str | None, ...] | None = ()
    """What the last expression found; None where that is not known."""
    changed: bool = False
    """The path is new, so that a location is looked for again."""
    inside: Directive | None = None
    """The `if` whose block holds now."""
    rewrites: tuple[Directive, ...] = ()
    """Those that have changed the path."""
    internal: bool = False
    from_folder: bool = False
    """The path is that of a folder's own file."""
    on_error: bool = False
    """It is on the way of an `error_page`."""

    def with_value(self, name: str, value: Value) -> State:
        return replace(self, values={**self.values, name: value})

    def searched(self, pattern: re.Pattern[str] | None, text: str | None) -> tuple[bool | None, State]:
        """Whether an expression finds something in a text, and what is known after it."""
        if pattern is None or text is None:
            return None, replace(self, captures=None)
        match = pattern.search(text)
        if match is None:
            return False, replace(self, captures=())
        named = {name: Value(found or "") for name, found in match.groupdict().items()}
        return True, replace(self, captures=(match[0], *match.groups()), values={**self.values, **named})


def defined_in(configuration: Sequence[Directive]) -> frozenset[str]:
    """Variables that are defined beside server blocks."""
    found: set[str] = set()
    for block in configuration:
        for one in [block, *(block.block if block.name == "http" else ())]:
            if one.name in _DEFINING:
                found |= {word[1:] for word in one.arguments if re.fullmatch(r"\$\w+", word)}
    return frozenset(found)


def value_of(state: State, name: str) -> str | None:
    """What a variable is; None where it is not known."""
    if name.isdecimal():
        number = int(name)
        if state.captures is None:
            return None
        return (state.captures[number] if number < len(state.captures) else "") or ""
    if name in state.values:
        return state.values[name].text
    if name in state.asked.defined:
        return None
    return _own(state, name)


def _own(state: State, name: str) -> str | None:
    asked, known = state.asked, state.query is not None
    if name.startswith("http_"):
        return asked.headers.get(name.removeprefix("http_"), "")
    if name.startswith("arg_"):
        return _argument(state.query, name.removeprefix("arg_"))
    match name:
        case "scheme":
            return "http"
        case "https":
            return ""
        case "host":
            return bare(asked.host) or None
        case "request_method":
            return asked.method
        case "request_uri":
            return None if HIDDEN in asked.target else asked.target
        case "uri" | "document_uri":
            return state.path
        case "args" | "query_string":
            return state.query
        case "is_args":
            return ("?" if state.query else "") if known else None
        case "server_port":
            return str(asked.port)
        case "content_type" | "content_length":
            return asked.headers.get(name, "")
        case _:
            return None


def _argument(query: str | None, name: str) -> str | None:
    if query is None:
        return None
    pairs = (part.partition("=") for part in query.split("&"))
    return next((value for key, equals, value in pairs if equals and key.lower() == name.lower()), "")


def filled(state: State, text: str) -> str | None:
    """A text with its variables replaced; None where one of them is not known."""
    known = True

    def value(match: re.Match[str]) -> str:
        nonlocal known
        found = value_of(state, match[1] or match[2] or match[3])
        known = known and found is not None
        return found or ""

    replaced = _VARIABLE.sub(value, as_bytes(text))
    return replaced if known else None


def variables_in(text: str) -> list[str]:
    """The names of the variables in a text."""
    return [match[1] or match[2] or match[3] for match in _VARIABLE.finditer(text)]


def holds(state: State, condition: Sequence[str]) -> tuple[bool | None, State]:
    """Whether the condition of an `if` holds (None: not known), and what its expression found."""
    words = list(condition)
    if not words or not words[0].startswith("(") or not words[-1].endswith(")"):
        return None, state
    words[0] = words[0][1:]
    words[-1] = words[-1][:-1]
    words = [word for number, word in enumerate(words) if word or 0 < number < len(words) - 1]
    if not words or not re.fullmatch(r"\$\w+|\$\{\w+\}", words[0]):
        return None, state  # -f and the like: whether there is a file
    value = filled(state, words[0])
    if len(words) == 1:
        return (None if value is None else value not in ("", "0")), state
    if len(words) == 2 and words[1] in ("=", "!="):
        words.append("")
    if len(words) != 3:
        return None, state
    operator, operand = words[1:]
    if operator in _REGEXES:
        ignore_case, wanted = _REGEXES[operator]
        found, after = state.searched(compiled(operand, ignore_case), value)
        return (None if found is None else found is wanted), after
    other = filled(state, operand)
    if operator not in ("=", "!=") or value is None or other is None:
        return None, state
    return (value == other) is (operator == "="), state


def path_of_rewrite(state: State, replacement: str) -> State:
    """The request after a `rewrite` to a path."""
    path, mark, query = replacement.partition("?")
    wanted = filled(state, query)
    if mark and not query:
        left: str | None = ""
    elif not mark:
        left = state.query
    else:
        left = None if wanted is None or state.query is None else "&".join(filter(None, (wanted, state.query)))
    return replace(state, path=filled(state, path), query=left)
