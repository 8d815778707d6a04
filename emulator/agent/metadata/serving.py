"""Puts the endpoint together in the agent's process."""

from __future__ import annotations

import logging
import socket
import threading

from emulator.agent.metadata.collector import StatsCollector
from emulator.agent.metadata.credentials import Credentials
from emulator.agent.metadata.endpoint import Endpoint
from emulator.agent.metadata.faults import Faults
from emulator.agent.metadata.link_local import open_listener, take_address
from emulator.agent.metadata.moments import Moments
from emulator.agent.metadata.protection import Protection
from emulator.agent.metadata.server import MetadataServer
from emulator.agent.metadata.tasks import Tasks
from emulator.agent.scheduler.supervisor import Supervisor
from emulator.engine.interface import Engine

log = logging.getLogger(__name__)


def metadata_listener() -> socket.socket | None:
    """Listens on 169.254.170.2 and takes the address; None, and a warning, where the kernel refuses.

    To be called early: what arrives before anything is served waits.
    """
    listener = None
    try:
        listener = open_listener()
        take_address()
    except OSError as error:
        log.warning("tasks have no metadata and no credentials: 169.254.170.2 cannot be had here: %s", error)
        if listener is not None:
            listener.close()
        return None
    return listener


NO_POLL = 86400.0
"""Seconds between two looks of `serve_forever` whether it was shut down, which ends with the process here: each look
would wake the agent up."""


def serve_metadata(engine: Engine, supervisor: Supervisor, listener: socket.socket | None) -> Tasks | None:
    """Answers on the listener from now on, in threads of its own; returns how it finds tasks. None without a
    listener."""
    if listener is None:
        return None
    moments = Moments()
    supervisor.on_event = moments.note
    one_offs = supervisor.one_offs
    tasks = Tasks(
        engine,
        supervisor.scheduler.names,
        lambda: supervisor.scheduler.state,
        supervisor.scheduler.history.is_stopping,
        moments,
        one_offs=one_offs.services,
    )
    stats = StatsCollector(tasks.running, engine.stats)
    credentials = Credentials(tasks, lambda: one_offs.with_roles(supervisor.scheduler.private))
    protection = Protection(supervisor.scheduler.history.protected)
    endpoint = Endpoint(tasks, stats, credentials, protection, Faults(tasks, engine))
    server = MetadataServer(listener, endpoint)
    threading.Thread(target=server.serve_forever, args=(NO_POLL,), daemon=True, name="metadata").start()
    return tasks
