"""CloudFormation's intrinsic functions, in their long form, as values of the ECS model."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from emulator.ecs.addons.references import VARIABLE
from emulator.ecs.references import ImportReference, Join, PseudoReference, ResourceReference, Value
from emulator.errors import Position, Unsupported
from emulator.model import InvalidData, from_plain, make


def is_intrinsic(value: object) -> bool:
    """Whether a value is a map with one key that names an intrinsic function."""
    name = str(next(iter(value))) if isinstance(value, dict) and len(value) == 1 else ""
    return name == "Ref" or name.startswith("Fn::")


def to_value(value: object, position: Position | None, names: Mapping[str, str] = MappingProxyType({})) -> Value:
    """The value of an intrinsic function. `names` are parameters of the template whose values are known, such as
    `AppName`. Raises Unsupported for functions that have no form in the model."""
    return _Conversion(position, names).value(value)


class _Conversion:
    def __init__(self, position: Position | None, names: Mapping[str, str]) -> None:
        self._position = position
        self._names = names

    def value(self, value: object) -> Value:
        if isinstance(value, str):
            return value
        if isinstance(value, dict) and len(value) == 1:
            [(name, argument)] = value.items()
            found = self._function(name, argument)
            if found is not None:
                return found
        raise Unsupported(
            f"a CloudFormation function cannot be taken over: {value}",
            position=self._position,
            hint="Ref, Fn::GetAtt, Fn::ImportValue, Fn::Join and Fn::Sub can",
        )

    def _function(self, name: str, argument: object) -> Value | None:
        """The value of one function, None where it has no form in the model."""
        match name, argument:
            case "Ref", str():
                return self._reference(argument)
            case "Fn::GetAtt", str() | list():
                parts = argument.split(".", 1) if isinstance(argument, str) else argument
                if len(parts) == 2 and all(isinstance(part, str) for part in parts):
                    return make(ResourceReference, name=parts[0], attribute=parts[1], position=self._position)
            case "Fn::ImportValue", _:
                export = self.value(argument)
                return make(ImportReference, name=export, position=self._position) if isinstance(export, str) else None
            case "Fn::Sub", str():
                return self._substitution(argument, {})
            case "Fn::Sub", [str() as text, dict() as variables]:
                return self._substitution(text, {key: self.value(it) for key, it in variables.items()})
            case "Fn::Join", [separator, list() as items]:
                return self._joined(str(separator), items)
        return None

    def _reference(self, name: str) -> Value:
        if name in self._names:
            return self._names[name]
        if name.startswith("AWS::"):
            try:
                return from_plain(PseudoReference, {"name": name, "position": self._position})
            except InvalidData:
                raise Unsupported(
                    f"the pseudo parameter {name} cannot be taken over",
                    position=self._position,
                    hint="AWS::AccountId, AWS::Partition, AWS::Region and AWS::URLSuffix can",
                ) from None
        return make(ResourceReference, name=name, position=self._position)

    def _substitution(self, text: str, variables: Mapping[str, Value]) -> Value:
        """The value of `Fn::Sub`; `variables` are those of its map form."""
        parts: list[Value] = []
        end = 0
        for found in VARIABLE.finditer(text):
            parts.append(text[end : found.start()])
            name = found[2]
            if found[1]:
                parts.append(f"${{{name}}}")
            elif name in variables:
                value = variables[name]
                parts += value.parts if isinstance(value, Join) else [value]
            elif "." in name:
                resource, attribute = name.split(".", 1)
                parts.append(make(ResourceReference, name=resource, attribute=attribute, position=self._position))
            else:
                parts.append(self._reference(name))
            end = found.end()
        parts.append(text[end:])
        return self._tidy(parts)

    def _joined(self, separator: str, items: list[object]) -> Value:
        parts: list[Value] = []
        for number, item in enumerate(items):
            if number:
                parts.append(separator)
            value = self.value(item)
            parts += value.parts if isinstance(value, Join) else [value]
        return self._tidy(parts)

    def _tidy(self, parts: list[Value]) -> Value:
        """The parts with neighbouring texts as one, without empty ones; text alone where there is no reference."""
        tidy: list[Value] = []
        for part in parts:
            if isinstance(part, str) and tidy and isinstance(tidy[-1], str):
                tidy[-1] += part
            elif part != "":
                tidy.append(part)
        if not tidy:
            return ""
        if len(tidy) == 1 and isinstance(tidy[0], str):
            return tidy[0]
        return make(Join, parts=tuple(tidy), position=self._position)
