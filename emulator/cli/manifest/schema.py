"""`copilot-local schema`: what editors need to check a manifest while it is written."""

from __future__ import annotations

import json

import typer

from emulator.cli.shell.options import App, Env, Name


def schema(app: App = None, env: Env = None, name: Name = None) -> None:
    """Print the JSON Schema of manifests, for editors."""
    from emulator.manifest.jsonschema import json_schema

    del app, env, name  # every verb takes them; the schema is the same for all
    typer.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
