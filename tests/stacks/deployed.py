"""Stacks as CloudFormation keeps them, on moto's account in memory.

moto makes and deletes the resources. What it lacks is here: conditions that flip with a parameter, deletion policies in
an update, change sets with what would happen to each resource, and custom resources with the Delete handlers of
Copilot's functions. Sources: CloudFormation's API reference (DescribeChangeSet, DeletionPolicy); its resource schemas,
for the properties whose change replaces a resource; Copilot, cf-custom-resources/lib.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import pytest

from tests.stacks.conftest import Account
from tests.stacks.linting import REGION
from tests.stacks.test_stacks import known_to_moto
from tests.unit.render.golden import Evaluation, read_template

Json = dict[str, Any]
_NO_VALUE = {"Ref": "AWS::NoValue"}
_GONE = object()
_POLICIES = ("DeletionPolicy", "UpdateReplacePolicy")
_ACCOUNT = "123456789012"


@dataclass
class Stack:
    """One stack: its template as it was deployed, and what it was deployed with."""

    text: str
    parameters: dict[str, str]
    custom: dict[str, str] = field(default_factory=dict)
    """Physical ids of custom resources, by their logical ids."""

    @property
    def resources(self) -> dict[str, Json]:
        """What the template makes of these parameters: no conditions, one side of each `Fn::If`."""
        found: dict[str, Json] = self.resolved["Resources"]
        return found

    @cached_property
    def resolved(self) -> Json:
        """The template with its conditions decided."""
        template: Any = json.loads(json.dumps(read_template(self.text), default=str))  # dates are text
        values = {key: str(it["Default"]) for key, it in template.get("Parameters", {}).items() if "Default" in it}
        decided = _Conditions(template.get("Conditions", {}), values | self.parameters)
        for section in ("Resources", "Outputs"):
            template[section] = {
                key: decided.of({name: item for name, item in it.items() if name != "Condition"})
                for key, it in template.get(section, {}).items()
                if "Condition" not in it or decided.holds(it["Condition"])
            }
        template.pop("Conditions", None)
        return dict(template)


@dataclass
class _Conditions:
    """A template's conditions, by the values of its parameters."""

    definitions: Json
    values: Mapping[str, str]

    def holds(self, condition: Any) -> bool:
        """Whether a condition is true: its name, or what it is made of."""
        if isinstance(condition, str):
            return self.holds(self.definitions[condition])
        [(name, argument)] = condition.items()
        match name:
            case "Condition":
                return self.holds(argument)
            case "Fn::Not":
                return not self.holds(argument[0])
            case "Fn::And":
                return all(self.holds(it) for it in argument)
            case "Fn::Or":
                return any(self.holds(it) for it in argument)
            case "Fn::Equals":
                one, other = (Evaluation(self.values).of(it) for it in argument)
                return one == other
        raise AssertionError(f"what is {name}?")

    def of(self, value: Any) -> Any:
        """A value with one side of each `Fn::If`, without what has no value."""
        if isinstance(value, list):
            return [found for it in value if (found := self.of(it)) is not _GONE]
        if not isinstance(value, dict):
            return value
        if "Fn::If" in value:
            name, one, other = value["Fn::If"]
            return self.of(one if self.holds(name) else other)
        if value == _NO_VALUE:
            return _GONE
        return {key: found for key, it in value.items() if (found := self.of(it)) is not _GONE}


@dataclass
class ChangeSet:
    """A change set that waits to be executed."""

    stack: str
    name: str
    text: str
    parameters: dict[str, str]


