"""Service Connect's names: in a task that is a client they lead to the tasks of the services that serve them.

Deployed, a proxy in the client's task answers for each name and spreads connections over the tasks behind it. Here the
names are lines of the `/etc/hosts` that the containers of a task share, one for each task behind a name, and are
rewritten whenever those tasks change. What that cannot do is in docs/networking.md.

Source: Amazon ECS, "Service Connect"; Copilot's `network.connect`.
"""

from __future__ import annotations

import re
import threading
import zlib
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeGuard

from emulator.engine.interface import Container, ContainerState, Engine, Health
from emulator.errors import EngineError
from emulator.runtime.state.names import CONNECT, Names
from emulator.runtime.state.observed import Observed, Task, observe

if TYPE_CHECKING:
    from emulator.ecs.service import Service

_MARK = "# Service Connect"
NO_NAME = "-"
"""Stands for the name of a task that is a client alone; no host is called so."""
_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,125}[A-Za-z0-9_])?")
_EXEC_TIMEOUT = 10.0
_PARALLEL = 8
HOSTS_READY = "/tmp/hosts.ready"
"""Pause makes this file when its own lines are in /etc/hosts."""

# Every container of the task reads this file at any time, and Docker mounts it: it cannot be replaced by another one,
# and must never look empty. So it is written over in place, in one go: the lines before ours stay what they are, and
# what is shorter than before ends in empty lines until it is cut.
WRITE_HOSTS = f"""
tries=0
until [ -e {HOSTS_READY} ] || [ $tries = 200 ]; do sleep 0.02; tries=$((tries + 1)); done
new=/tmp/hosts.$$
{{ grep -v '{_MARK}$' /etc/hosts; printf '%s' "$1"; }} > $new
if ! cmp -s $new /etc/hosts; then
  size=$(wc -c < $new)
  excess=$(($(wc -c < /etc/hosts) - size))
  [ $excess -le 0 ] || head -c $excess /dev/zero | tr '\\0' '\\n' >> $new
  dd if=$new of=/etc/hosts bs=1M conv=notrunc 2> /dev/null && truncate -s $size /etc/hosts
fi
code=$?
rm -f $new
exit $code
"""


def connect_labels(service: Service) -> dict[str, str]:
    """What a task's pause says of Service Connect: nothing, or the name it serves, empty where it is a client only."""
    if service.connect is None:
        return {}
    name = service.connect.dns_name or ""
    return {CONNECT: name if is_host_name(name) else NO_NAME}


def is_host_name(name: str) -> bool:
    """Whether a name can stand in a hosts file and be asked for. ECS takes up to 127 characters."""
    return _HOST_NAME.fullmatch(name) is not None


def is_client(task: Task) -> bool:
    """Whether the names are for this task, and it is there to have them."""
    return _runs(task.pause) and CONNECT in task.pause.labels


def serves(task: Task) -> bool:
    """Whether the task is behind a name."""
    return task.pause is not None and task.pause.labels.get(CONNECT, NO_NAME) != NO_NAME


def entries(observed: Observed, network: str, leaving: Collection[str] = ()) -> dict[str, str]:
    """The lines that each client's /etc/hosts should have, by the name of its pause.

    Behind a name are the tasks of its services that are ready, or all that run where none is; those in `leaving`, by
    id, are not any more. Of several, each client begins with another one, since programs try the first one first.
    """
    behind: dict[str, list[tuple[bool, str]]] = {}
    for task in sorted(observed.tasks.values(), key=lambda task: task.id):
        if not _runs(task.pause) or task.id in leaving or not serves(task):
            continue
        if address := task.pause.addresses.get(network):
            behind.setdefault(task.pause.labels[CONNECT], []).append((_ready(task), address))
    addresses = {name: _best(found) for name, found in behind.items()}
    return {
        task.pause.name: _lines(task, addresses) for task in observed.tasks.values() if task.pause and is_client(task)
    }


def _runs(pause: Container | None) -> TypeGuard[Container]:
    return pause is not None and pause.state is ContainerState.RUNNING


def _lines(client: Task, addresses: Mapping[str, list[str]]) -> str:
    lines = []
    for name, found in sorted(addresses.items()):
        first = zlib.crc32(client.id.encode()) % len(found)
        lines += [f"{address} {name} {_MARK}\n" for address in found[first:] + found[:first]]
    return "".join(lines)


def _best(found: Iterable[tuple[bool, str]]) -> list[str]:
    return [address for ready, address in found if ready] or [address for _, address in found]


def _ready(task: Task) -> bool:
    """ECS: a task is behind the name once its containers run, and are healthy where they have a check."""
    return task.fault(()) is None and all(
        member.started and (not member.running or member.container.health in (Health.NONE, Health.HEALTHY))
        for member in task.members.values()
    )


class ServiceConnect:
    """Keeps the names of one environment. May be used by several threads."""

    def __init__(self, engine: Engine, environment: Names) -> None:
        self._engine = engine
        self._names = environment
        self._written: dict[str, str] = {}
        """By the id of a pause, what was written there last."""
        self._leaving: set[str] = set()
        self._writing = threading.Lock()

    @property
    def is_writing(self) -> bool:
        """Whether an update is in progress."""
        return self._writing.locked()

    def is_outdated(self, observed: Observed) -> bool:
        """Whether a task's names are out of date, as far as this listing goes."""
        return bool(self._changes(observed))

    def refresh(self) -> None:
        """Writes the names where they changed. Raises `EngineError` where a client that runs could not be written."""
        # One after another, each from a listing of its own: an older one must not undo what a newer one wrote.
        with self._writing:
            observed = observe(self._engine, self._names)
            changes = self._changes(observed)
            with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="hosts") as pool:
                problems = list(pool.map(lambda change: self._write(*change), changes.items()))
            running = {task.pause.id for task in observed.tasks.values() if task.pause is not None}
            self._written = {pause: lines for pause, lines in self._written.items() if pause in running}
            self._leaving &= observed.tasks.keys()
        failed = [problem for problem in problems if problem is not None]
        if failed and self.is_outdated(observe(self._engine, self._names)):
            raise failed[0]

    def withdraw(self, task_id: str) -> None:
        """Takes a task that is about to stop out from behind its name."""
        self._leaving.add(task_id)
        self.refresh()

    def _changes(self, observed: Observed) -> dict[str, tuple[str, str]]:
        """By the name of a pause, its id and the lines that it should have and has not."""
        wanted = entries(observed, self._names.network, self._leaving)
        found = {}
        for task in observed.tasks.values():
            if task.pause is not None and task.pause.name in wanted:
                lines = wanted[task.pause.name]
                if self._written.get(task.pause.id) != lines:
                    found[task.pause.name] = (task.pause.id, lines)
        return found

    def _write(self, name: str, change: tuple[str, str]) -> EngineError | None:
        pause, lines = change
        try:
            done = self._engine.exec(pause, ["sh", "-c", WRITE_HOSTS, "hosts", lines], timeout=_EXEC_TIMEOUT)
        except EngineError as error:
            return error
        if done.exit_code != 0:
            why = done.stderr.decode(errors="replace").strip() or f"code {done.exit_code}"
            return EngineError(f"the Service Connect names of {name} could not be written: {why}")
        self._written[pause] = lines
        return None
