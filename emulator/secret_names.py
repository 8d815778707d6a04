"""What may stand where a task definition names a secret: the forms that ECS, SSM and Secrets Manager take.

Source: the ECS developer guide (Secrets in a container definition: `valueFrom`), the SSM API reference (PutParameter:
Name) and the Secrets Manager API reference (CreateSecret: Name).
"""

from __future__ import annotations

import re

_PARAMETER = re.compile(r"[A-Za-z0-9_./-]+(:[A-Za-z0-9_.-]+)?")
"""A parameter's name, with or without a version or a label behind a colon."""
_SECRET = re.compile(r"[A-Za-z0-9/_+=.@!-]+")
"""`!` is in the names of secrets that AWS services manage, such as `rds!cluster-…`."""
_VARIABLE = re.compile(r"[A-Za-z0-9_.:/@+-]+")
_LONGEST_PARAMETER = 2048
_LONGEST_SECRET = 512
_SUFFIX_PARTS = 4
"""A secret's name with `:json-key:version-stage:version-id` behind it."""
PARAMETER_CHARACTERS = "letters, digits and . - _ /"
SECRET_CHARACTERS = "letters, digits and / _ + = . @ ! -"


def reference_problem(text: str) -> str:
    """Why `valueFrom` cannot be this text, a parameter's name or an ARN; empty where it can."""
    if not text.startswith("arn:"):
        return _parameter_problem(text)
    parts = text.split(":", 5)
    if len(parts) < 6:
        return f"{text!r} is not an ARN: it has {len(parts)} of six parts"
    service, resource = parts[2], parts[5]
    if service == "ssm":
        if not resource.startswith("parameter/"):
            return f"{text!r} is not the ARN of a parameter, which ends in :parameter/<name>"
        return _parameter_problem(resource.removeprefix("parameter"))
    if service == "secretsmanager":
        if not resource.startswith("secret:"):
            return f"{text!r} is not the ARN of a secret, which ends in :secret:<name>"
        return managed_problem(resource.removeprefix("secret:"))
    return f"an ARN of {service} is not a secret"


def managed_problem(text: str) -> str:
    """Why a secret of Secrets Manager cannot be named by this text, `name` or `name:json-key:version-stage:version-id`;
    empty where it can."""
    name, *suffix = text.split(":")
    if suffix and len(suffix) != _SUFFIX_PARTS - 1:
        return (
            f"{text!r} has {len(suffix)} of the three colons behind the name: "
            "write name:json-key:version-stage:version-id, with parts that are not needed left empty"
        )
    if not name or not _SECRET.fullmatch(name):
        return f"{name!r} is not the name of a secret, which has {SECRET_CHARACTERS} only"
    return f"the name has more than {_LONGEST_SECRET} characters" if len(name) > _LONGEST_SECRET else ""


def variable_problem(name: str) -> str:
    """Why the variable that a secret is put into cannot have this name; empty where it can."""
    if _VARIABLE.fullmatch(name):
        return ""
    return f"{name!r} is not the name of a variable, which has letters, digits and _ . - only"


def _parameter_problem(name: str) -> str:
    if not name:
        return "it is empty"
    if not _PARAMETER.fullmatch(name):
        return f"{name!r} is not the name of a parameter, which has {PARAMETER_CHARACTERS} only"
    return f"the name has more than {_LONGEST_PARAMETER} characters" if len(name) > _LONGEST_PARAMETER else ""
