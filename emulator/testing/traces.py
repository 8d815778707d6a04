"""The verbs of `Environment` for traces: what services sent of X-Ray and OpenTelemetry."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from emulator.runtime.control.http import AgentError
from emulator.testing.failures import in_vain
from emulator.testing.local_aws import LocalAws

WAIT_FOR_TRACE = 30.0
_POLL = 0.2
_LATEST = "200"
"""Traces that are looked through while one is waited for."""
_MOST = "10000"


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace as far as it has arrived. Times in seconds."""

    id: str
    """32 hexadecimal digits."""
    name: str
    """Method and path of its first span, where that says them, else the span's name."""
    state: str
    """The worst of its spans: `ok`, `error` (4xx), `throttle` (429), `fault` (5xx) or `in progress`."""
    status: int | None
    """Of HTTP, of the first span or of the load balancer's answer."""
    time: datetime
    duration: float
    services: list[str]
    """In the order in which they were called."""
    spans: int
    lost_when_deployed: bool
    """Some of it would not arrive when deployed: `copilot-local traces` says why."""
    request: Mapping[str, Any] | None
    """The load balancer's request that it began with: `method`, `url`, `status`, `source_port`, and `by`, `id` or
    `port`; None where it began otherwise."""

    def __str__(self) -> str:
        return f"{self.id[:12]} {self.name}: {self.state}, {self.spans} spans of {', '.join(self.services)}"


class Traces(LocalAws):
    """What tests do with the traces of their environment."""

    @property
    def traces(self) -> list[Trace]:
        """The traces that are kept, oldest first."""
        return self._traces(_MOST)

    def spans(self, trace: Trace | str) -> list[Mapping[str, Any]]:
        """The spans of a trace, by their start: each with `name`, `service`, `parent`, `start`, `end`, `status`,
        `state` and `detail`. Raises `AgentError` where there is no such trace."""
        found: list[Mapping[str, Any]] = self.agent.trace(trace.id if isinstance(trace, Trace) else trace)["spans"]
        return found

    def wait_for_trace(
        self,
        id: str | None = None,
        timeout: float = WAIT_FOR_TRACE,
        *,
        service: str | None = None,
        services: Sequence[str] = (),
        name: str | re.Pattern[str] | None = None,
        state: str | None = None,
        spans: int = 1,
    ) -> Trace:
        """Returns the newest trace that fits, once it has as many spans; waits up to `timeout` seconds.

        `id` is its id in either form, or the header that holds it; `service` one that it has a span of, `services` all
        of them; `name` a regular expression that is found in the name of one of its spans or in its own. Raises
        `TaskError` with the last traces after the timeout, and `ContainerFailed` as soon as an essential container
        dies.
        """
        digits = _digits(id) if id is not None else ""
        wanted = {*services, *([service] if service else [])}
        deadline = time.monotonic() + timeout
        while True:
            found = self._traces(_LATEST) if id is None else self._of_id(digits)
            for one in reversed(found):
                fits = wanted <= {*one.services} and state in (None, one.state)
                if fits and one.spans >= spans and (name is None or self._has_name(one, name)):
                    return one
            self.check()
            if time.monotonic() > deadline:
                raise in_vain("no such trace", timeout, [str(one) for one in found])
            time.sleep(_POLL)

    def _traces(self, number: str) -> list[Trace]:
        return [_trace(one) for one in reversed(self.agent.traces(limit=number)["traces"])]

    def _of_id(self, digits: str) -> list[Trace]:
        """The trace of that id; none where it has not arrived."""
        try:
            return [_trace(self.agent.trace(digits)["trace"])]
        except AgentError:
            return []

    def _has_name(self, trace: Trace, name: str | re.Pattern[str]) -> bool:
        expression = re.compile(name)
        if expression.search(trace.name):
            return True
        from emulator.traces.screens import spans_of
        from emulator.traces.views import title

        spans = spans_of({"spans": self.spans(trace)})
        return any(expression.search(one.name) or expression.search(title(one)) for one in spans)


def _digits(text: str) -> str:
    """The digits of an id in either form, or of a header `Root=…`."""
    found = text.partition("Root=")[2].partition(";")[0] if "Root=" in text else text
    return found.lower().removeprefix("1-").replace("-", "")


def _trace(message: Mapping[str, Any]) -> Trace:
    said = {one.name: message[one.name] for one in fields(Trace)}
    return Trace(**{**said, "time": datetime.fromtimestamp(message["time"], UTC)})
