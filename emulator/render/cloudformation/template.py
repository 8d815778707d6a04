"""A CloudFormation template that grows: sections in CloudFormation's order, entries in the order of their first use."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from emulator.errors import InputError, Position
from emulator.render.cloudformation.intrinsics import Commented, Fn, Ref, long_form

Properties = dict[str, object]

RETAINED: Final[Properties] = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
"""Of what holds data, or what others find by its name."""


@dataclass(slots=True)
class Parameter:
    """An input of the stack; without a default it must be given at deployment."""

    type: str
    description: str
    default: str | float | None = None
    allowed_values: tuple[str, ...] = ()
    other: Properties = field(default_factory=dict)
    """What else is said of it, such as `NoEcho` and `AllowedPattern`."""


@dataclass(slots=True)
class Resource:
    """A resource; `comment` stands above it."""

    type: str
    properties: Properties
    comment: str = ""
    depends_on: list[str] = field(default_factory=list)
    condition: str = ""
    other: Properties = field(default_factory=dict)
    """Further attributes, such as `DeletionPolicy`."""


@dataclass(slots=True)
class Output:
    """A result of the stack, exported under `export`, if that is set."""

    value: object
    description: str
    export: object = None
    condition: str = ""


@dataclass(slots=True)
class Template:
    """The template of one stack."""

    description: str
    parameters: dict[str, Parameter] = field(default_factory=dict)
    conditions: dict[str, object] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: dict[str, Output] = field(default_factory=dict)
    sections: dict[str, object] = field(default_factory=dict)
    """Sections that only addons have: Metadata, Mappings, Transform."""
    defaults: Mapping[str, str] = field(default_factory=dict)
    """Defaults of parameters by name, which win over those that the parameters are declared with."""

    def parameter(
        self,
        name: str,
        description: str,
        *,
        type: str = "String",
        default: str | int | None = None,
        allowed_values: Sequence[str] = (),
    ) -> Ref:
        """A reference to a parameter, which is declared with its first use."""
        if name not in self.parameters:
            given = self.defaults.get(name, default)
            self.parameters[name] = Parameter(type, description, given, tuple(allowed_values))
        return Ref(name)

    def condition(self, name: str, expression: Fn) -> str:
        """The name of a condition, which is declared with its first use."""
        self.conditions.setdefault(name, expression)
        return name

    def resource(
        self,
        name: str,
        type: str,
        properties: Properties,
        *,
        comment: str = "",
        position: Position | None = None,
        depends_on: Sequence[str] = (),
        condition: str = "",
    ) -> Ref:
        """Adds a resource and returns a reference to it. `position` is the manifest's line that asks for it, and ends
        the comment. Raises InputError where two of them have one logical id."""
        if name in self.resources:
            raise InputError(
                f"two resources of the stack would have the logical id {name}",
                position=position,
                hint="names that differ only in characters other than letters and digits cannot both be used",
            )
        where = f" ({place(position)})" if position else ""
        self.resources[name] = Resource(
            type,
            {key: value for key, value in properties.items() if value is not None},
            f"{comment}{where}".strip(),
            list(depends_on),
            condition,
        )
        return Ref(name)

    def records(
        self,
        name: str,
        zone: object,
        hosts: Sequence[str],
        target: tuple[object, object],
        *,
        types: Sequence[str] = ("A",),
        comment: str = "",
        condition: str = "",
    ) -> None:
        """Adds records in a hosted zone that lead names to `target`, the zone and the DNS name of something of AWS's.
        `comment` says what that is."""
        alias = dict(zip(("HostedZoneId", "DNSName"), target, strict=True))
        records = [{"Name": host, "Type": type, "AliasTarget": alias} for host in hosts for type in types]
        self.resource(
            name,
            "AWS::Route53::RecordSetGroup",
            {"HostedZoneId": zone, "RecordSets": records},
            comment=f"{', '.join(hosts)}: {comment}" if comment else "",
            condition=condition,
        )

    def retain(self, types: Collection[str]) -> None:
        """Lets the resources of these types stay when they leave the stack or are replaced."""
        for it in self.resources.values():
            if it.type in types:
                it.other = RETAINED | it.other

    def output(self, name: str, value: object, description: str, *, export: object = None, condition: str = "") -> None:
        """Adds an output."""
        self.outputs[name] = Output(value, description, export, condition)

    def document(self) -> dict[str, object]:
        """The template as a tree, in CloudFormation's order of sections; values are those of `intrinsics`."""
        found: dict[str, object] = {"AWSTemplateFormatVersion": "2010-09-09", "Description": self.description}
        found |= self.sections
        if self.parameters:
            found["Parameters"] = {name: _parameter(it) for name, it in self.parameters.items()}
        if self.conditions:
            found["Conditions"] = dict(self.conditions)
        found["Resources"] = {
            name: Commented(it.comment, _resource(it)) if it.comment else _resource(it)
            for name, it in self.resources.items()
        }
        if self.outputs:
            found["Outputs"] = {name: _output(it) for name, it in self.outputs.items()}
        return found


def retained(resource: Properties, types: Collection[str]) -> Properties:
    """A resource with both policies `Retain`, where it is of one of the types and says nothing itself."""
    if resource.get("Type") not in types:
        return resource
    return RETAINED | resource


def place(position: Position) -> str:
    """A position as comments have it: by the file's name alone, so that output does not depend on where it is made."""
    return f"{position.file.rpartition('/')[2]}:{position.line}"


def plain(document: dict[str, object]) -> dict[str, object]:
    """A template's tree as plain data, functions in the long form: what CloudFormation's JSON form of it holds."""
    found = long_form(document)
    return found if isinstance(found, dict) else {}


def _parameter(it: Parameter) -> Properties:
    found: Properties = {"Type": it.type, "Description": it.description}
    if it.default is not None:
        found["Default"] = it.default
    if it.allowed_values:
        found["AllowedValues"] = list(it.allowed_values)
    return found | it.other


def _resource(it: Resource) -> Properties:
    found: Properties = {"Type": it.type} if it.type else {}  # a macro in place of resources has none
    if it.condition:
        found["Condition"] = it.condition
    if it.depends_on:
        found["DependsOn"] = it.depends_on[0] if len(it.depends_on) == 1 else list(it.depends_on)
    found |= it.other
    if it.properties:
        found["Properties"] = it.properties
    return found


def _output(it: Output) -> Properties:
    found: Properties = {"Description": it.description, "Value": it.value}
    if it.condition:
        found["Condition"] = it.condition
    if it.export is not None:
        found["Export"] = {"Name": it.export}
    return found
