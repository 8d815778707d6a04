"""What runs in the agent: it watches, serves and keeps logs until its container goes."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from emulator.agent.api.records import keep_bounded
from emulator.agent.api.server import ControlServer
from emulator.agent.capabilities import DAC_OVERRIDE, keep_only
from emulator.agent.load_balancer.front_monitor import FrontMonitor
from emulator.agent.metadata.aws_forward import start_forwarding
from emulator.agent.metadata.serving import NO_POLL, metadata_listener, serve_metadata
from emulator.agent.scheduler.state_file import StateFile
from emulator.agent.scheduler.supervisor import Supervisor
from emulator.agent.traces.late import LateTraces
from emulator.agent.traces.server import serve_traces
from emulator.engine.connect import connect
from emulator.engine.interface import Engine, File
from emulator.errors import CopilotLocalError
from emulator.logstore.beneath import write_beneath
from emulator.model import from_json
from emulator.runtime.control import direct
from emulator.runtime.control.client import SOCKET
from emulator.runtime.specs.agent import FRONT_FOLDERS
from emulator.runtime.specs.log_store import ACCESS_FOLDER, LOG_FOLDER
from emulator.runtime.state.conventions import CONTROL_FOLDER
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.names import Names

log = logging.getLogger(__name__)

GO_INTERVAL = 1.0
"""Seconds between two tries to remove the container that this runs in."""


def store_files(folder: Path, files: Sequence[File]) -> bool:
    """Writes files into the log store: what containers printed that the agent removes. Whether it could."""
    try:
        for file in files:
            write_beneath(folder, file.path, file.content)
    except OSError as error:
        log.warning("the log store cannot be written to: %s", error.strerror or error)
        return False
    return True


def main(state_file: Path, first_state: str) -> None:
    """Runs until the environment goes away. `first_state` is written to the file where that is not there."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    if not state_file.exists():
        StateFile(state_file).write(from_json(DesiredState, first_state.encode()))
    state = StateFile(state_file).read()
    listener = metadata_listener()
    keep_only(DAC_OVERRIDE)  # before there are threads: each has its own
    if listener is not None:
        start_forwarding()
    engine = connect()
    folders = {balancer: Path(folder) for balancer, folder in FRONT_FOLDERS.items()}
    front = FrontMonitor(Names(state.app, state.environment), engine, folders)
    supervisor = Supervisor(engine, state_file, front)
    supervisor.scheduler.store = partial(store_files, Path(LOG_FOLDER))
    tasks = serve_metadata(supervisor.engine, supervisor, listener)
    traces = LateTraces(Path(ACCESS_FOLDER))
    if tasks is not None:
        serve_traces(traces.intake, tasks.by_address)
    server = ControlServer(Path(SOCKET), supervisor, Path(LOG_FOLDER), Path(ACCESS_FOLDER), traces)
    threading.Thread(target=server.serve_forever, args=(NO_POLL,), daemon=True, name="control").start()
    _serve_this_machine(supervisor, traces)
    bounded = (Path(LOG_FOLDER), lambda: supervisor.scheduler.state.log_limit, Path(ACCESS_FOLDER))
    threading.Thread(target=keep_bounded, args=bounded, daemon=True, name="log store").start()
    # The container's own init forwards SIGTERM. All else is written as it comes.
    signal.signal(signal.SIGTERM, lambda *_: _end(front))
    front.take_access_logs(Path(ACCESS_FOLDER))
    threading.Thread(target=front.run, daemon=True, name="front").start()
    supervisor.run()
    supervisor.abandoned.wait()
    _go(engine, front, supervisor.scheduler.names)


def _go(engine: Engine, front: FrontMonitor, environment: Names) -> None:
    """Removes this container, where the command that was to do so has died: Docker would start it anew if it exited,
    and then it would undo what that command did."""
    front.finish_access_logs()
    while True:
        try:
            engine.remove(environment.agent)
        except CopilotLocalError as error:
            log.warning("cannot remove this container: %s", error)
        time.sleep(GO_INTERVAL)


def _end(front: FrontMonitor) -> None:
    try:
        front.finish_access_logs()
    finally:
        os._exit(0)


def _serve_this_machine(supervisor: Supervisor, traces: LateTraces) -> None:
    """Serves the control API to the user whose folder is mounted too; the folder itself keeps others out."""
    folder = Path(CONTROL_FOLDER)
    if not folder.is_dir():
        return
    try:
        server = ControlServer(folder / direct.SOCKET, supervisor, Path(LOG_FOLDER), Path(ACCESS_FOLDER), traces)
        (folder / direct.SOCKET).chmod(0o666)
    except OSError as error:  # commands use `docker exec` then
        log.info("no control socket outside of the container: %s", error)
        return
    threading.Thread(target=server.serve_forever, args=(NO_POLL,), daemon=True, name="control outside").start()
