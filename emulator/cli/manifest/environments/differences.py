"""The values of a service's manifest in one environment beside those in others, with where each comes from."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emulator.app.compile import load_manifest
from emulator.app.selection import Target
from emulator.errors import CopilotLocalError
from emulator.files import read_bytes
from emulator.manifest.findings.report import child
from emulator.manifest.load import emit
from emulator.manifest.load.loader import LoadedManifest
from emulator.manifest.yaml.nodes import Mapping as Map
from emulator.manifest.yaml.nodes import Node, Scalar
from emulator.runtime.secrets.secret_values import parse_environment_file
from emulator.settings import VARIABLES_HERE, load_settings, setting_position

_OVERRIDES = "environments"
_ENV_FILE, _VARIABLES, _SECRETS = "env_file", "variables", "secrets"


@dataclass(frozen=True, slots=True)
class Setting:
    """A value as it is written, and where: `web/manifest.yml:23, environment prod`."""

    value: str
    origin: str
    from_file: bool = False
    """It is of an environment file."""


Settings = Mapping[str, Setting]
"""By key: `http.path`, `variables.LEVEL`, `sidecars.nginx.port`."""


def settings_of(target: Target, loaded: LoadedManifest) -> Settings:
    """Every value of a merged manifest, and every variable of the environment files that it names."""
    own = dict(_values(loaded.tree, "", "", str(loaded.path)))
    files: dict[str, Setting] = {}
    for key, setting in own.items():
        if key == _ENV_FILE or key.endswith(f".{_ENV_FILE}"):
            files |= _of_file(target.workspace.root, setting.value, key.removesuffix(_ENV_FILE))
    return {**files, **own}  # as ECS: `variables` win over environment files


def _values(node: Node, path: str, environment: str, file: str) -> Iterator[tuple[str, Setting]]:
    if isinstance(node, Map):
        for name, entry in node.entries.items():
            if path or name != _OVERRIDES:
                where = entry.origin or environment
                if isinstance(entry.value, Scalar):
                    yield child(path, name), _setting(entry.value, entry.key.line, where, file)
                else:
                    yield from _values(entry.value, child(path, name), where, file)
    elif isinstance(node, Scalar):
        yield path, _setting(node, node.line, environment, file)
    else:
        for number, item in enumerate(node.items):
            yield from _values(item, child(path, number), environment, file)


def _setting(value: Scalar, line: int, environment: str, file: str) -> Setting:
    of = f", environment {environment}" if environment else ""
    return Setting(value.text, f"{file}:{line}{of}")


def _of_file(root: Path, name: str, prefix: str) -> dict[str, Setting]:
    """The variables of an environment file; none where it cannot be read, which `up` says."""
    with contextlib.suppress(OSError, UnicodeDecodeError, ValueError):
        text = read_bytes(root / name).decode()
        lines = {line.partition("=")[0]: number for number, line in enumerate(text.split("\n"), 1)}
        return {
            f"{prefix}{_VARIABLES}.{variable}": Setting(
                value, f"{name}:{lines[variable]}, the env_file", from_file=True
            )
            for variable, value in parse_environment_file(text).items()
        }
    return {}


def by_environment(target: Target, service: str, environments: Sequence[str]) -> dict[str, Settings]:
    """The settings of a service in each environment. Raises what loading its manifest raises."""
    found = {}
    for name in environments:
        there = replace(target, environment=name)
        found[name] = settings_of(there, load_manifest(there, service))
    return found


def differing(found: Mapping[str, Settings]) -> list[str]:
    """The keys whose values are not the same in all environments, in order."""
    keys = sorted({key for settings in found.values() for key in settings})
    return [
        key
        for key in keys
        if len({settings[key].value if key in settings else None for settings in found.values()}) > 1
    ]


def explained(target: Target, service: str, loaded: LoadedManifest, key: str, others: Sequence[str]) -> str:
    """Where the value of a key comes from. Of one that is not set: the environment file that gives it, the secret of
    that name, or the `others` among environments that set it. A variable of this machine alone is said first."""
    text = emit.explain(loaded, key)
    if (local := _on_this_machine(target, service, key)) is not None:
        return f"{key}: {local.value}\nfrom {local.origin}, on this machine alone\ndeployed: {text}"
    if emit.is_set(loaded, key):
        return text
    here = settings_of(target, loaded)
    if (setting := here.get(key)) is not None:
        return f"{key}: {setting.value}\nfrom {setting.origin}"
    prefix, _, name = key.rpartition(f"{_VARIABLES}.")
    secret = loaded.position(f"{prefix}{_SECRETS}.{name}") if prefix != key else None
    if secret is not None and key.endswith(f"{_VARIABLES}.{name}"):
        return f"{text}; it is a secret ({secret.file}:{secret.line})"
    places = []
    for other in others:
        with contextlib.suppress(CopilotLocalError):  # a broken one is reported where it is meant
            there = replace(target, environment=other)
            if (setting := settings_of(there, load_manifest(there, service)).get(key)) is not None:
                places.append(f"{other} ({setting.origin.partition(', environment')[0]})")
    return f"{text}; set in {', '.join(places)}" if places else text


def _on_this_machine(target: Target, service: str, key: str) -> Setting | None:
    """What `[container_variables]` of the settings says of a variable, which wins here."""
    prefix, of, name = key.rpartition(f"{_VARIABLES}.")
    container = prefix.removeprefix("sidecars.").rstrip(".") or service
    if not of or prefix.count(".") not in (0, 2):
        return None
    table = load_settings(target.workspace.root).container_variables
    for owner in (f"{service}/{container}", *([service] if container == service else [])):
        if name in table.get(owner, {}):
            position = setting_position(target.workspace.root, VARIABLES_HERE, owner, name)
            where = (
                f"{Path(position.file).relative_to(target.workspace.root)}:{position.line}"
                if position
                else "your own settings"
            )
            return Setting(table[owner][name], f"{where}, [{VARIABLES_HERE}] {owner}")
    return None
