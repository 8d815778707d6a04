"""Brings an environment up, and stays with it where asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from emulator.ecs.service import Service
from emulator.engine.interface import ContainerSpec, ContainerState, Engine, File
from emulator.errors import (
    Conflict,
    ContainerFailed,
    CopilotLocalError,
    EngineError,
    EnvironmentBusy,
    ImageError,
    InputError,
    PortInUse,
    TaskError,
)
from emulator.events import Emit, Event, EventKind, discard
from emulator.runtime import names
from emulator.runtime.agent_spec import STATE_FILE, STATE_FOLDER, agent_spec
from emulator.runtime.control import Agent, AgentBusy, AgentError, Lease
from emulator.runtime.debugging import debugged
from emulator.runtime.desired import DesiredService, DesiredState, Private
from emulator.runtime.down import down, remove_all
from emulator.runtime.executor import Cancelled, Executor
from emulator.runtime.failed import container_failed
from emulator.runtime.firelens import check_destinations, uses_local_aws
from emulator.runtime.front import FrontControl, front_spec
from emulator.runtime.front_ports import AskedPorts, listeners_of, with_ports
from emulator.runtime.images import own_regions, resolver_of
from emulator.runtime.join import AGENT_PATIENCE, agent_failed, join
from emulator.runtime.names import Names, Role
from emulator.runtime.observed import Observed, observe
from emulator.runtime.plan import Plan
from emulator.runtime.reconcile import reconcile
from emulator.runtime.restart import may_restart
from emulator.runtime.router_files import RouterImage, read_router_image
from emulator.runtime.running import Running, check_front, wait_healthy
from emulator.runtime.secrets.logins import RegistryLogins
from emulator.runtime.supported import refuse_unsupported
from emulator.runtime.task_specs import task_factory, unresolved
from emulator.runtime.turn import Turns
from emulator.settings import Debugging, LocalOptions, Settings

REMOVAL = 0.3
STOPPED_AGENT = 3.0
"""Seconds for an agent that has stopped to be removed, or started again, after an error."""


@dataclass(frozen=True, slots=True)
class SupportImages:
    """References of the images that are ours: `[substitute]` applies to them too; the agent's is built beforehand."""

    pause: str
    front: str
    agent: Callable[[Engine], str]
    aws: Callable[[], str] | None = None
    """The local AWS endpoint's, asked for only where one is needed."""


@dataclass(frozen=True, slots=True)
class UpRequest:
    """What `up` is asked to run. `replacements` are `--image` options, `port` and `https_port` are host ports of
    the front."""

    environment: Names
    services: Sequence[Service]
    settings: Settings
    workspace: Path
    support: SupportImages
    private: Private = field(default_factory=Private)
    logins: RegistryLogins = field(default_factory=RegistryLogins)
    """Of the registries that images are pulled from; never handed to the agent."""
    replacements: Mapping[str, str] = field(default_factory=dict)
    debug: Mapping[str, Debugging] = field(default_factory=dict)
    """Containers that a debugger is attached to."""
    port: int | None = None
    https_port: int | None = None
    region: str = "us-east-1"
    timing: str = "local"
    wait: bool = False
    retain: bool = False
    foreground: bool = False
    """Whoever asks stays with it: an essential container that exits ends the command, and is no failed start."""


def dry_run(engine: Engine, request: UpRequest) -> Plan:
    """The plan that `up` would carry out, without building, pulling or making anything."""
    _refuse_unsupported(request, discard)
    _refuse_unresolved(request)
    observed = observe(engine, request.environment)
    resolver = resolver_of(engine, request, discard)
    resolver.check_replacements(request.services)
    images = {
        service.name: {c.name: resolver.known(service, c) for c in service.task_definition.container_definitions}
        for service in request.services
    }
    pause, front = (resolver.known_local(image) for image in (request.support.pause, request.support.front))
    desired = _desired(request, images, {}, pause, front, "copilot-local/agent")
    state = with_ports(desired, asked_ports(request), observed, frozenset())
    state.aws_image = "copilot-local/aws"
    factory = task_factory(state, request.private, engine)
    network = request.environment.network in engine.list_networks(request.environment.labels())
    return reconcile(factory, observed, front_spec(state), network_exists=network).plan


