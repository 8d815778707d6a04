"""Options that every verb has, and those that several have."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

App = Annotated[
    str | None,
    typer.Option(
        "--app",
        "-a",
        metavar="NAME",
        envvar="COPILOT_LOCAL_APP",
        help="The application. Else what copilot/.workspace says, else the name of the folder that holds copilot/.",
    ),
]
Env = Annotated[
    str | None,
    typer.Option(
        "--env",
        "-e",
        metavar="NAME",
        envvar="COPILOT_LOCAL_ENV",
        help="The environment. Else the only one in copilot/environments, else test.",
    ),
]
Name = Annotated[
    str | None,
    typer.Option("--name", "-n", metavar="SERVICE", help="The service: a folder of copilot/, or a manifest's path."),
]
EnvFile = Annotated[
    Path | None,
    typer.Option(
        "--env-file",
        metavar="FILE",
        help="NAME=value lines for ${NAME} in manifests. Else .env beside copilot/. The shell's variables win.",
    ),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="What Copilot would ignore without a word is an error, not a warning.")
]


class OutputFormat(enum.StrEnum):
    """How data is printed."""

    TEXT = "text"
    JSON = "json"


Format = Annotated[OutputFormat, typer.Option("--format", help="How to print it.")]
