"""Keeps the front's targets as they are: registers, promotes, drains and removes them at HAProxy's admin socket."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from emulator.agent.access_log import AccessLog
from emulator.agent.old_worker import SHOW_INFO, OldWorker
from emulator.engine.interface import ContainerState, Engine
from emulator.errors import CopilotLocalError, EngineError
from emulator.frontdoor import admin
from emulator.frontdoor.haproxy import SHOW_KEY, STATE_FILE, front_configuration
from emulator.frontdoor.health import TargetHealth, TargetState, target_health
from emulator.frontdoor.options import ADMIN_SOCKET, CERTIFICATES_FOLDER, FOLDER, MASTER_SOCKET, Target
from emulator.runtime.front import FrontControl, packed, target_name, targets_of
from emulator.runtime.front_ports import balanced
from emulator.runtime.names import Names
from emulator.runtime.observed import Observed, observe

log = logging.getLogger(__name__)

BUSY = 0.1
"""Seconds between two looks while something changes or a command is under way."""
AWAITED = 0.03
"""The same while a target has no verdict yet: `up --wait` waits for it."""
IDLE = 1.0
PATIENCE = 3.0
"""Seconds within which HAProxy's sockets have to be there when something is to be loaded."""
RESTLESS = 3.0
"""Seconds after an event during which every look takes a new listing: Docker tells of a change before it lists it."""
LISTING = 10.0
"""Seconds between two listings when no event asks for one."""


