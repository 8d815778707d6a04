"""Options that every verb has, those that several have, and how they are read.

Options that go together are one parameter of a verb: a dataclass, whose fields are the options.
"""

from __future__ import annotations

import enum
import inspect
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emulator.cli.shell import completion
from emulator.errors import UsageError

if TYPE_CHECKING:
    from emulator.app.selection import Selection

App = Annotated[
    str | None,
    typer.Option(
        "--app",
        "-a",
        metavar="NAME",
        envvar="COPILOT_LOCAL_APP",
        help="Application name. Default: from copilot/.workspace, otherwise the name of the folder above copilot/.",
    ),
]
Env = Annotated[
    str | None,
    typer.Option(
        "--env",
        "-e",
        metavar="NAME",
        envvar="COPILOT_LOCAL_ENV",
        autocompletion=completion.environments,
        help="Environment name. Default: the only one in copilot/environments, otherwise test.",
    ),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--name",
        "-n",
        metavar="SERVICE",
        help="Service name: a folder of copilot/, or the path of a manifest.",
        autocompletion=completion.services,
    ),
]
EnvFile = Annotated[
    Path | None,
    typer.Option(
        "--env-file",
        metavar="FILE",
        help="Read values of ${NAME} in manifests from NAME=value lines. Default: .env beside copilot/. The shell's "
        "variables win.",
    ),
]
EnvFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--env-file",
        metavar="[SERVICE=]FILE",
        help="FILE: NAME=value lines for ${NAME} in manifests. Default: .env beside copilot/. SERVICE=FILE or "
        "SERVICE/CONTAINER=FILE: read this in place of the service's `env_file`. Repeatable.",
    ),
]
Variables = Annotated[
    list[str] | None,
    typer.Option(
        "--var", metavar="NAME=VALUE", help="A value for ${NAME} in manifests, which wins over all others. Repeatable."
    ),
]
NewEnv = Annotated[
    bool, typer.Option("--new-env", help="Allow -e to name an environment that the workspace does not declare.")
]
Secrets = Annotated[
    str | None,
    typer.Option(
        "--secrets",
        metavar="SOURCE",
        help="Where to get secrets that have no value here: local (nowhere), ask (the terminal), aws (SSM and Secrets "
        "Manager).",
    ),
]
Credentials = Annotated[
    str | None,
    typer.Option(
        "--credentials",
        metavar="SOURCE",
        help="AWS credentials for tasks: none, static (from this shell), profile=NAME or role=ARN.",
    ),
]
Service = Annotated[
    str | None,
    typer.Argument(help="Service name, where the workspace has several.", autocompletion=completion.services),
]
Replacements = Annotated[
    list[str] | None,
    typer.Option(
        "--image", metavar="[SERVICE/]NAME=REF_OR_FOLDER", help="Run a container from this image or folder. Repeatable."
    ),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Treat what Copilot silently ignores as an error, not as a warning.")
]


Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print warnings, errors and logs only.")]


ShowSecrets = Annotated[
    bool, typer.Option("--show-secrets", help="Print values that are secrets, by their names or forms, as they are.")
]
Router = Annotated[
    bool, typer.Option("--router", help="Show the banner and info lines of log routers too, not only their warnings.")
]


class OutputFormat(enum.StrEnum):
    """How data is printed."""

    TEXT = "text"
    JSON = "json"


Format = Annotated[OutputFormat, typer.Option("--format", help="Output format.")]


@dataclass(frozen=True, slots=True)
class Chosen:
    """An environment of a workspace, and what its manifests are filled with."""

    app: App = None
    env: Env = None
    new_env: NewEnv = False
    env_file: EnvFile = None
    variables: Variables = None

    def selection(self, services: Sequence[str] = (), *, any_manifest: bool = False) -> Selection:
        """These services of it. Raises UsageError."""
        from emulator.app.selection import Selection

        named = (self.app, self.env, tuple(services), self.env_file)
        given = variables_of(self.variables)
        return Selection(*named, variables=given, new_environment=self.new_env, any_manifest=any_manifest)


