"""Writes what the console shows of an environment into one file, and reads it again.

Lines of JSON: those of the console's stream, and what its page asks for one by one as `{"k": "answer", "path", "v"}`.
The first line says what it is.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from emulator import __version__
from emulator.app.selection import Selection
from emulator.console.contents import Contents
from emulator.console.hub import LIMITS, Hub
from emulator.console.observations import Observations
from emulator.console.questions import Questions
from emulator.console.sources import LOOKED_AT, Sources
from emulator.console.workspace import Workspace
from emulator.engine.interface import Engine
from emulator.errors import CopilotLocalError, InputError
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import observe

FORMAT: Final = 1
KINDS: Final = frozenset(LOOKED_AT | LIMITS.keys()) - {"traces"}
"""Kinds of the stream that are written: hops are captured for a page alone."""
LISTENED: Final = 4.0
"""Seconds that the stream is listened to: CPU needs two samples."""
MOST_TRACES: Final = 50
"""Whose spans are written; of the others what the list says."""
MOST_FILE: Final = 256 << 20
"""Bytes of a file that is opened."""
Redact = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Recording:
    """What a file holds."""

    app: str
    environment: str
    at: datetime
    hub: Hub
    answers: Mapping[str, Any] = field(default_factory=dict)
    """By the path below `/api/`."""


def write(engine: Engine, environment: Names, selection: Selection, redact: Redact, target: Path) -> list[str]:
    """Writes the file, whole or not at all, for its owner's eyes only; returns why parts of it are missing.

    `redact` takes secrets out of a line of JSON. Raises InputError where the file cannot be written.
    """
    problems: list[str] = []
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            for line in _lines(engine, environment, selection, problems):
                file.write(_whole(redact(line), line) + "\n")
        temporary.replace(target)
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror or error}") from None
    finally:
        temporary.unlink(missing_ok=True)
    return [redact(problem) for problem in problems]


def read(file: Path) -> Recording:
    """What a file holds. Raises InputError where it is none of these files."""
    hub, answers = Hub(), {}
    head: dict[str, Any] = {}
    try:
        if file.stat().st_size > MOST_FILE:
            raise InputError(f"{file} is larger than any snapshot")
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                message = json.loads(line)
                kind, value = message["k"], message["v"]
                if number == 1 and kind == "snapshot":
                    head = value
                elif not head:
                    raise ValueError("it does not say what it is")
                elif kind == "answer":
                    answers[str(message["path"])] = value
                elif kind in LIMITS:
                    hub.add(kind, value)
                elif kind in KINDS:
                    hub.set(kind, value)
        if not head:
            raise ValueError("it is empty")
        if int(head["format"]) > FORMAT:
            hint = f"open it with {head.get('version', 'that one')}"
            raise InputError(f"{file} was written by a later copilot-local", hint=hint)
        return Recording(str(head["app"]), str(head["environment"]), datetime.fromisoformat(head["at"]), hub, answers)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file} is no snapshot: {error}", hint="`copilot-local snapshot` writes one") from None


def _whole(redacted: str, line: str) -> str:
    """A line that is JSON still. A value that stands for a secret may be a part of the syntax; nothing is kept then."""
    with suppress(ValueError):
        json.loads(redacted)
        return redacted
    message = json.loads(line)
    empty: Any = [] if isinstance(message["v"], list) else None
    return json.dumps({**message, "v": empty})


def _lines(engine: Engine, environment: Names, selection: Selection, problems: list[str]) -> Iterator[str]:
    head = {
        "format": FORMAT,
        "app": environment.app,
        "environment": environment.environment,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": __version__,
    }
    yield json.dumps({"k": "snapshot", "v": head})
    hub = Hub()
    sources = Sources(engine, environment, hub)
    cursor = hub.cursor(KINDS, dict.fromkeys(LIMITS, 0))
    try:
        with sources.reading(KINDS):
            until = time.monotonic() + LISTENED
            yield from _answers(engine, environment, selection, problems)
            time.sleep(max(until - time.monotonic(), 0))
            for message in hub.news(cursor):
                yield from _one_by_one(json.loads(message))
    finally:
        sources.close()


def _one_by_one(message: dict[str, Any]) -> Iterator[str]:
    """A message; of a ring a line an item, so that an odd one costs no other."""
    if message["k"] not in LIMITS:
        yield json.dumps(message, ensure_ascii=False)
        return
    for item in message["v"]:
        yield json.dumps({"k": message["k"], "v": [item]}, ensure_ascii=False)


def _answers(engine: Engine, environment: Names, selection: Selection, problems: list[str]) -> Iterator[str]:
    observations, questions = Observations(engine, environment), Questions(engine, environment)
    workspace, contents = Workspace(engine, environment, selection), Contents(engine, environment)
    observed = observe(engine, environment)
    asked: dict[str, Callable[[], Any]] = {
        "connect": observations.connect,
        "deployments": observations.deployments,
        "compared": lambda: observations.compared({}),
        "aws": contents.lists,
    }
    for task in observed.tasks.values():
        asked[f"tasks/{task.id}"] = partial(questions.task, task.id)
        for container in task.members:
            asked[f"tasks/{task.id}/{container}/variables"] = partial(questions.variables, task.id, container)
    for service in sorted({task.service for task in observed.tasks.values() if task.service}):
        asked[f"services/{service}/manifest"] = partial(workspace.manifest, service)
        asked[f"services/{service}/firelens"] = partial(workspace.firelens, service)
        asked[f"services/{service}/router"] = partial(workspace.router, service)
    with ExitStack() as stack:
        stack.callback(contents.close)
        with suppress(CopilotLocalError):
            traces = observations.traces()
            yield _answer("traces", traces)
            for one in traces["traces"][:MOST_TRACES]:
                asked[f"traces/{one['id']}"] = partial(observations.trace, one["id"])
        for path, ask in asked.items():
            try:
                yield _answer(path, ask())
            except InputError as error:
                yield _answer(path, {"error": {"message": error.message, "hint": error.hint}})
            except CopilotLocalError as error:
                problems.append(f"{path}: {error.message}")


def _answer(path: str, value: object) -> str:
    return json.dumps({"k": "answer", "path": path, "v": value}, ensure_ascii=False, default=str)
