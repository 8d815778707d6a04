"""Addon templates merged into one, and what becomes of their outputs.

Source: Copilot, internal/pkg/addon (package.go, output.go), and its messages.
"""

from __future__ import annotations

from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from emulator.compiler.context import AddonOutputs
from emulator.ecs.addons.model import Addons
from emulator.ecs.addons.references import wrong_references
from emulator.errors import InputError, Position
from emulator.manifest.yaml.nodes import Mapping, Node, Scalar
from emulator.manifest.yaml.reader import parse_node
from emulator.manifest.yaml.untyped import untyped
from emulator.model import JsonValue, make

REQUIRED = ("App", "Env", "Name")
"""Parameters that Copilot gives every addon template of a workload."""
OF_ENVIRONMENTS = ("App", "Env")
"""Those that it gives every addon template of an environment."""
PUBLISHED_POLICY = "AdditionalResourcesPolicy"
"""The policy of Copilot's published FireLens example. That page shows the resource alone, and promises that the task
role has it."""

_SECTIONS = ("Metadata", "Parameters", "Mappings", "Conditions", "Resources", "Outputs")
_NAMES = {
    "Metadata": "metadata key",
    "Parameters": "parameter logical ID",
    "Mappings": "mapping",
    "Conditions": "condition",
    "Resources": "resource logical ID",
    "Outputs": "output",
}
_DROPPED = ("AWSTemplateFormatVersion", "Description")
_LEFT_OUT = ("Rules", "Hooks")
"""Sections of CloudFormation that Copilot leaves out of the template that it makes of them."""
_DEMANDED = {"Parameters": "Type", "Resources": "Type", "Outputs": "Value"}
"""What each entry of a section has to have, for CloudFormation."""
_MACRO = "Fn::Transform"


@dataclass(frozen=True, slots=True)
class SourceText:
    """A file of the workspace: its name as messages have it, and its text."""

    file: str
    text: str


def merge_addons(
    templates: Sequence[SourceText], parameters: SourceText | None = None, given: Sequence[str] = REQUIRED
) -> Addons | None:
    """The templates as one, in the order given; None where there are none. `given` are the parameters that Copilot
    gives and every template has to declare: `REQUIRED`, or `OF_ENVIRONMENTS`.

    Raises InputError with the line where one is no template, two define one key differently, a required parameter is
    missing, a parameter has no value, or something refers to what the template does not have.
    """
    if not templates:
        if parameters is not None:
            raise InputError(
                "there are parameters and no addon template",
                position=Position(parameters.file, 1),
                hint="remove the file, or add a template beside it",
            )
        return None
    merge = _Merge()
    for template in templates:
        merge.add(template)
    addons = merge.addons()
    if not merge.published:
        _require_parameters(addons, templates[0].file, given)
        _check_references(addons)
    return _attach_published_policy(addons, _with_values(addons, parameters, templates[0].file, given))


def addon_outputs(addons: Addons | None) -> AddonOutputs:
    """What becomes of each output. Only one that is exactly a reference to a resource has a kind; all others, and those
    that refer to security groups, are variables."""
    if addons is None:
        return AddonOutputs()
    resources = addons.section("Resources")
    found: dict[str, list[str]] = {"policies": [], "secrets": [], "security_groups": [], "variables": []}
    for name, output in addons.section("Outputs").items():
        value = output.get("Value") if isinstance(output, dict) else None
        target = value.get("Ref") if isinstance(value, dict) and len(value) == 1 else None
        resource = resources.get(target) if isinstance(target, str) else None
        kind = resource.get("Type") if isinstance(resource, dict) else None
        if kind == "AWS::IAM::ManagedPolicy":
            found["policies"].append(name)
        elif kind == "AWS::SecretsManager::Secret":
            found["secrets"].append(name)
        else:
            found["variables"].append(name)
            if kind == "AWS::EC2::SecurityGroup":
                found["security_groups"].append(name)
    return AddonOutputs(**{use: tuple(names) for use, names in found.items()})


