"""What the page does: the agent's own actions, whose events are passed on as they come."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from emulator.console.questions import Body, Questions, services_of
from emulator.engine.interface import Engine
from emulator.errors import CopilotLocalError, InputError
from emulator.events import Emit, Event, EventKind
from emulator.runtime.control.client import event_to

Message = dict[str, Any]
LOOK: Final = 0.5
"""Seconds between two looks at whether the console ends."""
VERBS: Final = ("restart", "scale", "stop-task", "run-job", "kill")
MOST_TASKS: Final = 50
"""Of a service: a slip of the finger on this machine is no capacity."""


class Actions:
    """Acts on one environment. Each method returns events as the control API has them, last `ok` or `error`."""

    def __init__(self, engine: Engine, questions: Questions) -> None:
        self._engine = engine
        self._questions = questions
        self._closed = threading.Event()

    def close(self) -> None:
        """Passes on nothing any more; what was begun goes on in the agent."""
        self._closed.set()

    def run(self, verb: str, body: Body) -> Iterator[Message]:
        """The events of one action. Raises `InputError` for a body that does not fit, before anything is done."""
        return _events(self._verbs()[verb](body), self._closed)

    def _verbs(self) -> Mapping[str, Callable[[Body], Callable[[Emit], None]]]:
        acts = (self._restart, self._scale, self._stop_task, self._run_job, self._kill)
        return dict(zip(VERBS, acts, strict=True))

    def _restart(self, body: Body) -> Callable[[Emit], None]:
        services = services_of(body)
        if not services:
            raise InputError("services are a list of names")
        agent = self._questions.agent
        return lambda emit: agent.restart(services, emit)

    def _scale(self, body: Body) -> Callable[[Emit], None]:
        counts = body.get("counts")
        if not isinstance(counts, dict) or not counts:
            raise InputError("counts are service names with numbers")
        for name, count in counts.items():
            if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MOST_TASKS:
                raise InputError(f"{name}: the number of tasks is a whole number, 0 to {MOST_TASKS}")
        agent = self._questions.agent
        return lambda emit: agent.scale(counts, emit)

    def _stop_task(self, body: Body) -> Callable[[Emit], None]:
        task = _name(body, "task")
        agent = self._questions.agent
        return lambda emit: agent.stop_task(task, emit)

    def _run_job(self, body: Body) -> Callable[[Emit], None]:
        job = _name(body, "job")
        agent = self._questions.agent

        def run(emit: Emit) -> None:
            agent.run_job(job)
            emit(Event(EventKind.INFO, job, "a run has begun"))

        return run

    def _kill(self, body: Body) -> Callable[[Emit], None]:
        name = self._questions.docker_name(_name(body, "task"), _name(body, "container"))
        return lambda _: self._engine.kill(name)


def _name(body: Body, key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value:
        raise InputError(f"{key} is a name")
    return value


def _events(act: Callable[[Emit], None], closed: threading.Event) -> Iterator[Message]:
    """What an action tells, as it comes, until `closed`. It goes on where the reader goes away."""
    told: queue.Queue[Message | None] = queue.Queue()

    def emit(event: Event) -> None:
        told.put({"event": event_to(event)})

    def work() -> None:
        try:
            act(emit)
            told.put({"ok": True})
        except CopilotLocalError as error:
            told.put({"error": error_to(error)})
        except Exception as error:
            told.put({"error": {"message": f"the console failed: {error!r}", "hint": ""}})
        told.put(None)

    threading.Thread(target=work, daemon=True, name="console-action").start()
    while not closed.is_set():
        with contextlib.suppress(queue.Empty):
            if (message := told.get(timeout=LOOK)) is None:
                return
            yield message


def error_to(error: CopilotLocalError) -> Message:
    """An error as the control API has it."""
    return {"message": error.message, "hint": error.hint, "output": error.output}
