"""Runs the health checks of containers that have not been healthy yet: `runtime.health.early` says why."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

from emulator.ecs.task_definition import HealthCheck
from emulator.engine.interface import Container, Engine, Health
from emulator.errors import Conflict, CopilotLocalError, EngineTimeout, NotFound
from emulator.runtime.health.early import check_command, judged_container
from emulator.runtime.health.reasons import CheckResult
from emulator.runtime.state.desired import DesiredService
from emulator.runtime.state.observed import Observed

log = logging.getLogger(__name__)

INTERVAL = 1.0
"""Seconds between two checks of a container that has not been healthy yet."""
TIMEOUT = 5
"""ECS's default for a check that says nothing."""
MOST_OUTPUT = 4096
"""Bytes of a check's output that are kept, as Docker does."""


@dataclass(slots=True)
class _Watched:
    """A container whose check is run. `run` counts its starts."""

    run: int = 0
    checking: bool = False
    health: Health = Health.STARTING
    """Docker's own verdict, as of the last listing."""
    result: CheckResult | None = None


class EarlyChecks:
    """The checks of one environment. Thread-safe; each container is checked in a thread of its own.

    `on_success` is called when a container becomes healthy.
    """

    def __init__(
        self, engine: Engine, on_success: Callable[[], None] = lambda: None, interval: float = INTERVAL
    ) -> None:
        self._engine = engine
        self.on_success = on_success
        self._interval = interval
        self._lock = threading.Lock()
        self._watched: dict[str, _Watched] = {}
        self._closed = threading.Event()

    def results(self) -> dict[str, CheckResult]:
        """The last result of every container that was checked here, by its id."""
        with self._lock:
            return {name: one.result for name, one in self._watched.items() if one.result is not None}

    def as_plain(self) -> dict[str, dict[str, Any]]:
        """The same, as JSON."""
        return {name: asdict(result) for name, result in self.results().items()}

    def look(self, observed: Observed, services: Mapping[str, DesiredService]) -> None:
        """Begins to check what has started, and forgets what is gone."""
        present = {container.id: container for container in observed.containers}
        with self._lock:
            for gone in self._watched.keys() - present.keys():
                del self._watched[gone]
            for container_id, one in self._watched.items():
                one.health = present[container_id].health
        for container, check in _unjudged(observed, services):
            command = check_command(check)
            with self._lock:
                one = self._watched.setdefault(container.id, _Watched())
                if command is None or one.checking or (one.result is not None and one.result.passed):
                    continue
                one.checking, one.health = True, Health.STARTING
                run = one.run
            work = (container.id, command, check.timeout or TIMEOUT, check.interval or 30, run)
            try:
                threading.Thread(target=self._check, args=work, daemon=True, name="health check").start()
            except RuntimeError as error:  # the system has no more threads; the next look tries again
                log.warning("%s is not checked: %s", container.name, error)
                self._ends(container.id, run)

    def restarted(self, container_id: str) -> None:
        """A container started or ended: what was known of it holds no more."""
        with self._lock:
            one = self._watched.get(container_id)
            if one is not None:
                one.run += 1
                one.checking, one.result = False, None

    def close(self) -> None:
        """Ends all checks."""
        self._closed.set()

    def _check(self, container: str, command: tuple[str, ...], timeout: float, interval: float, run: int) -> None:
        pause = 0.0
        while not self._closed.wait(pause):
            pause = self._interval
            try:
                answer = self._engine.exec(container, command, timeout=timeout)
                output = (answer.stdout + answer.stderr)[-MOST_OUTPUT:].decode("utf-8", errors="replace")
                result = CheckResult(answer.exit_code == 0, answer.exit_code, output)
            except EngineTimeout:
                # Docker has no way to end what runs: not one more of them every second.
                pause = interval
                result = CheckResult(False, None, f"no end within {timeout:g} s")
            except (NotFound, Conflict):
                self._ends(container, run)  # it does not run any more
                return
            except CopilotLocalError as error:
                result = CheckResult(False, None, error.message)
            if not self._note(container, run, result):
                return
            if result.passed:
                self.on_success()
                return

    def _note(self, container: str, run: int, result: CheckResult) -> bool:
        """Keeps a result; returns whether it counts and Docker has no verdict of its own yet."""
        with self._lock:
            one = self._watched.get(container)
            if one is None or one.run != run:
                return False
            if one.health is not Health.STARTING:
                one.checking = False
                return False
            one.result = result
            one.checking = not result.passed
            return True

    def _ends(self, container: str, run: int) -> None:
        with self._lock:
            one = self._watched.get(container)
            if one is not None and one.run == run:
                one.checking = False


def _unjudged(observed: Observed, services: Mapping[str, DesiredService]) -> Iterator[tuple[Container, HealthCheck]]:
    """Running containers without a verdict, with their checks, of services whose times are local."""
    for task in observed.tasks.values():
        desired = services.get(task.service)
        if desired is None or desired.options.timing != "local":
            continue
        for definition in desired.service.task_definition.container_definitions:
            member = task.members.get(definition.name)
            if member is None or not member.running or member.container.health is not Health.STARTING:
                continue
            if definition.health_check is not None:
                yield member.container, definition.health_check


class _Judging:
    """An engine whose listing says what checks have found."""

    def __init__(self, engine: Engine, checks: EarlyChecks) -> None:
        self._engine = engine
        self._checks = checks

    def list_containers(self, labels: Mapping[str, str]) -> list[Container]:
        results = self._checks.results()
        return [judged_container(container, results) for container in self._engine.list_containers(labels)]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def judging(engine: Engine, checks: EarlyChecks) -> Engine:
    """The engine, with containers listed as healthy once their checks have succeeded."""
    return cast(Engine, _Judging(engine, checks))
