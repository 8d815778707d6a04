"""Network faults that a task asks for at `$ECS_AGENT_URI/fault/v1/…`, with the ECS agent's answers and limits.

What runs is read from the task's network itself, so an agent that is started anew knows it, and it goes with the task.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from emulator.agent.metadata import fault_commands as commands
from emulator.agent.metadata.answers import NOT_ALLOWED, TOO_MANY, Answer, Request, json_answer
from emulator.agent.metadata.fault_requests import BLACKHOLE, LATENCY, BadRequest, blackhole, disturbance
from emulator.agent.metadata.tasks import Tasks, TaskView
from emulator.engine.interface import Engine
from emulator.errors import EngineError, EngineTimeout

log = logging.getLogger(__name__)

INTERVAL: Final = 5.0
"""Seconds between two requests of one caller for the same."""
TIMEOUT: Final = 5.0
_STATUSES: Final = {"start": "running", "stop": "stopped"}
_DOING: Final = {"start": "start", "stop": "stop", "status": "check status"}
_WORDS: Final = {LATENCY: "network latency"}


class Faults:
    """Answers requests for faults."""

    def __init__(self, tasks: Tasks, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._tasks = tasks
        self._engine = engine
        self._clock = clock
        self._lock = threading.Lock()
        self._asked: dict[tuple[str, str], float] = {}
        self._locks: dict[str, threading.Lock] = {}

    def answer(self, request: Request) -> Answer:
        """Answers `fault/v1/<kind>/<verb>`."""
        if request.method != "POST":
            return NOT_ALLOWED
        kind, verb = request.target.partition("?")[0].split("/")[-2:]
        if not self._may(request.address, f"{kind}/{verb}"):
            return TOO_MANY
        try:
            script = _script(kind, verb, request.body)
        except BadRequest as refused:
            return json_answer(400, {"Error": str(refused)})
        try:
            task = self._tasks.by_container(request.id, request.address)
        except EngineError:
            message = f"failed to get task metadata due to internal server error for container: {request.id}"
            return json_answer(500, {"Error": message})
        if task is None:
            return json_answer(404, {"Error": f"unable to lookup container: {request.id}"})
        if task.desired is None or not task.desired.service.task_definition.enable_fault_injection:
            return json_answer(400, {"Error": f"enableFaultInjection is not enabled for task: {task.arn}"})
        with self._lock:
            lock = self._locks.setdefault(task.id, threading.Lock())
        with lock:
            return self._carry_out(task, kind, verb, script)

    def _carry_out(self, task: TaskView, kind: str, verb: str, script: str) -> Answer:
        doing = f"{_DOING[verb]} {kind}"
        if task.pause is None:
            return json_answer(500, {"Error": f"{doing}: the task has no network"})
        try:
            result = self._engine.exec(task.pause.name, ("sh", "-c", script), user="0", timeout=TIMEOUT)
        except EngineTimeout:
            return json_answer(500, {"Error": f"{doing}: request timed out"})
        except EngineError as error:
            log.warning("task %s: %s failed: %s", task.id[:8], doing, error.message)
            return json_answer(500, {"Error": "internal error"})
        said = (result.stdout + result.stderr).decode(errors="replace").strip()
        if verb == "status" and result.exit_code in (0, 1):
            return json_answer(200, {"Status": "not-running" if result.exit_code else "running"})
        if result.exit_code == commands.RUNNING:
            words = _WORDS.get(said, "network packet loss")
            return json_answer(409, {"Error": f"There is already one {words} fault running"})
        if result.exit_code == commands.NOT_HERE:
            reason = f"the kernel that Docker runs on lacks sch_prio or sch_netem ({said})"
            log.warning("task %s: %s is not possible here: %s", task.id[:8], doing, reason)
            return json_answer(500, {"Error": f"internal error: {reason}"})
        if result.exit_code:
            log.warning("task %s: %s failed: %s", task.id[:8], doing, said)
            return json_answer(500, {"Error": "internal error"})
        log.info("task %s: %s", task.id[:8], doing)
        return json_answer(200, {"Status": _STATUSES[verb]})

    def _may(self, address: str, what: str) -> bool:
        now = self._clock()
        with self._lock:
            self._asked = {key: at for key, at in self._asked.items() if now - at < INTERVAL}
            if (address, what) in self._asked:
                return False
            self._asked[address, what] = now
            return True


def _script(kind: str, verb: str, body: bytes) -> str:
    """What is to be run in the task's network. Raises `BadRequest`."""
    if kind == BLACKHOLE:
        asked = blackhole(body)
        scripts = {"start": commands.start_blackhole, "stop": commands.stop_blackhole}
        return scripts.get(verb, commands.see_blackhole)(asked)
    if verb == "start":
        return commands.start_disturbance(disturbance(kind, body))
    return (commands.stop_disturbance if verb == "stop" else commands.see_disturbance)(kind)