def up(
    engine: Engine,
    request: UpRequest,
    emit: Emit,
    *,
    cancelled: threading.Event | None = None,
    on_started: Callable[[ContainerSpec], None] | None = None,
    before_remove: Callable[[str], None] | None = None,
    agent_patience: float = AGENT_PATIENCE,
) -> Running:
    """Makes an environment run what is asked for and returns it, still in charge of it.

    Builds and pulls first, so that a broken image leaves nothing behind. What was made is removed again if something
    fails, unless `retain`: then it stays as it is, without an agent that would replace it. `agent_patience` is how many
    seconds the agent may take to answer. Raises the `CopilotLocalError` that says what.
    """
    cancelled = cancelled or threading.Event()
    _refuse_unsupported(request, emit)
    prepared = prepare(engine, request, emit, cancelled=cancelled)
    if cancelled.is_set():
        raise Cancelled
    taken: set[int] = set()
    turns = Turns(engine, request.environment, emit, cancelled)
    lost = False
    while True:
        observed = turns.observe()
        state = with_ports(prepared, asked_ports(request), observed, frozenset(taken))
        if observed.agent is not None and observed.agent.state is ContainerState.RUNNING:
            heard: list[Event] = []

            def hear(event: Event, heard: list[Event] = heard) -> None:
                heard.append(event)
                emit(event)

            try:
                join(engine, request.environment, observed.agent, state, request.private, hear)
            except AgentBusy:
                turns.pass_by(observed.agent)
                continue
            except (AgentError, EngineError):
                now = observe(engine, request.environment).agent
                if heard or (now is not None and now.id == observed.agent.id):
                    raise
                continue  # who was bringing it up took it back before it answered
            running = Running(engine, request.environment, state, None, fresh=False)
            if request.wait:
                wait_healthy(running, cancelled, request.settings.time.wait_timeout)
            return running
        try:
            hooks = (on_started, before_remove)
            return _Bringup(engine, request, state, observed, emit, cancelled, *hooks, agent_patience).run()
        except EnvironmentBusy:
            # Somebody was faster. Twice, with nothing to be seen of it: it is none of ours that has the name.
            if lost and observe(engine, request.environment).agent is None:
                raise
            lost = True
        except PortInUse as error:
            # Somebody was faster; with a port that nobody asked for, the next one will do.
            mine = {listener.host_port for listener in listeners_of(state)} - asked_ports(request).values()
            ours = mine if error.port is None else mine & {error.port}
            if not ours or request.retain:
                raise
            taken |= ours


def prepare(
    engine: Engine,
    request: UpRequest,
    emit: Emit,
    *,
    with_front: bool = True,
    cancelled: threading.Event | None = None,
) -> DesiredState:
    """What should run, with every image built or pulled; host ports are still to be chosen (0).

    Builds and pulls end when it is `cancelled`; raises `Cancelled` then.
    """
    _refuse_unresolved(request)
    engine.info()
    cancelled = cancelled or threading.Event()
    try:
        return _prepare(engine, request, emit, with_front, cancelled)
    except ImageError:
        if cancelled.is_set():
            raise Cancelled from None
        raise


def _prepare(
    engine: Engine, request: UpRequest, emit: Emit, with_front: bool, cancelled: threading.Event
) -> DesiredState:
    resolver = resolver_of(engine, request, emit, cancelled)
    resolver.require_logins(request.services)
    with ThreadPoolExecutor(4, thread_name_prefix="images") as pool:
        agent_image = pool.submit(request.support.agent, engine)
        pause_image = pool.submit(resolver.local, request.support.pause)
        front_image = pool.submit(resolver.local, request.support.front) if with_front else None
        images = resolver.resolve(request.services)
        state = _desired(
            request,
            images,
            {service.name: _router_image(engine, request, service, images) for service in request.services},
            pause_image.result(),
            front_image.result() if front_image else "",
            agent_image.result(),
            emit,
        )
    for name, desired in state.services.items():
        desired.options.own_region = own_regions(engine, images[name])
    check_destinations(state, emit)
    if request.support.aws is not None and any(uses_local_aws(desired) for desired in state.services.values()):
        state.aws_image = request.support.aws()
    return state


