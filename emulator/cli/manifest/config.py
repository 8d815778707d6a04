"""`copilot-local config`: the manifest that counts for an environment."""

from __future__ import annotations

import enum
import sys
from typing import Annotated

import typer

from emulator.app.compile import load_manifest
from emulator.app.selection import Selection, find_one, warning
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
    show_secrets: ShowSecrets = False,
    format: Annotated[ConfigFormat, typer.Option("--format", help="How to print it.")] = ConfigFormat.YAML,
) -> None:
    """Print a manifest merged for the environment, with variables filled in."""
    from emulator.app.permissions import interpolated
    from emulator.display import make_display
    from emulator.manifest.load import emit
    from emulator.runtime.reports.redact import Redactor, sounds_secret

    selection = Selection(
        app,
        env,
        services_of(name, service),
        env_file,
        variables=variables_of(variables),
        new_environment=new_env,
    )
    target, one = find_one(selection)
    loaded = load_manifest(target, one, strict=strict)
    display = make_display()
    for finding in loaded.findings:
        display.emit(warning(finding))
    if explain is not None:
        text = emit.explain(loaded, explain) + "\n"
    elif format is ConfigFormat.JSON:
        text = emit.as_json(loaded) + "\n"
    else:
        text = emit.as_yaml(loaded)
    if not show_secrets:
        used = {name: target.variables.get(name, "") for name, _ in interpolated(loaded.tree)}
        text = Redactor((name, value) for name, value in used.items() if sounds_secret(name))(text)
    sys.stdout.write(text)
