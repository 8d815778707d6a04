"""`copilot-local render static-site`: a stack for a Static Site, and the commands that copy its files."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Annotated

import typer

from emulator.app.selection import find_target
from emulator.cli.manifest import rendering
from emulator.cli.manifest.rendering import Document, Output
from emulator.cli.shell.options import ChosenServices
from emulator.errors import InputError, UsageError
from emulator.events import Event, EventKind

_TYPE = "Static Site"
_VARIABLE = re.compile(r"\$\{(\w+)\}")


def static_site(
    service: Annotated[str | None, typer.Argument(help="The Static Site.")] = None,
    chosen: ChosenServices = ChosenServices(),
    output_dir: rendering.OutputDir = None,
    diff: rendering.Diff = None,
) -> None:
    """Print a stack that is proposed for a Static Site, and the commands that copy its files."""
    from emulator.cli.manifest.proposals.untyped_manifest import read_untyped
    from emulator.render.proposals.static_site import render_static_site, upload_commands
    from emulator.render.proposals.static_site import static_site as site_of

    selection = chosen.selection(service)
    target = find_target(selection)
    read = {one: read_untyped(target.workspace.manifest_path(one)) for one in target.services}
    if not selection.services:
        read = {one: it for one, it in read.items() if it.type == _TYPE}
    if len(read) != 1:
        what = f"{len(read)} Static Sites could be meant: {', '.join(read)}" if read else "there is no Static Site"
        raise UsageError(what, hint="name one: `copilot-local render static-site NAME`")
    [(one, found)] = read.items()
    if found.type != _TYPE:
        raise InputError(
            f"this is a {found.type or 'manifest without a type'}, not a {_TYPE}",
            position=found.position("type") or found.position(""),
            hint="`copilot-local render cloudformation` renders what runs on ECS",
        )
    known = {**target.variables, "COPILOT_ENVIRONMENT_NAME": target.environment, "COPILOT_APPLICATION_NAME": target.app}
    merged = _filled(_merged(found.content, target.environment), known)
    assert isinstance(merged, dict)
    site = site_of(merged, app=target.app, environment=target.environment)
    root = target.workspace.root
    folders = [upload.source for upload in site.uploads if (root / upload.source).is_dir()]
    text = render_static_site(site, source=os.path.relpath(found.path, root))
    with rendering.display() as emit:
        for line in upload_commands(site, folders):
            emit(Event(EventKind.INFO, one, line))
        documents = [Document(f"{one}-{target.environment}.site.stack.yml", text)]
        rendering.deliver(documents, Output(output_dir, diff=diff), emit)


def _merged(content: Mapping[str, object], environment: str) -> dict[str, object]:
    """The manifest with what it overrides in the environment: maps key by key, lists as a whole."""
    environments = content.get("environments")
    override = environments.get(environment) if isinstance(environments, Mapping) else None
    found = {key: it for key, it in content.items() if key != "environments"}
    for key, it in override.items() if isinstance(override, Mapping) else ():
        old = found.get(key)
        found[key] = {**old, **it} if isinstance(old, Mapping) and isinstance(it, Mapping) else it
    return found


def _filled(value: object, known: Mapping[str, str]) -> object:
    """A value with its variables. Raises InputError for one that has no value."""
    if isinstance(value, Mapping):
        return {key: _filled(it, known) for key, it in value.items()}
    if isinstance(value, list):
        return [_filled(it, known) for it in value]
    if not isinstance(value, str):
        return value
    if missing := [name for name in _VARIABLE.findall(value) if name not in known]:
        raise InputError(f"the variable {missing[0]} has no value", hint=f"give --var {missing[0]}=VALUE")
    return _VARIABLE.sub(lambda match: known[match[1]], value)
