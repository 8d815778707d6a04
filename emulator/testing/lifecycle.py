"""How an environment for a test comes up, is cleaned up, and is known by."""

from __future__ import annotations

import contextlib
import random
import ssl
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from emulator.app.selection import Selection
from emulator.app.up_request import UpOptions, up_request
from emulator.engine.connect import connect
from emulator.engine.interface import Engine
from emulator.errors import CopilotLocalError, InputError, PortInUse
from emulator.events import Emit, Event, EventKind, discard
from emulator.frontdoor.balancers import Balancer
from emulator.runtime.control.client import Agent
from emulator.runtime.control.forward import Forwarding
from emulator.runtime.lifecycle.down import down
from emulator.runtime.lifecycle.dry_run import dry_run
from emulator.runtime.lifecycle.look import look_at_machine
from emulator.runtime.lifecycle.running import Running
from emulator.runtime.lifecycle.up import up
from emulator.runtime.listeners.free_port import is_free
from emulator.runtime.listeners.front_ports import listeners_of
from emulator.runtime.listeners.published import PublishedListener
from emulator.runtime.planning.up_request import UpRequest
from emulator.runtime.reports.overview import overview
from emulator.runtime.reports.overview_rows import ContainerRow
from emulator.runtime.secrets.sources import SecretChoice
from emulator.runtime.state.names import Names
from emulator.settings import FrontSettings, TimeSettings
from emulator.setup.docker_cli import why_not_pullable
from emulator.testing import live
from emulator.testing.arguments import known_timing, with_times
from emulator.testing.attach import running_environment
from emulator.testing.failures import died_of_itself
from emulator.testing.observation.journal import Death, Journal
from emulator.testing.observation.watcher import Watcher
from emulator.testing.owner import remove_stale, this_process

if TYPE_CHECKING:
    import httpx

PORT_ATTEMPTS = 5
NOT_UP = "use it in a `with` block, or call start()"
_UNUSED = "options of the test that differ from it are not applied; `update` (--copilot-reuse-update) applies them"


