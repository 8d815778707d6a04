"""Evaluating templates without an endpoint: resources are names, stores are dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.aws.stacks.dynamic_references import ParameterReference, SecretReference
from emulator.aws.stacks.evaluator import Place, Template, World
from emulator.aws.stacks.problems import Problem
from emulator.aws.stacks.resources import Made, Resource

PLACE = Place("123456789012", "eu-west-1")


@dataclass
class Stores:
    """Secrets by `name`, `name:key`; parameters by name."""

    secrets: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)

    def secret(self, reference: SecretReference) -> str:
        return self.secrets[f"{reference.id}:{reference.key}" if reference.key else reference.id]

    def parameter(self, reference: ParameterReference) -> str:
        if reference.name not in self.parameters:
            raise Problem(f"there is no parameter {reference.name} here", "give it")
        return self.parameters[reference.name]


@dataclass
class Factory:
    """Notes what is made, in order. `Ref` is the logical id in angle brackets, attributes are Arn and Endpoint.Port."""

    made: list[Resource] = field(default_factory=list)

    def __call__(self, resource: Resource) -> Made:
        self.made.append(resource)
        attributes = {"Arn": f"arn:{resource.logical_id}", "Endpoint.Port": "5432"}
        return Made(f"<{resource.logical_id}>", dict(attributes), open=resource.type.startswith("Custom::"))

    @property
    def order(self) -> list[str]:
        return [resource.logical_id for resource in self.made]

    def properties(self, logical_id: str) -> dict[str, Any]:
        return next(dict(resource.properties) for resource in self.made if resource.logical_id == logical_id)


def world(*templates: Template, stores: Stores | None = None, **more: Any) -> tuple[World, Factory]:
    """A world of these stacks, completed, and what it made."""
    factory = Factory()
    world = World(PLACE, templates, factory, stores or Stores(), **more)
    world.complete()
    return world, factory


def template(sections: Mapping[str, Any], name: str = "stack", **more: Any) -> Template:
    return Template(name, dict(sections), **more)


def evaluated(value: Any, *, stores: Stores | None = None, **sections: Any) -> Any:
    """A value as the property of a resource of a small template."""
    resources = {"Other": {"Type": "X"}, "It": {"Type": "X", "Properties": {"Value": value}}}
    sections = {"Resources": {**resources, **sections.pop("Resources", {})}, **sections}
    _, factory = world(template(sections), stores=stores, exports={"demo-VpcId": "vpc-1"})
    return factory.properties("It").get("Value", "(absent)")
