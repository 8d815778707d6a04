"""Which of nginx's locations a path gets. Pure.

Source: nginx's documentation, `location` and `merge_slashes` of ngx_http_core_module, and what nginx 1.22 answers where
that leaves it open: nested locations, and the order of expressions outside and inside of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import unquote_to_bytes

from emulator.trace.diagnosis.nginx import Directive
from emulator.trace.diagnosis.pcre import as_bytes, compiled

_BROKEN = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")


@dataclass(frozen=True, slots=True)
class Found:
    """A location that a path gets, or may get."""

    blocks: tuple[Directive, ...] = ()
    """From the outermost one in. None: it is in no location."""
    slash: bool = False
    """nginx redirects to the path with a slash, since there is a location of that name which passes on."""
    final: bool = False
    """No expression further out is asked any more."""


def normalized(target: str, *, merge_slashes: bool = True) -> str | None:
    """The path of a request as nginx compares it, one character a byte; None for what nginx answers 400."""
    path = re.split(r"[?#]", target, maxsplit=1)[0]
    path = re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/]*", "", path) or "/"
    if not path.startswith("/") or _BROKEN.search(path):
        return None
    path = unquote_to_bytes(path.encode("latin-1", "replace")).decode("latin-1")
    if merge_slashes:
        path = re.sub("/+", "/", path)
    kept: list[str] = []
    parts = path.split("/")[1:]
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "..":
            if not kept:
                return None
            kept.pop()
        elif part != ".":
            kept.append(part)
            continue
        if last:
            kept.append("")
    return "/" + "/".join(kept)


def located(block: Directive, path: str) -> list[Found]:
    """The location of a block that a path gets, nested ones included. There are more where it is not known what an
    expression matches, in the order in which nginx looks."""
    exact, prefix, slash = _static(block, path)
    if (first := exact or slash) is not None:
        return [Found((first,), slash=exact is None, final=True)]
    inner = [_within(prefix, one) for one in located(prefix, path)] if prefix is not None else [Found()]
    found = [one for one in inner if one.final]
    if len(found) == len(inner) or (prefix is not None and modifier_of(prefix) == "^~"):
        return inner
    for location in block.all("location"):
        if modifier_of(location) not in ("~", "~*"):
            continue
        pattern = compiled(name_of(location), modifier_of(location) == "~*")
        match = pattern.search(path) if pattern is not None else None
        if pattern is not None and match is None:
            continue
        found += [replace(_within(location, one), final=True) for one in located(location, path)]
        if match is not None:
            return found
    return [*found, *(one for one in inner if not one.final)]


def modifier_of(location: Directive) -> str:
    """`=`, `^~`, `~`, `~*`, or nothing. nginx takes it without a space too."""
    words = location.arguments
    if len(words) > 1:
        return words[0]
    match = re.match(r"=|\^~|~\*|~", words[0]) if words else None
    return match[0] if match else ""


def name_of(location: Directive) -> str:
    """What its path begins with, or is, or matches; with an `@` for one that no path gets."""
    words = location.arguments
    return words[-1].removeprefix(modifier_of(location)) if len(words) == 1 else "".join(words[1:2])


def _static(block: Directive, path: str) -> tuple[Directive | None, Directive | None, Directive | None]:
    """Of the locations that are no expressions: the one that is exactly the path, the longest that it begins with, and
    the one that it lacks only a slash for."""
    exact, best, slash = None, None, None
    for location in block.all("location"):
        modifier, name = modifier_of(location), as_bytes(name_of(location))
        if modifier in ("~", "~*") or not name or name.startswith("@"):
            continue
        if modifier == "=":
            exact = location if name == path else exact
        elif path.startswith(name) and (best is None or len(name) > len(as_bytes(name_of(best)))):
            best = location
        if name == path + "/" and any(passes(inner) for inner in location.block):
            slash = location
    if best is not None and as_bytes(name_of(best)) == path:
        slash = None
    return exact, best, slash


def passes(directive: Directive) -> bool:
    """Whether it lets another server answer: `proxy_pass`, `fastcgi_pass` and their like."""
    return directive.name.endswith("_pass")


def _within(location: Directive, found: Found) -> Found:
    return replace(found, blocks=(location, *found.blocks))
