"""One service of an environment: the environment's verbs without having to name the service each time."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from emulator.app.tracing.tracer import REQUEST_TIMEOUT, Traced
from emulator.frontdoor.routing.explain import Explanation
from emulator.runtime.reports.overview_rows import ContainerRow
from emulator.testing.observation.journal import LogLine, Mark
from emulator.testing.observation.records import RoutedRecord
from emulator.testing.results import CommandResult

if TYPE_CHECKING:
    import httpx

    from emulator.testing.environment import Environment


class ServiceHandle:
    """One service of an environment: the verbs of `Environment`, with the same errors, for this service.

    `container` is a container of the service by its name in the manifest; None is the main one (for `logs` all).
    """

    def __init__(self, environment: Environment, name: str) -> None:
        self.environment = environment
        self.name = name

    @property
    def url(self) -> str:
        """As `Environment.url`."""
        return self.environment.url

    @property
    def http(self) -> httpx.Client:
        """As `Environment.http`."""
        return self.environment.http

    @property
    def containers(self) -> tuple[ContainerRow, ...]:
        """The containers of this service's tasks as they are now, stopped ones included."""
        return tuple(row for row in self.environment.containers if row.service == self.name)

    def logs(self, container: str | None = None, *, since: int = 0) -> list[LogLine]:
        """As `Environment.logs`."""
        lines = self.environment.logs(self._named(container) if container else None, since=since)
        return [line for line in lines if line.service == self.name]

    def wait_for_log(
        self, pattern: str | re.Pattern[str], timeout: float = 30, *, container: str | None = None, since: int = 0
    ) -> LogLine:
        """As `Environment.wait_for_log`; `container` None is the main one."""
        return self.environment.wait_for_log(pattern, timeout, container=self._named(container), since=since)

    def routed_logs(self, *, join: bool = False, since: Mark | None = None) -> list[RoutedRecord]:
        """As `Environment.routed_logs`."""
        return self.environment.routed_logs(self.name, join=join, since=since)

    def wait_for_routed_log(
        self, pattern: str | re.Pattern[str], timeout: float = 30, *, join: bool = False, since: Mark | None = None
    ) -> RoutedRecord:
        """As `Environment.wait_for_routed_log`."""
        return self.environment.wait_for_routed_log(pattern, timeout, service=self.name, join=join, since=since)

    def wait_healthy(self, timeout: float | None = None) -> None:
        """Waits for the whole environment, not for this service alone."""
        self.environment.wait_healthy(timeout)

    def exec(self, command: str | Sequence[str], *, container: str | None = None, timeout: float = 30) -> CommandResult:
        """As `Environment.exec`."""
        return self.environment.exec(self._named(container), command, timeout=timeout)

    def route(self, method: str, url: str, headers: Mapping[str, str] | None = None) -> Explanation:
        """As `Environment.route`."""
        return self.environment.route(method, url, headers)

    def trace(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        *,
        timeout: float = REQUEST_TIMEOUT,
        secrets: bool = False,
    ) -> Traced:
        """As `Environment.trace`: the URL decides which service answers."""
        return self.environment.trace(method, url, headers, data, timeout=timeout, secrets=secrets)

    def kill(self, container: str | None = None, signal: str = "SIGKILL") -> None:
        """As `Environment.kill`."""
        self.environment.kill(self._named(container), signal)

    def pause_container(self, container: str | None = None) -> contextlib.AbstractContextManager[None]:
        """As `Environment.pause_container`."""
        return self.environment.pause_container(self._named(container))

    def partition(self, other: str | None = None) -> contextlib.AbstractContextManager[None]:
        """As `Environment.partition`."""
        return self.environment.partition(self.name, other)

    def slow(self, *, delay: float | None = None, rate: int | None = None) -> contextlib.AbstractContextManager[None]:
        """As `Environment.slow`."""
        return self.environment.slow(self.name, delay=delay, rate=rate)

    def fill_disk(self, path: str, *, container: str | None = None) -> contextlib.AbstractContextManager[None]:
        """As `Environment.fill_disk`."""
        return self.environment.fill_disk(self._named(container), path)

    def expect_exit(self, container: str | None = None, timeout: float = 30) -> contextlib.AbstractContextManager[None]:
        """As `Environment.expect_exit`."""
        return self.environment.expect_exit(self._named(container), timeout)

    def restart(self) -> None:
        """As `Environment.restart`."""
        self.environment.restart(self.name)

    def scale(self, count: int) -> None:
        """As `Environment.scale`."""
        self.environment.scale(self.name, count)

    def _named(self, container: str | None) -> str:
        return f"{self.name}/{container or self.name}"
