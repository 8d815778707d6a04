"""Takes secrets out of text that leaves the machine: a bug report's, and configurations that are printed.

Values that are known become their names, in whatever form they stand; what is not known goes by its form
(`emulator.redaction`).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus, unquote

from emulator.ecs.service import Service
from emulator.redaction import redact_forms, sounds_secret

__all__ = ["SHORTEST", "Redactor", "secrets_of", "sounds_secret", "telling"]

SHORTEST = 3
"""Characters. A shorter value is found in half of all words: it is left, and named in `unsafe`."""
PLAIN_SHORTEST = 6
"""Characters of a value whose name does not sound secret: a port or a log level is none."""
_PART_SHORTEST = 8
"""Characters of what is left of a Base64 text in the middle of another one."""
_PASSWORD = re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#@:]*:([^\s/?#]+)@")
_HEADER = re.compile(r"(?i)\s*(?P<name>[\w-]*(?:auth|key|token|secret|cookie)[\w-]*)[\s:]+(?P<value>.+)")
Pairs = Iterator[tuple[str, str]]


class Redactor:
    """Replaces values by their names, also where they stand as JSON, in a URL or as Base64, and what looks like a
    secret though its value is not known."""

    def __init__(self, secrets: Iterable[tuple[str, str]]) -> None:
        self.unsafe: set[str] = set()
        """Names of values that are too short to be found."""
        replacements: dict[str, str] = {}
        for name, value in secrets:
            for part in (value, *_parts(value)):
                if len(part.strip()) < SHORTEST:
                    self.unsafe |= {name} if part.strip() else set()
                    continue
                for form in _forms(part):
                    replacements.setdefault(form, f"<{name}>")
        # The longest first: one value may be the beginning of another.
        self._replacements: Mapping[str, str] = dict(sorted(replacements.items(), key=lambda pair: -len(pair[0])))
        self._pattern = re.compile("|".join(map(re.escape, self._replacements))) if replacements else None

    def __call__(self, text: str) -> str:
        if self._pattern is not None:
            text = self._pattern.sub(lambda found: self._replacements[found[0]], text)
        return redact_forms(text)


def variables(pairs: Mapping[str, str]) -> Pairs:
    """The secrets of a file of variables: what sounds like one, and every other value that is long enough to be one."""
    for name, value in pairs.items():
        if sounds_secret(name) or len(value) >= PLAIN_SHORTEST:
            yield name, value


def secrets_of(service: Service) -> Pairs:
    """What a service holds in the clear though it is a secret: variables, build arguments, log options, labels."""
    for container, build in service.builds.items():
        yield from ((f"{name} of the build of {container}", value) for name, value in variables(build.args))
    for definition in service.task_definition.container_definitions:
        pairs: list[tuple[str, object]] = [(pair.name, pair.value) for pair in definition.environment]
        pairs += list(definition.docker_labels.items())
        if definition.log_configuration is not None:
            pairs += list(definition.log_configuration.options.items())
        for name, text in pairs:
            if isinstance(text, str):
                yield from telling(name, text)


def telling(name: str, value: str) -> Pairs:
    """What the value of a variable, an option or a label holds that is a secret, by its name and by its form."""
    if sounds_secret(name):
        yield name, value
    else:
        yield from ((name, unquote(password)) for password in _PASSWORD.findall(value))
    if name.lower().startswith("header") and (header := _HEADER.match(value)):
        yield f"{name} {header['name']}", header["value"]


def _parts(value: str) -> Iterator[str]:
    """What a value holds that is a secret by itself: the texts of a JSON document, the password of a URL."""
    yield from (unquote(password) for password in _PASSWORD.findall(value))
    if value.lstrip()[:1] in ("{", "["):
        try:
            document = json.loads(value)
        except (ValueError, RecursionError):
            return
        yield from (text for text in _texts(document) if len(text) >= PLAIN_SHORTEST)


def _texts(document: object) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict | list):
        for item in document.values() if isinstance(document, dict) else document:
            yield from _texts(item)


def _forms(value: str) -> set[str]:
    """The value as it stands in text, in each line of it, and encoded."""
    lines = [line for line in value.splitlines() if len(line.strip()) >= SHORTEST]
    found = {value, *lines, *(line.strip() for line in lines)}
    for text in tuple(found):
        for ascii_only in (True, False):
            once = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
            found |= {once, json.dumps(once, ensure_ascii=ascii_only)[1:-1]}
        for safe in ("", "/"):
            encoded = quote(text, safe=safe)
            found |= {encoded, re.sub(r"%..", lambda code: code[0].lower(), encoded), quote(encoded, safe=safe)}
        found.add(quote_plus(text))
        data = text.encode(errors="surrogatepass")
        found |= _base64(data)
        if len(data) >= SHORTEST:
            found |= {data.hex(), data.hex().upper()}
    return found


def _base64(data: bytes) -> set[str]:
    """The Base64 of a value, alone and within something longer (`user:password`): of that what depends on it alone."""
    found: set[str] = set()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        found.add(encode(data).decode().rstrip("="))
        for before in range(3):
            text = encode(b"\0" * before + data).decode()
            part = text[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
            if len(part) >= _PART_SHORTEST:
                found.add(part)
    return found
