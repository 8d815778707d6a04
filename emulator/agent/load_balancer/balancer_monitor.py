"""One load balancer's targets as they are: registers, promotes, drains and removes them at HAProxy's admin socket."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from emulator.agent.load_balancer.access_log import AccessLog
from emulator.agent.load_balancer.draining_worker import SHOW_INFO, OldWorker
from emulator.agent.load_balancer.shares import Shares
from emulator.engine.interface import ContainerState, Engine
from emulator.errors import EngineError
from emulator.frontdoor.balancers import Balancer
from emulator.frontdoor.haproxy import admin
from emulator.frontdoor.haproxy.configuration import SHOW_KEY, STATE_FILE, front_configuration
from emulator.frontdoor.options import ADMIN_SOCKET, CERTIFICATES_FOLDER, FOLDER, MASTER_SOCKET, Target
from emulator.frontdoor.target_health import TargetHealth, TargetState, target_health, unanswered
from emulator.runtime.specs.load_balancer import Front, front_in, packed, targets_of
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import Observed, observe

log = logging.getLogger(__name__)

SHOW_RING = "show events access"
BUSY = 0.1
"""Seconds between two looks while something changes or a command is under way."""
AWAITED = 0.03
"""The same at first while a target has no verdict yet: `up --wait` waits for it."""
AWAITED_SHARE = 0.05
"""Part of the time that a target has waited for its verdict which a look may come late: looks become rarer, up to
`IDLE`, for a target that takes long or never gets one."""
IDLE = 2.0
"""The same while nothing changes. HAProxy acts on its checks by itself; a look only tells what it found."""
ANSWER = 2.0
"""Seconds in which HAProxy has to answer a question."""
RELOADED = 30.0
"""Seconds in which it has to have loaded its rules, and to say what is needed before: it may be busy with requests."""
SOCKET_TIMEOUT = 3.0
"""Seconds within which HAProxy's sockets have to be there when something is to be loaded."""


