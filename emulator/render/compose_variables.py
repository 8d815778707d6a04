"""The variables that a Compose file asks the shell for: one for each value."""

from __future__ import annotations

import re
from itertools import chain, count

from emulator.ecs.references import Join, Reference, Value, describe, value_name
from emulator.ecs.task_definition import Secret
from emulator.errors import InputError

_Source = tuple[object, ...]

_OWN = re.compile(r"PORT(?:_\d+)?|NO_FILE|DOCKER_ROOT_DIR")
"""Variables that the Compose file itself has."""


class Variables:
    """Names them. Two values never share a variable: the second one that would gets another name."""

    def __init__(self) -> None:
        self._sources: dict[str, _Source] = {}

    def secret(self, secret: Secret, container: str, what: str | None = None) -> str:
        """A secret, by its own name; where another container's of that name comes from elsewhere, with the container's
        name before it."""
        source = ("secret", secret.name, *_source(secret.value_from))
        return _required(self._name(secret.name, source, f"{container}_"), what or f"secret of {container}")

    def reference(self, reference: Reference) -> str:
        """What only a deployment knows."""
        name = value_name(reference)
        return _required(self._name(name, ("value", name)), describe(reference))

    def _name(self, wanted: str, source: _Source, prefix: str = "") -> str:
        plain = _variable(wanted)
        longer = re.sub(r"^(?=\d)|\W", "_", prefix) + plain
        for name in chain((plain, longer), (f"{longer}_{number}" for number in count(2))):
            if not _OWN.fullmatch(name) and self._sources.setdefault(name, source) == source:
                return name
        raise AssertionError("numbers do not end")


def _source(value: Value) -> _Source:
    """Where a value comes from, without the line that names it."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, Join):
        return tuple(_source(part) for part in value.parts)
    return (value.kind, value_name(value))


def _variable(name: str) -> str:
    variable = re.sub(r"\W", "_", name)
    if not variable or variable[0].isdigit():
        raise InputError(f"{name!r} cannot be the name of a variable", hint="give its value with --value")
    return variable


def _required(variable: str, what: str) -> str:
    """A variable that Compose refuses to go without."""
    return f"${{{variable}:?{re.sub(r'[{}$]', '', what)}}}"
