"""Keeps what containers printed that log to CloudWatch by themselves: in the log store, under ECS's stream names. Each
line has its log group, since the task definition may be unknown later.

Docker forgets a container's output when the container is removed; CloudWatch does not. Source of the names: the ECS
developer guide, "Send Amazon ECS logs to CloudWatch": `<prefix>/<container>/<task id>`.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Callable, Sequence

from emulator.engine.interface import Container, ContainerSpec, ContainerState, Engine, File, Mount
from emulator.errors import CopilotLocalError, NotFound
from emulator.firelens.stored import LOG_FOLDER
from emulator.logstore.records import Record, RecordFile, format_record, kept_stream
from emulator.runtime.state import names
from emulator.runtime.state.names import Names, Role

Store = Callable[[Sequence[File]], bool]
"""Writes files into the log store; whether it could."""
MOST_LINES = 100_000
"""What is kept of one container: its last lines."""


class Keeper:
    """Writes into the log store through `store`, which says whether it could, else through a container that is never
    started; it is removed by `close`. `lost` hears of a container whose output could not be kept, and why. `known`
    finds a container by its name."""

    def __init__(
        self,
        engine: Engine,
        environment: Names,
        lost: Callable[[str, str], None],
        store: Store | None = None,
        known: Callable[[str], Container | None] | None = None,
    ) -> None:
        self._engine = engine
        self._known = known or self._listed
        self._names = environment
        self._lost = lost
        self._store = store
        self._helper = ""
        self._lock = threading.Lock()
        self._waiting: dict[str, File] = {}
        """What is read and not written yet, by its path; one call of Docker writes all of it."""

    def prepare(self) -> None:
        """Makes the helper ahead, while containers stop that probably printed something, where it will be needed."""
        if self._store is not None:
            return
        with contextlib.suppress(CopilotLocalError):
            found = self._engine.list_containers({**self._names.labels(), names.LOG_STREAM: ""})
            if found and self._has_store():
                with self._lock:
                    self._open(found[0].image_id)

    def keep(self, name: str) -> None:
        """Keeps the output of a container with a log stream of its own; what cannot be read is not waited for."""
        try:
            self._keep(name)
        except NotFound:
            pass  # another command has removed it, and kept what it printed
        except CopilotLocalError as error:
            self._lost(name, f"what it printed is not in the log store: {error.message}")

    def keep_left(self) -> None:
        """Kills what is left of these containers, and keeps their output. A log router goes on: those that log to it
        could not be removed otherwise."""
        with contextlib.suppress(CopilotLocalError):
            for container in self._engine.list_containers({**self._names.labels(), names.LOG_STREAM: ""}):
                router = container.labels.get(names.ROLE) == Role.ROUTER
                if container.state is ContainerState.RUNNING and not router:
                    with contextlib.suppress(CopilotLocalError):
                        self._engine.kill(container.name)
                self.keep(container.name)

    def _keep(self, name: str) -> None:
        container = self._known(name)
        stream = container.labels.get(names.LOG_STREAM) if container is not None else None
        if container is None or stream is None:
            return
        group = container.labels.get(names.LOG_GROUP, "")
        lines = [
            format_record(
                Record(
                    stream,
                    int(line.timestamp.timestamp() * 1_000_000) * 1000 if line.timestamp else 0,
                    {"source": line.stream, "log": line.text, "group": group},
                )
            )
            for line in self._engine.logs(container.name, tail=MOST_LINES)
        ]
        if lines and (self._store is not None or self._has_store()):
            labels = container.labels
            stored = kept_stream(labels[names.CONTAINER], container.id)
            file = RecordFile(labels[names.SERVICE], labels[names.TASK], stored)
            self._write(container.image_id, File(file.name, "".join(lines).encode(errors="replace")))

    def _listed(self, name: str) -> Container | None:
        rows = self._engine.list_containers({**self._names.labels(), names.LOG_STREAM: ""})
        return next((row for row in rows if row.name == name), None)

    def _has_store(self) -> bool:
        return self._names.log_volume in self._engine.list_volumes(self._names.labels())

    def _write(self, image: str, file: File) -> None:
        """Returns when the file is written, by this thread or, together with its own, by another one."""
        self._waiting[file.path] = file
        with self._lock:
            if file.path not in self._waiting:
                return
            try:
                files = list(self._waiting.values())
                if (self._store is None or not self._store(files)) and self._has_store():
                    self._engine.put_files(self._open(image), LOG_FOLDER, files)
                for written in files:
                    del self._waiting[written.path]
            finally:
                self._waiting.pop(file.path, None)

    def close(self) -> None:
        """Removes the helper, if there is one."""
        with self._lock:
            if self._helper:
                with contextlib.suppress(CopilotLocalError):
                    self._engine.remove(self._helper)
            self._helper = ""

    def _open(self, image: str) -> str:
        """The helper, made unless it is there; to be called with the lock."""
        if not self._helper:
            name = f"{self._names.prefix}-keep-{secrets.token_hex(4)}"
            mount = Mount(self._names.log_volume, LOG_FOLDER, copy=False)
            labels = names.sealed(self._names.labels())
            spec = ContainerSpec(name=name, image=image, labels=labels, mounts=(mount,), network="none")
            self._engine.create_container(spec)
            self._helper = name
        return self._helper