class BalancerMonitor(Front):
    """A load balancer as the agent sees it. `folder` is its volume."""

    def __init__(self, environment: Names, balancer: Balancer, folder: Path, shares: Shares) -> None:
        super().__init__(environment, balancer)
        self.folder = folder
        self._shares = shares
        # What was written before: a restarted agent has no other place to know them from.
        written = (folder / CERTIFICATES_FOLDER).glob("*.pem")
        self.certificates = {file.stem: file.read_text(encoding="ascii") for file in written}
        self.access_log: AccessLog | None = None
        """Where its access log goes."""
        self.kept: Collection[str] = ()
        """Ids of tasks that stay targets although their container does not run at the moment."""
        self.health: tuple[TargetHealth, ...] = ()
        """The verdict on each of its targets, as of the last look."""
        self._initial_since: dict[tuple[str, str], float] = {}
        """Target and target group without a verdict to when it was first seen so, on the monotonic clock."""

    def prepare(self, engine: Engine) -> None:
        """Nothing: `configure` writes the files when it is known which targets there are."""

    def configure(self, engine: Engine) -> None:
        """Writes the rules and loads them where they changed; targets alone need no reload."""
        observed = observe(engine, self.names)
        present = front_in(observed, self.balancer)
        if self.state is None or present is None:
            return
        services, options = self.services(), self.options()
        targets = self._targets(observed)
        running = present.state is ContainerState.RUNNING
        if running:
            with contextlib.suppress(OSError, EngineError):
                servers = admin.parse_show_stat(self.ask(admin.SHOW_STAT))
                targets = admin.placed(services, servers, targets, options)
        configuration = front_configuration(services, targets, options)
        if running and self._has_rules(configuration.rules_key):
            return
        if running:
            # Carries the verdicts over the reload.
            with contextlib.suppress(OSError):
                self._write(STATE_FILE, self.ask(admin.SHOW_STATE, timeout=RELOADED).encode())
            for file in packed(configuration):
                if not file.directory:
                    self._write(file.path, file.content)
            self._reload()
        else:
            # The command that made it may be gone. Docker can give the sockets' folder to HAProxy's user; the agent
            # cannot.
            engine.put_files(present.name, FOLDER, packed(configuration))
            engine.start(present.name)

    def has_drained(self, target: str) -> bool:
        """Whether a target takes no new request and has none left, as far as HAProxy answers."""
        with contextlib.suppress(OSError, EngineError):
            servers = admin.parse_show_stat(self.ask(admin.SHOW_STAT))
            return all(s.in_maintenance and not s.sessions for s in servers if s.name == target)
        return False

    def look(self, observed: Observed, leaving: Mapping[str, float], now: float) -> tuple[bool, bool]:
        """One round: HAProxy's servers become the targets that are there. `leaving` has, by a target's name, until when
        it drains. Returns whether a verdict changed, and whether HAProxy was told something."""
        assert self.state is not None
        services, options = self.services(), self.options()
        every = self._targets(observed)
        targets = [target for target in every if target.name not in leaving]
        draining: list[Target] = [target for target in every if leaving.get(target.name, 0.0) > now]
        servers = admin.parse_show_stat(self.ask(admin.SHOW_STAT))
        commands = admin.reconcile(services, servers, targets, draining, options)
        for command in commands:
            if answer := admin.refused(self.ask(command)):
                log.debug("%s: %s", command, answer)
        if commands:
            servers = admin.parse_show_stat(self.ask(admin.SHOW_STAT))
        return self._learn(target_health(services, servers, targets, draining, self.health)), bool(commands)

    def _targets(self, observed: Observed) -> list[Target]:
        assert self.state is not None
        weights = self._shares.weights(self.state, observed)
        return targets_of(self.state, observed, self.kept, self.balancer, weights)

    def lose_sight(self) -> bool:
        """HAProxy is not there or does not answer: no verdict of before holds. Returns whether one changed."""
        return self._learn(unanswered(self.health))

    def _learn(self, found: Sequence[TargetHealth]) -> bool:
        changes = _changes(self.health, found)
        for before, after in changes:
            log.info("target %s: %s -> %s %s", after.name, before, after.state, after.description)
        self.health = tuple(found)
        return bool(changes)

    def waited(self, now: float) -> float | None:
        """Seconds for which the target that is newest among those without a verdict has waited; None without such."""
        initial = {(health.name, health.target_group) for health in self.health if health.state is TargetState.INITIAL}
        self._initial_since = {key: self._initial_since.get(key, now) for key in initial}
        return now - max(self._initial_since.values()) if initial else None

    def _reload(self) -> None:
        """Lets HAProxy load what was written; nothing that the replaced worker still logs is lost."""
        worker = None
        try:
            if self.access_log is not None:
                information = self._ask_once_it_listens(SHOW_INFO, timeout=RELOADED)
                path = self.folder / ADMIN_SOCKET
                worker = OldWorker(path, information, self.access_log, lambda ask: self.ask(ask, MASTER_SOCKET))
            problem = admin.reload_problem(self._ask_once_it_listens(admin.RELOAD, MASTER_SOCKET, timeout=RELOADED))
        except OSError as error:
            if worker is not None:
                worker.stays()
            raise EngineError(f"the front does not answer: {error}") from error
        if worker is not None:
            (worker.stays if problem else worker.replaced)()
        if problem:
            raise EngineError(f"HAProxy refuses the front's configuration: {problem}")

    def _has_rules(self, key: str) -> bool:
        """Whether the rules of that key are in force."""
        try:
            return key in self.ask(SHOW_KEY)
        except OSError:
            return False

    def _ask_once_it_listens(self, command: str, path: str = ADMIN_SOCKET, *, timeout: float) -> str:
        """Retries until HAProxy listens: it creates its socket before it listens there."""
        deadline = time.monotonic() + SOCKET_TIMEOUT
        while True:
            try:
                return self.ask(command, path, timeout)
            except (ConnectionRefusedError, FileNotFoundError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(BUSY)

    def logged(self) -> bytes:
        """What is in HAProxy's ring, a record on each line, sent before or not; nothing where none runs."""
        with contextlib.suppress(OSError):
            return self._answer(SHOW_RING, ADMIN_SOCKET, ANSWER)
        return b""

    def ask(self, command: str, path: str = ADMIN_SOCKET, timeout: float = ANSWER) -> str:
        """HAProxy's answer to a command on one of its sockets. OSError where there is none for `timeout` seconds."""
        return self._answer(command, path, timeout).decode()

    def _answer(self, command: str, path: str, timeout: float) -> bytes:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout)
            connection.connect(str(self.folder / path))
            connection.sendall(command.encode() + b"\n")
            chunks = []
            while chunk := connection.recv(65536):
                chunks.append(chunk)
        return b"".join(chunks)

    def _write(self, path: str, content: bytes) -> None:
        """Writes beside and renames: HAProxy never reads half a file."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f".{file.name}.new")
        temporary.write_bytes(content)
        os.replace(temporary, file)


def _changes(before: Sequence[TargetHealth], after: Sequence[TargetHealth]) -> list[tuple[str, TargetHealth]]:
    known = {(h.name, h.target_group): str(h.state) for h in before}
    return [
        (known.get((h.name, h.target_group), "new"), h) for h in after if known.get((h.name, h.target_group)) != h.state
    ]
