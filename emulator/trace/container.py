"""A capture's container: in the namespace of a task, with nothing but the right to see its packets."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from emulator.engine.interface import ContainerSpec, Engine, ExecStream
from emulator.errors import CopilotLocalError, TaskError
from emulator.model import from_json
from emulator.trace.capture import BEGUN, END, LONGEST
from emulator.trace.requests.exchange import Finished, OnExchange, Report

_WAIT = 30
"""Timeout in seconds for the capture to begin: the command that started the container may be killed before that."""
_COMMAND = ("python3", "-m", "emulator.trace.capture")


def capture_spec(name: str, image: str, labels: Mapping[str, str], namespace: str) -> ContainerSpec:
    """The container of a capture in the namespace of container `namespace`. `image`: the agent's.

    Its main process only waits, for a limited time; the capture is run inside it and ends it.
    """
    script = f"sleep {_WAIT}; [ -e {BEGUN} ] && exec sleep {LONGEST:.0f}"
    return ContainerSpec(
        name=name,
        image=image,
        labels=labels,
        entrypoint=("sh", "-c"),
        command=(script,),
        network=f"container:{namespace}",
        log_driver="none",
        init=True,
        read_only=True,
        tmpfs={str(BEGUN.parent): "size=64k"},
        cap_drop=("ALL",),
        cap_add=("NET_RAW",),
        security_options=("no-new-privileges",),
        memory=512 << 20,
        pids_limit=64,
        auto_remove=True,
    )


class CaptureContainer:
    """A capture that runs. Each exchange is given to `on_exchange`, in a thread of its own."""

    def __init__(self, engine: Engine, spec: ContainerSpec, on_exchange: OnExchange) -> None:
        """Starts it and returns when it sees every packet. Raises TaskError where it cannot, EngineError."""
        self._engine = engine
        self._name = spec.name
        self._on_exchange = on_exchange
        self._ready = threading.Event()
        self._fault = ""
        self.finished: Finished | None = None
        self.until = 0.0
        """Everything that had begun at this time (seconds since 1970) has been passed on."""
        self._stream: ExecStream | None = None
        self._thread = threading.Thread(target=self._read, daemon=True)
        engine.create_container(spec)
        try:
            engine.start(spec.name)
            self._stream = engine.exec_stream(spec.name, _COMMAND)
            self._thread.start()
            if not self._ready.wait(_WAIT) or self._fault:
                raise TaskError(f"the capture in {spec.network} did not begin: {self._fault or 'no answer'}")
        except BaseException:
            self.close()
            raise

    @property
    def running(self) -> bool:
        """It still reads; it ends by itself where its task ends."""
        return self._thread.is_alive()

    def end(self, timeout: float = 60) -> None:
        """Lets it tell what it has still, waits for that, and removes it."""
        if self._stream is not None:
            try:
                self._stream.write(END)
                self._thread.join(timeout)
            except (CopilotLocalError, OSError):
                pass  # it has ended
        self.close()

    def close(self) -> None:
        """Removes it at once."""
        if self._stream is not None:
            self._stream.close()
        self._engine.remove(self._name)

    def _read(self) -> None:
        stream = self._stream
        assert stream is not None
        for line in stream.lines():
            report = from_json(Report, line)
            if report.exchange is not None:
                self._on_exchange(report.exchange)
            elif report.ready:
                self._ready.set()
            elif report.finished is not None:
                self.finished = report.finished
            elif report.until is not None:
                self.until = report.until
            else:
                self._fault = report.fault
        if not self._ready.is_set():
            self._fault = self._fault or stream.error_output().decode(errors="replace").strip()[-300:] or "it ended"
            self._ready.set()
