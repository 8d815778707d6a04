"""Evaluates the stacks of an environment: every resource whose condition holds, once, after what it depends on.

Which stack comes first follows from exports and imports: an import completes the stack that exports it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from emulator.aws.stacks.dynamic_references import Stores, has_reference, resolve
from emulator.aws.stacks.functions import condition, evaluate
from emulator.aws.stacks.parameters import parameter_value
from emulator.aws.stacks.placeholders import parent_of
from emulator.aws.stacks.problems import Problem, placed
from emulator.aws.stacks.resources import Made, Resource
from emulator.aws.stacks.values import ABSENT, Secret, Value, as_map, text
from emulator.regions import dns_suffix

Maker = Callable[[Resource], Made]


@dataclass(frozen=True)
class Template:
    """A stack as it is asked for: a merged template in long form, and values of its parameters, which may refer to the
    stack that this one is nested in.

    `positions` are those of `Resources.X`, `Outputs.X` and the like, as `file:line`. `values` are given ones:
    `{"X": ref, "X.Attribute": value}` make the resource X a name that nothing is made for.
    """

    name: str
    sections: Mapping[str, Value]
    parameters: Mapping[str, Value] = field(default_factory=dict)
    positions: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Template:
        """The one of a request's `stacks`."""
        optional = {key: item[key] for key in ("parameters", "positions", "values") if key in item}
        return cls(item["name"], item["template"], **optional)


@dataclass(frozen=True)
class Place:
    """Where the stacks are."""

    account: str
    region: str
    partition: str = "aws"

    @property
    def url_suffix(self) -> str:
        return dns_suffix(self.region)

    def arn(self, service: str, rest: str, *, region: str | None = None, account: str | None = None) -> str:
        """An ARN in this place; `region` and `account` are empty for services that have none in theirs."""
        where = self.region if region is None else region
        owner = self.account if account is None else account
        return f"arn:{self.partition}:{service}:{where}:{owner}:{rest}"


@dataclass(frozen=True)
class Warned:
    position: str
    text: str


class World:
    """The stacks of one environment, what other stacks export, and the path of what is being evaluated now."""

    def __init__(
        self,
        place: Place,
        templates: Sequence[Template],
        make: Maker,
        stores: Stores,
        exports: Mapping[str, str] | None = None,
    ) -> None:
        self.place, self.make, self.stores = place, make, stores
        self.warnings: list[Warned] = []
        self.stacks = {template.name: Stack(self, template) for template in templates}
        self._given = dict(exports or {})
        self._exported: dict[str, tuple[Stack, str]] | None = None
        self._path: list[str] = []

    def complete(self) -> None:
        """Makes everything. Raises StackError for the first thing that cannot be."""
        for stack in self.stacks.values():
            stack.complete()

    def warn(self, position: str, text: str) -> None:
        """Notes a warning once."""
        warned = Warned(position, text)
        if warned not in self.warnings:
            self.warnings.append(warned)

    @contextmanager
    def entered(self, step: str) -> Iterator[None]:
        """Raises Problem where the step is being evaluated already, naming the way back to it."""
        if step in self._path:
            circle = [*self._path[self._path.index(step) :], step]
            raise Problem(
                f"these depend on each other: {' → '.join(circle)}", "take one of these references out of the template"
            )
        self._path.append(step)
        try:
            yield
        finally:
            self._path.pop()

    def imported(self, name: str) -> Value:
        """The value of an export: a given one, otherwise of a stack here."""
        if name in self._given:
            return self._given[name]
        if self._exported is None:
            self._exported = {
                export: (stack, output) for stack in self.stacks.values() for output, export in stack.export_names()
            }
        if name in self._exported:
            stack, output = self._exported[name]
            stack.complete()
            return stack.output(output)
        raise Problem(
            f"nothing here exports {name}",
            "add the template that exports it to the workspace, or give its value under [values] in copilot-local.toml",
        )


