"""The values of a service's manifest in one environment beside those in others, with where each comes from."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from emulator.app.compile import load_manifest
from emulator.app.selection import Target
from emulator.cli.manifest.environments.masked import masked, masked_value
from emulator.errors import CopilotLocalError
from emulator.files import read_bytes
from emulator.manifest.findings.report import child, split_path
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
    shown: str
    """The value as it may be printed: without secrets, unless they were asked for."""


Settings = Mapping[str, Setting]
"""By key: `http.path`, `variables.LEVEL`, `sidecars.nginx.port`."""


def settings_of(target: Target, loaded: LoadedManifest, *, hide: bool) -> Settings:
    """Every value of a merged manifest, and every variable of the environment files that it names. With `hide` secrets
    are not `shown`."""
    own = dict(_values(loaded.tree, "", "", str(loaded.path)))
    if hide:
        # A masked tree has the same shape, and so the same keys.
        shown = dict(_values(masked(loaded, target.variables).tree, "", "", ""))
        own = {key: replace(setting, shown=shown[key].value) for key, setting in own.items()}
    files: dict[str, Setting] = {}
    for key, setting in own.items():
        if key == _ENV_FILE or key.endswith(f".{_ENV_FILE}"):
            files |= _of_file(target.workspace.root, setting.value, key.removesuffix(_ENV_FILE), hide=hide)
    return {**files, **own}  # as ECS: `variables` win over environment files


def _values(node: Node, path: str, environment: str, file: str) -> Iterator[tuple[str, Setting]]:
    if isinstance(node, Map):
        for name, entry in node.entries.items():
            if path or name != _OVERRIDES:
                where = entry.origin or environment
                if _is_leaf(entry.value):
                    yield child(path, name), _setting(entry.value, entry.key.line, where, file)
                else:
                    yield from _values(entry.value, child(path, name), where, file)
    elif isinstance(node, Scalar):
        yield path, _setting(node, node.line, environment, file)
    else:
        for number, item in enumerate(node.items):
            if _is_leaf(item):
                yield child(path, number), _setting(item, item.line, environment, file)
            else:
                yield from _values(item, child(path, number), environment, file)


def _is_leaf(node: Node) -> bool:
    """Whether nothing is below it: a map or a list that is empty is set too."""
    return isinstance(node, Scalar) or not (node.entries if isinstance(node, Map) else node.items)


def _setting(value: Node, line: int, environment: str, file: str) -> Setting:
    of = f", environment {environment}" if environment else ""
    text = value.text if isinstance(value, Scalar) else "{}" if isinstance(value, Map) else "[]"
    return Setting(text, f"{file}:{line}{of}", text)


def _of_file(root: Path, name: str, prefix: str, *, hide: bool) -> dict[str, Setting]:
    """The variables of an environment file; none where it cannot be read, which `up` says."""
    with contextlib.suppress(OSError, UnicodeDecodeError, ValueError):
        text = read_bytes(root / name).decode()
        lines = {line.partition("=")[0]: number for number, line in enumerate(text.split("\n"), 1)}
        return {
            f"{prefix}{_VARIABLES}.{variable}": Setting(
                value, f"{name}:{lines[variable]}, the env_file", masked_value(variable, value) if hide else value
            )
            for variable, value in parse_environment_file(text).items()
        }
    return {}


def by_environment(
    target: Target, service: str, environments: Sequence[str], *, key: str | None = None, hide: bool = False
) -> dict[str, Settings]:
    """The settings of a service in each environment, with a `key` those of it and below it. Raises what loading its
    manifest raises."""
    found = {}
    for name in environments:
        there = replace(target, environment=name)
        loaded = load_manifest(there, service)
        settings = settings_of(there, loaded, hide=hide)
        found[name] = settings if key is None else _below(settings, loaded, key)
    return found


def _below(settings: Settings, loaded: LoadedManifest, key: str) -> Settings:
    """The settings at a key and below it; of `image.location` that of `image`, where that is a text."""
    below = {name: setting for name, setting in settings.items() if _belongs(name, key)}
    above = key
    while not below and emit.is_set(loaded, key) and (above := above.rpartition(".")[0]):
        below = {key: settings[above]} if above in settings else {}
    return below


def _belongs(name: str, key: str) -> bool:
    return name.startswith(key) and name[len(key) :][:1] in ("", ".", "[")


def path_of(key: str) -> str:
    """A key as settings have it, however it is written. Raises ValueError where it is no path."""
    path = ""
    for step in split_path(key):
        path = child(path, step)
    return path


def differing(found: Mapping[str, Settings]) -> list[str]:
    """The keys whose values are not the same in all environments, in order."""
    keys = sorted({key for settings in found.values() for key in settings})
    return [
        key
        for key in keys
        if len({settings[key].value if key in settings else None for settings in found.values()}) > 1
    ]


def explained(
    target: Target, service: str, loaded: LoadedManifest, key: str, others: Sequence[str], *, hide: bool
) -> str:
    """Where the value of a key comes from. Of one that is not set: the environment file that gives it, the secret of
    that name, or the `others` among environments that set it. A variable of this machine alone is said first. With
    `hide` no secret is in it."""
    text = emit.explain(masked(loaded, target.variables) if hide else loaded, key)
    if (local := _on_this_machine(target, service, key, hide=hide)) is not None:
        return f"{key}: {local.shown}\nfrom {local.origin}, on this machine alone\ndeployed: {text}"
    if emit.is_set(loaded, key):
        return text
    here = settings_of(target, loaded, hide=hide)
    if (setting := here.get(key)) is not None:
        return f"{key}: {setting.shown}\nfrom {setting.origin}"
    prefix, _, name = key.rpartition(f"{_VARIABLES}.")
    secret = loaded.position(f"{prefix}{_SECRETS}.{name}") if prefix != key else None
    if secret is not None and key.endswith(f"{_VARIABLES}.{name}"):
        return f"{text}; it is a secret ({secret.file}:{secret.line})"
    places = []
    for other in others:
        with contextlib.suppress(CopilotLocalError):  # a broken one is reported where it is meant
            there = replace(target, environment=other)
            if (setting := settings_of(there, load_manifest(there, service), hide=hide).get(key)) is not None:
                places.append(f"{other} ({setting.origin.partition(', environment')[0]})")
    return f"{text}; set in {', '.join(places)}" if places else text


def _on_this_machine(target: Target, service: str, key: str, *, hide: bool) -> Setting | None:
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
            value = table[owner][name]
            shown = masked_value(name, value) if hide else value
            return Setting(value, f"{where}, [{VARIABLES_HERE}] {owner}", shown)
    return None
