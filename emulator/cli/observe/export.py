"""`copilot-local export`: a bundle for a bug report."""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
import time
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.app.load import load_services
from emulator.app.selection import Selection, find_names, find_target
from emulator.app.up_request import UpOptions, up_request
from emulator.cli.shell.options import App, Env, EnvFile
from emulator.errors import CopilotLocalError, InputError
from emulator.events import discard
from emulator.files import read_text

if TYPE_CHECKING:
    from emulator.ecs.service import Service
    from emulator.runtime.planning.up_request import UpRequest
    from emulator.runtime.reports.redact import Redactor
    from emulator.runtime.reports.support_bundle import Bundle
    from emulator.runtime.state.names import Names

SHELL_SHORTEST = 6
"""Characters of a variable of the shell that counts as a secret."""
README = """\
What copilot-local knows of {app}/{env}, written {when}.

plan.txt         what `up` would do now
desired.json     what should run: task definitions, counts, local options
containers.json  what Docker has
status.json      what the agent says; tasks.json and events.ndjson as ECS would tell them
front/, routers/ the load balancer's and the log routers' configuration
logs/            the last {lines} lines of each container
workspace/       manifests and settings
versions.json    of copilot-local, Python, the system, Docker

Values of secrets, of `.env`, of build arguments, and of variables and log options that sound like a secret stand here
by their names only: <NAME>, whether plain or encoded. Passwords in URLs, tokens that are known by their form, and
authorization headers are (redacted). What containers print is theirs: read it before you send it.
"""


def export(
    app: App = None,
    env: Env = None,
    env_file: EnvFile = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write this file. Default: copilot-local-APP-ENV-TIME.tar.gz here."
        ),
    ] = None,
) -> None:
    """Write what helps to find a bug into one archive: plan, events, logs, configurations, versions; no secrets."""
    from emulator.engine.connect import connect
    from emulator.runtime.lifecycle.dry_run import dry_run
    from emulator.runtime.reports.support_bundle import LAST_LINES, collect
    from emulator.runtime.state.names import Names

    selection = Selection(app, env, env_file=env_file)
    names = Names(*find_names(selection))
    now = datetime.now().astimezone()
    target = file_for(output, names, now, "tar.gz")
    request, problem = _request(selection)
    with closing(connect()) as engine:
        bundle = collect(engine, names, _secrets(selection, request))
        if request is not None:
            bundle.add("plan.txt", lambda: str(dry_run(engine, request)) or "nothing to do\n")
    if problem:
        bundle.problems.append(bundle.redactor(f"plan.txt: {problem}"))
    _add_workspace(bundle, selection)
    when = f"{now:%Y-%m-%d %H:%M:%S %z}"
    bundle.texts["README.txt"] = README.format(
        app=names.app, env=names.environment, when=when, lines=LAST_LINES
    ) + _remarks(bundle)
    _write(bundle.texts, target)
    typer.echo(str(target))
    if bundle.problems:
        parts = "1 part is" if len(bundle.problems) == 1 else f"{len(bundle.problems)} parts are"
        typer.echo(f"{parts} missing from it; its README.txt says why", err=True)
    tell_unsafe(bundle.redactor)


def _request(selection: Selection) -> tuple[UpRequest | None, str]:
    """What `up` would be asked, or why it cannot be: an archive about a broken manifest is still worth having."""
    try:
        return up_request(selection, discard, UpOptions(credentials="none")), ""
    except CopilotLocalError as error:
        return None, str(error)


def known_secrets(selection: Selection) -> list[tuple[str, str]]:
    """Every secret that the shell and the workspace hold, by name."""
    return _secrets(selection, _request(selection)[0])


