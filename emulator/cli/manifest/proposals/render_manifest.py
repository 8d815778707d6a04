"""`copilot-local render manifest`: a manifest for ECS, proposed for one that runs elsewhere."""

from __future__ import annotations

import enum
import os
from typing import Annotated

import typer

from emulator.app.selection import Selection, find_target
from emulator.cli.manifest import rendering
from emulator.cli.manifest.rendering import Document, Output
from emulator.cli.shell.options import App, Name, services_of
from emulator.errors import InputError
from emulator.events import Event, EventKind


class Target(enum.StrEnum):
    """The type that is proposed."""

    LOAD_BALANCED = "Load Balanced Web Service"
    BACKEND = "Backend Service"


def manifest(
    services: rendering.Services = None,
    app: App = None,
    name: Name = None,
    kind: Annotated[
        Target,
        typer.Option(
            "--as", help="The type that is proposed; a Backend Service for one that only its environment sees."
        ),
    ] = Target.LOAD_BALANCED,
    output_dir: rendering.OutputDir = None,
    diff: rendering.Diff = None,
) -> None:
    """Print a manifest for ECS that is proposed for a Request-Driven Web Service."""
    from emulator.cli.manifest.proposals.untyped_manifest import read_untyped
    from emulator.render.cloudformation.writer import to_yaml
    from emulator.render.proposals.request_driven import REQUEST_DRIVEN, proposed_manifest

    selection = Selection(app, None, services_of(name, *(services or ())), None)
    target = find_target(selection)
    read = {one: read_untyped(target.workspace.manifest_path(one)) for one in target.services}
    if not selection.services:
        read = {one: it for one, it in read.items() if it.type == REQUEST_DRIVEN}
        if not read:
            raise InputError(
                f"no manifest of the workspace is a {REQUEST_DRIVEN}", hint="what runs on ECS already stays as it is"
            )
    rendering.refuse_several(read, output_dir)
    documents, said = [], []
    for one, found in read.items():
        document, notes = proposed_manifest(found.content, kind.value, found.position)
        where = os.path.relpath(found.path, target.workspace.root)
        header = f"Proposed for {where}, a {REQUEST_DRIVEN}. Look at every line before you deploy it."
        documents.append(Document(f"{one}.manifest.yml", to_yaml(document, header=header)))
        said += [Event(EventKind.INFO, one, note) for note in notes]
    with rendering.display() as emit:
        for event in said:
            emit(event)
        rendering.deliver(documents, Output(output_dir, diff=diff), emit)