class Stacks:
    """The stacks of an account, by name."""

    def __init__(self, account: Account, handlers: Mapping[str, Callable[[Stacks, str, str, Json], None]]) -> None:
        """`handlers`: what a custom resource does when it is deleted, by its type: of these stacks, the stack's name,
        its physical id and its properties."""
        self.account = account
        self.found: dict[str, Stack] = {}
        self.made: dict[str, ChangeSet] = {}
        self.termination_protection: set[str] = set()
        self.changed: set[str] = set()
        """Resources whose properties the update changes that runs."""
        self._handlers = handlers

    def create(self, name: str, text: str, parameters: Mapping[str, str], custom: Mapping[str, str]) -> None:
        """Makes a stack. Its custom resources have done their work, and have these physical ids."""
        stack = Stack(text, dict(parameters), dict(custom))
        self._client.create_stack(**self._request(name, stack))
        self.found[name] = stack

    def described(self, name: str) -> Json:
        """What `describe-stacks` answers of one stack."""
        parameters = self.found[name].parameters.items()
        pairs = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters]
        return {"StackName": name, "Parameters": pairs, "Tags": [{"Key": "copilot-application", "Value": "my-app"}]}

    def physical(self, name: str, id: str) -> str:
        """The physical id of a stack's resource."""
        custom = self.found[name].custom
        if id in custom:
            return custom[id]
        found = self._client.describe_stack_resource(StackName=name, LogicalResourceId=id)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def change_set(self, name: str, change_set: str, text: str, parameters: Mapping[str, str]) -> None:
        """Makes a change set. A parameter that is not there is an error, as one is that no template has."""
        declared: Any = read_template(text).get("Parameters", {})
        missing = {key for key, it in declared.items() if "Default" not in it} - set(parameters)
        assert not missing, f"parameters without a value: {missing}"
        assert not set(parameters) - set(declared), "parameters that the template has not"
        self.made[change_set] = ChangeSet(name, change_set, text, dict(parameters))

    def describe(self, change_set: str) -> Json:
        """What `describe-change-set --include-property-values` answers."""
        one = self.made[change_set]
        before = self.found[one.stack]
        after = Stack(one.text, one.parameters, before.custom)
        changes = list(_changes(self._evaluated(one.stack, before), self._evaluated(one.stack, after)))
        arn = f"arn:aws:cloudformation:{REGION}:{_ACCOUNT}:changeSet/{change_set}/1"
        return {
            "ChangeSetName": change_set,
            "ChangeSetId": arn,
            "StackName": one.stack,
            "Status": "CREATE_COMPLETE" if changes else "FAILED",
            "ExecutionStatus": "AVAILABLE" if changes else "UNAVAILABLE",
            "Changes": [{"Type": "Resource", "ResourceChange": it} for it in changes],
        }

    def execute(self, change_set: str) -> None:
        """Does what a change set says."""
        one = self.made.pop(change_set)
        self.update(one.stack, one.text, one.parameters)

    def update(self, name: str, text: str, parameters: Mapping[str, str]) -> None:
        """Updates a stack: resources first, then what is left out goes, custom resources by their handlers."""
        before = self.found[name]
        after = Stack(text, dict(parameters), before.custom)
        changes = _changes(self._evaluated(name, before), self._evaluated(name, after))
        self.changed = {it["LogicalResourceId"] for it in changes if "Properties" in it["Scope"]}
        self._refuse_imported_exports(name, before, after)
        self.found[name] = after
        left_out = {key: it for key, it in before.resources.items() if key not in after.resources}
        self._client.update_stack(**self._request(name, after))
        self._run_handlers(name, before, left_out)

    def delete(self, name: str) -> None:
        """Deletes a stack, custom resources first: they run on functions of the stack."""
        stack = self.found.pop(name)
        self._run_handlers(name, stack, stack.resources)
        self._client.delete_stack(StackName=name)

    def parameters_of(self, name: str) -> dict[str, str]:
        """What a stack was deployed with."""
        return dict(self.found[name].parameters)

    def exports(self) -> dict[str, str]:
        """What all stacks export, by name."""
        return {it["Name"]: it["Value"] for it in self._client.list_exports()["Exports"]}

    @property
    def _client(self) -> Any:
        return self.account.client("cloudformation")

    def _run_handlers(self, name: str, stack: Stack, resources: Mapping[str, Json]) -> None:
        for key, it in resources.items():
            if it["Type"].startswith("Custom::") and it.get("DeletionPolicy") != "Retain":
                self._handlers[it["Type"]](self, name, stack.custom.get(key, ""), it["Properties"])

    def _refuse_imported_exports(self, name: str, before: Stack, after: Stack) -> None:
        """CloudFormation lets no export go that is imported."""
        mine = {_export(name, one) for one in before.resolved["Outputs"].values() if "Export" in one}
        kept = {_export(name, one) for one in after.resolved["Outputs"].values() if "Export" in one}
        used = {it for key, one in self.found.items() if key != name for it in _imports(one)}
        assert not (mine - kept) & used, f"exports in use cannot be deleted: {(mine - kept) & used}"

    def _evaluated(self, name: str, stack: Stack) -> dict[str, Json]:
        own = {"AWS::StackName": name, "AWS::AccountId": _ACCOUNT}
        evaluation = Evaluation(stack.parameters, {**own, **self.exports(), **stack.custom})
        return {key: _evaluate(evaluation, it) for key, it in stack.resources.items()}

    def _request(self, name: str, stack: Stack) -> Json:
        """The stack as moto takes it: without types that it does not know, with a text in the place of references to
        them, and with the physical ids of custom resources."""
        template = stack.resolved
        known = known_to_moto()
        resources: dict[str, Json] = template["Resources"]
        absent = {key for key, it in resources.items() if it["Type"] not in known or _not_by_moto(it)}
        # moto makes access points and does not tell their ARN.
        arns = {f"{key}.Arn": f"arn-of-{key}" for key, it in resources.items() if it["Type"] == "AWS::EFS::AccessPoint"}
        made = _without(template, absent, stack.custom | arns)
        for key, it in made["Resources"].items():
            if it["Type"] == "AWS::Lambda::Function":
                it["Properties"]["Code"] = {"ZipFile": "a function of Copilot's"}
            if it["Type"] == "AWS::SQS::Queue" and it["Properties"].get("FifoQueue"):
                it["Properties"]["QueueName"] = f"{name}-{key}.fifo"
        for it in made["Outputs"].values():
            it["Value"] = it["Value"] if isinstance(it["Value"], dict) else str(it["Value"])
        # Without any, moto keeps those of the template before.
        made["Parameters"] = declared = {"None": {"Type": "String"}, **template.get("Parameters", {})}
        values = {"None": "", **stack.parameters}
        given = [{"ParameterKey": key, "ParameterValue": it} for key, it in values.items() if key in declared]
        body = re.sub(r"\$\{ *([^} ]+) *\}", r"${\1}", json.dumps(made))  # blanks moto does not take
        return {"StackName": name, "TemplateBody": body, "Parameters": given,
                "Capabilities": ["CAPABILITY_NAMED_IAM"]}  # fmt: skip


