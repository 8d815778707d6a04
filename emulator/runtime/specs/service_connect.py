"""Service Connect's names: in a task that is a client they lead to the tasks of the services that serve them.

Deployed, a proxy in the client's task answers for each name and spreads connections over the tasks behind it. Here the
names are lines of the `/etc/hosts` that the containers of a task share, one for each task behind a name, and are
rewritten whenever those tasks change. What that cannot do is in docs/reference/networking.md.

Source: Amazon ECS, "Service Connect"; Copilot's `network.connect`.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from emulator.engine.interface import Engine
from emulator.errors import EngineError
from emulator.runtime.specs.connect.endpoints import EndpointFiles, FirstFiles, digest, virtual_lines
from emulator.runtime.specs.connect.names import HOSTS_READY, MARK, is_client, is_ready, runs, serves
from emulator.runtime.state.names import CONNECT, CONNECT_PROXY, Names
from emulator.runtime.state.observed import Observed, Task, observe

if TYPE_CHECKING:
    from emulator.runtime.state.desired import DesiredState

_EXEC_TIMEOUT = 10.0
_PARALLEL = 8

# Every container of the task reads this file at any time, and Docker mounts it: it cannot be replaced by another one,
# and must never look empty. So it is written over in place, in one go: the lines before ours stay what they are, and
# what is shorter than before ends in empty lines until it is cut. A read at that moment can end in zero bytes instead.
WRITE_HOSTS = f"""
tries=0
until [ -e {HOSTS_READY} ] || [ $tries = 200 ]; do sleep 0.02; tries=$((tries + 1)); done
new=/tmp/hosts.$$
{{ grep -v '{MARK}$' /etc/hosts; printf '%s' "$1"; }} > $new
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


def entries(
    observed: Observed, network: str, leaving: Collection[str] = (), state: DesiredState | None = None
) -> dict[str, str]:
    """The lines that each client's /etc/hosts should have, by the name of its pause.

    Those of a client with a proxy are the same whichever tasks there are; without `state` they are not known here.
    For the others, behind a name are the tasks of its services that are ready, or all that run where none is; those in
    `leaving`, by id, are not any more. Of several, each client begins with another one, since programs try the first
    one first.
    """
    behind: dict[str, list[tuple[bool, str]]] = {}
    for task in sorted(observed.tasks.values(), key=lambda task: task.id):
        if not runs(task.pause) or task.id in leaving or not serves(task):
            continue
        if address := task.pause.addresses.get(network):
            behind.setdefault(task.pause.labels[CONNECT], []).append((is_ready(task), address))
    addresses = {name: _best(found) for name, found in behind.items()}
    found: dict[str, str] = {}
    for task in observed.tasks.values():
        if not runs(task.pause) or not is_client(task):
            continue
        if CONNECT_PROXY not in task.pause.labels:
            findable = None if state is None else state.findable_names(task.service)
            there = {name: some for name, some in addresses.items() if findable is None or name.lower() in findable}
            found[task.pause.name] = _lines(task, there)
        elif state is not None:
            found[task.pause.name] = virtual_lines(state, task.service)
    return found


def _lines(client: Task, addresses: Mapping[str, list[str]]) -> str:
    lines = []
    for name, found in sorted(addresses.items()):
        first = zlib.crc32(client.id.encode()) % len(found)
        lines += [f"{address} {name} {MARK}\n" for address in found[first:] + found[:first]]
    return "".join(lines)


def _best(found: Iterable[tuple[bool, str]]) -> list[str]:
    return [address for ready, address in found if ready] or [address for _, address in found]


class ServiceConnect:
    """Keeps the names of one environment. May be used by several threads."""

    def __init__(
        self,
        engine: Engine,
        environment: Names,
        files: EndpointFiles | FirstFiles | None = None,
        state: Callable[[], DesiredState] | None = None,
    ) -> None:
        """`files` are those that proxies read, `state` says which names there are."""
        self._engine = engine
        self._files = files
        self._state = state
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
        return self.has_outdated_files(observed) or bool(self._changes(observed))

    def has_outdated_files(self, observed: Observed) -> bool:
        """Whether what proxies read is out of date."""
        return self._files is not None and self._files.is_outdated(observed, self._leaving)

    def write_files(self) -> None:
        """Writes what proxies read, where it changed. Raises `EngineError`."""
        if self._files is not None:
            with self._writing:
                self._files.write(observe(self._engine, self._names), self._leaving)

    def refresh(self) -> None:
        """Writes the names where they changed. Raises `EngineError` where a client that runs could not be written."""
        # One after another, each from a listing of its own: an older one must not undo what a newer one wrote.
        with self._writing:
            observed = observe(self._engine, self._names)
            if self._files is not None:
                self._files.write(observed, self._leaving)
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

    def is_leaving(self, task_id: str) -> bool:
        """Whether a task was taken out from behind its name."""
        return task_id in self._leaving

    def spare(self, tasks: Collection[str]) -> None:
        """These tasks, by id, stay: the next `refresh` puts them behind their names again."""
        with self._writing:
            self._leaving.difference_update(tasks)

    def _changes(self, observed: Observed) -> dict[str, tuple[str, str]]:
        """By the name of a pause, its id and the lines that it should have and has not."""
        state = self._state() if self._state is not None else None
        wanted = entries(observed, self._names.network, self._leaving, state)
        found = {}
        for task in observed.tasks.values():
            if task.pause is not None and task.pause.name in wanted:
                lines = wanted[task.pause.name]
                first = task.pause.labels.get(CONNECT_PROXY)
                if task.pause.id not in self._written and first == digest(lines):
                    continue  # it was made with them
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
