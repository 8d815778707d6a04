"""`Environment` for asynchronous tests: the same verbs, each awaited.

    async with AsyncEnvironment("examples/nginx-sidecar") as environment:
        answer = await environment.http.get("/api/orders")
        await environment.wait_for_log("GET /api/orders")

The work is done in threads; `environment.sync` is the synchronous one, for what does not wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from emulator.app.tracing.tracer import REQUEST_TIMEOUT, Traced
from emulator.frontdoor.routing.explain import Explanation
from emulator.testing.environment import WAIT_FOR_JOB, WAIT_FOR_LOG, Environment
from emulator.testing.local_aws import WAIT_FOR_MESSAGE, Match
from emulator.testing.observation.journal import LogLine, Mark
from emulator.testing.observation.records import RoutedRecord
from emulator.testing.results import CommandResult, JobResult, QueueMessage
from emulator.testing.traces import WAIT_FOR_TRACE, Trace

if TYPE_CHECKING:
    import httpx


class AsyncEnvironment:
    """An environment for `async with`: takes the arguments of `Environment`, has its verbs, and raises its errors."""

    def __init__(self, workspace: Path | str = ".", services: Sequence[str] = (), **options: Any) -> None:
        self.sync = Environment(workspace, services, **options)

    async def start(self) -> Self:
        """As `Environment.start`. Where the calling task is cancelled meanwhile, nothing is left behind."""
        starting = asyncio.create_task(asyncio.to_thread(self.sync.start))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            self.sync.cancel()
            with contextlib.suppress(Exception):
                await starting
            await asyncio.to_thread(self.sync.stop)
            raise
        return self

    async def stop(self) -> None:
        """As `Environment.stop`; closes the HTTP clients too."""
        for name in ("http", "internal_http"):
            if name in self.__dict__:
                await self.__dict__[name].aclose()
        await asyncio.to_thread(self.sync.stop)

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        """As `Environment.url`."""
        return self.sync.url

    @cached_property
    def http(self) -> httpx.AsyncClient:
        """An HTTP client for the load balancer."""
        import httpx

        return httpx.AsyncClient(base_url=self.url, timeout=30, verify=self.sync.trust)

    @property
    def internal_url(self) -> str:
        """As `Environment.internal_url`."""
        return self.sync.internal_url

    @cached_property
    def internal_http(self) -> httpx.AsyncClient:
        """An HTTP client for the internal load balancer."""
        import httpx

        return httpx.AsyncClient(base_url=self.internal_url, timeout=30, verify=self.sync.trust)

    def mark(self) -> Mark:
        """As `Environment.mark`."""
        return self.sync.mark()

    def route(self, method: str, url: str, headers: Mapping[str, str] | None = None) -> Explanation:
        """As `Environment.route`."""
        return self.sync.route(method, url, headers)

    async def trace(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        *,
        timeout: float = REQUEST_TIMEOUT,
        secrets: bool = False,
    ) -> Traced:
        """As `Environment.trace`."""
        return await asyncio.to_thread(self.sync.trace, method, url, headers, data, timeout=timeout, secrets=secrets)

    async def logs(self, container: str | None = None, *, since: int = 0) -> list[LogLine]:
        """As `Environment.logs`."""
        return await asyncio.to_thread(self.sync.logs, container, since=since)

    async def wait_for_log(
        self,
        pattern: str | re.Pattern[str],
        timeout: float = WAIT_FOR_LOG,
        *,
        container: str | None = None,
        since: int = 0,
    ) -> LogLine:
        """As `Environment.wait_for_log`."""
        return await asyncio.to_thread(self.sync.wait_for_log, pattern, timeout, container=container, since=since)

    async def routed_logs(
        self, service: str | None = None, *, join: bool = False, since: Mark | None = None
    ) -> list[RoutedRecord]:
        """As `Environment.routed_logs`."""
        return await asyncio.to_thread(self.sync.routed_logs, service, join=join, since=since)

    async def wait_for_routed_log(
        self,
        pattern: str | re.Pattern[str],
        timeout: float = WAIT_FOR_LOG,
        *,
        service: str | None = None,
        join: bool = False,
        since: Mark | None = None,
    ) -> RoutedRecord:
        """As `Environment.wait_for_routed_log`."""
        return await asyncio.to_thread(
            self.sync.wait_for_routed_log, pattern, timeout, service=service, join=join, since=since
        )

    async def traces(self) -> list[Trace]:
        """As `Environment.traces`."""
        return await asyncio.to_thread(lambda: self.sync.traces)

    async def spans(self, trace: Trace | str) -> list[Mapping[str, Any]]:
        """As `Environment.spans`."""
        return await asyncio.to_thread(self.sync.spans, trace)

    async def wait_for_trace(
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
        """As `Environment.wait_for_trace`."""
        return await asyncio.to_thread(
            self.sync.wait_for_trace,
            id,
            timeout,
            service=service,
            services=services,
            name=name,
            state=state,
            spans=spans,
        )

    def aws(self, service: str) -> Any:
        """As `Environment.aws`: a client that blocks, for `asyncio.to_thread`."""
        return self.sync.aws(service)

    async def wait_for_message(
        self, queue: str, match: Match | None = None, timeout: float = WAIT_FOR_MESSAGE, *, dead: bool = False
    ) -> QueueMessage:
        """As `Environment.wait_for_message`."""
        return await asyncio.to_thread(self.sync.wait_for_message, queue, match, timeout, dead=dead)

    async def reset(self) -> None:
        """As `Environment.reset`."""
        await asyncio.to_thread(self.sync.reset)

    async def run_job(self, job: str, *, timeout: float = WAIT_FOR_JOB) -> JobResult:
        """As `Environment.run_job`."""
        return await asyncio.to_thread(self.sync.run_job, job, timeout=timeout)

    async def wait_healthy(self, timeout: float | None = None) -> None:
        """As `Environment.wait_healthy`."""
        await asyncio.to_thread(self.sync.wait_healthy, timeout)

    @contextlib.asynccontextmanager
    async def expect_exit(self, container: str, timeout: float = 30) -> AsyncIterator[None]:
        """As `Environment.expect_exit`."""
        expected = self.sync.expect_exit(container, timeout)
        await asyncio.to_thread(expected.__enter__)
        try:
            yield
        except BaseException as error:
            expected.__exit__(type(error), error, error.__traceback__)
            raise
        await asyncio.to_thread(expected.__exit__, None, None, None)

    async def exec(self, container: str, command: str | Sequence[str], *, timeout: float = 30) -> CommandResult:
        """As `Environment.exec`."""
        return await asyncio.to_thread(self.sync.exec, container, command, timeout=timeout)

    async def kill(self, container: str, signal: str = "SIGKILL") -> None:
        """As `Environment.kill`."""
        await asyncio.to_thread(self.sync.kill, container, signal)

    def pause_container(self, container: str) -> contextlib.AbstractAsyncContextManager[None]:
        """As `Environment.pause_container`."""
        return _in_a_thread(self.sync.pause_container(container))

    def partition(self, service: str, other: str | None = None) -> contextlib.AbstractAsyncContextManager[None]:
        """As `Environment.partition`."""
        return _in_a_thread(self.sync.partition(service, other))

    def slow(
        self, service: str, *, delay: float | None = None, rate: int | None = None
    ) -> contextlib.AbstractAsyncContextManager[None]:
        """As `Environment.slow`."""
        return _in_a_thread(self.sync.slow(service, delay=delay, rate=rate))

    def fill_disk(self, container: str, path: str) -> contextlib.AbstractAsyncContextManager[None]:
        """As `Environment.fill_disk`."""
        return _in_a_thread(self.sync.fill_disk(container, path))

    async def restart(self, *services: str) -> None:
        """As `Environment.restart`."""
        await asyncio.to_thread(self.sync.restart, *services)

    async def scale(self, service: str, count: int) -> None:
        """As `Environment.scale`."""
        await asyncio.to_thread(self.sync.scale, service, count)


@contextlib.asynccontextmanager
async def _in_a_thread(block: contextlib.AbstractContextManager[None]) -> AsyncIterator[None]:
    """A fault that is made and mended in a thread."""
    await asyncio.to_thread(block.__enter__)
    try:
        yield
    finally:
        await asyncio.to_thread(block.__exit__, None, None, None)
