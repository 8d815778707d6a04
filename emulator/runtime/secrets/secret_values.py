"""Secrets and environment files: values that reach containers and nothing else.

Environment files are read with ECS's own parser. Source: the ECS developer guide on environment files, and the ECS
agent's parser.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from emulator.ecs.references import EnvFileReference
from emulator.ecs.service import Service
from emulator.errors import InputError, Position
from emulator.files import read_bytes
from emulator.missing import Blockers, Kind, Missing
from emulator.runtime.secrets.endpoint_secrets import EndpointSecrets
from emulator.runtime.secrets.missing_values import add_missing_secrets, environment_files
from emulator.runtime.secrets.sources import SecretValues
from emulator.runtime.secrets.wanted import Finder, Wanted
from emulator.runtime.state.desired import Private


def collect_private(
    services: Sequence[Service],
    workspace: Path,
    finder: Finder,
    values: SecretValues,
    *,
    env_files: Mapping[str, Path] = MappingProxyType({}),
    blockers: Blockers | None = None,
    may_ask: bool = True,
    endpoint: EndpointSecrets | None = None,
) -> Private:
    """The private variables of every container. `env_files` are `--env-file` options of services. Unless it `may_ask`,
    neither the user nor AWS is asked for a secret. What the user gives here is noted for the `endpoint`, and what
    addons make is left to it.

    What is missing goes to `blockers`; without them, raises `MissingError` that lists every secret and file that is
    missing, `InputError` for a file that cannot be read.
    """
    found = Blockers() if blockers is None else blockers
    private = Private()
    for (service, container), files in environment_files(services, workspace, env_files).items():
        variables = private.services.setdefault(service, {}).setdefault(container, {})
        for reference, path in files:
            if not path.exists():
                found.add(_missing_file(reference, path, workspace, service))
                continue
            with found.collecting():
                for name, value in _read(path, reference).items():
                    variables.setdefault(name, value)
    wanted: list[Wanted] = []
    logins: list[Wanted] = []
    for one in services:
        with found.collecting():
            wanted += finder.variables(one)
            logins += finder.logins(one)
    with found.collecting():
        # Secrets are not to be typed for what does not start anyway.
        endpoint = endpoint or EndpointSecrets()
        wanted = endpoint.leave(wanted, values, services, finder.options)
        types = not found or not values.asks_user
        secrets, without = values.look(wanted, also_without=logins, may_ask=may_ask and types)
        add_missing_secrets(found, without, note=" (--secrets ask needs a terminal)" if values.lacks_terminal else "")
        for secret, value in secrets.items():
            private.services[secret.service][secret.container][secret.variable] = value
        endpoint.take(secrets, values, finder.options)
    if blockers is None:
        found.raise_any()
    return private


def blank_files(
    services: Sequence[Service], workspace: Path, env_files: Mapping[str, Path]
) -> dict[tuple[str, str], Position | None]:
    """The environment files without a variable, as `init` writes them: service and file, to the manifest's line."""
    found: dict[tuple[str, str], Position | None] = {}
    for (service, _), files in environment_files(services, workspace, env_files).items():
        for reference, path in files:
            with contextlib.suppress(InputError):  # reported where the file is read
                if path.exists() and not _read(path, reference):
                    name = reference.name if path == workspace / reference.name else str(path)
                    found.setdefault((service, name), reference.position)
    return found


def _missing_file(reference: EnvFileReference, path: Path, workspace: Path, service: str) -> Missing:
    instead = "" if path == workspace / reference.name else f"in place of {reference.name}, as --env-file says"
    name = reference.name if not instead else str(path)
    return Missing(Kind.ENV_FILE, name, service, reference.position, instead)


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
