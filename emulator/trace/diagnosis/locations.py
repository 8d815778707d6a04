"""Which of nginx's locations a request gets, and what holds for it there. Pure.

Source: nginx's documentation, `location` of ngx_http_core_module, and `proxy_pass` of ngx_http_proxy_module.
"""

from __future__ import annotations

from collections.abc import Sequence

from emulator.trace.diagnosis.nginx import Directive
from emulator.trace.diagnosis.pcre import matches


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
            if loc.arguments[0] in ("~", "~*") and matches(
                loc.arguments[1], path, ignore_case=loc.arguments[0] == "~*"
            ):
                return loc
    return best


def proxy_pass(server: Directive, path: str) -> Directive | None:
    """The `proxy_pass` that a path of a server block ends at."""
    location = choose_location(server, path)
    return next(iter((location or server).all("proxy_pass")), None)


def effective(configuration: Sequence[Directive], server: Directive, path: str, name: str) -> list[Directive]:
    """The directives of a name that hold for a request: of its location, else of its server block, else of `http`."""
    location = choose_location(server, path)
    outer = [one for block in configuration if block.name == "http" for one in block.all(name)]
    return (location.all(name) if location else []) or server.all(name) or outer


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


def _prefix(location: Directive) -> str | None:
    if not location.arguments or location.arguments[0] in ("~", "~*") or location.arguments[0].startswith("@"):
        return None
    return location.arguments[-1]


def _fits(location: Directive, path: str) -> bool:
    prefix = _prefix(location) or ""
    return path == prefix if location.arguments[0] == "=" else path.startswith(prefix)
