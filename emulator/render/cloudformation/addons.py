"""Addons: as a stack within the stack, or as resources of it, with their outputs wired.

Source: Copilot, partial `addons.yml`, for the nested form.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import cast

from emulator.ecs.addons.model import Addons
from emulator.ecs.service import Service
from emulator.errors import InputError, Position
from emulator.model import JsonValue
from emulator.render.cloudformation.foundations.foundation import Foundation
from emulator.render.cloudformation.intrinsics import (
    Fn,
    GetAtt,
    Ref,
    Sub,
    as_sub_text,
    from_long_form,
    names_used,
    replace_sub_variables,
    sub_variables,
    uses,
)
from emulator.render.cloudformation.options import StackOptions
from emulator.render.cloudformation.template import Output, Parameter, Resource, Template, place, retained
from emulator.render.cloudformation.values import copilot_parameters

NESTED = "AddonsStack"
TEMPLATE_URL = "AddonsTemplateURL"


Export = Callable[[str], object | None]
"""What takes the place of an import of the environment's, by the name that it is exported by without the prefix; None
where it stays an import."""


def addons_of(template: Template, service: Service, options: StackOptions, foundation: Foundation) -> AddonResources:
    """The addons of a service's stack."""
    given = {"App": service.app, "Env": service.environment, "Name": service.name}
    return AddonResources(
        template,
        service.addons,
        given,
        copilot_parameters(service),
        nested=options.nested_addons,
        export=foundation.environment_export,
    )


def addon_position(addons: Addons | None, owner: str, name: str) -> Position | None:
    """Where an addon refers to a name: in the value of a parameter, else in `owner`, a resource, or an output or a
    condition with that word before its name."""
    if addons is None:
        return None
    values = (parameter for parameter, value in addons.parameters.items() if uses(value, name))
    kind, _, other = owner.rpartition(" ")
    section = {"output": "Outputs", "condition": "Conditions"}.get(kind, "Resources")
    places = (f"Values.{next(values, '')}", f"{section}.{other}")
    return next((addons.positions[place] for place in places if place in addons.positions), None)


class AddonResources:
    """The addons of one stack. `given` are values of the parameters that Copilot gives every template; `own` what
    values of other parameters may refer to, besides resources of the stack."""

    def __init__(
        self,
        template: Template,
        addons: Addons | None,
        given: Mapping[str, str],
        own: Mapping[str, str],
        *,
        nested: bool,
        export: Export,
    ) -> None:
        self._template = template
        self._nested = nested
        self._prefix = f"{given['App']}-{given['Env']}-"
        self._export = export
        self._there = addons is not None
        self._addons = addons or Addons()
        self._given: dict[str, object] = {
            **given,
            **{name: substituted(from_long_form(value), own) for name, value in self._addons.parameters.items()},
        }

    def output(self, name: str) -> object:
        """What an output stands for in the stack."""
        if self._nested:
            return GetAtt(NESTED, f"Outputs.{name}")
        output = self._addons.section("Outputs").get(name)
        value = output.get("Value") if isinstance(output, dict) else None
        return self._inlined(value)

    def _inlined(self, value: JsonValue) -> object:
        """A value of the addons' template as one of this stack."""
        return with_imports(substituted(from_long_form(value), self._given), self._exported)

    def _exported(self, name: str) -> object | None:
        return self._export(name.removeprefix(self._prefix)) if name.startswith(self._prefix) else None

    def add(self) -> None:
        """Adds the nested stack, or the resources."""
        if not self._there:
            return
        if self._nested:
            url = self._template.parameter(TEMPLATE_URL, "URL of the addons' template in S3.")
            self._template.resource(
                NESTED,
                "AWS::CloudFormation::Stack",
                {"TemplateURL": url, "Parameters": dict(self._given)},
                comment="The addons; their template is rendered beside this one",
            )
            return
        self._inline()

    def _inline(self) -> None:
        template, addons = self._template, self._addons
        for name, definition in addons.section("Parameters").items():
            if name not in self._given:
                given = template.defaults.get(name)
                self._add_to("Parameters", name, template.parameters, _parameter(definition, given))
        for name, condition in addons.section("Conditions").items():
            expression = from_long_form(condition)
            self._declare(name, expression)
            self._add_to("Conditions", name, template.conditions, expression)
        for name, resource in addons.section("Resources").items():
            self._add_to("Resources", name, template.resources, self._resource(name, resource))
        for section in ("Metadata", "Mappings"):
            if entries := addons.section(section):
                own = template.sections.get(section)
                inlined = {key: self._inlined(value) for key, value in entries.items()}
                # What the stack says of itself stays: Copilot reads Version and Manifest.
                template.sections[section] = inlined | (own if isinstance(own, dict) else {})
        if addons.transforms:
            template.sections["Transform"] = [from_long_form(it) for it in addons.transforms]

    def add_outputs(self, *, exported: bool = False) -> None:
        """Adds the outputs of addons that are resources of the stack, under the names that they are exported by.
        `exported`: only those that other stacks import."""
        if self._nested:
            return
        for name, definition in self._addons.section("Outputs").items():
            it = definition if isinstance(definition, dict) else {}
            export, condition = it.get("Export"), it.get("Condition")
            if exported and export is None:
                continue
            output = Output(
                value=self._inlined(it.get("Value")),
                description=str(it.get("Description", "Of an addon.")),
                export=self._inlined(export.get("Name")) if isinstance(export, dict) else None,
                condition=condition if isinstance(condition, str) else "",
            )
            self._add_to("Outputs", name, self._template.outputs, output)

    def _declare(self, condition: str, expression: object) -> None:
        """Parameters that a condition compares stay parameters: CloudFormation takes no comparison of constants."""
        for name, _ in names_used(expression):
            value = self._given.get(name)
            if isinstance(value, str):
                self._template.parameter(name, "An input of the addons.", default=value)
            elif value is not None:
                raise InputError(
                    f"condition {condition} depends on {name}, whose value only the deployed stack knows",
                    position=self._addons.positions.get(f"Conditions.{condition}"),
                    hint="keep the addons a stack of their own with --addons nested",
                )

    def _add_to(self, section: str, name: str, entries: Mapping[str, object], value: object) -> None:
        if name in entries:
            raise InputError(
                f"the addon's {name} has the name of a part of the stack",
                position=self._addons.positions.get(f"{section}.{name}"),
                hint="rename it, or keep the addons a stack of their own with --addons nested",
            )
        cast("dict[str, object]", entries)[name] = value

    def _resource(self, name: str, value: JsonValue) -> Resource:
        definition = value if isinstance(value, dict) else {}
        position = self._addons.positions.get(f"Resources.{name}")
        depends = definition.get("DependsOn")
        other = {
            key: self._inlined(item)
            for key, item in definition.items()
            if key not in ("Type", "Properties", "DependsOn", "Condition")
        }
        properties = self._inlined(definition.get("Properties") or {})
        condition = definition.get("Condition")
        return Resource(
            type=str(definition.get("Type", "")),
            properties=properties if isinstance(properties, dict) else {},
            comment=f"Addon ({place(position)})" if position else "Addon",
            depends_on=[depends] if isinstance(depends, str) else [str(item) for item in depends or []],  # type: ignore[union-attr]
            condition=condition if isinstance(condition, str) else "",
            other=other,
        )


