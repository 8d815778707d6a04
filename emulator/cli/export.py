"""`copilot-local export`: a bundle for a bug report."""

from __future__ import annotations

import io
import os
import tarfile
import time
from contextlib import closing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.cli.options import App, Env, EnvFile
from emulator.errors import CopilotLocalError, InputError
from emulator.events import discard
from emulator.loading import Selection, find_names, find_target, up_request

if TYPE_CHECKING:
    from emulator.runtime.bundle import Bundle
    from emulator.runtime.up_request import UpRequest

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

Values of secrets and of variables that sound like one stand here by their names only: <NAME>. What containers print
is theirs: read it before you send it.
"""


def export(
    app: App = None,
    env: Env = None,
    env_file: EnvFile = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Else copilot-local-APP-ENV-TIME.tar.gz in this folder."),
    ] = None,
) -> None:
    """Write what helps to find a bug into one archive: plan, events, logs, configurations, versions; no secrets."""
    from emulator.engine.connect import connect
    from emulator.runtime.bundle import LAST_LINES, collect
    from emulator.runtime.names import Names
    from emulator.runtime.up import dry_run

    selection = Selection(app, env, env_file=env_file)
    names = Names(*find_names(selection))
    now = datetime.now().astimezone()
    target = output or Path(f"copilot-local-{names.app}-{names.environment}-{now:%Y%m%d-%H%M%S}.tar.gz")
    _refuse_no_folder(target)
    request, problem = _request(selection)
    with closing(connect()) as engine:
        bundle = collect(engine, names, _secrets(request) if request else ())
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
        typer.echo(f"{len(bundle.problems)} parts could not be had; its README.txt says why", err=True)
    if bundle.redactor.unsafe:
        short = ", ".join(sorted(bundle.redactor.unsafe))
        typer.echo(f"too short to be taken out safely, look for yourself: {short}", err=True)


def _request(selection: Selection) -> tuple[UpRequest | None, str]:
    """What `up` would be asked, or why it cannot be: an archive about a broken manifest is still worth having."""
    try:
        return up_request(selection, discard, strict=False, replacements={}, credentials="none"), ""
    except CopilotLocalError as error:
        return None, str(error)


def _secrets(request: UpRequest) -> list[tuple[str, str]]:
    from emulator.runtime.redact import sounds_secret

    found = [
        (name, value)
        for containers in request.private.services.values()
        for variables in containers.values()
        for name, value in variables.items()
    ]
    for service in request.services:
        for container in service.task_definition.container_definitions:
            pairs = [(pair.name, pair.value) for pair in container.environment]
            found += [(name, value) for name, value in pairs if isinstance(value, str) and sounds_secret(name)]
    return found


def _add_workspace(bundle: Bundle, selection: Selection) -> None:
    from emulator.settings_files import FILE_NAME

    try:
        workspace = find_target(selection).workspace
    except CopilotLocalError as error:
        bundle.problems.append(f"workspace/: {error}")
        return
    environments = [workspace.environment_manifest_path(name) for name in workspace.environments]
    settings = workspace.root / FILE_NAME
    files = [*workspace.manifests.values(), *filter(None, environments), *([settings] if settings.is_file() else [])]
    for file in files:
        path = Path(os.path.relpath(file, workspace.root)).as_posix()
        bundle.add(f"workspace/{path}", partial(file.read_text, encoding="utf-8", errors="replace"))


def _remarks(bundle: Bundle) -> str:
    lines = [f"Not had: {problem}" for problem in bundle.problems]
    if bundle.redactor.unsafe:
        lines.append(f"Too short to be taken out of texts: {', '.join(sorted(bundle.redactor.unsafe))}")
    return "".join(f"\n{line}\n" for line in lines)


def _refuse_no_folder(target: Path) -> None:
    if not target.parent.is_dir():
        raise InputError(
            f"there is no folder {target.parent}", hint="`--output` names a file in a folder that is there"
        )


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
