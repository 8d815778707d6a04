"""From a request to the desired state: builds and pulls its images, and refuses what cannot run here."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from emulator.ecs.service import Service
from emulator.engine.interface import Engine
from emulator.errors import CopilotLocalError, ImageError, Unsupported
from emulator.events import Emit, Event, EventKind, discard
from emulator.firelens.destinations import EVERY
from emulator.missing import Blockers
from emulator.runtime.execution.context import Cancelled
from emulator.runtime.execution.redirects import redirect_problem
from emulator.runtime.images.resolver import own_regions, resolver_of
from emulator.runtime.images.router_files import SHADOWED, SHADOWED_HINT, RouterImage, read_router_image
from emulator.runtime.lifecycle.databases import local_image, with_images
from emulator.runtime.listeners.endpoint_way import checked_way
from emulator.runtime.listeners.json_web_keys import keys_of
from emulator.runtime.planning.local_variables import local_variables
from emulator.runtime.planning.up_request import ApiOrder, UpRequest
from emulator.runtime.secrets.missing_values import demands, missing_values
from emulator.runtime.specs.attended.debugging import debugged
from emulator.runtime.specs.attended.native import in_virtual_machine, with_natives
from emulator.runtime.specs.aws.endpoint import wants_endpoint
from emulator.runtime.specs.aws.names import check_reach
from emulator.runtime.specs.aws.resources import aws_request
from emulator.runtime.specs.log_router import check_destinations, manifest_lines
from emulator.runtime.specs.trace_receiver import check_collectors, with_receiver_images
from emulator.runtime.specs.unsupported_features import refuse_unsupported
from emulator.runtime.state.database import DesiredDatabase
from emulator.runtime.state.desired import DesiredService, DesiredState
from emulator.service_connect.access_log import AccessLog, Kind, deployed_log
from emulator.settings import LocalOptions
from emulator.traces.collectors import local_collectors


def prepare(
    engine: Engine,
    request: UpRequest,
    emit: Emit,
    *,
    with_front: bool = True,
    cancelled: threading.Event | None = None,
    agent_image: Callable[[], str] | None = None,
) -> DesiredState:
    """What should run, with every image built or pulled; host ports are still to be chosen (0).

    `agent_image` gives the agent's image where it was looked up already. Builds and pulls end when it is
    `cancelled`; raises `Cancelled` then, however many of them it ended.
    """
    refuse_unresolved(request)
    engine.info()
    cancelled = cancelled or threading.Event()
    try:
        return _prepare(engine, request, emit, with_front, cancelled, agent_image)
    except CopilotLocalError:
        if cancelled.is_set():
            raise Cancelled from None
        raise


def _prepare(
    engine: Engine,
    request: UpRequest,
    emit: Emit,
    with_front: bool,
    cancelled: threading.Event,
    agent_image: Callable[[], str] | None,
) -> DesiredState:
    resolver = resolver_of(engine, request, emit, cancelled)
    demanding = [service for service in request.services if demands(service)]
    way = checked_way(engine, request.settings.aws.endpoint, request.workspace) if demanding else None
    resolver.require_logins(demanding)
    with ThreadPoolExecutor(4, thread_name_prefix="images") as pool:
        agent = pool.submit(agent_image or (lambda: request.support.agent(engine)))
        pause_image = pool.submit(resolver.local, request.support.pause)
        front_image = pool.submit(resolver.local, request.support.front) if with_front else None
        find = local_image(request, resolver)
        databases = pool.submit(with_images, databases_of(request, discard), find)
        proxies = pool.submit(_proxies, engine, request)
        idle: dict[str, dict[str, str]] = {service.name: {} for service in request.services}
        for service in request.services:
            if not demands(service):
                emit(Event(EventKind.INFO, service.name, "0 tasks: nothing of it is built, pulled or asked for"))
        images = {**idle, **resolver.resolve(demanding, must=request.order is None)}
        state = desired_state(
            request,
            images,
            {service.name: _router_image(engine, request, service, images, emit) for service in request.services},
            pause_image.result(),
            front_image.result() if front_image else "",
            agent.result(),
            emit,
        )
    state.databases = databases.result()
    state.jwks = keys_of(demanding, request.settings.jwt.keys, request.workspace)
    for name, desired in state.services.items():
        desired.options.own_region = own_regions(engine, images[name])
        if (native := desired.options.native) is not None:
            update = {"in_virtual_machine": in_virtual_machine(engine.info())}
            desired.options.native = native.model_copy(update=update)
    check_destinations(state, emit, request.log_names)
    check_collectors(state, request.settings.traces.collectors, emit)
    check_reach(state)
    _give_proxies(state, *proxies.result(), emit)
    if request.support.aws is not None and any(wants_endpoint(desired) for desired in state.services.values()):
        state.aws_way = way
        state.aws_image = request.support.aws()
    return state


def _proxies(engine: Engine, request: UpRequest) -> tuple[str, str]:
    """The image of Service Connect's proxies, and why there can be none: it is not to be had, or connections cannot be
    led to them. Both are empty where no service has one."""
    image = request.support.proxy
    connected = any(service.connect is not None for service in request.services)
    if image is None or not connected or request.settings.service_connect.proxy == "none":
        return "", ""
    try:
        found = image(engine)
        return found, redirect_problem(engine, found)
    except (ImageError, Unsupported) as error:
        return "", error.message


def _give_proxies(state: DesiredState, image: str, why: str, emit: Emit) -> None:
    """Has connected tasks run proxies of that image; without them where there is a reason, which is said."""
    state.proxy_image = image
    if why:
        hint = "names lead to the tasks by lines of /etc/hosts: nothing is balanced, retried or avoided as deployed"
        emit(Event(EventKind.WARNING, "Service Connect", f"tasks have no proxies here: {why}", {"hint": hint}))
        state.proxy_image = ""
        for desired in state.services.values():
            desired.options.connect_proxy = "none"


def desired_state(
    request: UpRequest,
    images: Mapping[str, Mapping[str, str]],
    routers: Mapping[str, RouterImage],
    pause: str,
    front: str,
    agent: str,
    emit: Emit = discard,
) -> DesiredState:
    """The desired state of a request on local images: `images` by service and container, `routers` by service."""
    now = datetime.now(UTC).isoformat()
    services = {
        service.name: DesiredService(
            service=service,
            revision=request.revisions.get(service.task_definition.family, 0) + 1,
            schedule_made=now if service.name in request.scheduled else "",
            options=LocalOptions(
                images=dict(images[service.name]),
                region=request.region,
                fidelity=request.settings.logs.fidelity,
                time=request.settings.time,
                timing="ecs" if request.timing == "ecs" else "local",
                values=dict(request.settings.values),
                variables=local_variables(request.settings.container_variables, service),
                log_check=request.settings.logs.check,
                log_destinations=dict(request.settings.logs.destinations),
                router_files=routers.get(service.name, RouterImage()).files,
                router_plugins=routers.get(service.name, RouterImage()).go_plugins,
                router_folder=routers.get(service.name, RouterImage()).working_directory,
                connect_names=request.settings.service_connect.names,
                connect_log=_access_log(service, request.settings.service_connect.access_log),
                connect_proxy=request.settings.service_connect.proxy if request.support.proxy is not None else "none",
                collectors=local_collectors(
                    service.task_definition,
                    request.settings.traces,
                    request.private.services.get(service.name, {}),
                ),
                aws=request.settings.aws.endpoint,
                aws_names=request.settings.aws.leads_names(service.name),
                outputs=dict(request.known[service.name].outputs) if service.name in request.known else {},
                imports=request.known[service.name].imports if service.name in request.known else (),
                credentials=role.source if (role := request.private.task_roles.get(service.name)) else "none",
            ),
            private_names={
                container: sorted(values)
                for container, values in request.private.services.get(service.name, {}).items()
            },
        )
        for service in request.services
    }
    if request.order is not None:
        services = {name: _ordered(desired, request.order) for name, desired in services.items()}
    services = with_receiver_images(services, agent)
    services = with_natives(debugged(services, request.debug, emit), request.native, agent, emit)
    return DesiredState(
        app=request.environment.app,
        environment=request.environment.environment,
        services=services,
        front_port=0,
        pause_image=pause,
        front_image=front,
        front_image_name=request.support.front if front else "",
        agent_image=agent,
        log_limit=request.settings.logs.limit,
    )


def _ordered(desired: DesiredService, order: ApiOrder) -> DesiredService:
    """A service with what the ECS API says of it."""
    name = desired.service.name
    private = {key: list(values) for key, values in desired.private_names.items()}
    for container, variables in order.inherited.get(name, {}).items():
        private[container] = sorted({*private.get(container, ()), *variables})
    update = {**order.updates.get(name, {}), "private_names": private}
    return desired.with_options(account=order.account).model_copy(update=update)


def _access_log(service: Service, asked: str) -> Kind:
    """The access log that the proxies of a service's tasks write, by `[service_connect] access_log`."""
    deployed = deployed_log(service)
    if asked == "deployed":
        return deployed.kind if deployed is not None else ""
    if asked == "none":
        return ""
    return AccessLog("json" if asked == "json" else "text", deployed is not None and deployed.query).kind


