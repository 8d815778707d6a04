"""Parameters of Systems Manager.

Source: CloudFormation, AWS::SSM::Parameter; Systems Manager API, PutParameter.
"""

from __future__ import annotations

from typing import Any

from emulator.aws.stacks.clients import Clients
from emulator.aws.stacks.context import Context
from emulator.aws.stacks.problems import Problem
from emulator.aws.stacks.resources import Made, Resource
from emulator.aws.stacks.values import Secret, text

SECURE, PLAIN = "SecureString", "String"
_MISSING = ("ParameterNotFound", "ParameterVersionNotFound")


def parameter(context: Context, resource: Resource) -> Made:
    properties = resource.properties
    name = resource.name("Name")
    if "Value" not in properties:
        raise Problem("the parameter has no Value", "give it one")
    value, kind = text(properties["Value"]), text(properties.get("Type", PLAIN))
    ensure_parameter(context.clients, name, value, kind, exactly=True)
    return Made(name, {"Type": kind, "Value": value})


def ensure_parameter(clients: Clients, name: str, value: str, kind: str, *, exactly: bool = False) -> None:
    """Makes the parameter, or gives the one there is this value. Raises Problem for a name that AWS keeps to itself.

    One that has the value keeps its type, unless it is to be `exactly` this one.
    """
    if name.lstrip("/").lower().startswith(("aws", "ssm")):
        raise Problem(
            f"the parameter's name {name} begins with aws or ssm, which Systems Manager refuses", "give it another name"
        )
    present = _found(clients, name)
    if present is None or present["Value"] != value or (exactly and present.get("Type") != kind):
        clients.call("ssm", "PutParameter", Name=name, Value=value, Type=kind, Overwrite=True)


def read_parameter(clients: Clients, name: str, version: str = "") -> str | None:
    """The value of a parameter, decrypted, secret if it is a SecureString; None where there is none."""
    found = _found(clients, f"{name}:{version}" if version else name)
    if found is None:
        return None
    value = str(found["Value"])
    return Secret(value) if found.get("Type") == SECURE else value


def _found(clients: Clients, name: str) -> dict[str, Any] | None:
    answer = clients.attempt(_MISSING, "ssm", "GetParameter", Name=name, WithDecryption=True)
    return None if answer is None else answer["Parameter"]
