"""Features that a service uses and the local runtime lacks: refused, or warned about, never ignored silently."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from emulator.ecs.network import interface_not_here
from emulator.ecs.references import EnvFileReference, describe
from emulator.ecs.registration import SHORT_HINT, judge
from emulator.ecs.service import Service
from emulator.errors import Position, Unsupported
from emulator.events import Emit, Event, EventKind
from emulator.firelens.routing import find_router
from emulator.runtime.listeners.references import missing_queues
from emulator.runtime.specs.aws.stacks import refuse_unmakeable
from emulator.runtime.specs.connect.names import is_host_name
from emulator.runtime.state.desired import DesiredService
from emulator.runtime.state.names import PREFIX
from emulator.settings import LocalOptions
from emulator.settings_services import AwsEndpoint

RUN_TYPES = ("Load Balanced Web Service", "Backend Service", "Worker Service", "ECS Service")


def refuse_unsupported(
    services: Sequence[Service],
    emit: Emit,
    *,
    ecs_limits: bool = True,
    values: Mapping[str, str] = MappingProxyType({}),
    aws: AwsEndpoint = "local",
    scheduled: Collection[str] = (),
) -> None:
    """Raises `Unsupported` for what would run wrongly; emits a warning for what is merely left out.

    Without `ecs_limits` times may be shorter than ECS takes them. `values` are those of `[values]`, `aws` is
    `endpoint` of `[aws]`; `scheduled` are the jobs that run on their schedules.
    """
    shared = next((one.environment_addons for one in services if one.environment_addons is not None), None)
    if shared is not None and aws != "none":
        refuse_unmakeable(f"environment {services[0].environment}", shared, values, emit)
    for service in services:
        if service.type not in RUN_TYPES and service.name not in scheduled:
            raise Unsupported(
                f"{service.name} is a {service.type}: `up` runs services only",
                hint=f"`copilot-local run {service.name}` runs it once, `up --jobs` keeps to its schedule",
            )
        refuse_on_fargate(service, ecs_limits=ecs_limits)
        _refuse_hooks(service)
        _say_what_is_left_out(service, emit)
        desired = DesiredService(service=service, options=LocalOptions(values=dict(values), aws=aws))
        if desired.needs_addons and service.addons is not None:
            refuse_unmakeable(service.name, service.addons, values, emit)
        if aws == "none":
            _say_which_messages_do_not_flow(service, values, emit)


def refuse_on_fargate(service: Service, *, ecs_limits: bool = True) -> None:
    """Raises `Unsupported` for what Fargate refuses, or what cannot run here."""
    definition = service.task_definition
    verdict = judge(definition)
    refused = [*verdict.refused, *(verdict.short if ecs_limits else ())]
    if refused:
        hints = [problem.hint for problem in refused if problem.hint]
        if not verdict.refused:
            hints = [SHORT_HINT]
        said = "; ".join(problem.message for problem in refused)
        raise Unsupported(f"{service.name}: {said}", hint=hints[0] if len(set(hints)) == 1 else "")
    platform = definition.runtime_platform
    if platform is not None and (platform.operating_system_family or "LINUX") != "LINUX":
        raise Unsupported(f"{service.name}: {platform.operating_system_family} containers do not run locally")
    _refuse_fluentd(service)
    for container in definition.container_definitions:
        where = f"{service.name}: container {container.name}"
        if ours := [label for label in container.docker_labels if label.startswith(PREFIX)]:
            raise Unsupported(
                f"{where} has a label that copilot-local itself sets: {', '.join(ours)}",
                hint=f"labels that start with {PREFIX} say what a container is and whose: name it otherwise",
                position=_position_of_labels(service, container.name),
            )
        for file in container.environment_files:
            if not isinstance(file.value, EnvFileReference):
                value = file.value if isinstance(file.value, str) else describe(file.value)
                raise Unsupported(
                    f"{where} has an environment file in S3, which does not run locally: {value}",
                    hint="use a file of the workspace: `env_file` in the manifest",
                )


def _refuse_hooks(service: Service) -> None:
    """A deployment that goes on without what it is to wait for would say nothing of the real one."""
    shift = service.deployment.shift
    if shift is not None and any(hook.target != "PAUSE" for hook in shift.hooks):
        raise Unsupported(
            f"{service.name}: a lifecycle hook of its deployments is a Lambda function, which does not run locally",
            hint="a hook with `TargetType: PAUSE` does; overrides/cfn.patches.yml has the service's LifecycleHooks",
        )


def _position_of_labels(service: Service, container: str) -> Position | None:
    """Where a container's labels stand, or what else may set them."""
    own = "image.labels" if container == service.main_container else f"sidecars.{container}.labels"
    overrides = [path for path in service.positions if path.startswith("taskdef_overrides[")]
    return next((service.positions[path] for path in (own, *overrides) if path in service.positions), None)