class FrontMonitor(FrontControl):
    """The front as the agent sees it. `folder` is the front's volume."""

    def __init__(self, environment: Names, engine: Engine, folder: Path) -> None:
        super().__init__(environment)
        self.engine = engine
        self.folder = folder
        # What was written before: a restarted agent has no other place to know them from.
        written = (folder / CERTIFICATES_FOLDER).glob("*.pem")
        self.certificates = {file.stem: file.read_text(encoding="ascii") for file in written}
        self.access_log: AccessLog | None = None
        """Where the front's access log goes."""
        self._observed = Observed([])
        self._listed = 0.0
        self._leaving: dict[str, float] = {}
        """Task id to the monotonic time until which its targets drain."""
        self._health: list[TargetHealth] = []
        self._kept: frozenset[str] = frozenset()
        """Ids of tasks that stay targets although their container does not run at the moment."""
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._restless_until = 0.0
        self._changed = threading.Condition()
        self.on_verdict: Callable[[], None] = lambda: None
        """Called when the verdict on a target changes."""
        self.on_look: Callable[[Observed, frozenset[str], frozenset[str]], None] = lambda *_: None
        """Called after each listing with it, the tasks with a registered target and those that drain, by id."""

    # what the supervisor and the control API use

    def refresh(self) -> None:
        """Something happened to a container: look at the listing again."""
        self._restless_until = time.monotonic() + RESTLESS
        self._wake.set()

    @contextlib.contextmanager
    def keeping(self, tasks: Collection[str]) -> Iterator[None]:
        """Within this block these tasks, by id, stay targets whatever happens to their containers."""
        self._kept |= frozenset(tasks)
        try:
            yield
        finally:
            self.refresh()
            self._kept -= frozenset(tasks)

    def targets(self) -> list[dict[str, Any]]:
        """The health of every target, as JSON."""
        with self._changed:
            return [
                {
                    "name": health.name,
                    "service": health.service,
                    "target_group": health.target_group,
                    "state": str(health.state),
                    "reason_code": health.reason_code,
                    "description": health.description,
                }
                for health in self._health
            ]

    def task_healthy(self, task_id: str) -> bool:
        """Whether the front has every target of a task as healthy; a task without targets is."""
        task = self._observed.tasks.get(task_id)
        if task is None or self.state is None:
            return False
        desired = self.state.services.get(task.service)
        groups = list(balanced(desired.service)) if desired is not None else []
        # A target that no rule forwards to is never checked.
        good = (TargetState.HEALTHY, TargetState.UNUSED)
        with self._changed:
            healthy = [h for h in self._health if h.name == target_name(task) and h.state in good]
        return len(healthy) >= len(groups)

    def failing_targets(self) -> dict[str, str]:
        """Task id to why its target is unhealthy, in the words of the service scheduler's events."""
        with self._changed:
            unhealthy = {h.name: h for h in self._health if h.state is TargetState.UNHEALTHY}
        return {
            task.id: f"Task failed ELB health checks in (target-group {health.target_group}): {health.description}"
            for task in self._observed.tasks.values()
            if (health := unhealthy.get(target_name(task)))
        }

    def prepare(self, engine: Engine) -> None:
        """Nothing: `configure` writes the files when it is known which targets there are."""

    def configure(self, engine: Engine) -> None:
        """Writes the rules and loads them where they changed; targets alone need no reload."""
        observed = observe(engine, self.names)
        if self.state is None or observed.front is None:
            return
        services = [desired.service for desired in self.state.services.values()]
        options = self.options()
        targets = targets_of(self.state, observed, self._kept)
        running = observed.front.state is ContainerState.RUNNING
        if running:
            with contextlib.suppress(OSError, EngineError):
                servers = admin.parse_show_stat(self._ask(admin.SHOW_STAT))
                targets = admin.placed(services, servers, targets, options)
        configuration = front_configuration(services, targets, options)
        if running and self._has_rules(configuration.rules_key):
            self.refresh()
            return
        if running:
            # Carries the verdicts over the reload.
            with contextlib.suppress(OSError):
                self._write(STATE_FILE, self._ask(admin.SHOW_STATE).encode())
            for file in packed(configuration):
                if not file.directory:
                    self._write(file.path, file.content)
            self._reload()
        else:
            # Whoever made it may be gone. Docker can give the sockets' folder to HAProxy's user, the agent cannot.
            engine.put_files(observed.front.name, FOLDER, packed(configuration))
            engine.start(observed.front.name)
        self.refresh()

    def _reload(self) -> None:
        """Lets HAProxy load what was written; nothing that the replaced worker still logs is lost."""
        worker = None
        try:
            if self.access_log is not None:
                information = self._ask_patiently(SHOW_INFO)
                path = self.folder / ADMIN_SOCKET
                worker = OldWorker(path, information, self.access_log, lambda ask: self._ask(ask, MASTER_SOCKET))
            problem = admin.reload_problem(self._ask_patiently(admin.RELOAD, MASTER_SOCKET))
        except OSError as error:
            if worker is not None:
                worker.stays()
            raise EngineError(f"the front does not answer: {error}") from error
        if worker is not None:
            (worker.stays if problem else worker.replaced)()
        if problem:
            raise EngineError(f"HAProxy refuses the front's configuration: {problem}")

    def deregister(self, engine: Engine, task_id: str, delay: int) -> None:  # noqa: ARG002 - the base class's signature
        """Drains the task's targets until they have no request, `delay` seconds at most, then forgets them."""
        deadline = time.monotonic() + delay
        with self._changed:
            self._leaving[task_id] = deadline
        self.refresh()
        task = self._observed.tasks.get(task_id)
        while task is not None and time.monotonic() < deadline:
            with contextlib.suppress(OSError, EngineError):
                servers = admin.parse_show_stat(self._ask(admin.SHOW_STAT))
                mine = [server for server in servers if server.name == target_name(task)]
                if all(server.in_maintenance and not server.sessions for server in mine):
                    break
            time.sleep(BUSY)
        with self._changed:
            self._leaving[task_id] = 0.0
        self.refresh()

    # the loop

    def close(self) -> None:
        """Ends the watch."""
        self._closed.set()
        self._wake.set()

    def run(self) -> None:
        """Watches until it is closed."""
        while not self._closed.is_set():
            pause = IDLE
            try:
                pause = self.look()
            except (CopilotLocalError, OSError) as error:
                log.debug("the front does not answer: %s", error)
                if self._observed.front is not None:  # it is starting, or going
                    pause = AWAITED if self._restless_until > time.monotonic() else BUSY
            except Exception:
                log.exception("looking at the front failed")
            self._wake.wait(pause)
            self._wake.clear()

    def look(self) -> float:
        """One round; returns the seconds until the next."""
        now = time.monotonic()
        if self._restless_until > now or now - self._listed > LISTING:
            self._observed = observe(self.engine, self.names)
            self._listed = now
            self.on_look(self._observed, *self._registered(now))
        if self.state is None or not self.state.services or self._observed.front is None:
            return IDLE  # whoever brings the environment up has not said yet what should run
        services = [desired.service for desired in self.state.services.values()]
        options = self.options()
        every = targets_of(self.state, self._observed, self._kept)
        targets, draining = self._split(every, now)
        servers = admin.parse_show_stat(self._ask(admin.SHOW_STAT))
        commands = admin.reconcile(services, servers, targets, draining, options)
        for command in commands:
            if answer := admin.refused(self._ask(command)):
                log.debug("%s: %s", command, answer)
        if commands:
            servers = admin.parse_show_stat(self._ask(admin.SHOW_STAT))
        health = target_health(services, servers, targets, draining, self._health)
        with self._changed:
            for before, after in _changes(self._health, health):
                log.info("target %s: %s -> %s %s", after.name, before, after.state, after.description)
            changed = bool(_changes(self._health, health))
            self._health = health
        if changed:
            self.on_verdict()
        if any(h.state is TargetState.INITIAL for h in health):
            return AWAITED
        return IDLE if not commands and self._restless_until < now else BUSY

    def _registered(self, now: float) -> tuple[frozenset[str], frozenset[str]]:
        """The tasks that have a target, and those whose targets drain."""
        with self._changed:
            known = {health.name for health in self._health if health.state is not TargetState.DRAINING}
            draining = frozenset(task_id for task_id, until in self._leaving.items() if until > now)
        return frozenset(t.id for t in self._observed.tasks.values() if target_name(t) in known), draining

    def _split(self, targets: list[Target], now: float) -> tuple[list[Target], list[Target]]:
        """Targets that stay, and those that drain; those that are done draining are in neither."""
        with self._changed:
            leaving = {
                target_name(self._observed.tasks[task_id]): until
                for task_id, until in self._leaving.items()
                if task_id in self._observed.tasks
            }
            self._leaving = {t: until for t, until in self._leaving.items() if t in self._observed.tasks or until > now}
        staying = [target for target in targets if target.name not in leaving]
        return staying, [target for target in targets if leaving.get(target.name, 0.0) > now]

    def _has_rules(self, key: str) -> bool:
        """Whether the rules of that key are in force."""
        try:
            return key in self._ask(SHOW_KEY)
        except OSError:
            return False

    def _ask_patiently(self, command: str, path: str = ADMIN_SOCKET) -> str:
        """Asks again for a while where nobody listens: HAProxy puts a socket in its place before it listens there."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self._ask(command, path)
            except (ConnectionRefusedError, FileNotFoundError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(BUSY)

    def _ask(self, command: str, path: str = ADMIN_SOCKET) -> str:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(self.folder / path))
            connection.sendall(command.encode() + b"\n")
            chunks = []
            while chunk := connection.recv(65536):
                chunks.append(chunk)
        return b"".join(chunks).decode()

    def _write(self, path: str, content: bytes) -> None:
        """Writes beside and renames: HAProxy never reads half a file."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f".{file.name}.new")
        temporary.write_bytes(content)
        os.replace(temporary, file)


def _changes(before: list[TargetHealth], after: list[TargetHealth]) -> list[tuple[str, TargetHealth]]:
    known = {(h.name, h.target_group): str(h.state) for h in before}
    return [
        (known.get((h.name, h.target_group), "new"), h) for h in after if known.get((h.name, h.target_group)) != h.state
    ]
