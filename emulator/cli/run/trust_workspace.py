"""`copilot-local trust-workspace`: give a workspace what it may not decide alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from emulator.app.load import load_services
from emulator.app.selection import Selection, find_target
from emulator.cli.shell.options import App, Env, EnvFile, Format, OutputFormat
from emulator.errors import ExitCode, TrustNeeded, UsageError
from emulator.events import discard
from emulator.workspace import find_workspace

if TYPE_CHECKING:
    from emulator.trust.permission import Permission

T = TypeVar("T")


def trust_workspace(
    app: App = None,
    env: Env = None,
    env_file: EnvFile = None,
    task_definition: Annotated[
        Path | None,
        typer.Option("--task-definition", metavar="FILE", help="Trust the folder of this task definition instead."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Give it without being asked, as in CI.")] = False,
    show: Annotated[
        bool, typer.Option("--show", help="Print what it asks for and what it was given; give nothing.")
    ] = False,
    revoke: Annotated[bool, typer.Option("--revoke", help="Take back everything it was given.")] = False,
    format: Format = OutputFormat.TEXT,
) -> None:
    """Give a workspace what it asks for and may not decide alone: credentials, secrets, files outside of it."""
    from emulator.trust import store

    if sum((yes, show, revoke)) > 1:
        raise UsageError("--yes, --show and --revoke cannot be combined")
    if format is OutputFormat.JSON and not show:
        raise UsageError("--format json needs --show")
    if revoke:
        root = task_definition.resolve().parent if task_definition else find_workspace(Path.cwd()).root
        typer.echo(f"{root}: {'it has nothing any more' if store.revoke(root) else 'it was given nothing'}", err=True)
        return
    root, needed = _needed(Selection(app, env, env_file=env_file, task_definition=task_definition))
    given = store.trusted(root)
    lacking = [one for one in needed if one.digest not in given]
    if show:
        _show(root, needed, given, format)
        return
    if not lacking:
        what = "asks for nothing that it was not given" if needed else "asks for nothing that only you can give"
        typer.echo(f"{root} {what}", err=True)
        return
    if not give(root, lacking, yes=yes):
        raise typer.Exit(ExitCode.FAILURE)


def _needed(selection: Selection) -> tuple[Path, list[Permission]]:
    from emulator.app.permissions import asked_for
    from emulator.trust.needed import permissions

    if selection.task_definition is not None:
        from emulator.app.load import load_task_definition

        root, _, _, services = load_task_definition(selection, selection.task_definition, None)
        return root, permissions(asked_for(root, services, selection=selection))
    target = find_target(selection)
    loaded = load_services(selection, discard)
    root = target.workspace.root
    asked = asked_for(
        root, [one.service for one in loaded], selection=selection, workspace=target.workspace, loaded=loaded
    )
    return root, permissions(asked)


def _show(root: Path, needed: Sequence[Permission], given: dict[str, str], format: OutputFormat) -> None:
    from emulator.trust.check import describe

    asked = {one.digest for one in needed}
    before = [words for digest, words in given.items() if digest not in asked]
    if format is OutputFormat.JSON:
        rows = [
            {
                "what": one.words,
                "file": one.position.file if one.position else None,
                "line": one.position.line if one.position else None,
                "given": one.digest in given,
            }
            for one in needed
        ]
        typer.echo(json.dumps({"workspace": str(root), "asks": rows, "given_before": before}, ensure_ascii=False))
        return
    for one, line in zip(needed, describe(needed), strict=True):
        typer.echo(f"{'given    ' if one.digest in given else 'not given'}  {line}")
    for words in before:
        typer.echo(f"given      {words} (it does not ask for this now)")
    if not needed and not before:
        typer.echo(f"{root} asks for nothing that only you can give", err=True)


def give(root: Path, lacking: Sequence[Permission], *, yes: bool = False) -> bool:
    """Shows what a workspace lacks, asks the terminal unless `yes`, and keeps the answer. Raises `TrustNeeded` where
    nothing can be asked."""
    from emulator.trust.check import COMMAND, describe
    from emulator.trust.store import trust, trust_file

    lines = describe(lacking)
    if not yes and not can_ask():
        raise TrustNeeded(root, lines, hint=f"`{COMMAND} --yes` gives it where no terminal can be asked", given=lacking)
    typer.echo(f"{root} asks for:", err=True)
    for line in lines:
        typer.echo(f"  {line}", err=True)
    if not yes and not typer.confirm("Give it? Its containers are its authors' code.", err=True):
        return False
    trust(root, lacking)
    typer.echo(f"given, until it changes ({trust_file(root)}); `{COMMAND} --revoke` takes it back", err=True)
    return True


def can_ask() -> bool:
    """Whether a person can be asked: standard input and standard error are a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def with_trust(load: Callable[[], T], before_asking: Callable[[], None] = lambda: None) -> T:
    """What `load` returns; on a terminal the user is asked first for what the workspace lacks.

    `before_asking` is called before that. Raises `TrustNeeded` where it is not given.
    """
    from emulator.trust.permission import Permission

    try:
        return load()
    except TrustNeeded as error:
        lacking = [one for one in error.given if isinstance(one, Permission)]
        if not can_ask():
            raise
        before_asking()
        if not give(error.workspace, lacking):
            raise
    return load()
