"""`copilot-local ps`: what runs."""

from __future__ import annotations

from emulator.cli.loading import Selection, find_names
from emulator.cli.options import App, Env, Format, Name, OutputFormat
from emulator.errors import Unsupported


def ps(app: App = None, env: Env = None, name: Name = None, format: Format = OutputFormat.TEXT) -> None:
    """Show the tasks of an environment, their containers, and where they answer."""
    names = find_names(Selection(app, env))
    del name, format, names
    raise Unsupported("`ps` does not show anything yet")