def nested_template(service: Service, retain: Collection[str] = ()) -> dict[str, object] | None:
    """The addons' own template, as a tree; None where there are none. `retain`: as in `StackOptions`."""
    found = addons_template(service.addons, f"Addons of {service.name}", ("App", "Env", "Name"))
    resources = found.get("Resources") if found else None
    if found is None or not isinstance(resources, dict):
        return found
    kept = {id: retained(it, retain) if isinstance(it, dict) else it for id, it in resources.items()}
    return {**found, "Resources": kept}


def addons_template(addons: Addons | None, description: str, given: Sequence[str]) -> dict[str, object] | None:
    """The same, for parameters that are given to every template."""
    if addons is None:
        return None
    found: dict[str, object] = {"AWSTemplateFormatVersion": "2010-09-09", "Description": description}
    if addons.transforms:
        found["Transform"] = [from_long_form(it) for it in addons.transforms]
    sections = {name: dict(entries) for name, entries in addons.sections.items()}
    parameters = sections.setdefault("Parameters", {})
    for name in given:
        parameters.setdefault(name, {"Type": "String"})
    order = ("Metadata", "Parameters", "Mappings", "Conditions", "Resources", "Outputs")
    # Entry by entry: a section that a macro alone stands in is no function of that name.
    found |= {
        name: {key: from_long_form(it) for key, it in sections[name].items()} for name in order if sections.get(name)
    }
    return found


def substituted(value: object, values: Mapping[str, object]) -> object:
    """A template's value with references to some names replaced by what these names stand for."""
    match value:
        case Ref(name):
            return values.get(name, value)
        case Sub(text, variables):
            return _substituted_text(text, {key: substituted(it, values) for key, it in variables.items()}, values)
        case Fn(name, argument):
            return Fn(name, substituted(argument, values))
        case dict():
            return {key: substituted(item, values) for key, item in value.items()}
        case list():
            return [substituted(item, values) for item in value]
        case _:
            return value


def with_imports(value: object, export: Callable[[str], object | None]) -> object:
    """A template's value with `!ImportValue` of some exports replaced by what `export` gives in their place; a list
    that was joined to be exported and is split again is the list itself."""
    match value:
        case Fn("ImportValue", str() as name):
            found = export(name)
            return value if found is None else found
        case Fn("Split", [separator, text]):
            inner = with_imports(text, export)
            match inner:
                case Fn("Join", [other, items]) if other == separator and isinstance(items, Ref):
                    return items
            return Fn("Split", [separator, inner])
        case Fn(name, argument):
            return Fn(name, with_imports(argument, export))
        case Sub(text, variables):
            return Sub(text, {key: with_imports(item, export) for key, item in variables.items()})
        case dict():
            return {key: with_imports(item, export) for key, item in value.items()}
        case list():
            return [with_imports(item, export) for item in value]
        case _:
            return value


def _substituted_text(text: str, variables: dict[str, object], values: Mapping[str, object]) -> object:
    replacements: dict[str, str] = {}
    for name in sub_variables(text):
        if name in variables or name not in values:
            continue
        if (written := as_sub_text(values[name])) is None:
            variables[name] = values[name]
        else:
            replacements[name] = written
    text = replace_sub_variables(text, replacements)
    return Sub(text, variables) if "${" in text else text


def _parameter(definition: JsonValue, given: str | None) -> Parameter:
    """A parameter with everything that its definition says of it; `given` wins over its default."""
    it = definition if isinstance(definition, dict) else {}
    default = it.get("Default") if given is None else given
    return Parameter(
        type=str(it.get("Type", "String")),
        description=str(it.get("Description", "Of an addon.")),
        default=default if isinstance(default, str | int | float) else None,
        other={key: value for key, value in it.items() if key not in ("Type", "Description", "Default")},
    )
