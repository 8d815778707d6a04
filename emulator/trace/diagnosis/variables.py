"""What nginx's variables and conditions are for a request, as far as that can be known. Pure.

Source: nginx's documentation, variables of ngx_http_core_module, `if` and `set` of ngx_http_rewrite_module, `map` of
ngx_http_map_module.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from emulator.redaction import HIDDEN
from emulator.trace.diagnosis.maps import entry_for, has_expressions, is_volatile
from emulator.trace.diagnosis.nginx import Directive
from emulator.trace.diagnosis.pcre import as_bytes, compiled
from emulator.trace.diagnosis.servers import bare

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|([1-9])|(\w+))")
_DEFINING = ("geo", "split_clients", "js_set", "js_var", "perl_set", "map_hash", "auth_jwt_claim_set")
_OF_THE_PATH = re.compile(r"(?:document_)?uri\Z|args\Z|query_string\Z|is_args\Z|arg_")
"""Variables that a `rewrite` or an internal redirect changes."""
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
    defined: Mapping[str, Directive | None] = field(default_factory=dict)
    """Variables that the configuration defines beside server blocks, with the `map` of each. None: what it is is not
    known."""


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


def defined_in(configuration: Sequence[Directive]) -> dict[str, Directive | None]:
    """Variables that are defined beside server blocks, with the `map` of each where it is one's."""
    found: dict[str, Directive | None] = {}
    for block in configuration:
        for one in [block, *(block.block if block.name == "http" else ())]:
            if one.name == "map" and len(one.arguments) == 2:
                found[one.arguments[1].removeprefix("$")] = one
            elif one.name in _DEFINING:
                found |= {word[1:]: None for word in one.arguments if re.fullmatch(r"\$\w+", word)}
    return found


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
        return mapped(state, name).text
    return _own(state, name)


def mapped(state: State, name: str) -> Value:
    """What a variable of a `map` is, with the line of the `map` that says so."""
    defined = state.asked.defined
    block = defined.get(name)
    if block is None:
        return Value(None)
    steady = is_volatile(block) or _is_steady(state, block.arguments[0])
    within = replace(state, asked=replace(state.asked, defined={**defined, name: None}))  # one of itself is no value
    text = filled(within, block.arguments[0]) if steady else None
    found = entry_for(block, text) if text is not None else None
    if found is None:
        return Value(None)
    if found.line is None:
        return Value("")
    [written] = found.line.arguments
    own = found.match.groupdict() if found.match is not None else {}
    if not is_volatile(block) and not _is_steady(state, written, own, numbers=found.match is not None):
        return Value(None, found.line)
    if found.match is not None:
        _, within = within.searched(found.match.re, found.match.string)
    return Value(filled(within, written), found.line)


def _is_steady(state: State, text: str, own: Collection[str] = (), *, numbers: bool = False) -> bool:
    """Whether a text's variables have been the same all along: nginx keeps what a `map` gave at first. `own`: those
    that are the `map`'s; `numbers`: `$1` and the like are, too."""
    moved = state.internal or state.from_folder or state.changed or bool(state.rewrites)
    return all(
        name in own
        or (numbers if name.isdecimal() else name not in state.values and not (moved and _OF_THE_PATH.match(name)))
        for name in variables_in(text)
    )


def after_reading(state: State, text: str) -> State:
    """The request once a text's variables were read: an expression of a `map` leaves what it found for `$1`."""
    return replace(state, captures=None) if _asks_expressions(state, text) else state


def _asks_expressions(state: State, text: str) -> bool:
    defined = state.asked.defined
    asked, left = set[str](), variables_in(text)
    while left:
        block = defined.get(name := left.pop())
        if block is None or name in asked:
            continue
        if has_expressions(block):
            return True
        asked.add(name)
        words = [block.arguments[0], *(word for line in block.block for word in line.arguments)]
        left += [inner for word in words for inner in variables_in(word)]
    return False


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
    known = not (any(name.isdecimal() for name in variables_in(text)) and _asks_expressions(state, text))

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
    state = after_reading(state, words[0])
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
    state = after_reading(state, operand)
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
    return replace(after_reading(state, replacement), path=filled(state, path), query=left)
