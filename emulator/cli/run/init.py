"""`copilot-local init`: a place for everything that the workspace lacks on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.app.selection import Selection, find_target
from emulator.app.up_request import UpOptions, up_request
from emulator.cli.shell.missing_on_machine import look_without_ports
from emulator.cli.shell.options import App, Env, EnvFile, NewEnv

if TYPE_CHECKING:
    from emulator.missing import Blockers
    from emulator.runtime.planning.up_request import UpRequest
    from emulator.skeleton.writing import Written


def init(
    app: App = None,
    env: Env = None,
    new_env: NewEnv = False,
    env_file: EnvFile = None,
    editor: Annotated[
        bool, typer.Option("--editor/--no-editor", help="Tell Visual Studio Code which schema manifests have.")
    ] = True,
) -> None:
    """Write the names of everything that the workspace lacks here, to be filled in; add to what is there already."""
    from emulator.display import make_display
    from emulator.missing import Blockers
    from emulator.runtime.images.contexts import builds_of
    from emulator.skeleton.plan import plan_of
    from emulator.skeleton.writing import Writer

    selection = Selection(app, env, env_file=env_file, new_environment=new_env)
    root = find_target(selection).workspace.root
    found = Blockers()
    request = None
    with closing(make_display()) as display, found.collecting():
        request = up_request(selection, display.emit, UpOptions(credentials="none"), blockers=found)
    if request is not None:
        look_without_ports(request, found)
    plan = plan_of(found.missing, root)
    writer = Writer(root)
    writer.settings(plan)
    writer.secrets(plan)
    for missing in plan.env_files:
        writer.env_file(missing)
    if request is not None:
        private = [one.name for one in plan.env_files]
        builds = [(build.context, build.dockerfile) for build in builds_of(request)]
        writer.docker_ignore(builds, [*private, *_env_files(request)])
    if editor:
        writer.editor(_schema)
    _print(writer.written, found)
    found.missing.clear()  # what is missing was printed
    found.raise_any()


def _env_files(request: UpRequest) -> Iterator[str]:
    """The environment files of manifests that git ignores: what is in them is for this machine alone."""
    from emulator.runtime.secrets.missing_values import environment_files
    from emulator.skeleton.writing import git_ignores

    files = environment_files(request.services, request.workspace, {}).values()
    for name in dict.fromkeys(reference.name for named in files for reference, _ in named):
        if git_ignores(request.workspace, name):
            yield name


def _schema() -> str:
    from emulator.manifest.jsonschema import json_schema

    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _print(written: Written, found: Blockers) -> None:
    width = max(map(len, written.files), default=0)
    for file, what in written.files.items():
        typer.echo(f" + {file.ljust(width)}  {what}")
    for note in written.notes:
        typer.echo(f" ! {note}")
    if written.fill_in:
        typer.echo(f"fill in {', '.join(written.fill_in)}; then `copilot-local up`")
    elif found.missing:
        typer.echo("every name has its place; these have no value yet:")
        for one in found.missing:
            typer.echo(f"  {one.kind}  {one}")
    else:
        typer.echo("nothing is missing: `copilot-local up`")
