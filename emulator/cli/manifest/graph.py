"""`copilot-local graph`: a picture of services."""

from __future__ import annotations

import enum
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from emulator.app.load import load_services
from emulator.app.selection import Selection
from emulator.cli.shell.options import Chosen
from emulator.errors import InputError
from emulator.events import discard
from emulator.missing import Blockers, Kind


def _with_names_for_values(selection: Selection) -> Selection:
    """The selection in which a variable without a value here stands for itself: a picture needs none."""
    gaps = Blockers()
    with gaps.collecting():
        load_services(selection, discard, blockers=gaps)
    literal = {one.name: f"${{{one.name}}}" for one in gaps.missing if one.kind is Kind.VARIABLE}
    return replace(selection, variables={**literal, **selection.variables}) if literal else selection


class Picture(enum.StrEnum):
    """How a picture is written."""

    MERMAID = "mermaid"
    SVG = "svg"


def graph(
    services: Annotated[
        list[str] | None, typer.Argument(metavar="[SERVICE]...", help="Default: every service of the workspace.")
    ] = None,
    chosen: Chosen = Chosen(),
    format: Annotated[
        Picture | None, typer.Option("--format", help="How to write it. Default: by the name of -o, else mermaid.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write into this file.", dir_okay=False)
    ] = None,
) -> None:
    """Draw services: containers and their order, routes, logs, messages and addons; as Mermaid or SVG."""
    from emulator.display import make_display
    from emulator.graph.draw import draw

    with closing(make_display()) as display:
        selection = _with_names_for_values(chosen.selection(services or ()))
        found = [loaded.service for loaded in load_services(selection, display.emit)]
    picture = draw(found, f"{found[0].app}/{found[0].environment}")
    if format is None:
        format = Picture.SVG if output is not None and output.suffix == ".svg" else Picture.MERMAID
    if format is Picture.SVG:
        from emulator.graph.svg import as_svg as written
    else:
        from emulator.graph.mermaid import as_mermaid as written
    text = written(picture)
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write {output}: {error.strerror}") from None