def correct_moto(monkeypatch: pytest.MonkeyPatch, stacks: Stacks) -> None:
    """moto keeps what is retained when a stack is deleted, and not when it is updated; and it updates a resource that
    is written in another way only."""
    from moto.cloudformation.parsing import ResourceMap

    delete, diff = ResourceMap._delete_resource, ResourceMap.build_resource_diff

    def delete_unless_retained(self: ResourceMap, resource: Any, definition: Json) -> None:
        if definition.get("DeletionPolicy") != "Retain":
            delete(self, resource, definition)

    def diff_of_properties(self: ResourceMap, template: Json, parameters: Any = None) -> Json:
        found = diff(self, template, parameters)
        return {**found, "Modify": [it for it in found["Modify"] if it in stacks.changed]}

    monkeypatch.setattr(ResourceMap, "_delete_resource", delete_unless_retained)
    monkeypatch.setattr(ResourceMap, "build_resource_diff", diff_of_properties)


def _not_by_moto(resource: Json) -> bool:
    """moto takes no listener of a network load balancer, no origin access control, no code without its file."""
    kind = resource["Type"]
    if kind.endswith("::Listener"):
        return resource["Properties"]["Protocol"] not in ("HTTP", "HTTPS")
    return kind in ("AWS::CloudFront::Distribution", "AWS::Lambda::Permission")


def _without(value: Any, absent: set[str], custom: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_without(item, absent, custom) for item in value]
    if not isinstance(value, dict):
        return value
    name = value["Ref"] if isinstance(value.get("Ref"), str) else ".".join(value.get("Fn::GetAtt") or [])
    if name in custom:
        return int(custom[name]) if custom[name].isdigit() else custom[name]
    if name.partition(".")[0] in absent:
        return f"text-for-{name.partition('.')[0]}"
    found = {key: _without(item, absent, custom) for key, item in value.items() if key not in absent}
    if "DependsOn" in found:
        depends = [found["DependsOn"]] if isinstance(found["DependsOn"], str) else found["DependsOn"]
        found["DependsOn"] = [item for item in depends if isinstance(item, dict) or item not in absent]
    return found


