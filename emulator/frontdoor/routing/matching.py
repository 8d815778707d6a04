"""Whether a request meets the conditions of a rule, decided as the running front decides it.

`conditions` writes the same tests for HAProxy; a table and random rules that both are tested with keep them the same.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

from emulator.ecs.listener.regex import read_regex
from emulator.ecs.service import (
    Condition,
    HostHeader,
    HttpHeader,
    HttpRequestMethod,
    PathPattern,
    QueryString,
    SourceIp,
)
from emulator.frontdoor.haproxy.conditions import deployed_name, host_patterns, query_regex
from emulator.frontdoor.routing.patterns import glob_regex

_ODD_PATH = re.compile(r"%|//|/\.")
_ABOVE_ROOT = re.compile(r"/\.\.(?:/|$)")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_PORT = re.compile(r":[0-9]+$")


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrives: `target` is path and query as sent, `headers` in order."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    source_ip: str = "127.0.0.1"

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str | None:
        _, mark, query = self.target.partition("?")
        return query if mark else None

    def lines(self, name: str) -> list[str]:
        """The values of every line of a header, in order."""
        return [value.strip(" \t") for key, value in self.headers if key.lower() == name.lower()]

    @property
    def host(self) -> str | None:
        """The name that host conditions see: of the first Host header, lower case, without the port."""
        hosts = self.lines("host")
        return _PORT.sub("", hosts[0]).lower() if hosts else None


def normalised_path(path: str, stay: re.Pattern[str] | None = None) -> str | None:
    """The path that patterns are matched with, or None where it climbs above the root (an answer of 400).

    Decoded once, then `//`, `/./` and `/../` resolved. A path that cannot be decoded stays as it is, and so do
    control characters, and the escapes that `stay` matches.
    """
    if not _ODD_PATH.search(path):
        return path
    if _BAD_ESCAPE.search(path):
        return None if _ABOVE_ROOT.match(path) else path
    decoded = _ESCAPE.sub(lambda found: found[0] if stay and stay.fullmatch(found[0]) else _decoded(found), path)
    kept: list[str] = []
    segments = decoded.partition("?")[0].split("/")[1:]
    folder = segments[-1] in ("", ".", "..")
    for segment in segments:
        if segment in ("", "."):
            continue
        if segment != "..":
            kept.append(segment)
        elif kept:
            kept.pop()
        else:
            return None
    return "/" + "/".join(kept) + ("/" if folder and kept else "")


def _decoded(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    return character if character >= " " and character != "\x7f" else found[0].upper()


@dataclass(frozen=True, slots=True)
class ConditionResult:
    """One condition on one request. `seen` is what its patterns were compared with, empty where there is nothing;
    `regex` is the regular expression that matched, where it was one."""

    condition: Condition
    matched: bool
    seen: tuple[str, ...]
    regex: str | None = None


def evaluate(condition: Condition, request: Request) -> ConditionResult:
    """Compares a request with one condition: true where any value matches any of what is seen."""
    seen = tuple(_seen(condition, request))
    if any(_value_matches(condition, value) for value in seen):
        return ConditionResult(condition, True, seen)
    regex = next((regex for value in seen for regex in regexes(condition) if _found(condition, regex, value)), None)
    return ConditionResult(condition, regex is not None, seen, regex)


def regexes(condition: Condition) -> Sequence[str]:
    """The regular expressions of a condition; only some kinds have any."""
    return condition.regex_values if isinstance(condition, PathPattern | HostHeader | HttpHeader) else ()


def _found(condition: Condition, regex: str, seen: str) -> bool:
    """Whether a regular expression is found in a value; case counts in paths only."""
    values = (seen, deployed_name(seen)) if isinstance(condition, HostHeader) else (seen,)
    fold_case = not isinstance(condition, PathPattern)
    return any(regex_search(regex, value, fold_case=fold_case) is not None for value in values)


def regex_search(regex: str, text: str, *, fold_case: bool = False) -> re.Match[str] | None:
    """The first match of a listener rule's regular expression. Raises RefusedRegex for one that is refused."""
    return re.search(read_regex(regex).text, text, re.ASCII | (re.IGNORECASE if fold_case else 0))


def _seen(condition: Condition, request: Request) -> Sequence[str]:
    if isinstance(condition, PathPattern):
        path = normalised_path(request.path)
        return [] if path is None else [path]
    if isinstance(condition, HostHeader):
        return [] if request.host is None else [request.host]
    if isinstance(condition, HttpHeader):
        return request.lines(condition.name)
    if isinstance(condition, HttpRequestMethod):
        return [request.method]
    if isinstance(condition, QueryString):
        return [] if request.query is None else [request.query]
    assert isinstance(condition, SourceIp)
    return [request.source_ip]


def _value_matches(condition: Condition, seen: str) -> bool:
    if isinstance(condition, PathPattern):
        return any(glob_matches(value, seen) for value in condition.values)
    if isinstance(condition, HostHeader):
        return any(glob_matches(value, seen) for value in host_patterns(condition))
    if isinstance(condition, HttpHeader):
        return any(glob_matches(value, seen, fold_case=True) for value in condition.values)
    if isinstance(condition, HttpRequestMethod):
        return seen in condition.values
    if isinstance(condition, QueryString):
        return any(
            re.search(query_regex(key, value), seen, re.IGNORECASE | re.ASCII) for key, value in condition.values
        )
    return any(_in_block(seen, block) for block in condition.values)


def path_matches(condition: PathPattern, path: str) -> bool:
    """Whether a path, decoded and normalised, meets a condition."""
    return _value_matches(condition, path) or any(_found(condition, regex, path) for regex in condition.regex_values)


def glob_matches(pattern: str, text: str, *, fold_case: bool = False) -> bool:
    """Whether a pattern matches the whole text."""
    flags = re.DOTALL | re.ASCII | (re.IGNORECASE if fold_case else 0)
    return re.fullmatch(glob_regex(pattern), text, flags) is not None


def _in_block(address: str, block: str) -> bool:
    parsed, network = ipaddress.ip_address(address), ipaddress.ip_network(block, strict=False)
    return parsed.version == network.version and parsed in network