class _Bringup:
    """Bringing up an environment that has no agent."""

    def __init__(
        self,
        engine: Engine,
        request: UpRequest,
        state: DesiredState,
        observed: Observed,
        emit: Emit,
        cancelled: threading.Event,
        on_started: Callable[[ContainerSpec], None] | None,
        before_remove: Callable[[str], None] | None,
        agent_patience: float,
    ) -> None:
        self.engine = engine
        self.request = request
        self.names = request.environment
        self.state = state
        self.observed = observed
        self.emit = emit
        self.cancelled = cancelled
        self.on_started = on_started
        self.before_remove = before_remove
        self.agent_patience = agent_patience
        self.existing_volumes = frozenset(engine.list_volumes(self.names.labels()))

    def run(self) -> Running:
        lease: Future[Lease] | None = None
        lock = ""
        pool = ThreadPoolExecutor(1, thread_name_prefix="agent")
        try:
            lock = self._lock()
            lease = pool.submit(self._start_agent, lock)
            self._execute()
            running = Running(self.engine, self.names, self.state, self._answer(lease), fresh=True)
            self._check_alive()
            if self.request.wait:
                wait_healthy(running, self.cancelled, self.request.settings.time.wait_timeout)
            return running
        except EnvironmentBusy:
            raise  # nothing of what is there is ours
        except BaseException as error:
            holder = self._holder(lock, error)
            if holder in ("", lock):
                self._clean_up()
            if holder != lock and isinstance(error, CopilotLocalError):
                raise TaskError(
                    f"{self.names.app}/{self.names.environment} was taken down by another command while it came up",
                    hint="run `copilot-local up` again",
                ) from error
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _holder(self, lock: str, error: BaseException) -> str:
        """The id of the environment's agent after an error: ours (`lock`, also where Docker does not say), that of
        somebody who came after us, or "" where it is gone."""
        ends = time.monotonic()
        if isinstance(error, EngineError | ContainerFailed):
            ends += REMOVAL  # what is being removed stops first: that is heard before it is gone from the listing
        while lock:
            try:
                agent = observe(self.engine, self.names).agent
            except CopilotLocalError:
                break
            if agent is None or agent.id != lock:
                return agent.id if agent is not None else ""
            lasts = 0.0 if agent.state in (ContainerState.CREATED, ContainerState.RUNNING) else STOPPED_AGENT
            if time.monotonic() > ends + lasts:
                break
            time.sleep(0.05)
        return lock

    def _lock(self) -> str:
        """Creates network, volumes and the agent; the agent's name is the environment's lock."""
        labels = self.names.labels
        if self.observed.agent is not None:
            self.engine.remove(self.observed.agent.id)  # dead: its name is no lock any more
        data = {**labels(Role.VOLUME), names.DATA: "logs"}
        with ThreadPoolExecutor(4) as pool:
            network = pool.submit(self.engine.ensure_network, self.names.network, labels(Role.NETWORK))
            volumes = [
                pool.submit(self.engine.ensure_volume, self.names.state_volume, labels(Role.VOLUME)),
                pool.submit(self.engine.ensure_volume, self.names.front_volume, labels(Role.VOLUME)),
                pool.submit(self.engine.ensure_volume, self.names.log_volume, data),
            ]
            network.result()
            for volume in volumes:
                volume.result()
        try:
            return self.engine.create_container(agent_spec(self.engine, self.names, self.state))
        except Conflict:
            raise EnvironmentBusy(
                f"another copilot-local command is bringing up {self.names.app}/{self.names.environment}",
                hint="wait for it, or run `copilot-local down`",
            ) from None

    def _start_agent(self, agent: str) -> Lease:
        self.engine.put_files(agent, STATE_FOLDER, [File(STATE_FILE, self.state.model_dump_json().encode())])
        self.engine.start(agent)
        try:
            return Agent(self.engine, self.names).hold(self.request.private, stays=self.request.foreground)
        except EngineError as error:
            raise agent_failed(self.engine, self.names, error.message) from error

    def _answer(self, lease: Future[Lease]) -> Lease:
        """What the agent answers, which it should have done by now."""
        try:
            return lease.result(self.agent_patience)
        except TimeoutError:
            raise agent_failed(self.engine, self.names, f"no answer within {self.agent_patience:g} s") from None

    def _execute(self) -> None:
        factory = task_factory(self.state, self.request.private, self.engine)
        result = reconcile(factory, self.observed, front_spec(self.state), network_exists=True)
        front = FrontControl(self.names)
        front.use(self.state, self.request.private.certificates)
        executor = Executor(
            self.engine,
            self.names,
            front,
            self.emit,
            cancelled=self.cancelled,
            on_started=self.on_started,
            drain_image=self.state.agent_image,
        )
        executor.run(result.plan)

    def _check_alive(self) -> None:
        """An essential container that exited at once is a failed start, not a running task."""
        observed = observe(self.engine, self.names)
        check_front(self.engine, observed)
        if self.request.foreground:
            return  # whoever stays sees it exit, and shows what it printed
        for task in observed.tasks.values():
            for member in task.members.values():
                if member.essential and member.started and not member.running and not may_restart(member):
                    raise container_failed(
                        self.engine, member, "an essential container of the task has to keep running"
                    )

    def _clean_up(self) -> None:
        """After a failure, of which whoever asked hears whatever happens here: removes what was made, or retains it."""
        try:
            if self.request.retain:
                self.engine.remove(self.names.agent)  # it would take charge, and replace what is to be looked at
                what = "kept as it is; `copilot-local down` removes it"
                self.emit(Event(EventKind.INFO, self.names.app, what))
                return
            agent = self.state.agent_image
            before_remove = self.before_remove
            down(self.engine, self.names, discard, timeout=2, before_remove=before_remove, agent_image=lambda: agent)
            remove_all(self.engine, self.names, volumes=True, keep=self.existing_volumes, drain_image=agent)
        except CopilotLocalError as error:
            what = f"not everything could be removed; `copilot-local down` tries again: {error}"
            self.emit(Event(EventKind.WARNING, self.names.app, what))


