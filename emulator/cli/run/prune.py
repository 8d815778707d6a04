"""`copilot-local prune`: remove what environments that are gone have left."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emulator.runtime.machine.prune import Left

_MEGABYTE = 1_000_000


def prune(
    app: Annotated[
        str | None, typer.Option("--app", "-a", metavar="NAME", help="Only what is of that application.")
    ] = None,
    env: Annotated[
        str | None, typer.Option("--env", "-e", metavar="NAME", help="With -a: only what is of that environment.")
    ] = None,
    volumes: Annotated[
        bool, typer.Option("--volumes", "-v", help="Remove data too: logs, file systems and databases.")
    ] = False,
    own: Annotated[
        bool, typer.Option("--own", help="Without -a: copilot-local's own images too, which the next `up` makes again.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", "-f", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be removed, and remove nothing.")] = False,
) -> None:
    """Remove what environments that are gone have left: networks, volumes without data, images that were built."""
    from emulator.cli.run.trust_workspace import can_ask
    from emulator.engine.connect import connect
    from emulator.runtime.control.direct import none_is_made
    from emulator.runtime.machine.prune import leftovers, remove_leftovers

    if own and app is not None:
        raise UsageError("copilot-local's own images are of no application: --own does not go with -a")
    if env is not None and app is None:
        raise UsageError("an environment is one of an application: -e goes with -a", hint="prune -a APP -e ENV")
    if not (force or dry_run or can_ask()):
        raise UsageError(
            "there is no terminal to ask", hint="--force removes without being asked, --dry-run only shows"
        )
    with closing(connect()) as engine:
        left = leftovers(engine, volumes=volumes, own=own, app=app, environment=env)
        kept = 0
        if not volumes:
            kept = sum(one.data for one in leftovers(engine, volumes=True, app=app, environment=env))
        if not left:
            which = f" of {app}" if app else ""
            nothing = f"nothing is left of environments{which} that are gone"
            typer.echo(f"nothing but data{nothing.removeprefix('nothing')}" if kept else nothing, err=True)
            _say_kept(kept)
            return
        _show(left)
        if dry_run:
            _say_kept(kept)
            return
        if not (force or typer.confirm("Remove this?", err=True)):
            return
        failed = 0
        with none_is_made():
            still = leftovers(
                engine, volumes=volumes, own=own, app=app, environment=env
            )  # the question may have been open for an hour
            chosen = [one for one in left if one in still]
            for one, reason in remove_leftovers(engine, chosen):
                if reason:
                    failed += 1
                    typer.echo(f"{one.kind} {one.name} is left: {reason}", err=True)
    typer.echo(f"removed {len(chosen) - failed} of {len(left)}", err=True)
    _say_kept(kept)
    if failed:
        raise typer.Exit(ExitCode.FAILURE)


def _say_kept(count: int) -> None:
    if count:
        stays = "1 volume with data stays" if count == 1 else f"{count} volumes with data stay"
        typer.echo(f"{stays}; -v, --volumes removes {'it' if count == 1 else 'them'} too", err=True)


def _show(left: Sequence[Left]) -> None:
    from emulator.display.table import table, width_of

    rows = [[str(one.kind), one.name, one.of or "-", _size(one.size)] for one in left]
    typer.echo(table(["KIND", "NAME", "OF", "SIZE"], rows, width=width_of(sys.stdout)))


def _size(number: int) -> str:
    return f"{number / _MEGABYTE:.0f} MB" if number else ""