class _Merge:
    """Collects the sections of one template after another."""

    def __init__(self) -> None:
        self._sections: dict[str, dict[str, JsonValue]] = {}
        self._origins: dict[str, Position] = {}
        self._transforms: list[JsonValue] = []
        self.published = False

    def add(self, template: SourceText) -> None:
        root = _root(template)
        if "Resources" not in root.entries and _are_resources(root):
            self.published = True
            self._section(template.file, "Resources", root)
            return
        for key, entry in root.entries.items():
            if key in _DROPPED:
                continue
            position = _position(template.file, entry.key)
            if key == "Transform":
                value = cast("JsonValue", untyped(entry.value))
                for transform in value if isinstance(value, list) else [value]:
                    if transform not in self._transforms:
                        self._transforms.append(transform)
            elif key in _LEFT_OUT:
                raise InputError(
                    f"Copilot leaves {key} out of the template that it deploys", position=position, hint="remove it"
                )
            elif key not in _SECTIONS:
                raise InputError(
                    f"{key!r} is no section of a CloudFormation template",
                    position=position,
                    hint=f"sections are {', '.join(_SECTIONS)} and Transform",
                )
            elif not isinstance(entry.value, Mapping):
                raise InputError(f"{key} is not a map", position=position, hint="it holds names with their definitions")
            else:
                self._section(template.file, key, entry.value)

    def addons(self) -> Addons:
        ordered = {name: self._sections[name] for name in _SECTIONS if name in self._sections}
        return make(Addons, sections=ordered, transforms=self._transforms, positions=self._origins)

    def _section(self, file: str, section: str, entries: Mapping) -> None:
        merged = self._sections.setdefault(section, {})
        for key, entry in entries.entries.items():
            value = cast("JsonValue", untyped(entry.value))
            _check_entry(section, key, value, _position(file, entry.key))
            present = merged.get(key)
            if section == "Mappings" and isinstance(present, dict) and isinstance(value, dict):
                self._mapping(file, key, present, value, entry.key)
                continue
            if key in merged and present != value:
                raise self._differs(_NAMES[section], key, f"{section}.{key}", file, entry.key)
            if key not in merged:
                merged[key] = value
                self._origins[f"{section}.{key}"] = _position(file, entry.key)

    def _mapping(
        self, file: str, name: str, present: dict[str, JsonValue], value: Map[str, JsonValue], key: Scalar
    ) -> None:
        for inner, item in value.items():
            if inner in present and present[inner] != item:
                raise self._differs("mapping", f"{name}.{inner}", f"Mappings.{name}", file, key)
            present[inner] = item

    def _differs(self, what: str, name: str, origin: str, file: str, key: Scalar) -> InputError:
        first = self._origins[origin]
        return InputError(
            f'{what} "{name}" defined in "{first.file}" at Ln {first.line}, Col {first.column} is different than in '
            f'"{file}" at Ln {key.line}, Col {key.column}',
            position=_position(file, key),
            hint="all addon templates of a workload become one: rename one of the two, or make them the same",
        )


def _check_entry(section: str, key: str, value: JsonValue, position: Position) -> None:
    """Raises InputError for what Copilot (`parseTypeByLogicalID` and `parseOutputNodes` in output.go) or CloudFormation
    refuses of an entry, whatever kind of resource it is."""
    demanded = _DEMANDED.get(section)
    if demanded is None or key == _MACRO:
        return
    if isinstance(value, list):
        hint = "Copilot reads each entry as a map"
        if key.startswith("Fn::ForEach::"):
            hint = "Copilot cannot read loops there: write each entry out"
        raise InputError(f"{_NAMES[section]} {key} is a list", position=position, hint=hint)
    given = value.get(demanded) if isinstance(value, dict) else None
    if given is not None and demanded == "Type" and not isinstance(given, str):
        raise InputError(f"{_NAMES[section]} {key} has a Type that is no text", position=position, hint="give its name")
    if given is None:
        message = f"{_NAMES[section]} {key} has no {demanded}, and CloudFormation refuses the template"
        raise InputError(message, position=position, hint=f"give {demanded}")


