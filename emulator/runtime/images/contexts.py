"""Which files of this machine go to the builder with the context of an image, though they hold private values."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from emulator.engine.docker_ignore import read_ignore
from emulator.engine.interface import BuildSpec
from emulator.errors import CopilotLocalError
from emulator.events import Emit, Event, EventKind
from emulator.runtime.images.resolver import sources_of
from emulator.runtime.images.sources import shown
from emulator.runtime.planning.up_request import UpRequest


def builds_of(request: UpRequest) -> Iterator[BuildSpec]:
    """What is built for a request: of manifests, of `--image`, of `[images]` and of `[substitute]`."""
    sources = sources_of(request)
    for service in request.services:
        for container in service.task_definition.container_definitions:
            with contextlib.suppress(CopilotLocalError):  # said where the image is looked for
                if (build := sources.of(service, container).build) is not None:
                    yield build


def holding(file: Path, builds: Iterable[BuildSpec]) -> list[BuildSpec]:
    """The builds whose context holds a file and whose ignore file does not leave it out."""
    resolved = file.resolve()
    found = []
    for build in builds:
        context = build.context.resolve()
        inside = resolved.is_relative_to(context) and build.context.is_dir()
        if inside and resolved.relative_to(context) not in read_ignore(context, build.dockerfile):
            found.append(build)
    return found


def warn_of_secrets(request: UpRequest, name: str, emit: Emit) -> None:
    """Warns where a file with values of secrets, relative to the workspace, goes to a builder with a context."""
    found = holding(request.workspace / name, builds_of(request))
    if found:
        names = sorted({shown(build.dockerfile, request.workspace) for build in found})
        what = f"the builder gets it with the context of {', '.join(names)}, and `COPY . .` puts it into the image"
        hint = "`copilot-local init` adds the folder to .dockerignore"
        emit(Event(EventKind.WARNING, name, what, {"hint": hint}))