def _refuse_fluentd(service: Service) -> None:
    """Fluentd's file is generated, and shown; that it works is not known, so it is not run."""
    router = find_router(service.task_definition)
    if router is None or router.type != "fluentd":
        return
    lines = [position for path, position in service.positions.items() if path.startswith("taskdef_overrides[")]
    raise Unsupported(
        f"{service.name}: a log router of type fluentd does not run locally, only fluentbit",
        position=lines[0] if lines else service.positions.get("logging"),
        hint="`copilot-local firelens config` shows the file that ECS would generate for it; `render` renders the task",
    )


def _say_what_is_left_out(service: Service, emit: Emit) -> None:
    if service.deployment.shift is not None and service.connect is not None:
        strategy = service.deployment.shift.strategy
        what = f"calls by Service Connect go to old and new tasks alike while a {strategy} deployment is under way"
        _left_out(emit, service, what)
    for container in service.task_definition.container_definitions:
        logs = container.log_configuration
        if logs is not None and logs.log_driver == "splunk":
            _left_out(emit, service, f"what {container.name} prints stays here: nothing goes to Splunk")
        if container.version_consistency == "disabled":
            what = f"tasks of a deployment run the same image of {container.name} here"
            _left_out(emit, service, f"{what}: versionConsistency has no effect")
        for control in container.system_controls:
            if interface := interface_not_here(control.namespace):
                what = f"{control.namespace} of {container.name} is skipped: a task here has no interface {interface}"
                _left_out(emit, service, what)
    if service.scaling is not None:
        what = f"the number of tasks stays {service.desired_count}: nothing scales it here"
        _left_out(emit, service, what, service.positions.get("count"))
    alias = service.connect.dns_name if service.connect is not None else None
    if alias and not is_host_name(alias):
        what = f"the Service Connect alias {alias!r} is no host name: it does not resolve here"
        _left_out(emit, service, what, service.positions.get("network.connect.alias"))


def _say_which_messages_do_not_flow(service: Service, values: Mapping[str, str], emit: Emit) -> None:
    for topic in service.topics:
        _left_out(emit, service, f"there is no topic {topic.name} here", topic.position)
    for subscription in service.subscriptions:
        what = f"no message comes from topic {subscription.topic} of {subscription.service} here"
        _left_out(emit, service, what, subscription.position)
    desired = DesiredService(service=service, options=LocalOptions(values=dict(values), aws="none"))
    for pair in service.task_definition.container(service.main_container).environment if service.queues else ():
        if queues := missing_queues(pair.value, desired):
            given = ", ".join(f'"{queue}" = "URL"' for queue in queues)
            what = f"there is no queue here: {pair.name} is not set, unless copilot-local.toml says [values] {given}"
            _left_out(emit, service, what)


def _left_out(emit: Emit, service: Service, what: str, where: Position | None = None) -> None:
    emit(Event(EventKind.WARNING, service.name, f"{what}{f' ({where})' if where else ''}"))
