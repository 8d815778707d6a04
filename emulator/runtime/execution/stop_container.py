"""Stops a container without losing what it logs: its log router, or something in its place, takes that first."""

from __future__ import annotations

import time
from collections.abc import Collection

from emulator.engine.interface import ContainerState
from emulator.errors import EngineError, EngineTimeout, TaskError
from emulator.runtime.execution.context import POLL, Execution
from emulator.runtime.health.exits import KILLED
from emulator.runtime.state.conventions import SETTLED
from emulator.runtime.state.observed import Task
from emulator.runtime.state.operations import IGNORED, Operation

REVIVAL = 2.0
"""Seconds that a revived log router must stay up before we count on it."""
SETTLE = ("sh", "-c", f"rm -f {SETTLED}; until [ -e {SETTLED} ]; do kill -USR1 1; sleep 0.02; done; cat {SETTLED}")
"""Asks a relay to pass on what it holds; prints how many records it wrote to the log store itself, and behind that,
where the log store cannot be written, how many are lost."""
SETTLE_TIMEOUT = 20.0
AGENT_IS_LATE = 2.0
"""Seconds beyond a stop timeout in which the agent has stopped a container, unless it hangs."""
BETWEEN_LOOKS = 0.3
"""Seconds in which the end of a container is awaited before it is asked whether the agent, which stops it, is there."""


class ContainerStopper:
    """Stops the containers of one plan. `drain_image` is what a drain runs on; `revival` how many seconds a log router
    that was started again must stay up to be counted on; `since` when the agent began to stop those `by_agent`."""

    def __init__(
        self,
        execution: Execution,
        drain_image: str,
        revival: float,
        since: float | None = None,
        by_agent: Collection[str] = (),
    ) -> None:
        self._execution = execution
        self.engine = execution.engine
        self.names = execution.names
        self.drain_image = drain_image
        self.revival = revival
        self.since = since
        self.by_agent = by_agent

    def stop(self, operation: Operation) -> str:
        """Stops a container within the operation's timeout; returns what is to be said of it. Raises `EngineError`."""
        began = self.since or time.monotonic()
        self._stop(operation)
        if not 0 < operation.timeout <= time.monotonic() - began:
            return ""
        task = self._execution.task(operation.task_id)
        members = task.members.values() if task else ()
        killed = any(m.container.name == operation.subject and m.container.exit_code == KILLED for m in members)
        return f"({IGNORED}; killed)" if killed else ""

    def _stop(self, operation: Operation) -> None:
        if operation.subject in self.by_agent and self._ends(operation):
            return
        task = self._execution.task(operation.task_id)
        if operation.timeout == 0 and (task is None or (task.pause and task.pause.name == operation.subject)):
            # A part of ours that holds nothing: a signal that it may heed first only takes Docker time.
            self.engine.kill(operation.subject)
            return
        if task is not None and task.router is not None and task.router.container.name == operation.subject:
            self.settle(task)  # what its containers printed last may be on its way to it
        try:
            self.engine.stop(operation.subject, operation.timeout)
        except EngineTimeout:
            # Its log driver may hang on a router that died meanwhile: start a drain in its place, and ask again.
            task = self._execution.task(operation.task_id)
            members = task.members.values() if task else ()
            if not any(m.logs_to_router and m.container.name == operation.subject for m in members):
                raise
            self.revive(operation.task_id)
            self.engine.stop(operation.subject, operation.timeout)

    def _ends(self, operation: Operation) -> bool:
        """Waits for the end of a container that the agent stops: many programs take a second SIGTERM for an order to
        give up what they are at. Whether it has ended, which it has not where the agent is gone."""
        until = time.monotonic() + operation.timeout + AGENT_IS_LATE
        while not self.engine.await_stop(operation.subject, BETWEEN_LOOKS):
            self._execution.pause(0)
            agent = self._execution.observed().agent
            if agent is None or agent.state is not ContainerState.RUNNING or time.monotonic() > until:
                return False
        return True

    def revive(self, task_id: str) -> None:
        """Makes something take what a task's containers log: the router, else the task's relay, else a drain.

        Raises `TaskError` where there is no image for a drain.
        """
        task = self._execution.task(task_id)
        if task is None:
            return
        up = task.router is not None and self._stays_up(task.router.container.name, task_id)
        if up and not task.lost_relay:
            return
        subject = f"{task.service} {task.short_id}"
        if task.relay is not None:
            message = "the log router does not stay up; what its containers log goes to the log store"
            self._execution.warn(subject, message)
            return
        if not self.drain_image:
            raise TaskError(
                f"the log router of {task.short_id} does not stay up, and no image is there for a drain in its place",
                hint="containers that log to it cannot be stopped until something listens; `copilot-local doctor` says "
                "which image is missing",
            )
        what = "relay of its log router is gone" if up else "log router does not stay up"
        self._execution.warn(subject, f"the {what}; a drain takes its place")
        from emulator.runtime.specs.drain import open_drain

        open_drain(self.engine, self.names, task.service, task.id, self.drain_image)

    def settle(self, task: Task) -> None:
        """Waits until the task's relay holds nothing any more; where no router runs, it writes to the log store."""
        if task.relay is None:
            return
        try:
            result = self.engine.exec(task.relay.name, SETTLE, timeout=SETTLE_TIMEOUT)
        except EngineError as error:
            message = f"records may be missing: the log router did not take them in time: {error}"
            self._execution.warn(f"{task.service} {task.short_id}", message)
            return
        written, _, lost = result.stdout.decode(errors="replace").strip().partition(" ")
        if written.isdecimal() and int(written):
            message = f"{written} records were stored unfiltered: the log router had already stopped"
            self._execution.warn(f"{task.service} {task.short_id}", message)
        if lost.isdecimal() and int(lost):
            message = (
                f"{lost} records are lost: the log router had already stopped, and the log store cannot be written"
            )
            self._execution.warn(f"{task.service} {task.short_id}", message)

    def _stays_up(self, router: str, task_id: str) -> bool:
        """Starts a log router again; whether it runs on."""
        try:
            self.engine.start(router)
        except EngineError as error:
            self._execution.warn(router, f"the log router cannot be started again: {error}")
            return False
        until = time.monotonic() + self.revival
        while (task := self._execution.task(task_id)) and task.router is not None and task.router.running:
            if time.monotonic() > until:
                return True
            time.sleep(min(POLL, self.revival))
        return False
