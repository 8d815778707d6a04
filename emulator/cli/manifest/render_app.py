"""`copilot-local render app`: the repositories of an application."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from emulator.app.load import load_services
from emulator.cli.manifest import rendering
from emulator.cli.manifest.rendering import Document, Output
from emulator.cli.shell.options import Chosen, Strict
from emulator.errors import InputError, UsageError
from emulator.settings_rendering import ACCOUNT


def app(
    chosen: Chosen = Chosen(),
    strict: Strict = False,
    accounts: Annotated[
        list[str] | None,
        typer.Option("--account", metavar="ID", help="Another account that pulls images, 12 digits. Repeatable."),
    ] = None,
    output_dir: rendering.OutputDir = None,
    diff: rendering.Diff = None,
) -> None:
    """Print a stack with a repository for each service whose image is built, for a new account."""
    from emulator.app.deployment import Deployment
    from emulator.render.cloudformation.repositories import render_repositories

    if wrong := next((one for one in accounts or () if not re.fullmatch(ACCOUNT, one)), None):
        raise UsageError(f"--account {wrong} is no account's id", hint="it has 12 digits")
    with rendering.display() as emit:
        services = [one.service for one in load_services(chosen.selection(), emit, strict=strict, given=Deployment())]
        built = sorted(service.name for service in services if service.builds)
        if not built:
            raise InputError(
                "no service of the workspace builds an image: there is nothing to have a repository for",
                hint="`image.build` in a manifest asks for one",
            )
        name = services[0].app
        text = render_repositories(name, built, sorted(set(accounts or ())))
        rendering.deliver([Document(f"{name}.app.stack.yml", text)], Output(output_dir, diff=diff), emit)
