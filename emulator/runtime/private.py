"""Secrets and environment files: values that reach containers and nothing else.

Locally a secret has no store of its own: its value is the variable of the same name in the shell, `.env` or
`--env-file`. Environment files are read with ECS's own parser. Source: the ECS developer guide on environment files,
and the ECS agent's parser.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from emulator.ecs.references import EnvFileReference
from emulator.ecs.service import Service
from emulator.errors import InputError, Position
from emulator.firelens.routing import find_router, router_secrets
from emulator.runtime.desired import Private


def collect_private(services: Sequence[Service], workspace: Path, variables: Mapping[str, str]) -> Private:
    """The private variables of every container. Raises `InputError` that lists every secret without a value."""
    private = Private()
    missing: list[str] = []
    positions: list[Position | None] = []
    for service in services:
        definition = service.task_definition
        containers = private.services.setdefault(service.name, {})
        for container in definition.container_definitions:
            values: dict[str, str] = {}
            for file in container.environment_files:
                if isinstance(file.value, EnvFileReference):
                    values = {**_read(workspace / file.value.name, file.value), **values}
            for secret in container.secrets:
                if secret.name in variables:
                    values[secret.name] = variables[secret.name]
                else:
                    missing.append(f"{secret.name} of {service.name}/{container.name}")
                    positions.append(_position(service, container.name, f"secrets.{secret.name}"))
            containers[container.name] = values
        router = find_router(definition)
        if router is not None:
            for secret in router_secrets(definition):
                option = secret.name.rpartition("_")[0]
                found = variables.get(secret.name, variables.get(option))
                if found is None:
                    missing.append(f"{option} (log option of {service.name})")
                    positions.append(service.positions.get(f"logging.secretOptions.{option}"))
                else:
                    containers[router.container.name][secret.name] = found
    if missing:
        raise InputError(
            f"secrets have no value here: {', '.join(missing)}",
            hint="set a variable of the same name in your shell, in .env beside copilot/, or with --env-file",
            position=next(filter(None, positions), None),
        )
    return private


def _position(service: Service, container: str, path: str) -> Position | None:
    """Where something of a container stands in the manifest."""
    block = "" if container == service.main_container else f"sidecars.{container}."
    found = (service.positions.get(f"{prefix}{path}") for prefix in (block, "logging."))
    return next(filter(None, found), None)


def parse_environment_file(text: str) -> dict[str, str]:
    """Variables of an environment file, as ECS reads it.

    A line that starts with `#` or has no `=` is skipped; the value is everything after the first `=`, as it stands:
    quotes stay, nothing is expanded or trimmed.
    """
    values: dict[str, str] = {}
    for line in text.split("\n"):
        line = line.removesuffix("\r")
        name, separator, value = line.partition("=")
        if separator and name and not line.startswith("#"):
            values[name] = value
    return values


def _read(path: Path, reference: EnvFileReference) -> dict[str, str]:
    try:
        return parse_environment_file(path.read_bytes().decode())  # not read_text, which changes line ends
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"the environment file {reference.name} cannot be read: {error}",
            position=reference.position,
            hint="`env_file` is relative to the folder that holds copilot/",
        ) from None