@dataclass(frozen=True, slots=True)
class ChosenServices:
    """The same, with the service that `-n` names."""

    app: App = None
    env: Env = None
    name: Name = None
    new_env: NewEnv = False
    env_file: EnvFile = None
    variables: Variables = None

    def selection(self, *services: str | None, any_manifest: bool = False) -> Selection:
        """That service and these. Raises UsageError."""
        chosen = Chosen(self.app, self.env, self.new_env, self.env_file, self.variables)
        return chosen.selection(services_of(self.name, *services), any_manifest=any_manifest)


def spread(verb: Callable[..., None]) -> Callable[..., None]:
    """The verb as Typer takes it: the fields of each dataclass among its parameters are parameters in its place."""
    signature = inspect.signature(verb, eval_str=True)
    bundles: dict[str, Any] = {
        name: it.annotation for name, it in signature.parameters.items() if is_dataclass(it.annotation)
    }
    parameters: list[inspect.Parameter] = []
    for name, it in signature.parameters.items():
        own = inspect.signature(bundles[name], eval_str=True).parameters.values() if name in bundles else [it]
        parameters += own

    @wraps(verb)
    def whole(**given: Any) -> None:
        made = {name: kind(**{it.name: given.pop(it.name) for it in fields(kind)}) for name, kind in bundles.items()}
        verb(**given, **made)

    whole.__annotations__ = {it.name: it.annotation for it in parameters}
    whole.__dict__["__signature__"] = signature.replace(parameters=parameters)
    return whole if bundles else verb


def assignments(
    pairs: Sequence[str] | None,
    option: str,
    hint: str = "",
    fits: Callable[[str, str], object] = lambda name, value: name and value,
) -> dict[str, str]:
    """`NAME=VALUE` options as a map. Raises UsageError, with `hint`, naming the one that is not, or does not fit."""
    found: dict[str, str] = {}
    for pair in pairs or ():
        name, separator, value = pair.partition("=")
        if not (separator and fits(name, value)):
            raise UsageError(f"{option} takes NAME=VALUE, not {pair!r}", hint=hint)
        found[name] = value
    return found


def variables_of(pairs: Sequence[str] | None) -> dict[str, str]:
    """`--var` options; the value may be empty. Raises UsageError naming the one that is none."""
    return assignments(pairs, "--var", fits=lambda name, _: name.isidentifier())


def env_files_of(options: Sequence[str] | None) -> tuple[Path | None, dict[str, Path]]:
    """`--env-file` options: the file for manifests, and those for services. Raises UsageError for two of the first."""
    plain: list[str] = []
    of_services: dict[str, Path] = {}
    for option in options or ():
        name, separator, file = option.partition("=")
        if separator and name and file and not os.path.exists(option):
            of_services[name] = Path(file).expanduser()
        else:
            plain.append(option)
    if len(plain) > 1:
        raise UsageError(
            f"--env-file names two files for manifests: {' and '.join(plain)}",
            hint="for the environment file of a service, write --env-file SERVICE=FILE",
        )
    return (Path(plain[0]) if plain else None), of_services


def counts_of(pairs: Sequence[str] | None, option: str) -> dict[str, int]:
    """`SERVICE=N` options. Raises UsageError naming the one that is none."""
    found: dict[str, int] = {}
    for service, text in assignments(pairs, option, "write SERVICE=N, such as web=2").items():
        if not text.isdecimal():
            raise UsageError(f"{service}={text}: the number of tasks is a whole number, zero or more")
        found[service] = int(text)
    return found


def services_of(name: str | None, *others: str | None) -> tuple[str, ...]:
    """The services that `-n` and the arguments name, each once."""
    return tuple(dict.fromkeys(service for service in (name, *others) if service))


def header_pairs(headers: Sequence[str]) -> list[tuple[str, str]]:
    """`NAME: VALUE` options as pairs. Raises UsageError naming the one that is not."""
    found = []
    for header in headers:
        name, separator, value = header.partition(":")
        if not separator or not name.strip():
            raise UsageError(f"-H takes NAME: VALUE, not {header!r}")
        found.append((name.strip(), value.strip()))
    return found


def default_method(only: str) -> tuple[str, str]:
    """Method and URL where one argument was given: a URL is asked for by GET. Raises UsageError for a method alone."""
    if only.startswith("/") or "://" in only:
        return "GET", only
    raise UsageError(f"{only!r} is neither a path nor a URL", hint="write /api/x, or a method and a URL: POST /api/x")
