"""Traces that services sent, and Service Connect, by the functions that the commands print from."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from emulator.console.compared import compared
from emulator.console.questions import Body, services_of
from emulator.engine.interface import Engine
from emulator.errors import CopilotLocalError, InputError
from emulator.redaction import redact_forms
from emulator.runtime.control.client import agent_of
from emulator.runtime.reports.connect import connected
from emulator.runtime.reports.trace_lines import lines_of_trace
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import observe

MOST_TRACES: Final = 200


class Observations:
    """Asks one environment."""

    def __init__(self, engine: Engine, environment: Names) -> None:
        self._engine = engine
        self._names = environment

    def traces(self) -> dict[str, Any]:
        """What `traces` and `traces --map` print. Raises InputError where nothing runs."""
        agent = agent_of(self._engine, self._names)
        listed, mapped = agent.traces(limit=str(MOST_TRACES)), agent.trace_map()
        return _redacted({"traces": listed["traces"], "edges": mapped["edges"], "notes": mapped["notes"]})

    def trace(self, trace: str) -> dict[str, Any]:
        """What `traces ID` prints: the trace, its spans, the load balancer's requests, containers' lines.

        Raises InputError for an id that is none, `CopilotLocalError` where no such trace is there.
        """
        found = agent_of(self._engine, self._names).trace(trace)
        lines = []
        with contextlib.suppress(CopilotLocalError):  # the trace is there all the same
            lines = [asdict(line) for line in lines_of_trace(self._engine, self._names, found)]
        return _redacted({**found, "lines": lines})

    def deployments(self) -> dict[str, Any]:
        """What `inspect` prints: each service with its deployments. Raises InputError where nothing runs."""
        return _redacted({"services": agent_of(self._engine, self._names).services()})

    def connect(self) -> dict[str, Any]:
        """What `connect` prints. Raises InputError where nothing runs."""
        observed = observe(self._engine, self._names)
        if not observed.tasks:
            raise InputError(f"{self._names.app}/{self._names.environment} is not running")
        return _redacted(asdict(connected(self._engine, self._names, observed)))

    def compared(self, body: Body) -> dict[str, Any]:
        """What was printed beside what was routed; `services`: only these."""
        return compared(self._engine, self._names, services_of(body))


def _redacted(content: Mapping[str, Any]) -> dict[str, Any]:
    """Without what looks like a secret by its form; moments as ISO 8601."""
    found: dict[str, Any] = _plain(content)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return redact_forms(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value
