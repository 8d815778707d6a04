"""Judges the calls that were counted by the roles that services have when they are deployed."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from emulator.aws.contents.names import MADE_FILE, REQUEST_FILE, read_json
from emulator.aws.contents.names import World as Contents
from emulator.aws.permissions.policies import Statement, Verdict, decide, statement_of
from emulator.aws.ports import CALLS
from emulator.aws.stacks.dynamic_references import NoStores
from emulator.aws.stacks.evaluator import Place, Stack, Template, World
from emulator.aws.stacks.functions import evaluate
from emulator.aws.stacks.placeholders import environment_exports
from emulator.aws.stacks.preview import unmade
from emulator.aws.stacks.problems import Problem, StackError
from emulator.aws.stacks.providers.named import name_of
from emulator.aws.stacks.resources import Made, Resource
from emulator.ecs.addons.types import Kind, resource_type

_RESOURCE_POLICIES = (
    "AWS::SQS::QueuePolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::S3::BucketPolicy",
    "AWS::SecretsManager::ResourcePolicy",
)
_ORDER = (Verdict.DENIED, Verdict.MISSING, Verdict.UNKNOWN, Verdict.ALLOWED)
_MOST_KEYS = 3
"""Objects of one bucket that are listed one by one."""


@dataclass(frozen=True)
class Role:
    """A service with what its role is rendered from: the name of its stack, that of its addons, and the outputs of
    these that are managed policies of the role."""

    service: str
    stack: str
    addons: str = ""
    policies: Sequence[str] = ()
    arn: str = ""
    statements: list[Statement] = field(default_factory=list)


def permissions(
    contents: Contents, stacks: Sequence[Mapping[str, Any]], roles: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The calls of services with a verdict for each: `{"rows": [{"service", "action", "resource", "calls", "refused",
    "verdict", "reason"}], "more"}`. `stacks` are templates as `provision` is asked for them, `roles` as `Role` has it.
    """
    with urllib.request.urlopen(f"{contents.url}{CALLS}", timeout=30) as answer:
        counted: dict[str, Any] = json.load(answer)
    request = read_json(Path(REQUEST_FILE))
    made = read_json(Path(REQUEST_FILE).with_name(MADE_FILE))
    return {"rows": judged(counted["calls"], request, made, stacks, roles), "more": counted["more"]}