def _secrets(selection: Selection, request: UpRequest | None) -> list[tuple[str, str]]:
    """Every secret that is known here, by name: also where `up` could not be asked for."""
    from emulator.runtime.reports.redact import secrets_of, sounds_secret, variables

    found = [
        (name, value) for name, value in os.environ.items() if sounds_secret(name) and len(value) >= SHELL_SHORTEST
    ]
    found += variables(_files_of(selection))
    if request is None:
        return found + [pair for service in _services(selection) for pair in secrets_of(service)]
    for containers in request.private.services.values():
        for pairs in containers.values():
            found += pairs.items()
    return found + [pair for service in request.services for pair in secrets_of(service)]


def _files_of(selection: Selection) -> dict[str, str]:
    """The variables of `.env`, or of the file of `--env-file`, and the values of `secrets.env`, as far as readable."""
    from emulator.workspace import interpolation_variables, read_secrets

    found: dict[str, str] = {}
    with contextlib.suppress(CopilotLocalError):
        root = find_target(replace(selection, any_manifest=True)).workspace.root
        with contextlib.suppress(CopilotLocalError):
            found |= interpolation_variables(root, selection.env_file, {})
        with contextlib.suppress(CopilotLocalError):
            found |= read_secrets(root)
    return found


def _services(selection: Selection) -> list[Service]:
    """The services whose manifests can be read, each for itself."""
    found: list[Service] = []
    with contextlib.suppress(CopilotLocalError):
        for name in find_target(selection).services:
            with contextlib.suppress(CopilotLocalError):
                alone = replace(selection, services=(name,))
                found += [loaded.service for loaded in load_services(alone, discard)]
    return found


def _add_workspace(bundle: Bundle, selection: Selection) -> None:
    from emulator.settings_files import files_of
    from emulator.trust.root import is_inside, root_of

    try:
        workspace = find_target(replace(selection, any_manifest=True)).workspace
    except CopilotLocalError as error:
        bundle.problems.append(bundle.redactor(f"workspace/: {error}"))
        return
    environments = [workspace.environment_manifest_path(name) for name in workspace.environments]
    settings = [file for file in files_of(workspace.root) if file.is_file()]
    files = [*workspace.manifests.values(), *filter(None, environments), *settings]
    for file in files:
        path = Path(os.path.relpath(file, workspace.root)).as_posix()
        if not is_inside(file, [root_of(workspace.root)]):
            bundle.problems.append(f"workspace/{path}: it is a link that leads out of the workspace")
            continue
        bundle.add(f"workspace/{path}", partial(read_text, file, errors="replace"))


def _remarks(bundle: Bundle) -> str:
    lines = [f"Not had: {problem}" for problem in bundle.problems]
    if bundle.redactor.unsafe:
        lines.append(f"Too short to be taken out of texts: {', '.join(sorted(bundle.redactor.unsafe))}")
    return "".join(f"\n{line}\n" for line in lines)


def file_for(output: Path | None, names: Names, now: datetime, ending: str) -> Path:
    """The file of `--output`, else one here that is named by the environment and the time. Raises InputError."""
    target = output or Path(f"copilot-local-{names.app}-{names.environment}-{now:%Y%m%d-%H%M%S}.{ending}")
    if not target.parent.is_dir():
        raise InputError(
            f"there is no folder {target.parent}", hint="`--output` names a file in a folder that is there"
        )
    return target


def tell_unsafe(redactor: Redactor) -> None:
    """Says which secrets are still in a file."""
    if redactor.unsafe:
        short = ", ".join(sorted(redactor.unsafe))
        typer.echo(f"too short to be taken out safely, look for yourself: {short}", err=True)


def _write(texts: dict[str, str], target: Path) -> None:
    """Writes the archive whole or not at all, for its owner's eyes only."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    folder = target.name.removesuffix(".gz").removesuffix(".tar").removesuffix(".tgz")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
            for path, text in sorted(texts.items()):
                content = text.encode(errors="replace")
                member = tarfile.TarInfo(f"{folder}/{path}")
                member.size, member.mode, member.mtime = len(content), 0o644, int(time.time())
                archive.addfile(member, io.BytesIO(content))
        temporary.replace(target)
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror}") from None
    finally:
        temporary.unlink(missing_ok=True)
