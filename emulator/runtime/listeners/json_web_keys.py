"""The public keys that listener rules validate tokens with: from a file of the workspace, else from the endpoint that
the rule names. They are read when `up` runs; keys that an issuer makes later are known from the next one on."""

from __future__ import annotations

import base64
import binascii
import json
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path

from emulator.ecs.service import Service
from emulator.errors import InputError
from emulator.files import read_text

TIMEOUT = 10.0
MOST_BYTES = 150_000
MOST_KEYS = 10
_RSA = bytes.fromhex("300d06092a864886f70d0101010500")
"""The algorithm identifier of an RSA key."""


def keys_of(services: Iterable[Service], files: Mapping[str, str], workspace: Path) -> dict[str, dict[str, str]]:
    """PEM by key id, by endpoint. `files` are those of `[jwt] keys`. Raises `InputError` for a set that cannot be had,
    or has no key that a load balancer takes."""
    found: dict[str, dict[str, str]] = {}
    for service in services:
        for rule in service.listener_rules:
            if rule.jwt is not None and rule.jwt.jwks_endpoint not in found:
                endpoint = rule.jwt.jwks_endpoint
                try:
                    found[endpoint] = read_keys(_text(endpoint, files.get(endpoint), workspace))
                except (OSError, ValueError) as error:
                    raise InputError(
                        f"{service.name}: the keys of {endpoint} cannot be had: {error}",
                        position=rule.position_of("Actions"),
                        hint=f'`[jwt] keys = {{ "{endpoint}" = "jwks.json" }}` in copilot-local.toml takes a file',
                    ) from None
    return found


def _text(endpoint: str, file: str | None, workspace: Path) -> str:
    if file is not None:
        path = (workspace / file).resolve()
        if not path.is_relative_to(workspace.resolve()):
            raise ValueError(f"{file} is not in the workspace")
        return read_text(path, most=MOST_BYTES)
    if not endpoint.startswith("https://"):
        raise ValueError("it is no https URL")
    with urllib.request.urlopen(endpoint, timeout=TIMEOUT) as answer:
        content: bytes = answer.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES} bytes")
    return content.decode()


def read_keys(text: str) -> dict[str, str]:
    """The RSA keys of a JSON Web Key Set as PEM, by their ids. Raises `ValueError`."""
    try:
        keys = json.loads(text)["keys"]
        found = {str(key.get("kid", "")): _pem(key["n"], key["e"]) for key in keys if key.get("kty") == "RSA"}
    except (KeyError, TypeError, AttributeError, binascii.Error):
        raise ValueError("it is no JSON Web Key Set") from None
    if not found or len(found) > MOST_KEYS:
        raise ValueError(f"it has {len(found)} RSA keys, and not from 1 to {MOST_KEYS}")
    return found


def _pem(modulus: str, exponent: str) -> str:
    numbers = _der(0x30, _integer(modulus) + _integer(exponent))
    key = _der(0x30, _RSA + _der(0x03, b"\0" + numbers))
    lines = base64.encodebytes(key).decode().replace("\n", "")
    body = "\n".join(lines[at : at + 64] for at in range(0, len(lines), 64))
    return f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n"


def _integer(text: str) -> bytes:
    content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).lstrip(b"\0") or b"\0"
    return _der(0x02, (b"\0" if content[0] & 0x80 else b"") + content)


def _der(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content
