"""`--native` of `up`: a program of this machine in place of a main container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from emulator.errors import UsageError

if TYPE_CHECKING:
    from emulator.runtime.planning.up_request import UpRequest

Natives = Annotated[
    list[str] | None,
    typer.Option(
        "--native",
        metavar="SERVICE=PORT[:CONTAINER_PORT]",
        help="Run no main container of a service, but lead its port to a program that listens on this port of this "
        "machine's 127.0.0.1. SERVICE alone where it has no port. Repeatable.",
    ),
]


def refuse_watching(request: UpRequest, *, watch: bool) -> None:
    """Raises UsageError for `--watch` where every service's program runs on this machine."""
    if watch and request.native and all(service.name in request.native for service in request.services):
        names = " and ".join(request.native)
        raise UsageError(
            f"--watch and --native {names}: its program runs on this machine, and nothing else is there to watch",
            hint="let the program watch its own files, or name other services too",
        )
