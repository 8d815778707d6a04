"""Prompts for secrets at the terminal: without echo, and nothing is stored."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from emulator.runtime.secrets.sources import SecretChoice
    from emulator.runtime.secrets.wanted import Wanted


def secret_choice(option: str | None, *, before_asking: Callable[[], None] = lambda: None) -> SecretChoice:
    """What `--secrets` says, with a prompt where standard input is a terminal; `before_asking` is called before each.
    Raises UsageError for another source than there are."""
    from emulator.errors import UsageError
    from emulator.runtime.secrets.sources import SOURCES, SecretChoice

    if option is not None and option not in SOURCES:
        raise UsageError(f"--secrets does not know {option!r}", hint=f"one of {', '.join(SOURCES)}")

    def ask(wanted: Wanted) -> str:
        before_asking()
        return _ask(wanted)

    return SecretChoice(option, ask if sys.stdin.isatty() else None)


def _ask(wanted: Wanted) -> str:
    where = f"{wanted} ({wanted.text})"
    if wanted.kind != "login":
        return _hidden(where)
    username: str = typer.prompt(f"{where}, user name", err=True)
    return json.dumps({"username": username, "password": _hidden(f"{where}, password")})


def _hidden(what: str) -> str:
    answer: str = typer.prompt(what, hide_input=True, err=True, default="", show_default=False)
    return answer
