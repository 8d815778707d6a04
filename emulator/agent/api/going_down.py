"""What the agent does for a `down`, beside serving the tasks that are stopped."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from pathlib import Path

from emulator.agent.scheduler.supervisor import Supervisor
from emulator.errors import InputError, TaskError
from emulator.logstore.beneath import write_beneath
from emulator.runtime.control.http import Message
from emulator.runtime.state.names import Names


def refuse_others(environment: Names, body: Message) -> None:
    """Raises InputError for a request that means another environment: two may have one prefix, and so one socket."""
    meant = (body.get("app", environment.app), body.get("environment", environment.environment))
    if meant != (environment.app, environment.environment):
        raise InputError(f"this is the agent of {environment.app}/{environment.environment}")


def take_down(supervisor: Supervisor, body: Message) -> Future[list[str]]:
    """Retires; where `stop` is asked for, stops what the command would stop first while that loads what it needs.
    Returns the containers that it stops, which the command leaves to it: a second SIGTERM is an order to hurry."""
    supervisor.retire()
    stops: Future[list[str]] = Future()
    if not body.get("stop"):
        stops.set_result([])
        return stops
    timeout = None if body.get("timeout") is None else int(body["timeout"])
    work = (timeout, supervisor.abandoned, stops.set_result)
    threading.Thread(target=supervisor.scheduler.stop_ahead, args=work, daemon=True, name="stop ahead").start()
    return stops


def finish(supervisor: Supervisor, stops: Future[list[str]] | None) -> None:
    """The agent is killed next: what load balancers have logged until their end is stored. `stops` is what `take_down`
    gave. Raises InputError where that was not asked for over the same connection."""
    if stops is None:
        raise InputError("this connection does not take the environment down", hint="ask for `retire` first")
    supervisor.front.finish_access_logs(killed=True)


def store_kept(folder: Path, body: Message) -> None:
    """Writes files into the log store: what containers have printed that are removed next. Raises TaskError."""
    try:
        for name, content in body["files"].items():
            write_beneath(folder, str(name), str(content).encode(errors="replace"))
    except OSError as error:
        raise TaskError(f"the log store cannot be written to: {error.strerror or error}") from None
