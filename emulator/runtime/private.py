"""Secrets and environment files: values that reach containers and nothing else.

Environment files are read with ECS's own parser. Source: the ECS developer guide on environment files, and the ECS
agent's parser.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from emulator.ecs.references import EnvFileReference
from emulator.ecs.service import Service
from emulator.errors import InputError
from emulator.files import read_bytes
from emulator.runtime.desired import Private
from emulator.runtime.secrets.sources import SecretValues
from emulator.runtime.secrets.wanted import Finder


def collect_private(services: Sequence[Service], workspace: Path, finder: Finder, values: SecretValues) -> Private:
    """The private variables of every container.

    Raises `SecretsError` that lists every secret without a value, `InputError` for a file that cannot be read.
    """
    private = Private()
    for service in services:
        containers = private.services.setdefault(service.name, {})
        for container in service.task_definition.container_definitions:
            containers[container.name] = {}
            for file in container.environment_files:
                if isinstance(file.value, EnvFileReference):
                    read = _read(workspace / file.value.name, file.value)
                    containers[container.name] = {**read, **containers[container.name]}
    wanted = [secret for service in services for secret in finder.variables(service)]
    logins = [login for service in services for login in finder.logins(service)]
    for secret, value in values.find(wanted, also_without=logins).items():
        private.services[secret.service][secret.container][secret.variable] = value
    return private


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
        return parse_environment_file(read_bytes(path).decode())
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"the environment file {reference.name} cannot be read: {error}",
            position=reference.position,
            hint="`env_file` is relative to the folder that holds copilot/",
        ) from None
