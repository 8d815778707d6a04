"""Where nginx asks a name with HTTP/1.0, from its files as they stand in a folder. Pure.

Source: nginx, `proxy_http_version` of ngx_http_proxy_module: its default was 1.0, and is 1.1 only of late.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from emulator.errors import Position
from emulator.trace.diagnosis.nginx import Directive, parse

_TARGET = re.compile(r"http://([A-Za-z0-9_.-]+)(?::\d+)?(?:/.*)?")
_VERSION = "proxy_http_version"


def old_requests(files: Mapping[str, str], names: Collection[str]) -> list[tuple[str, Position]]:
    """The names that a `proxy_pass` leads to without `proxy_http_version`, each with its place. `files`: text by path.

    Nothing where a file sets the version for everything: which of the files include which is not known.
    """
    parsed = [parse(f"# configuration file {path}:\n{text}") for path, text in sorted(files.items())]
    if any(_sets_for_all(directives) for directives in parsed):
        return []
    upstreams: dict[str, str] = {}
    for directives in parsed:
        upstreams |= dict(_upstreams(directives, names))
    return [found for directives in parsed for found in _passes(directives, names, upstreams)]


def _sets_for_all(directives: Sequence[Directive]) -> bool:
    return any(one.name == _VERSION or (one.name == "http" and one.all(_VERSION)) for one in directives)


def _upstreams(directives: Sequence[Directive], names: Collection[str]) -> Iterator[tuple[str, str]]:
    """By the name of an `upstream`, which of the names its servers are."""
    for one in directives:
        if one.name == "upstream" and one.arguments:
            for server in one.all("server"):
                host = server.arguments[0].partition(":")[0].lower() if server.arguments else ""
                if host in names:
                    yield one.arguments[0].lower(), host
        yield from _upstreams(one.block, names)


def _passes(
    directives: Sequence[Directive], names: Collection[str], upstreams: Mapping[str, str]
) -> Iterator[tuple[str, Position]]:
    if any(one.name == _VERSION for one in directives):
        return  # and for all that is below
    for one in directives:
        if one.name == "proxy_pass" and one.arguments:
            target = _TARGET.fullmatch(one.arguments[0])
            host = target[1].lower() if target else ""
            if (name := upstreams.get(host, host)) in names:
                yield name, one.position
        yield from _passes(one.block, names, upstreams)
