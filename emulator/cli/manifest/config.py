"""`copilot-local config`: the manifest that counts for an environment."""

from __future__ import annotations

import enum
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.app.compile import load_manifest
from emulator.app.selection import Selection, Target, compared_environments, find_one, find_target, warning
from emulator.cli.shell.options import (
    App,
    Env,
    EnvFile,
    Name,
    NewEnv,
    Service,
    ShowSecrets,
    Strict,
    Variables,
    services_of,
    variables_of,
)
from emulator.errors import UsageError

if TYPE_CHECKING:
    from emulator.cli.manifest.environments.differences import Settings


class ConfigFormat(enum.StrEnum):
    """How the manifest is printed."""

    YAML = "yaml"
    JSON = "json"


def config(
    service: Service = None,
    app: App = None,
    env: Env = None,
    name: Name = None,
    new_env: NewEnv = False,
    env_file: EnvFile = None,
    variables: Variables = None,
    strict: Strict = False,
    explain: Annotated[
        str | None, typer.Option("--explain", metavar="KEY", help="Say where the value of one key comes from.")
    ] = None,
    all_envs: Annotated[
        bool, typer.Option("--all-envs", help="Which values differ between the environments, with KEY: that one.")
    ] = False,
    show_secrets: ShowSecrets = False,
    format: Annotated[ConfigFormat, typer.Option("--format", help="How to print it.")] = ConfigFormat.YAML,
) -> None:
    """Print a manifest merged for the environment, with variables filled in."""
    selection = Selection(
        app,
        env,
        services_of(name, service),
        env_file,
        variables=variables_of(variables),
        new_environment=new_env,
    )
    if all_envs:
        if env is not None:
            raise UsageError("--all-envs and --env exclude each other")
        _compare(find_target(selection), explain, format, show_secrets=show_secrets)
        return
    from emulator.app.permissions import interpolated
    from emulator.cli.manifest.environments.differences import explained, settings_of
    from emulator.display import make_display
    from emulator.manifest.load import emit

    target, one = find_one(selection)
    loaded = load_manifest(target, one, strict=strict)
    display = make_display()
    for finding in loaded.findings:
        display.emit(warning(finding))
    secrets = [(name, target.variables.get(name, "")) for name, _ in interpolated(loaded.tree)]
    if explain is not None:
        text = explained(target, one, loaded, explain, compared_environments(target)[1:]) + "\n"
        secrets += _of_files(settings_of(target, loaded))
    elif format is ConfigFormat.JSON:
        text = emit.as_json(loaded) + "\n"
    else:
        text = emit.as_yaml(loaded)
    sys.stdout.write(text if show_secrets else _redacted(text, secrets))


def _compare(target: Target, key: str | None, format: ConfigFormat, *, show_secrets: bool) -> None:
    """Prints which values of the services differ between the environments; with a key that one alone."""
    from emulator.cli.manifest.environments.differences import by_environment, differing
    from emulator.manifest.load import emit

    environments = compared_environments(target)
    if key is not None:
        for name in target.services:
            emit.explain(load_manifest(target, name), key)  # raises where no manifest can have it
    found = {name: by_environment(target, name, environments) for name in target.services}
    keys = {name: differing(settings) if key is None else [key] for name, settings in found.items()}
    if format is ConfigFormat.JSON:
        text = json.dumps({name: _plain(found[name], keys[name]) for name in found}, indent=2, ensure_ascii=False)
    else:
        text = "\n".join(line for name in found for line in _lines(name, found[name], keys[name], head=key is None))
    secrets = [pair for by in found.values() for settings in by.values() for pair in _of_files(settings)]
    secrets += target.variables.items()
    sys.stdout.write(f"{text}\n" if show_secrets else _redacted(f"{text}\n", secrets))


def _lines(service: str, found: Mapping[str, Settings], keys: Sequence[str], *, head: bool) -> Iterator[str]:
    environments = ", ".join(found)
    if len(found) == 1:
        yield f"{service}: there is no other environment than {environments} to compare with"
        return
    if head:
        count = f"{len(keys)} values differ" if len(keys) > 1 else "1 value differs" if keys else "nothing differs"
        yield f"{service}: {count} between {environments}"
    width = max(map(len, found))
    for key in keys:
        yield key
        for environment, settings in found.items():
            setting = settings.get(key)
            value = f"{_one_line(setting.value)}  ({setting.origin})" if setting is not None else "not set"
            yield f"  {environment:<{width}}  {value}"


def _one_line(value: str) -> str:
    return value if "\n" not in value and value else json.dumps(value, ensure_ascii=False)


def _plain(found: Mapping[str, Settings], keys: Sequence[str]) -> dict[str, object]:
    return {
        key: {
            environment: {"value": settings[key].value, "origin": settings[key].origin} if key in settings else None
            for environment, settings in found.items()
        }
        for key in keys
    }


def _of_files(settings: Settings) -> list[tuple[str, str]]:
    """The variables of environment files."""
    return [(key.rpartition(".")[2], setting.value) for key, setting in settings.items() if setting.from_file]


def _redacted(text: str, secrets: Iterable[tuple[str, str]]) -> str:
    from emulator.runtime.reports.redact import Redactor, sounds_secret

    return Redactor((name, value) for name, value in secrets if sounds_secret(name))(text)
