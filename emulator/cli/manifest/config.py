"""`copilot-local config`: the manifest that counts for an environment."""

from __future__ import annotations

import enum
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.app.compile import load_manifest
from emulator.app.selection import Target, compared_environments, find_one, find_target, warning
from emulator.cli.shell.options import ChosenServices, Service, ShowSecrets, Strict
from emulator.errors import UsageError
from emulator.redaction import redact_forms

if TYPE_CHECKING:
    from emulator.cli.manifest.environments.differences import Settings


class ConfigFormat(enum.StrEnum):
    """How the manifest is printed."""

    YAML = "yaml"
    JSON = "json"


def config(
    service: Service = None,
    chosen: ChosenServices = ChosenServices(),
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
    selection = chosen.selection(service)
    if all_envs:
        if chosen.env is not None:
            raise UsageError("--all-envs and --env exclude each other")
        _compare(find_target(selection), explain, format, show_secrets=show_secrets)
        return
    from emulator.cli.manifest.environments.differences import explained
    from emulator.cli.manifest.environments.masked import masked
    from emulator.display import make_display
    from emulator.manifest.load import emit

    target, one = find_one(selection)
    loaded = load_manifest(target, one, strict=strict)
    display = make_display()
    for finding in loaded.findings:
        display.emit(warning(finding))
    shown = loaded if show_secrets else masked(loaded, target.variables)
    if explain is not None:
        others = compared_environments(target)[1:]
        text = explained(target, one, loaded, explain, others, hide=not show_secrets) + "\n"
    elif format is ConfigFormat.JSON:
        text = emit.as_json(shown) + "\n"
    else:
        text = emit.as_yaml(shown)
    sys.stdout.write(text if show_secrets else redact_forms(text))


def _compare(target: Target, key: str | None, format: ConfigFormat, *, show_secrets: bool) -> None:
    """Prints which values of the services differ between the environments; with a key that one alone."""
    from emulator.cli.manifest.environments.differences import by_environment, differing, path_of
    from emulator.manifest.load import emit

    environments = compared_environments(target)
    if key is not None:
        for name in target.services:
            emit.explain(load_manifest(target, name), key)  # raises where no manifest can have it
        key = path_of(key)
    found = {
        name: by_environment(target, name, environments, key=key, hide=not show_secrets) for name in target.services
    }
    keys = {name: differing(settings) if key is None else _given(settings, key) for name, settings in found.items()}
    if format is ConfigFormat.JSON:
        text = json.dumps({name: _plain(found[name], keys[name]) for name in found}, indent=2, ensure_ascii=False)
    else:
        text = "\n".join(line for name in found for line in _lines(name, found[name], keys[name], head=key is None))
    sys.stdout.write(f"{text}\n" if show_secrets else redact_forms(f"{text}\n"))


def _given(found: Mapping[str, Settings], key: str) -> Sequence[str]:
    """What is set below a key in one environment or another; the key itself where that is nothing."""
    return list(dict.fromkeys(name for settings in found.values() for name in settings)) or [key]


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
            value = f"{_one_line(setting.shown)}  ({setting.origin})" if setting is not None else "not set"
            yield f"  {environment:<{width}}  {value}"


def _one_line(value: str) -> str:
    return value if "\n" not in value and value else json.dumps(value, ensure_ascii=False)


def _plain(found: Mapping[str, Settings], keys: Sequence[str]) -> dict[str, object]:
    return {
        key: {
            environment: {"value": settings[key].shown, "origin": settings[key].origin} if key in settings else None
            for environment, settings in found.items()
        }
        for key in keys
    }