def _desired(
    request: UpRequest,
    images: Mapping[str, Mapping[str, str]],
    routers: Mapping[str, RouterImage],
    pause: str,
    front: str,
    agent: str,
    emit: Emit = discard,
) -> DesiredState:
    services = {
        service.name: DesiredService(
            service=service,
            options=LocalOptions(
                images=dict(images[service.name]),
                region=request.region,
                fidelity=request.settings.logs.fidelity,
                time=request.settings.time,
                timing="ecs" if request.timing == "ecs" else "local",
                values=dict(request.settings.values),
                log_check=request.settings.logs.check,
                log_destinations=dict(request.settings.logs.destinations),
                router_files=routers.get(service.name, RouterImage()).files,
                router_plugins=routers.get(service.name, RouterImage()).go_plugins,
                credentials=role.source if (role := request.private.task_roles.get(service.name)) else "none",
            ),
            private_names={
                container: sorted(values)
                for container, values in request.private.services.get(service.name, {}).items()
            },
        )
        for service in request.services
    }
    services = debugged(services, request.debug, emit)
    return DesiredState(
        app=request.environment.app,
        environment=request.environment.environment,
        services=services,
        front_port=0,
        pause_image=pause,
        front_image=front,
        agent_image=agent,
        log_limit=request.settings.logs.limit,
    )


def asked_ports(request: UpRequest) -> AskedPorts:
    """The host ports that options and settings ask for."""
    front = request.settings.front
    return AskedPorts(request.port or front.port, request.https_port or front.https_port, front.network_ports)


def _router_image(
    engine: Engine, request: UpRequest, service: Service, images: Mapping[str, Mapping[str, str]]
) -> RouterImage:
    router = service.task_definition.log_router
    if router is None:
        return RouterImage()
    image = images[service.name][router.name]
    sent = bool({"local-aws", "live"} & set(request.settings.logs.destinations.values()))
    position = service.positions.get("logging.configFilePath")
    return read_router_image(
        engine, request.environment, service.task_definition, image, plugins=sent, position=position
    )


def _refuse_unsupported(request: UpRequest, emit: Emit) -> None:
    settings = request.settings
    refuse_unsupported(request.services, emit, ecs_limits=settings.time.ecs_limits, values=settings.values)


def _refuse_unresolved(request: UpRequest) -> None:
    missing: list[str] = []
    for service in request.services:
        local = {c.name: "x" for c in service.task_definition.container_definitions}
        options = LocalOptions(images=local, values=dict(request.settings.values), region=request.region)
        missing += unresolved(DesiredService(service=service, options=options))
    if missing:
        raise InputError(
            "values are missing that only a deployment gives: " + "; ".join(missing),
            hint='give each a local value in copilot-local.toml: [values] "NAME" = "…"',
        )
