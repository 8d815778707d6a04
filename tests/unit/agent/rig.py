"""An agent over an engine in memory, reached through its real control socket as the command line reaches it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from emulator.agent.api.server import ControlServer
from emulator.agent.load_balancer.front_monitor import FrontMonitor
from emulator.agent.process import store_files
from emulator.agent.scheduler.supervisor import Supervisor
from emulator.agent.scheduler.timeouts import Timeouts
from emulator.agent.traces.late import LateTraces
from emulator.engine.fake import Behaviour, FakeEngine
from emulator.engine.interface import ExecStream
from emulator.frontdoor.balancers import Balancer
from emulator.frontdoor.haproxy.configuration import CONFIGURATION_FILE
from emulator.frontdoor.options import FOLDER
from emulator.model import to_json
from emulator.runtime.control.client import Agent
from emulator.runtime.specs.agent import agent_spec
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.names import Names, Role
from emulator.runtime.state.observed import Observed, Task, observe
from emulator.settings_traces import LocalCollector
from emulator.traces.intake import Origin
from emulator.traces.wire import Payload, Report
from tests.unit.agent.front_double import FrontDouble
from tests.unit.runtime.world import AGENT, DEMO, FRONT, PAUSE

LISTENS = Behaviour(listens=("unix://*/fluent.sock", "unix://*/relay.sock"))
SHORT = Timeouts(first_trouble=0.0, reconnect=0.01, linger=0.0, first_moments=0.0)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class SocketStream:
    """A connection to the agent's socket, as `docker exec` of the bridge gives one."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self._file = self.socket.makefile("rb")

    def write(self, data: bytes) -> None:
        self.socket.sendall(data)

    def close_stdin(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def chunks(self) -> Iterator[bytes]:
        return (line + b"\n" for line in self.lines())

    def lines(self) -> Iterator[bytes]:
        with suppress(OSError, ValueError):  # it may be closed while it is read, as `direct.SocketStream` says too
            for line in self._file:
                yield line.rstrip(b"\n")

    def error_output(self) -> bytes:
        return b""

    def exit_code(self) -> int | None:
        return None

    def close(self) -> None:
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self._file.close()
        self.socket.close()


class Rig:
    """One environment with an agent. `clock` stands still unless a test moves it."""

    def __init__(self, folder: Path, environment: Names = DEMO) -> None:
        self.folder = folder
        self.environment = environment
        self.state_file = folder / "desired.json"
        self.socket = folder / "agent.sock"
        self.logs = folder / "logs"
        self.logs.mkdir()
        self.access = folder / "access"
        self.access.mkdir()
        self.clock = Clock()
        self.time_of_day = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
        """What the machine's clock says; it stands still."""
        self.spawn: Callable[[Callable[[], None]], None] = lambda work: work()
        self.engine = FakeEngine()
        for image in (PAUSE, FRONT, AGENT, "router:1", "hello:1", "nginx:1", "db:1", "web:1", "api:1", "cleanup:1"):
            self.engine.add_image(image)
        self.engine.behave("*-firelens_log_router", LISTENS)
        self.engine.behave("*-drain", LISTENS)
        self.engine.behave("*-agent", Behaviour(stream=self.connect))
        self.front = FrontDouble(folder / "front")
        self.agent = Agent(self.engine, self.environment)
        """The client."""
        self.supervisor: Supervisor
        self.monitor: FrontMonitor
        self._closing: list[Callable[[], object]] = [self.engine.close, self.front.close]
        self.streams: list[SocketStream] = []

    def boot(self, state: DesiredState | None = None, timeouts: Timeouts = SHORT) -> Supervisor:
        """Starts the agent, as a container does: with the desired state, or again with what is on its volume."""
        if state is not None:
            mine = self.environment
            self.engine.ensure_network(mine.network, mine.labels(Role.NETWORK))
            self.engine.ensure_volume(mine.front_volume, mine.labels(Role.VOLUME))
            self.engine.ensure_volume(mine.internal_front_volume, mine.labels(Role.VOLUME))
            self.engine.ensure_volume(mine.log_volume, {**mine.labels(Role.VOLUME), names.DATA: "logs"})
            self.engine.create_container(agent_spec(self.engine, mine, state))
            self.engine.start(mine.agent)
            self.state_file.write_bytes(to_json(state))
        self.monitor = FrontMonitor(
            self.environment,
            self.engine,
            {Balancer.PUBLIC: self.folder / "front", Balancer.INTERNAL: self.folder / "internal-front"},
        )
        self.supervisor = Supervisor(
            self.engine,
            self.state_file,
            self.monitor,
            timeouts=timeouts,
            clock=self.clock,
            spawn=self.spawn,
            time_of_day=lambda: self.time_of_day,
        )
        self.supervisor.scheduler.store = partial(store_files, self.logs)
        self.traces = LateTraces(self.access)
        server = ControlServer(self.socket, self.supervisor, self.logs, self.access, self.traces)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        self._closing[:0] = [self.monitor.close, self.supervisor.retire, server.shutdown, server.server_close]
        return self.supervisor

    def receive_a_trace(self) -> None:
        """Takes a segment of the service `hello`, as a task's receiver hands it over."""
        origin = Origin("t" * 32, "hello", "10.0.0.2", "xray", LocalCollector())
        document = {"trace_id": "1-6b0bad11-a8d784a85017b9a9437b8d38", "id": "c383d6f10d8381d8", "name": "hello"}
        payload = (
            b'{"format":"json","version":1}\n' + json.dumps({**document, "start_time": 1.5, "end_time": 2}).encode()
        )
        self.traces.intake().take(origin, Report("xray"), [Payload("xray", 2.0, payload)])

    def run(self) -> None:
        """Lets the agent's own threads work, the front's and the supervisor's."""
        threading.Thread(target=self.monitor.run, daemon=True).start()
        threading.Thread(target=self.supervisor.run, daemon=True).start()

    def watch(self) -> None:
        """One round of the load balancers' watch, after an event."""
        self.monitor.refresh()
        self.monitor.look()

    def start_front(self) -> None:
        """What the front's program does once its container runs: it reads the file that was put into its volume."""
        content = self.engine.read_file(self.environment.front, f"{FOLDER}/{CONFIGURATION_FILE}")
        (self.front.folder / CONFIGURATION_FILE).write_bytes(content)
        self.front.load()

    def close(self) -> None:
        for stream in self.streams:
            stream.close()
        for close in self._closing:
            close()

    # What there is

    @property
    def observed(self) -> Observed:
        return observe(self.engine, self.environment)

    @property
    def tasks(self) -> list[Task]:
        """Every task."""
        return list(self.observed.tasks.values())

    @property
    def task(self) -> Task:
        """The only task."""
        [task] = self.tasks
        return task

    def did(self, *verbs: str) -> list[str]:
        """The calls of these verbs in order: `start hello`."""
        return [f"{verb} {target.rpartition('-')[2]}" for verb, target in self.engine.calls if verb in verbs]

    def container(self, name: str) -> str:
        """The Docker name of a container of the only task."""
        return self.task.members[name].container.name

    def connect(self, command: Sequence[str]) -> ExecStream:
        stream = SocketStream(self.socket)
        self.streams.append(stream)
        return stream