class Stack:
    """One stack: the scope that its template's functions look names up in."""

    def __init__(self, world: World, template: Template) -> None:
        self.name, self.region = template.name, world.place.region
        self.made: dict[str, Made] = {}
        self._world, self._template = world, template
        self._conditions: dict[str, bool] = {}
        self._parameters: dict[str, Value] = {}
        self._outputs: dict[str, Value] = {}
        self._begun = False
        self._subject = ""

    def section(self, name: str) -> dict[str, Value]:
        return as_map(self._template.sections.get(name), name)

    def complete(self) -> None:
        """Makes the resources and evaluates the outputs; those of a stack that is on its way already stay to it."""
        if self._begun:
            return
        self._begun = True
        for logical_id in self.logical_ids():
            self.resource(logical_id)
        for name in self.output_names():
            self.output(name)

    def logical_ids(self) -> list[str]:
        """The resources whose condition holds."""
        return [logical_id for logical_id in self.section("Resources") if self._holds("Resources", logical_id)]

    def property(self, logical_id: str, name: str) -> Value:
        """One property of a resource, evaluated; None where it is absent."""
        definition = self._definition("Resources", logical_id)
        with self._about(f"Resources.{logical_id}"):
            properties = as_map(definition.get("Properties"), "Properties")
            value = resolve(evaluate(properties.get(name), self), self._world.stores)
        return None if value is ABSENT else value

    def type_of(self, logical_id: str) -> str:
        """Its type. Raises StackError where that is no text."""
        with self._about(f"Resources.{logical_id}"):
            return text(self._definition("Resources", logical_id).get("Type", ""))

    def resource(self, logical_id: str) -> Made:
        """The resource, made if it is not yet, after those of its DependsOn that are made."""
        if logical_id in self.made:
            return self.made[logical_id]
        subject = f"Resources.{logical_id}"
        with self._about(subject), self._world.entered(f"{self.name}.{logical_id}"):
            self.made[logical_id] = self._given(logical_id) or self._make(logical_id)
        return self.made[logical_id]

    def _make(self, logical_id: str) -> Made:
        definition = self._definition("Resources", logical_id)
        if "Type" not in definition:
            raise Problem(f"{logical_id} has no Type", "give it one, such as AWS::S3::Bucket")
        before = definition.get("DependsOn", [])
        for other in before if isinstance(before, list) else [before]:
            if text(other) not in self.section("Resources"):
                raise Problem(f"DependsOn names {text(other)}, which is no resource here", "correct the name")
            if self._holds("Resources", text(other)):
                self.resource(text(other))
        evaluated = evaluate(definition.get("Properties", {}), self)
        properties = as_map(resolve(evaluated, self._world.stores), "Properties")
        return self._world.make(Resource(self.name, logical_id, text(definition["Type"]), properties, self._position()))

    def _given(self, logical_id: str) -> Made | None:
        prefix = f"{logical_id}."
        values = self._template.values
        attributes: dict[str, Value] = {
            name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)
        }
        if logical_id not in values and not attributes:
            return None
        return Made(values.get(logical_id, logical_id), attributes)

    def _definition(self, section: str, name: str) -> dict[str, Value]:
        """An entry of a section; an empty one where there is none. Raises StackError where it is no map."""
        with self._about(f"{section}.{name}"):
            return as_map(self.section(section).get(name), name)

    def _holds(self, section: str, name: str) -> bool:
        """Whether a resource is made, or an output put out: it has no condition, or that holds."""
        condition = self._definition(section, name).get("Condition")
        with self._about(f"{section}.{name}"):
            return condition is None or self.condition(text(condition))

    def output_names(self) -> list[str]:
        """The outputs whose condition holds."""
        return [name for name in self.section("Outputs") if self._holds("Outputs", name)]

    def output(self, name: str) -> str:
        """The text of an output, with dynamic references looked up: a `Secret` if there was one."""
        if name not in self._outputs:
            with self._about(f"Outputs.{name}"), self._world.entered(f"{self.name}.Outputs.{name}"):
                definition = self._definition("Outputs", name)
                if "Value" not in definition:
                    raise Problem(f"the output {name} has no Value", "give it one")
                value = evaluate(definition["Value"], self)
                whole = text(resolve(value, self._world.stores))
                self._outputs[name] = Secret(whole) if has_reference(value) else whole
        return text(self._outputs[name])

    def export_names(self) -> list[tuple[str, str]]:
        """Output and export name of everything that the stack exports."""
        found: list[tuple[str, str]] = []
        for name in self.output_names():
            definition = self._definition("Outputs", name)
            if "Export" in definition:
                with self._about(f"Outputs.{name}"):
                    export = as_map(definition["Export"], "Export").get("Name")
                    found.append((name, text(evaluate(export, self))))
        return found

    # The scope of the functions.

    def ref(self, name: str) -> Value:
        if name.startswith("AWS::"):
            return self._pseudo(name)
        if name in self.section("Parameters"):
            return self._parameter(name)
        if name in self.section("Resources"):
            self._require_made(name)
            return self.resource(name).ref
        raise Problem(f"{name} is neither a parameter nor a resource of the template", "correct the name")

    def attribute(self, logical_id: str, attribute: str) -> Value:
        if logical_id not in self.section("Resources"):
            raise Problem(f"{logical_id} is no resource of the template", "correct the name")
        self._require_made(logical_id)
        made = self.resource(logical_id)
        if attribute in made.attributes:
            return made.attributes[attribute]
        if made.open:
            self.warn(f"{logical_id}.{attribute} is a placeholder: nothing makes {self.type_of(logical_id)} here")
            return f"placeholder-{logical_id}-{attribute}"
        there = ", ".join(sorted(made.attributes)) or "none"
        raise Problem(
            f"{logical_id} ({self.type_of(logical_id)}) has no attribute {attribute} here; it has {there}",
            f'correct the name, or give a value: [values] "{logical_id}.{attribute}" = "…"',
        )

    def condition(self, name: str) -> bool:
        if name not in self._conditions:
            if name not in self.section("Conditions"):
                raise Problem(f"{name} is no condition of the template", "define it under Conditions")
            with self._about(f"Conditions.{name}"), self._world.entered(f"{self.name}.Conditions.{name}"):
                self._conditions[name] = condition(self.section("Conditions")[name], self)
        return self._conditions[name]

    def mapping(self, name: str) -> dict[str, Value]:
        mappings = self.section("Mappings")
        if name not in mappings:
            raise Problem(f"{name} is no mapping of the template", "define it under Mappings")
        return as_map(mappings[name], name)

    def imported(self, name: str) -> Value:
        return self._world.imported(name)

    def warn(self, text: str) -> None:
        self._world.warn(self._position(), f"{self.name}: {text}")

    def _require_made(self, logical_id: str) -> None:
        if not self._holds("Resources", logical_id):
            raise Problem(
                f"{logical_id} is not made, since its condition does not hold",
                "put the reference under the same condition, with Fn::If",
            )

    def _parameter(self, name: str) -> Value:
        if name not in self._parameters:
            with self._about(f"Parameters.{name}"):
                definition = self._definition("Parameters", name)
                parent = parent_of(self.name, self._template.parameters, self)
                given = evaluate(self._template.parameters.get(name), parent)
                self._parameters[name] = parameter_value(
                    name, definition, given, self._world.stores, self.warn, guessed=parent.guessed
                )
        return self._parameters[name]

    def _pseudo(self, name: str) -> Value:
        place = self._world.place
        digest = hashlib.sha256(self.name.encode()).hexdigest()
        unique = "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))
        known: dict[str, Value] = {
            "AWS::AccountId": place.account,
            "AWS::NoValue": ABSENT,
            "AWS::NotificationARNs": [],
            "AWS::Partition": place.partition,
            "AWS::Region": place.region,
            "AWS::StackId": place.arn("cloudformation", f"stack/{self.name}/{unique}"),
            "AWS::StackName": self.name,
            "AWS::URLSuffix": place.url_suffix,
        }
        if name not in known:
            raise Problem(f"{name} is no pseudo parameter", f"there are {', '.join(known)}")
        return known[name]

    def _position(self) -> str:
        return self._template.positions.get(self._subject, "")

    @contextmanager
    def _about(self, subject: str) -> Iterator[None]:
        """Problems inside it, and warnings, are about this part of the template."""
        before, self._subject = self._subject, subject
        try:
            with placed(self.name, subject, self._template.positions.get(subject, "")):
                yield
        finally:
            self._subject = before
