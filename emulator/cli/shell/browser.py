"""The user's browser."""

from __future__ import annotations

import os
import sys
import webbrowser

import typer


def show(url: str, *, only_print: bool = False) -> None:
    """Opens a URL, where a browser has somewhere to show up. One that cannot be opened is told, and no error."""
    if only_print or not _has_screen():
        return
    try:
        webbrowser.open(url)
    except webbrowser.Error as error:
        typer.echo(f"no browser could be opened: {error}", err=True)


def _has_screen() -> bool:
    """Whether a browser has somewhere to show up: not on a server, not in CI, not over SSH."""
    if sys.platform in ("darwin", "win32"):
        return "SSH_CONNECTION" not in os.environ
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "BROWSER"))
