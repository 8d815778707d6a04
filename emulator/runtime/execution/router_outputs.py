"""Asks a log router that has just started which outputs it has, before a container logs to it.

Whatever its image, command and files are: only those outputs that were given to it may be there, or records would go
where nothing here says that they go. Fluent Bit's HTTP server tells them, about a second after its start.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from emulator.engine.interface import Engine
from emulator.errors import EngineError, InputError, Position, TaskError
from emulator.firelens.diagnose import Problem
from emulator.runtime.health.container_failure import READ_LINES, container_failed
from emulator.runtime.health.last_words import has_started, note_started
from emulator.runtime.specs.log_router import router_problems
from emulator.runtime.state import names
from emulator.runtime.state.observed import Task

_FOR_ONE_LOOK = 2.0
"""Seconds that one command in the task waits for an answer."""
_POLL = 0.05
_SAME, _OTHERS = 0, 3
"""Exit codes of `emulator.agent.log_relay.router_outputs`, which runs in the task's pause."""


def verify_outputs(
    engine: Engine, find_task: Callable[[], Task | None], timeout: float, pause: Callable[[float], None]
) -> list[Problem]:
    """Returns once the router of a task is seen to have the outputs that it was given, and no other: what it complained
    about and went on without.

    Raises InputError where it has others, ContainerFailed where it ended, TaskError where it does not tell within
    `timeout` seconds. Nothing is asked of a router whose outputs all leave by the user's choice.
    """
    deadline = time.monotonic() + timeout
    while True:
        task = find_task()
        if task is None or task.router is None or task.pause is None:
            return []
        router = task.router
        description = json.loads(router.container.labels.get(names.LOG_OUTPUTS) or "{}")
        if "expected" not in description or has_started(engine, router.container.id):
            return []
        if router.ended:
            raise container_failed(engine, router, "the log router exited before it opened its socket")
        if router.running and (told := _told_outputs(engine, task.pause.name, description)) is not None:
            lines = [line.text for line in engine.logs(router.container.name, tail=READ_LINES)]
            found = router_problems(router.container.labels[names.LOG_OUTPUTS], lines)
            problems = [problem for problem in found if problem.fatal]
            if told:
                raise _others(told, description, problems)
            note_started(engine, router.container.id)
            return problems
        if time.monotonic() > deadline:
            raise TaskError(
                f"the log router does not tell its outputs on port {description['port']} within {timeout:.0f} s: it "
                "may run on another configuration than the one it was given",
                hint="`copilot-local firelens config` shows what it should run on; look at the command of its image",
            )
        pause(_POLL)


def _told_outputs(engine: Engine, pause: str, description: dict[str, Any]) -> list[str] | None:
    """The outputs that a router tells where they are others than it should have, else an empty list; None where it
    tells none yet."""
    address = f"http://127.0.0.1:{description['port']}/api/v1/metrics"
    command = ("python3", "-S", "-m", "emulator.agent.log_relay.router_outputs", address, str(_FOR_ONE_LOOK))
    try:
        result = engine.exec(pause, (*command, *description["expected"]), timeout=30)
    except EngineError:
        return None  # it has ended, or is about to: the next listing says so
    if result.exit_code == _OTHERS:
        return json.loads(result.stdout) or ["none"]
    return [] if result.exit_code == _SAME else None


def _others(outputs: list[str], description: dict[str, Any], problems: list[Problem]) -> InputError:
    unknown = list((Counter(outputs) - Counter([*description["expected"], "none"])).elements())
    if problems and not unknown:
        return InputError(
            f"{problems[0].message}. It goes on without outputs",
            position=problems[0].position,
            hint="no container logs to it: their records would be lost",
        )
    positions = description["positions"]
    where = positions.get("logging.image") or positions.get("logging")
    more = f"has outputs that nothing here captures: {', '.join(unknown)}" if unknown else "lacks outputs of them"
    return InputError(
        f"the log router does not run on the outputs that it was given: it {more}",
        position=Position(*where) if where else None,
        hint="no container logs to it. Let the image's command run Fluent Bit on /fluent-bit/etc/fluent-bit.conf "
        "alone; `copilot-local firelens config` shows that file",
    )
