"""`Environment` for asynchronous tests: the same verbs, each awaited.

    async with AsyncEnvironment("examples/nginx-sidecar") as environment:
        answer = await environment.http.get("/api/orders")
        await environment.wait_for_log("GET /api/orders")

The work is done in threads; `environment.sync` is the synchronous one, for what does not wait.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

from emulator.frontdoor.routing.explain import Explanation
from emulator.testing.environment import Environment
from emulator.testing.observation.journal import Mark
from emulator.testing.traces import Trace

if TYPE_CHECKING:
    import httpx

P = ParamSpec("P")
T = TypeVar("T")


def _awaited(
    verb: Callable[Concatenate[Environment, P], T],
) -> Callable[Concatenate[AsyncEnvironment, P], Coroutine[Any, Any, T]]:
    """A verb that is carried out in a thread, with the same arguments."""

    @wraps(verb)
    async def awaited(self: AsyncEnvironment, /, *arguments: P.args, **options: P.kwargs) -> T:
        return await asyncio.to_thread(verb, self.sync, *arguments, **options)

    awaited.__doc__ = f"As `Environment.{verb.__name__}`."
    return awaited


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

    async def __aexit__(self, *ending: object) -> None:
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

    async def traces(self) -> list[Trace]:
        """As `Environment.traces`."""
        return await asyncio.to_thread(lambda: self.sync.traces)

    def aws(self, service: str) -> Any:
        """As `Environment.aws`: a client that blocks, for `asyncio.to_thread`."""
        return self.sync.aws(service)

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

    trace = _awaited(Environment.trace)
    logs = _awaited(Environment.logs)
    wait_for_log = _awaited(Environment.wait_for_log)
    routed_logs = _awaited(Environment.routed_logs)
    wait_for_routed_log = _awaited(Environment.wait_for_routed_log)
    spans = _awaited(Environment.spans)
    wait_for_trace = _awaited(Environment.wait_for_trace)
    wait_for_message = _awaited(Environment.wait_for_message)
    reset = _awaited(Environment.reset)
    run_job = _awaited(Environment.run_job)
    wait_healthy = _awaited(Environment.wait_healthy)
    exec = _awaited(Environment.exec)
    kill = _awaited(Environment.kill)
    restart = _awaited(Environment.restart)
    scale = _awaited(Environment.scale)


@contextlib.asynccontextmanager
async def _in_a_thread(block: contextlib.AbstractContextManager[None]) -> AsyncIterator[None]:
    """A fault that is made and mended in a thread."""
    await asyncio.to_thread(block.__enter__)
    try:
        yield
    finally:
        await asyncio.to_thread(block.__exit__, None, None, None)
