"""IAM policies and roles as templates have them."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.render.cloudformation.intrinsics import Sub
from emulator.render.cloudformation.template import Properties, Template

VERSION = "2012-10-17"


def statement(
    actions: str | Sequence[str],
    resources: object,
    *,
    effect: str = "Allow",
    condition: Properties | None = None,
    sid: str = "",
) -> Properties:
    """One statement of a policy."""
    found: Properties = {"Sid": sid} if sid else {}
    found |= {"Effect": effect, "Action": actions if isinstance(actions, str) else list(actions)}
    found["Resource"] = resources
    if condition:
        found["Condition"] = condition
    return found


def policy(name: str, statements: Sequence[Properties]) -> Properties:
    """A policy within a role."""
    return {"PolicyName": name, "PolicyDocument": document(statements)}


def document(statements: Sequence[Properties]) -> Properties:
    """A policy's document."""
    return {"Version": VERSION, "Statement": list(statements)}


def add_role(
    template: Template,
    name: str,
    principal: str,
    policies: Sequence[Properties],
    *,
    managed: Sequence[object] = (),
    boundary: str | None = None,
    comment: str = "",
    condition: Properties | None = None,
) -> None:
    """Adds a role that a service of AWS assumes, under a condition where there is one."""
    trust: Properties = {"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}
    if condition:
        trust["Condition"] = condition
    template.resource(
        name,
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": document([trust]),
            "PermissionsBoundary": _boundary(boundary) if boundary else None,
            "ManagedPolicyArns": list(managed) or None,
            "Policies": list(policies) or None,
        },
        comment=comment,
    )


def _boundary(name: str) -> object:
    """The boundary policy's ARN: that of a policy of the account where it is a name."""
    return name if name.startswith("arn:") else Sub(f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:policy/{name}")
