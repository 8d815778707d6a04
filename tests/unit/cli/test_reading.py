"""What the command reads itself is what Typer would have read, and everything else is left to Typer."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.core import TyperCommand

from emulator.cli.shell.reading import read_plainly


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


class Plain(TyperCommand):
    def get_params(self, ctx: Any) -> Any:
        return read_plainly(super().get_params(ctx))


def outcome(arguments: list[str], cls: type[TyperCommand]) -> object:
    """What the function gets, or the message of what is wrong."""
    given: dict[str, object] = {}
    app = typer.Typer(rich_markup_mode=None, add_completion=False)

    @app.command(cls=cls)
    def command(
        paths: Annotated[list[Path] | None, typer.Argument()] = None,
        text: Annotated[str | None, typer.Option("--text", envvar="TEST_TEXT")] = None,
        texts: Annotated[list[str] | None, typer.Option("--texts")] = None,
        number: Annotated[int | None, typer.Option("--number", min=1, max=9)] = 3,
        share: Annotated[float, typer.Option("--share", min=0.1)] = 2.5,
        colour: Annotated[Colour, typer.Option("--colour")] = Colour.RED,
        flag: Annotated[bool, typer.Option("--flag")] = False,
        there: Annotated[Path | None, typer.Option("--there", exists=True)] = None,
    ) -> None:
        given.update(locals())

    try:
        typer.main.get_command(app).main(arguments, prog_name="x", standalone_mode=False)
    except Exception as error:
        return str(error)
    given.pop("given", None)
    return given


@pytest.mark.parametrize(
    "words",
    [
        "",
        "--text a --texts b --texts c --flag",
        "--number 9 --share 0.5 --colour blue",
        "--number 0",
        "--number 10",
        "--number +5",
        "--number ٣",
        "--number many",
        "--share 0.01",
        "--colour RED",
        "--colour green",
        "/ /no/such/file",
        "--there /",
        "--there /no/such/file",
        "--text",
        "--unknown",
    ],
)
def test_it_is_as_typer_reads_it(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert outcome(words.split(), Plain) == outcome(words.split(), TyperCommand)
    monkeypatch.setenv("TEST_TEXT", "from a variable")
    assert outcome(words.split(), Plain) == outcome(words.split(), TyperCommand)
