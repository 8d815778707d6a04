"""The files that the proxies of an environment read: its names, and the tasks behind each. The agent writes them."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.engine.interface import ContainerState, Engine, File
from emulator.errors import EngineError
from emulator.runtime.specs.connect.names import MARK, is_host_name, is_ready, runs, serves
from emulator.runtime.state import names
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import Observed, Task
from emulator.service_connect.envoy import FOLDER, files
from emulator.service_connect.model import Endpoint, endpoint

if TYPE_CHECKING:
    from emulator.runtime.state.desired import DesiredState


def endpoints_of(state: DesiredState) -> list[Endpoint]:
    """The names of an environment, each once: of two services with one name, the first one says how it is balanced."""
    numbers = state.connect_numbers()
    found: dict[str, Endpoint] = {}
    for _, desired in sorted(state.services.items()):
        one = endpoint(desired.service, 0)
        if one is not None and is_host_name(one.name) and one.name not in found:
            found[one.name] = endpoint(desired.service, numbers[one.name]) or one
    return sorted(found.values(), key=lambda one: one.number)


def virtual_lines(state: DesiredState, service: str) -> str:
    """The lines of /etc/hosts in every task of a service with proxies."""
    found = state.findable_names(service)
    return "".join(f"{one.address} {one.name} {MARK}\n" for one in endpoints_of(state) if one.name in found)


def digest(lines: str) -> str:
    """What a pause says of the lines that it was made with."""
    return hashlib.sha256(lines.encode()).hexdigest()[:12]


def behind(observed: Observed, network: str, leaving: Collection[str] = ()) -> dict[str, list[tuple[str, int]]]:
    """By name, address and port of the tasks behind it: those that are healthy, or where none is those that run.

    A task leaves at once when an essential container of it, or its proxy, has ended, or when it is in `leaving`.
    """
    found: dict[str, list[tuple[bool, tuple[str, int]]]] = {}
    for task in sorted(observed.tasks.values(), key=lambda task: task.id):
        if task.id in leaving or not serves(task) or not runs(task.pause) or not _is_running(task):
            continue
        port = task.pause.labels.get(names.CONNECT_PORT, "")
        if port.isdecimal() and (address := task.pause.addresses.get(network)):
            name = task.pause.labels[names.CONNECT].lower()
            found.setdefault(name, []).append((is_ready(task), (address, int(port))))
    return {name: [one for ready, one in tasks if ready] or [one for _, one in tasks] for name, tasks in found.items()}


def _files(state: DesiredState, tasks: Mapping[str, Sequence[tuple[str, int]]]) -> dict[str, str]:
    logs = dict.fromkeys(desired.access_log for _, desired in sorted(state.services.items()))
    return files(endpoints_of(state), tasks, logs)


def _is_running(task: Task) -> bool:
    """ECS: RUNNING, all of its containers have started and no essential one has ended."""
    proxied = task.proxy is None or task.proxy.state is ContainerState.RUNNING
    return proxied and task.fault(()) is None and all(member.started for member in task.members.values())


class FirstFiles:
    """The same files, written once by the command that brings an environment up: its proxies need not wait until the
    agent can. What the agent writes takes their place."""

    def __init__(self, engine: Engine, environment: Names, state: Callable[[], DesiredState]) -> None:
        self._engine = engine
        self._names = environment
        self._state = state
        self._written = False

    def is_outdated(self, observed: Observed, leaving: Collection[str]) -> bool:
        """Later changes are the agent's."""
        del observed, leaving
        return False

    def write(self, observed: Observed, leaving: Collection[str]) -> bool:
        """Writes them, the first time; returns whether it did."""
        state = self._state()
        if self._written or not any(desired.proxied for desired in state.services.values()):
            return False
        found = _files(state, behind(observed, self._names.network, leaving))
        contents = [File(name, content.encode()) for name, content in found.items()]
        with contextlib.suppress(EngineError):  # the agent writes them, if later
            self._engine.put_files(self._names.agent, FOLDER, contents)
            self._written = True
        return self._written


class EndpointFiles:
    """Writes the files of one environment into a folder; only what changed."""

    def __init__(self, folder: Path, environment: Names, state: Callable[[], DesiredState]) -> None:
        self._folder = folder
        self._names = environment
        self._state = state
        self._written: dict[str, str] = {}

    def is_outdated(self, observed: Observed, leaving: Collection[str]) -> bool:
        """Whether a file is not as this listing has it."""
        return bool(self._changes(observed, leaving))

    def write(self, observed: Observed, leaving: Collection[str]) -> bool:
        """Writes what is to be changed; returns whether there was anything. Raises `EngineError` where the volume takes
        nothing."""
        changes = self._changes(observed, leaving)
        for name, content in changes.items():
            new = self._folder / f".{name}.new"
            try:
                new.write_text(content, encoding="utf-8")
                new.chmod(0o644)  # proxies are another user's
                os.replace(new, self._folder / name)  # what is written in place, Envoy does not read again
            except OSError as error:
                raise EngineError(f"the tasks behind Service Connect's names could not be written: {error}") from error
            self._written[name] = content
        return bool(changes)

    def _changes(self, observed: Observed, leaving: Collection[str]) -> dict[str, str]:
        state = self._state()
        if not any(desired.proxied for desired in state.services.values()) and not self._written:
            return {}
        found = _files(state, behind(observed, self._names.network, leaving))
        return {name: content for name, content in found.items() if self._written.get(name) != content}
