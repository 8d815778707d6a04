"""`copilot-local render compose`: a task for plain `docker compose`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.app.selection import LoadedService
from emulator.app.selection import region as shell_region
from emulator.app.up_request import log_destinations
from emulator.cli.manifest import rendering
from emulator.cli.manifest.rendering import Document, Output
from emulator.cli.shell.options import ChosenServices, Strict, assignments
from emulator.errors import InputError, UsageError
from emulator.events import Emit
from emulator.regions import LOCAL_ACCOUNT

if TYPE_CHECKING:
    from emulator.settings import LogPolicy


def compose(
    services: rendering.Services = None,
    chosen: ChosenServices = ChosenServices(),
    strict: Strict = False,
    values: rendering.Values = None,
    values_file: rendering.ValuesFile = None,
    tag: rendering.Tag = None,
    images: rendering.Images = None,
    account: rendering.Account = None,
    region: rendering.Region = None,
    logs: Annotated[
        list[str] | None,
        typer.Option(
            "--logs",
            metavar="[NAME=]POLICY",
            help="Where the log router's outputs go: capture (the default) or live. Repeatable.",
        ),
    ] = None,
    router_file: Annotated[
        list[str] | None,
        typer.Option(
            "--router-file", metavar="PATH=FILE", help="A copy of the file PATH in the log router's image. Repeatable."
        ),
    ] = None,
    output: Output = Output(),
) -> None:
    """Print a Compose file that runs one task of a service with plain `docker compose`."""
    from emulator.app.deployment import Deployment
    from emulator.firelens.destinations import Destinations
    from emulator.render.compose import PAUSE, ComposeOptions, render_compose

    copies = assignments(router_file, "--router-file")
    destinations = Destinations(_policies(logs))
    replaced = assignments(images, "--image")
    known = rendering.given_values(values, values_file)

    def render(loaded: LoadedService, _: Emit) -> list[Document]:
        service, where = loaded.service, loaded.deployment
        pushed = {key.removeprefix("image:"): uri for key, uri in rendering.image_values(loaded, tag).items()}
        options = ComposeOptions(
            root=os.path.relpath(loaded.workspace.root, output.folder or Path.cwd()),
            values={**loaded.settings.values, **known},
            images={**pushed, **replaced},
            region=where.region or shell_region(),
            account=where.account or LOCAL_ACCOUNT,
            router_files=_reader(loaded, copies),
            destinations=destinations,
        )
        return [Document(f"{service.name}-{service.environment}.compose.yml", render_compose(service, options))]

    given = Deployment(account=account, region=region, images=replaced)
    others = (PAUSE, f"task-{PAUSE}")  # the second where a container has the name of the first
    rendering.render_all(chosen.selection(*services or ()), given, output, render, strict=strict, others=others)


def _policies(logs: list[str] | None) -> dict[str, LogPolicy]:
    """Where outputs go, by name. Raises UsageError for what a Compose file cannot do."""
    found = log_destinations(logs or ())
    if "local-aws" in found.values():
        raise UsageError(
            "a Compose file has no local AWS endpoint to send logs to",
            hint="choose capture or live, or run it with `copilot-local up --logs local-aws`",
        )
    return found


def _reader(loaded: LoadedService, copies: Mapping[str, str]) -> Callable[[str], str | None]:
    """Reads the files of the log router's image that are known here."""
    from emulator.cli.manifest.router_files import router_files
    from emulator.files import read_text

    router = loaded.service.task_definition.log_router
    image = router.image if router is not None and isinstance(router.image, str) else ""
    found = router_files(copies, loaded.settings.substitute.get(image) or None)

    def read(path: str) -> str | None:
        try:
            return read_text(found[path]) if path in found else None
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{found[path]} cannot be read: {error}", hint="save it as UTF-8 text") from None

    return read
