"""Compares the headers of one hop with those of the next, and masks secret values. Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

from emulator.redaction import HIDDEN, redact_forms, sounds_secret
from emulator.trace.requests.exchange import Exchange, Headers

SECRET = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "x-api-key",
        "x-auth-token",
        "x-amz-security-token",
    }
)
"""Headers, in lower case, whose values are not shown unless asked for, besides those whose names sound secret."""
_LARGE = 200
"""Bytes of a header's values."""
_SCHEMES = frozenset({"basic", "bearer", "digest", "negotiate", "aws4-hmac-sha256"})


class Kind(enum.StrEnum):
    """What became of a header."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Change:
    """One header that is not what it was. `name` as it was written, last."""

    kind: Kind
    name: str
    before: str = ""
    after: str = ""
    before_bytes: int = 0
    """Its values on the wire, secrets included."""
    after_bytes: int = 0

    @property
    def is_large(self) -> bool:
        """Whether its size says more than the beginning of its value."""
        return max(self.before_bytes, self.after_bytes) > _LARGE


def changes(before: Headers, after: Headers, *, secrets: bool = False) -> tuple[Change, ...]:
    """The differences in the order of `after`, then what is gone. Case and order of names are no difference; values of
    a name that comes several times are taken together."""
    old, new = _joined(before), _joined(after)
    found = []
    for key, (name, values) in new.items():
        now = _text(key, values, secrets)
        if key not in old:
            found.append(Change(Kind.ADDED, name, after=now, after_bytes=_bytes(values)))
        elif old[key][1] != values:
            was = _text(key, old[key][1], secrets)
            found.append(Change(Kind.CHANGED, name, was, now, _bytes(old[key][1]), _bytes(values)))
    for key, (name, values) in old.items():
        if key not in new:
            was = _text(key, values, secrets)
            found.append(Change(Kind.REMOVED, name, before=was, before_bytes=_bytes(values)))
    return tuple(found)


def redacted(headers: Headers) -> Headers:
    """The headers without the values of secret ones, and of the others without what looks like a secret; the scheme of
    an authorization and names of cookies stay."""
    return tuple((name, _text(name.lower(), [value], False)) for name, value in headers)


def _joined(headers: Headers) -> dict[str, tuple[str, list[str]]]:
    found: dict[str, tuple[str, list[str]]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), (name, []))[1].append(value)
    return found


def _bytes(values: list[str]) -> int:
    return sum(map(len, values))


def _text(key: str, values: list[str], secrets: bool) -> str:
    return ", ".join(value if secrets else _hidden(key, value) for value in values)


def _hidden(key: str, value: str) -> str:
    if key not in SECRET and not sounds_secret(key):
        return redact_forms(value)  # an address with a token in it: Location, Referer, X-Original-URL
    if key.endswith("authorization"):
        scheme = value.partition(" ")[0]
        return f"{scheme} {HIDDEN}" if scheme.lower() in _SCHEMES else HIDDEN
    if key == "cookie":
        return "; ".join(_cookie(part.strip()) for part in value.split(";"))
    if key == "set-cookie":
        pair, semicolon, attributes = value.partition(";")
        return f"{_cookie(pair)}{semicolon}{attributes}"
    return HIDDEN


def _cookie(pair: str) -> str:
    name, equals, _ = pair.partition("=")
    return f"{name}={HIDDEN}" if equals else HIDDEN


def without_secrets(exchange: Exchange) -> Exchange:
    """An exchange with secret values of headers and URLs replaced."""
    request, response = exchange.request, exchange.response
    return replace(
        exchange,
        request=request and replace(request, headers=redacted(request.headers), target=redact_forms(request.target)),
        response=response and replace(response, headers=redacted(response.headers)),
    )