class Lifecycle:
    """Start, end, names and addresses of an environment: the part of `Environment` that is no test's verb."""

    def __init__(
        self,
        workspace: Path | str = ".",
        services: Sequence[str] = (),
        *,
        app: str | None = None,
        environment: str | None = None,
        instance: str | None = None,
        variables: Mapping[str, str] | None = None,
        env_file: Path | str | None = None,
        images: Mapping[str, str] | None = None,
        time: Mapping[str, int] | None = None,
        port: int | None = None,
        timing: str = "local",
        stop_timeout: int = 2,
        credentials: str | None = None,
        secrets: str | None = None,
        logs: Sequence[str] = (),
        jobs: bool | None = None,
        reuse: bool = False,
        update: bool = False,
        emit: Emit = discard,
    ) -> None:
        self._selection = Selection(
            app,
            environment,
            tuple(services),
            Path(env_file) if env_file else None,
            start=Path(workspace),
            variables=dict(variables or {}),
        )
        self._instance = instance
        self._images = dict(images or {})
        self._time = dict(time or {})
        self._port = port
        self._timing = known_timing(timing)
        self._stop_timeout = stop_timeout
        self._credentials = credentials
        self._secrets = secrets
        self._logs = tuple(logs)
        self._jobs = jobs
        self._reuse = reuse
        self._update = update
        self._names: Names | None = None
        self._emit_further = emit
        self._journal = Journal()
        self._engine: Engine | None = None
        self._request: UpRequest | None = None
        self._running: Running | None = None
        self._forwarding: Forwarding | None = None
        self._watcher: Watcher | None = None
        self._cancelled = threading.Event()
        self.plan = ""
        """What `up` had to do, as `up --dry-run` prints it."""

    # life

    def start(self) -> Self:
        """Brings everything up and waits until it is healthy.

        Raises the `CopilotLocalError` that says what failed, and leaves nothing behind then.
        """
        if self._running is not None:
            return self
        engine = self._engine = connect()
        live.add(self)
        try:
            joins = self._reuse and not self._update
            running = running_environment(engine, self._selection, self._instance) if joins else None
            if running is None:
                request = self._request = self._make_request(engine)
                watcher = self._watch(engine, request.environment)
                self.plan = str(dry_run(engine, request)) or "nothing to do"
                running = self._up_on_a_free_port(engine, request)
                running.hand_over()
            else:
                watcher = self._watch(engine, running.environment)
                self.plan = "nothing to do"
                self._emit(Event(EventKind.INFO, running.environment.app, f"joined as it runs: {_UNUSED}"))
            self._running = running
            if engine.info().elsewhere:  # its ports are to answer on this machine too
                self._forwarding = Forwarding(engine, self.names, self._emit).start()
        except BaseException:
            with contextlib.suppress(CopilotLocalError):
                self.stop()  # `up` cleans up after itself; who is interrupted after it has not
            raise
        watcher.judging = True
        return self

    def _watch(self, engine: Engine, names: Names) -> Watcher:
        self._names = names
        watcher = self._watcher = Watcher(engine, names, self._journal, self._died)
        watcher.start()
        return watcher

    def stop(self) -> None:
        """Takes everything down, data included; with `reuse` leaves it running. Raises `EngineError`."""
        live.remove(self)
        for name in ("http", "internal_http"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()
        if self._watcher is not None:
            self._watcher.close()
        if self._forwarding is not None:
            self._forwarding.close()
            self._forwarding = None
        engine, self._engine = self._engine, None
        self._running = self._watcher = None
        if engine is not None:
            with contextlib.closing(engine):
                if (request := self._request) is not None and not self._reuse:
                    down(
                        engine,
                        self.names,
                        self._emit,
                        volumes=True,
                        timeout=self._stop_timeout,
                        agent_image=lambda: request.support.agent(engine),
                    )

    def cancel(self) -> None:
        """Ends a `start` in another thread, which then raises `Cancelled` and leaves nothing behind."""
        self._cancelled.set()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *ending: object) -> None:
        self.stop()

    def _up_on_a_free_port(self, engine: Engine, request: UpRequest) -> Running:
        """Not on 8080 and those above it, which people expect their own environment on."""
        for attempt in range(PORT_ATTEMPTS):
            own_port = self._port is None and not self._reuse
            if own_port:
                request = replace(request, port=_free_port(), https_port=_free_port(), internal_port=_free_port())
            try:
                return up(engine, request, self._emit, cancelled=self._cancelled)
            except PortInUse:
                if not own_port or attempt == PORT_ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def _make_request(self, engine: Engine, *services: str) -> UpRequest:
        """What `up` needs to know, of these services or those that the environment was made for."""
        request = up_request(
            replace(self._selection, services=services) if services else self._selection,
            self._emit,
            UpOptions(
                replacements=self._images,
                port=self._port,
                timing=self._timing,
                wait=True,
                credentials=self._credentials,
                logs=self._logs,
                jobs=None if services else self._jobs,
                secrets=SecretChoice(self._secrets),
            ),
            look=lambda request, found: look_at_machine(engine, request, found, why_not_pullable),
        )
        if self._time:
            request = replace(request, settings=with_times(request.settings, self._time))
        if self._reuse:
            names = replace(request.environment, app=self._instance or request.environment.app)
        elif self._names is not None:
            names = self._names
        else:
            remove_stale(engine, self._emit)
            # The port in the settings is that of the environment that people have.
            request = replace(request, settings=request.settings.model_copy(update={"front": FrontSettings()}))
            instance = self._instance or f"{request.environment.app}-{uuid.uuid4().hex[:8]}"
            names = replace(request.environment, app=instance, owner=str(this_process()))
        return replace(request, environment=names)

    # what it is

    @property
    def names(self) -> Names:
        """The names of its objects in Docker; `copilot-local ps -a NAMES.app -e NAMES.environment` shows them."""
        if self._names is None:
            raise InputError("the environment is not up", hint=NOT_UP)
        return self._names

    @property
    def title(self) -> str:
        """Its name for reports, also where it did not come up."""
        names = self._names
        return f"{names.app}/{names.environment}" if names else str(self._selection.start)

    @property
    def url(self) -> str:
        """Where the load balancer answers: over HTTPS where it does, since plain HTTP is then mostly redirected. Raises
        `InputError` where nothing is routed."""
        return self._url(Balancer.PUBLIC) or self.internal_url

    @property
    def internal_url(self) -> str:
        """Where the internal load balancer answers, which Backend Services are behind. Raises `InputError` where
        nothing is."""
        if url := self._url(Balancer.INTERNAL):
            return url
        if self._url(Balancer.PUBLIC):
            hint = "Backend Services with `http` are"
            raise InputError("no service here is behind the internal load balancer", hint=hint)
        raise InputError("no service here has a load balancer", hint="give one an `http` section")

    @cached_property
    def http(self) -> httpx.Client:
        """An HTTP client for the load balancer: `environment.http.get("/api/x")`."""
        return self._client(self.url)

    @cached_property
    def internal_http(self) -> httpx.Client:
        """An HTTP client for the internal load balancer: `environment.internal_http.get("/api/x")`. `Host` chooses
        where several services are behind it: `headers={"Host": "api.test.shop.internal"}`."""
        return self._client(self.internal_url)

    def _client(self, url: str) -> httpx.Client:
        try:
            import httpx
        except ImportError:
            raise InputError("httpx is not installed", hint="pip install httpx") from None
        return httpx.Client(base_url=url, timeout=30, verify=self.trust)

    def _url(self, balancer: Balancer) -> str | None:
        found = [one for one in self.listeners if not one.service and one.load_balancer == balancer]
        return next((one.url for one in sorted(found, key=lambda one: one.protocol != "HTTPS")), None)

    @property
    def trust(self) -> ssl.SSLContext:
        """An SSL context that accepts the load balancer's certificate, and no other of this machine."""
        if self._up.state.https_port or self._up.state.internal_https_port:
            from emulator.setup.authority import ensure_authority

            return ssl.create_default_context(cafile=ensure_authority().path)
        return ssl.create_default_context()

    @property
    def listeners(self) -> list[PublishedListener]:
        """Where the load balancers answer on this machine: HTTP, HTTPS, and what network load balancers listen on."""
        return listeners_of(self._up.state)

    @property
    def services(self) -> tuple[str, ...]:
        """The services that run, by name."""
        return tuple(self._up.state.services)

    @property
    def containers(self) -> tuple[ContainerRow, ...]:
        """The containers of all tasks as they are now, stopped ones too, without those that are not the manifest's."""
        rows = overview(self.engine, self.names).containers
        return tuple(row for row in rows if row.service and row.name != "pause")

    @property
    def events(self) -> list[Event]:
        """What happened so far: the steps of `up`, and starts, ends and health of containers."""
        return [event for _, event in self._journal.events()]

    @property
    def journal(self) -> Journal:
        """Everything that was printed and that happened."""
        return self._journal

    @property
    def engine(self) -> Engine:
        """The connection to Docker."""
        if self._engine is None:
            raise InputError("the environment is not up", hint=NOT_UP)
        return self._engine

    @property
    def agent(self) -> Agent:
        """The local ECS agent: task descriptions, task events, stopping a task."""
        return Agent(self.engine, self.names)

    @property
    def _up(self) -> Running:
        if self._running is None:
            raise InputError("the environment is not up", hint=NOT_UP)
        return self._running

    @property
    def _wait_timeout(self) -> float:
        """Seconds that `wait_healthy` waits, unless told otherwise."""
        return (self._request.settings.time if self._request is not None else TimeSettings()).wait_timeout

    def check(self) -> None:
        """Raises `ContainerFailed` if an essential container died by itself and that was not reported yet.

        Does not wait: Docker may report a death up to some seconds after it happened.
        """
        deaths = self._journal.take_unreported()
        if deaths:
            raise died_of_itself(deaths[0])

    def _emit(self, event: Event) -> None:
        if event.kind is not EventKind.LOG:
            self._journal.add_event(event)
        self._emit_further(event)

    def _died(self, death: Death) -> None:
        live.died(self, death)


def _free_port() -> int:
    """A free port, below those that the system hands out to clients."""
    while True:
        port = random.randint(20_000, 32_000)
        if is_free(port):
            return port