def _export(stack: str, output: Json) -> str:
    return str(output["Export"]["Name"]["Fn::Sub"]).replace("${AWS::StackName}", stack)


def _imports(stack: Stack) -> set[str]:
    evaluation = Evaluation(stack.parameters)

    def found(value: Any) -> Iterator[str]:
        if isinstance(value, dict) and "Fn::ImportValue" in value:
            yield str(evaluation.of(value["Fn::ImportValue"]))
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from found(item)

    return set(found(stack.resolved))


def _evaluate(evaluation: Evaluation, resource: Json) -> Json:
    return {key: evaluation.of(it) if key == "Properties" else it for key, it in resource.items()}


def _changes(before: Mapping[str, Json], after: Mapping[str, Json]) -> Iterator[Json]:
    """What is different, a resource each, in the words of DescribeChangeSet."""
    replaced = {key for key in before.keys() & after.keys() if _replacement(before[key], after[key]) == "True"}
    for key in sorted({*before, *after}):
        one, other = before.get(key), after.get(key)
        found: Json = {
            "LogicalResourceId": key,
            "ResourceType": (other or one or {})["Type"],
            "Scope": [],
            "Details": [],
        }
        if one is None:
            yield {**found, "Action": "Add"}
        elif other is None:
            yield {**found, "Action": "Remove", "PolicyAction": one.get("DeletionPolicy", "Delete")}
        elif one != other or _refers(other, replaced):
            yield {**found, **_modified(one, other, replaced)}


def _modified(one: Json, other: Json, replaced: set[str]) -> Json:
    assert one["Type"] == other["Type"], "CloudFormation replaces no type by another under one name"
    attributes = [it for it in ("DeletionPolicy", "UpdateReplacePolicy", "Metadata") if one.get(it) != other.get(it)]
    details: list[Json] = [{"Target": {"Attribute": it}, "Evaluation": "Static"} for it in attributes]
    scope = list(attributes)
    mine, theirs = one.get("Properties", {}), other.get("Properties", {})
    for name in sorted({*mine, *theirs}):
        dynamic = _refers(theirs.get(name), replaced)
        if mine.get(name) == theirs.get(name) and not dynamic:
            continue
        target = {"Attribute": "Properties", "Name": name, "RequiresRecreation": _recreation(one["Type"], name)}
        values = (("BeforeValue", mine), ("AfterValue", theirs))
        target |= {key: json.dumps(found[name]) for key, found in values if name in found}
        details.append({"Target": target, "Evaluation": "Dynamic" if dynamic else "Static"})
        scope = ["Properties", *[it for it in scope if it != "Properties"]]
    found: Json = {"Action": "Modify", "Scope": scope, "Details": details, "Replacement": _replacement(one, other)}
    if found["Replacement"] != "False":
        kept = one.get("UpdateReplacePolicy", "Delete")
        found["PolicyAction"] = f"ReplaceAnd{kept}"
    return found


def _refers(value: Any, names: set[str]) -> bool:
    text = json.dumps(value)
    return any(f"${{{name}}}" in text or f"${{{name}." in text for name in names)


def _replacement(one: Json, other: Json) -> str:
    mine, theirs = one.get("Properties", {}), other.get("Properties", {})
    found = {_recreation(one["Type"], name) for name in {*mine, *theirs} if mine.get(name) != theirs.get(name)}
    return "True" if "Always" in found else "Conditional" if "Conditionally" in found else "False"


@cache
def _recreation(kind: str, name: str) -> str:
    """Whether a change of a property makes a new resource, by the resource's schema."""
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    if kind.startswith("Custom::"):
        return "Never"
    schema: Any = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
    for words, answer in (("createOnlyProperties", "Always"), ("conditionalCreateOnlyProperties", "Conditionally")):
        if any(it.split("/")[2] == name for it in schema.get(words, ())):
            return answer
    return "Never"
