"""Dynamic references: `{{resolve:secretsmanager:…}}`, `{{resolve:ssm:…}}` and `{{resolve:ssm-secure:…}}`.

Source: CloudFormation User Guide, "Using dynamic references to specify template values".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from emulator.aws.stacks.problems import Problem
from emulator.aws.stacks.values import Secret, Value

_REFERENCE = re.compile(r"\{\{resolve:([^{}]*)\}\}")
_ARN_FIELDS = 7


@dataclass(frozen=True)
class SecretReference:
    """A secret, by name or ARN; `key` is of its JSON, empty for the whole text."""

    id: str
    key: str = ""
    stage: str = ""
    version: str = ""


@dataclass(frozen=True)
class ParameterReference:
    """A parameter of Systems Manager; `version` is empty for the newest."""

    name: str
    version: str = ""
    secure: bool = False


class Stores(Protocol):
    """Where dynamic references are looked up. Both raise Problem for what is not there."""

    def secret(self, reference: SecretReference) -> str: ...

    def parameter(self, reference: ParameterReference) -> str: ...


class NoStores:
    """Has nothing: for outputs and policies that are looked at before, or without, what they refer to."""

    def secret(self, reference: SecretReference) -> str:
        raise Problem(f"the secret {reference.id} is not looked up")

    def parameter(self, reference: ParameterReference) -> str:
        raise Problem(f"the parameter {reference.name} is not looked up")


def parse(reference: str) -> SecretReference | ParameterReference:
    """What stands between `{{resolve:` and `}}`. Raises Problem where it is none."""
    service, _, rest = reference.partition(":")
    if service == "secretsmanager" and rest:
        parts = rest.split(":")
        fields = _ARN_FIELDS if rest.startswith("arn:") else 1
        name, more = ":".join(parts[:fields]), parts[fields:]
        if more and more[0] not in ("", "SecretString"):
            raise Problem(
                f"{{{{resolve:{reference}}}}} asks for {more[0]!r}", "only SecretString can be asked for, or nothing"
            )
        key, stage, version = [*more[1:4], "", "", ""][:3]
        return SecretReference(name, key, stage, version)
    if service in ("ssm", "ssm-secure") and rest:
        name, _, version = rest.partition(":") if not rest.startswith("arn:") else (rest, "", "")
        return ParameterReference(name, version, secure=service == "ssm-secure")
    raise Problem(
        f"{{{{resolve:{reference}}}}} is no dynamic reference",
        "write {{resolve:secretsmanager:NAME:SecretString:KEY}}, {{resolve:ssm:NAME}} or {{resolve:ssm-secure:NAME}}",
    )


def has_reference(value: Value) -> bool:
    """Whether a dynamic reference is anywhere in a value."""
    if isinstance(value, dict):
        return any(has_reference(item) for item in value.values())
    if isinstance(value, list):
        return any(has_reference(item) for item in value)
    return isinstance(value, str) and _REFERENCE.search(value) is not None


def resolve(value: Value, stores: Stores) -> Value:
    """The value with every dynamic reference in it looked up; text from one is secret, unless it is plain `ssm`."""
    if isinstance(value, dict):
        return {key: resolve(item, stores) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item, stores) for item in value]
    if not isinstance(value, str) or "{{resolve:" not in value:
        return value
    secret = isinstance(value, Secret)

    def found(match: re.Match[str]) -> str:
        nonlocal secret
        reference = parse(match[1])
        if isinstance(reference, SecretReference):
            secret = True
            return stores.secret(reference)
        text = stores.parameter(reference)
        secret = secret or reference.secure or isinstance(text, Secret)
        return text

    whole = _REFERENCE.sub(found, value)
    return Secret(whole) if secret else whole
