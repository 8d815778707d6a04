"""Puts values in the place of references, where the output has no form of its own for them."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

from emulator.ecs.properties import properties
from emulator.ecs.references import Join, Reference, Value, describe, value_name
from emulator.ecs.task_definition import LogConfiguration
from emulator.errors import InputError


class Resolver:
    """Resolves every value of a model, and remembers what has none."""

    def __init__(self, values: Mapping[str, str], *, placeholders: bool = False) -> None:
        self._values = values
        self._placeholders = placeholders
        self._missing: dict[str, Reference] = {}

    def text(self, value: Value) -> str:
        """A value as text; a reference without a value is noted, and written as `${name}`."""
        if isinstance(value, str):
            return value
        if isinstance(value, Join):
            return "".join(self.text(part) for part in value.parts)
        name = value_name(value)
        if name in self._values:
            return self._values[name]
        self._missing.setdefault(name, value)
        return f"${{{name}}}"

    def raise_missing(self) -> None:
        """Raises one InputError that lists every reference without a value, unless placeholders are wanted."""
        if self._placeholders or not self._missing:
            return
        lines = [
            f"  --value {name}=…  {describe(reference)}" + (f" ({reference.position})" if reference.position else "")
            for name, reference in self._missing.items()
        ]
        raise InputError(
            f"{'values that are' if len(lines) > 1 else 'a value that is'} known only where the service is deployed "
            f"{'are' if len(lines) > 1 else 'is'} missing:\n" + "\n".join(lines),
            hint="give each by the option shown, or write `${…}` in their place with --placeholders",
        )

    def model(self, model: BaseModel) -> dict[str, object]:
        """A model of the ECS API as its JSON: the API's names in the model's order, without what is not set."""
        return properties(model, self.text, name=str, keep=_kept_empty)


def _kept_empty(model: BaseModel, name: str) -> bool:
    """Fargate fails to start a container whose awsfirelens driver has no options; an empty map is fine."""
    return isinstance(model, LogConfiguration) and name == "options"
