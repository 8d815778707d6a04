"""What is in a secret: the part of it that is wanted, as ECS takes it out, or a registry's login."""

from __future__ import annotations

import json

from emulator.engine.interface import RegistryAuth
from emulator.runtime.secrets.failures import FROM_ASM
from emulator.runtime.secrets.go_format import decode, go_format
from emulator.runtime.secrets.wanted import Wanted

LOGIN_FORMAT = '{"username": "…", "password": "…"}'


def part_of(wanted: Wanted, content: str) -> tuple[str | None, str]:
    """The value that is wanted of a secret's whole content; or None and, in ECS's words, why there is none."""
    key = wanted.name.json_key if wanted.name else ""
    if not key:
        return content, ""
    try:
        document = decode(content)
    except (ValueError, RecursionError):
        return None, f"{FROM_ASM}the secret {wanted.text} is not JSON, of which {key} could be taken"
    if not isinstance(document, dict) or key not in document:
        return None, f"{FROM_ASM}retrieved secret from Secrets Manager did not contain json key {key}"
    return go_format(document[key]), ""


def login_of(content: str) -> RegistryAuth | None:
    """The user name and password in the secret of a registry; None where it is no such thing."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    username, password = document.get("username"), document.get("password")
    if not (isinstance(username, str) and isinstance(password, str) and username):
        return None
    return RegistryAuth(username, password)
