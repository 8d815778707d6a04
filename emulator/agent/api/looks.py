"""What the control API answers of the environment as a whole."""

from __future__ import annotations

from pathlib import Path

from emulator.agent.api.records import is_full
from emulator.agent.scheduler.supervisor import Supervisor
from emulator.agent.traces.late import LateTraces
from emulator.runtime.control.http import Message
from emulator.runtime.reports.overview import overview_of
from emulator.runtime.reports.overview_rows import to_plain
from emulator.runtime.reports.service_details import service_details
from emulator.runtime.state.observed import observe


def status(supervisor: Supervisor, log_folder: Path, traces: LateTraces, *, details: bool) -> Message:
    """Tasks and targets as the agent sees them; with `details` those of services too."""
    found = {**supervisor.status(), "log_store_full": is_full(log_folder), "lost_traces": traces.lost()}
    if details:
        found["details"] = service_details(supervisor.scheduler.state)
    return found


def overview(supervisor: Supervisor, log_folder: Path, traces: LateTraces) -> Message:
    """What `ps` shows."""
    names = supervisor.scheduler.names
    found = status(supervisor, log_folder, traces, details=True)
    return to_plain(overview_of(observe(supervisor.engine, names), found, names, supervised=True))