def judged(
    calls: Sequence[Mapping[str, Any]],
    request: Mapping[str, Any],
    made: Mapping[str, Mapping[str, Any]],
    stacks: Sequence[Mapping[str, Any]],
    roles: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """The rows, those that would fail first. `request` and `made` are what `emulator.aws.prepare` kept."""
    place = Place(request["account"], request["region"], request.get("partition", "aws"))
    world = _world(place, request, made, stacks)
    by_service = {role["service"]: Role(**role) for role in roles}
    shared = [pair for stack in world.stacks.values() for pair in _resource_statements(stack)]
    known = _known(place, request)
    for role in by_service.values():
        role.statements.extend(_statements(world, role))
        role.statements.extend(one for principals, one in shared if role.arn in principals or "*" in principals)
    tagged = [str(one["physical"]) for resources in made.values() for one in resources.values()]
    rows = []
    for call in calls:
        if (caller := by_service.get(call["service"])) is None:
            continue
        keys = {**known, "aws:principalarn": caller.arn}
        if not _is_ours(call["resource"], tagged):
            keys = {key: value for key, value in keys.items() if "resourcetag/" not in key}
        decision = decide(call["action"], call["resource"], caller.statements, keys)
        rows.append({**call, "verdict": decision.verdict.value, "reason": decision.reason})
    return sorted(_joined(rows), key=lambda row: (row["service"], _ORDER.index(Verdict(row["verdict"])), row["action"]))


def _world(
    place: Place, request: Mapping[str, Any], made: Mapping[str, Mapping[str, Any]], stacks: Sequence[Mapping[str, Any]]
) -> World:
    def make(resource: Resource) -> Made:
        there = made.get(resource.stack, {}).get(resource.logical_id)
        if there is not None and there["type"] == resource.type:
            return Made(there["physical"], dict(there.get("attributes", {})))
        if resource_type(resource.type).kind in (Kind.NAMED, Kind.WARNED):
            return name_of(place, resource)
        return unmade(resource)

    templates = [Template.of(one) for one in stacks]
    exports = {**environment_exports(request["app"], request["env"]), **request.get("exports", {})}
    return World(place, templates, make, NoStores(), exports)


def _statements(world: World, role: Role) -> Iterator[Statement]:
    """Those of the role itself, and of the managed policies that its addons put out."""
    stack = world.stacks[role.stack]
    properties = stack.section("Resources").get("TaskRole", {})
    own: Any = properties.get("Properties", {}) if isinstance(properties, dict) else {}
    for policy in own.get("Policies") or ():
        yield from _of_document(stack, policy.get("PolicyDocument"), f"TaskRole {policy.get('PolicyName', '')}".strip())
    for arn in own.get("ManagedPolicyArns") or ():
        if isinstance(arn, str):
            yield Statement("Allow", arn.rpartition("/")[2], unknown="a policy of AWS, which is not here")
    addons = world.stacks.get(role.addons)
    if addons is None:
        return
    for output in role.policies:
        value: Any = addons.section("Outputs").get(output)
        logical_id = value.get("Value", {}).get("Ref") if isinstance(value, dict) else None
        policy = addons.section("Resources").get(logical_id) if isinstance(logical_id, str) else None
        if isinstance(policy, dict):
            document: Any = policy.get("Properties")
            yield from _of_document(addons, document.get("PolicyDocument"), f"addon {logical_id}")


def _resource_statements(stack: Stack) -> Iterator[tuple[list[str], Statement]]:
    """Statements of policies of resources, each with the roles that it names."""
    for logical_id, definition in stack.section("Resources").items():
        if not isinstance(definition, dict) or definition.get("Type") not in _RESOURCE_POLICIES:
            continue
        properties: Any = definition.get("Properties", {})
        document = properties.get("PolicyDocument") or properties.get("ResourcePolicy")
        for node in _nodes(document):
            principal = _evaluated(stack, node.get("Principal"))
            named = principal.get("AWS") if isinstance(principal, dict) else principal
            arns = [str(one) for one in (named if isinstance(named, list) else [named]) if one is not None]
            for statement in _of_document(stack, {"Statement": [node]}, logical_id):
                yield arns, statement


def _of_document(stack: Stack, document: Any, origin: str) -> Iterator[Statement]:
    """The statements of a policy document. One that cannot be evaluated keeps its effect and actions."""
    for node in _nodes(document):
        try:
            value: Any = evaluate(node, stack)
        except (Problem, StackError) as error:
            plain = {key: one for key, one in node.items() if key in ("Sid", "Effect", "Action", "NotAction")}
            yield replace(statement_of(plain, origin), unknown=error.message)
        else:
            yield statement_of(value, origin)


def _nodes(document: Any) -> list[dict[str, Any]]:
    statements = document.get("Statement", []) if isinstance(document, dict) else []
    return [one for one in (statements if isinstance(statements, list) else [statements]) if isinstance(one, dict)]


def _evaluated(stack: Stack, node: Any) -> Any:
    try:
        return evaluate(node, stack)
    except (Problem, StackError):
        return None


def _known(place: Place, request: Mapping[str, Any]) -> dict[str, str]:
    """Values of condition keys that are the same for every call of a task, when it is deployed."""
    found = {
        "aws:securetransport": "true",
        "aws:principalaccount": place.account,
        "aws:resourceaccount": place.account,
        "aws:requestedregion": place.region,
        "aws:principaltype": "AssumedRole",
    }
    tags = {"copilot-application": request["app"], "copilot-environment": request["env"]}
    for service in ("aws", "ssm", "secretsmanager"):
        found |= {f"{service}:resourcetag/{name}": value for name, value in tags.items()}
    return found


def _is_ours(resource: str, physical: Sequence[str]) -> bool:
    """Whether a resource is one of the stacks', which have Copilot's tags."""
    return any(resource == one or resource.endswith((f":{one}", f"/{one}", f"/{one.lstrip('/')}")) for one in physical)


def _joined(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, where many objects of one bucket with the same verdict are one."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        bucket = row["resource"].partition("/")[0] if row["resource"].startswith("arn:aws:s3:::") else row["resource"]
        is_object = "/" in row["resource"] and bucket != row["resource"]
        key = (row["service"], row["action"], bucket, str(is_object), row["verdict"], row["reason"])
        groups.setdefault(key, []).append(row)
    found = []
    for (_, _, bucket, is_object, _, _), same in groups.items():
        if len(same) <= _MOST_KEYS or is_object != "True":
            found += same
        else:
            sums = {name: sum(row[name] for row in same) for name in ("calls", "refused")}
            found.append({**same[0], **sums, "resource": f"{bucket}/*"})
    return found