def databases_of(request: UpRequest, emit: Emit) -> list[DesiredDatabase]:
    """The databases that a request's addons describe. Raises `Unsupported` or `InputError`, with file and line, for one
    that cannot run here."""
    if all(service.addons is None and service.environment_addons is None for service in request.services):
        return []
    images: dict[str, dict[str, str]] = {service.name: {} for service in request.services}
    return request.databases(aws_request(desired_state(request, images, {}, "", "", "")), emit)


def _router_image(
    engine: Engine, request: UpRequest, service: Service, images: Mapping[str, Mapping[str, str]], emit: Emit
) -> RouterImage:
    router = service.task_definition.log_router
    if router is None or not demands(service):
        return RouterImage()
    image = images[service.name][router.name]
    if request.order is not None and engine.image(image) is None:
        return RouterImage()  # its tasks fail for it
    sent = bool({"local-aws", "live"} & set(request.settings.logs.destinations.values()))
    with manifest_lines(service):
        found = read_router_image(
            engine,
            request.environment,
            service.task_definition,
            image,
            plugins=sent,
            position=service.positions.get("logging.configFilePath"),
            image_position=service.positions.get("logging.image") or service.positions.get("logging"),
            everything_leaves=request.settings.logs.destinations.get(EVERY) == "live",
        )
    if found.shadowed:
        emit(Event(EventKind.WARNING, service.name, SHADOWED, {"hint": SHADOWED_HINT}))
    return found


def refuse_unsupported_in(request: UpRequest, emit: Emit) -> None:
    """Raises `Unsupported` for what would run wrongly; emits a warning for what is merely left out."""
    settings = request.settings
    refuse_unsupported(
        request.services,
        emit,
        ecs_limits=settings.time.ecs_limits,
        values=settings.values,
        aws=settings.aws.endpoint,
        scheduled=request.scheduled,
    )
    databases_of(request, emit)


def refuse_unresolved(request: UpRequest) -> None:
    """Raises `MissingError` with every value that only a deployment gives and that has no local one."""
    blockers, settings = Blockers(), request.settings
    for service in filter(demands, request.services):
        known, endpoint = request.known.get(service.name), settings.aws.endpoint
        blockers.add(*missing_values(service, settings.values, request.region, endpoint, known))
    blockers.raise_any()