def _root(template: SourceText) -> Mapping:
    root = parse_node(template.text, template.file)
    if not isinstance(root, Mapping):
        raise InputError(
            "this is no CloudFormation template",
            position=Position(template.file, root.line if root is not None else 1),
            hint="a template is a map with `Resources:`",
        )
    return root


def _are_resources(root: Mapping) -> bool:
    """Whether a document is not a template but the resources themselves, as the published example is."""
    values = [entry.value for entry in root.entries.values()]
    return bool(values) and all(isinstance(value, Mapping) and "Type" in value.entries for value in values)


def _position(file: str, node: Node) -> Position:
    return Position(file, node.line, node.column)


def _require_parameters(addons: Addons, file: str, given: Sequence[str]) -> None:
    for name in given:
        if name not in addons.section("Parameters"):
            raise InputError(
                f'required parameter "{name}" is missing from the template',
                position=Position(file, 1),
                hint=f"add `{name}: {{Type: String}}` under `Parameters`: every such template has {', '.join(given)}",
            )


def _check_references(addons: Addons) -> None:
    """CloudFormation refuses a template that refers to what it does not have."""
    template: dict[str, object] = {**addons.sections, "Transform": addons.transforms}
    for wrong in wrong_references(template, "the addon templates do not have"):
        places = (addons.positions.get(f"{section}.{owner}") for section, owner, _ in wrong.places)
        raise InputError(
            wrong.message,
            position=next((place for place in places if place is not None), None),
            hint="refer to what is in them, or to a parameter with a value in addons.parameters.yml",
        )


def _with_values(
    addons: Addons, parameters: SourceText | None, file: str, given_ones: Sequence[str]
) -> dict[str, JsonValue]:
    """The values of the parameters file, checked against what the template declares."""
    declared = addons.section("Parameters")
    values: dict[str, JsonValue] = {}
    if parameters is not None:
        root = _root(parameters)
        entry = root.entries.get("Parameters")
        if entry is None or not isinstance(entry.value, Mapping):
            raise InputError(
                "there is no `Parameters` in the file", position=Position(parameters.file, 1), hint="it holds a map"
            )
        for name, given in entry.value.entries.items():
            position = _position(parameters.file, given.key)
            if name in given_ones:
                raise InputError(
                    f"reserved parameters {_listed(given_ones)} cannot be declared: {name}",
                    position=position,
                    hint="remove it: it is given to every addon template",
                )
            if name not in declared:
                raise InputError(
                    f'template does not require the parameter "{name}" in parameters file',
                    position=position,
                    hint="declare it under `Parameters` of an addon template, or remove it here",
                )
            values[name] = cast("JsonValue", untyped(given.value))
            addons.positions[f"Values.{name}"] = position
    for name, definition in declared.items():
        has_default = isinstance(definition, dict) and "Default" in definition
        if name not in values and name not in given_ones and not has_default:
            raise InputError(
                f'parameter "{name}" in template must have a default value or is included in parameters file',
                position=addons.positions.get(f"Parameters.{name}", Position(file, 1)),
                hint="give it a `Default`, or a value in addons.parameters.yml",
            )
    return values


def _listed(names: Sequence[str]) -> str:
    quoted = [f'"{name}"' for name in names]
    return f"{', '.join(quoted[:-1])} and {quoted[-1]}"


def _attach_published_policy(addons: Addons, values: dict[str, JsonValue]) -> Addons:
    """The published policy is put out, so that the task role has it, unless the template says so itself."""
    sections = dict(addons.sections)
    policy = addons.section("Resources").get(PUBLISHED_POLICY)
    outputs = addons.section("Outputs")
    reference: JsonValue = {"Ref": PUBLISHED_POLICY}
    put_out = any(isinstance(output, dict) and output.get("Value") == reference for output in outputs.values())
    if isinstance(policy, dict) and policy.get("Type") == "AWS::IAM::ManagedPolicy" and not put_out:
        sections["Outputs"] = {**outputs, f"{PUBLISHED_POLICY}Arn": {"Value": reference}}
    return addons.model_copy(update={"parameters": values, "sections": sections})
