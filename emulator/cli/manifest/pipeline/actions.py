"""Commands of a pipeline's buildspecs: of actions before and after deployments, and of its own build."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.cli.manifest.pipeline.codebuild import Reading, read_buildspec
from emulator.display.failure import shown
from emulator.errors import InputError, Position
from emulator.events import Emit, Event, EventKind
from emulator.files import read_text
from emulator.manifest.yaml.reader import parse_node
from emulator.render.pipeline.model import Action, Script

if TYPE_CHECKING:
    from emulator.app.selection import Target
    from emulator.manifest import LoadedPipeline
    from emulator.manifest.schema.pipeline import PipelineAction

_COPILOTS_OWN = re.compile(
    r"copilot-linux|CODEBUILD_SRC_DIR|^ls -l|COLOR=|pl_envs|svc_ls_result|job_ls_result|\bsvcs?\b|\bjobs?\b|tag="
    r"|WORKLOADS|ADDONSFILE|infrastructure|pipeline=|docker (?:build|push|tag)|IS_WIN|Run your tests"
)
"""What commands of the buildspec that Copilot writes hold."""


def actions_of(
    given: Mapping[str, PipelineAction], path: str, root: Path, loaded: LoadedPipeline, emit: Emit
) -> tuple[Action, ...]:
    """The actions of one group of a stage, each with the commands of its buildspec. Raises InputError."""
    found = []
    for name, action in given.items():
        position = loaded.position(f"{path}.{name}.buildspec")
        reading = _read(root, action.buildspec, position)
        _tell(reading.notes, emit)
        if not reading.script.lines:
            raise InputError(f"{action.buildspec} has no commands", position=position)
        found.append(Action(name, reading.script, tuple(action.depends_on)))
    return tuple(found)


def build_script(loaded: LoadedPipeline, target: Target, emit: Emit) -> Script:
    """The user's own commands in the buildspec of the pipeline's build: those before Copilot's, in the phases
    `pre_build` and `build`. What was added to the others is told."""
    build = loaded.manifest.build
    named = build.buildspec if build else None
    file = named or (loaded.path.parent / "buildspec.yml").relative_to(target.workspace.root).as_posix()
    if named is None and not (target.workspace.root / file).exists():
        return Script(())
    position = loaded.position("build.buildspec")
    reading = _read(target.workspace.root, file, position, ("pre_build", "build"))
    _tell([note for note in reading.notes if "Copilot" in note[0]], emit)
    others = _read(target.workspace.root, file, position, ("install", "post_build"))
    added = [line for line in others.script.lines if not _COPILOTS_OWN.search(line)]
    if added:
        text = f"{file}: not carried over from install and post_build: {'; '.join(added)}"
        emit(Event(EventKind.WARNING, "", text))
    return reading.script


def _read(root: Path, file: str, position: Position | None, phases: Iterable[str] | None = None) -> Reading:
    path = (root / file).resolve()
    if not path.is_relative_to(root.resolve()):
        raise InputError(f"{file} is outside of the workspace", position=position)
    try:
        text = read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(
            f"{file} cannot be read: {reason}", position=position, hint="paths start at the workspace's folder"
        ) from None
    node = parse_node(text, str(path))
    return read_buildspec(node, str(path)) if phases is None else read_buildspec(node, str(path), tuple(phases))


def _tell(notes: Iterable[tuple[str, Position]], emit: Emit) -> None:
    for text, position in notes:
        emit(Event(EventKind.WARNING, shown(position), text))
