"""The compiler's one entry: a manifest, merged for an environment, as a service of the ECS model."""

from __future__ import annotations

from emulator.compiler.containers import Containers
from emulator.compiler.context import Context, FindPosition, Surroundings, nowhere
from emulator.compiler.deployment_patches import patched_breaker, patched_shift
from emulator.compiler.fit import require_fit
from emulator.compiler.jobs import job_schedule, managed_file_system
from emulator.compiler.listener.patches import apply_listener_patches
from emulator.compiler.listener.routing import Routing
from emulator.compiler.messaging import queues, subscriptions, topics
from emulator.compiler.network import connect, discovery, load_balancer, network, network_load_balancer
from emulator.compiler.overrides import apply_overrides, apply_patches
from emulator.compiler.patches import for_task_definition, for_template
from emulator.compiler.ports import Ports
from emulator.compiler.scaling import capacity_providers, deployment, scaling
from emulator.compiler.volumes import volumes
from emulator.ecs.deployment import Deployment
from emulator.ecs.references import AddonReference, ResourceReference
from emulator.ecs.service import LogGroup, Service
from emulator.ecs.task_definition import EphemeralStorage, RuntimePlatform, TaskDefinition
from emulator.manifest.schema.containers import Platform
from emulator.manifest.schema.workload import Service as ManifestService
from emulator.manifest.schema.workload import Workload
from emulator.model import make

DEFAULT_EPHEMERAL = 20

_OPERATING_SYSTEMS = {
    "linux": "LINUX",
    "windows": "WINDOWS_SERVER_2019_CORE",
    "windows_server_2019_core": "WINDOWS_SERVER_2019_CORE",
    "windows_server_2019_full": "WINDOWS_SERVER_2019_FULL",
    "windows_server_2022_core": "WINDOWS_SERVER_2022_CORE",
    "windows_server_2022_full": "WINDOWS_SERVER_2022_FULL",
}


def compile_service(
    manifest: Workload,
    *,
    app: str,
    environment: str,
    position: FindPosition = nowhere,
    path: str = "",
    surroundings: Surroundings = Surroundings(),  # noqa: B008 - frozen
) -> Service:
    """The service that a manifest asks for in an environment of an application.

    `manifest` is merged for that environment; `position` finds a manifest path in its file (`LoadedManifest.position`)
    and `path` is that file. Raises InputError with the manifest's line where the parts of the manifest do not fit
    together, such as a target container without a port.
    """
    context = Context(manifest, app, environment, surroundings, position)
    ports = Ports(context)
    routing = Routing(context, ports)
    containers = Containers(context, ports)
    definition = make(
        TaskDefinition,
        family=context.prefix,
        task_role_arn=make(ResourceReference, name="TaskRole", attribute="Arn"),
        execution_role_arn=make(ResourceReference, name="ExecutionRole", attribute="Arn"),
        network_mode="awsvpc",
        container_definitions=containers.all(),
        volumes=volumes(context),
        requires_compatibilities=["FARGATE"],
        cpu=str(manifest.cpu),
        memory=str(manifest.memory),
        ephemeral_storage=_ephemeral(manifest.storage.ephemeral),
        runtime_platform=_platform(manifest.platform),
    )
    definition = apply_overrides(context, definition)
    definition = apply_patches(context, definition, for_task_definition(surroundings.patches))
    rules, patches = routing.listener_rules, for_template(surroundings.patches)
    if surroundings.here:
        rules, patches = apply_listener_patches(context, rules, patches)
    for key in ("name", "cpu", "memory", "count", "platform", "http", "nlb", "sidecars"):
        context.position(key)
    service = make(
        Service,
        app=app,
        environment=environment,
        name=manifest.name,
        type=manifest.type,
        task_definition=definition,
        main_container=manifest.name,
        desired_count=manifest.count.desired if isinstance(manifest, ManifestService) else 0,
        builds=containers.builds,
        target_groups=routing.target_groups,
        listener_rules=rules,
        network_listeners=routing.network_listeners,
        health_check_grace_period=routing.grace_period,
        load_balancer=load_balancer(context, ports),
        network_load_balancer=network_load_balancer(context, ports),
        network=network(context),
        discovery=discovery(context, ports) if isinstance(manifest, ManifestService) else None,
        connect=connect(context, ports) if isinstance(manifest, ManifestService) else None,
        deployment=_deployment(manifest, surroundings),
        capacity_providers=capacity_providers(manifest.count),
        scaling=scaling(context),
        # Copilot takes the key for jobs and does nothing with it.
        execute_command=manifest.exec is not None and isinstance(manifest, ManifestService),
        schedule=job_schedule(context),
        topics=topics(context),
        queues=queues(context),
        subscriptions=subscriptions(context),
        managed_file_system=managed_file_system(context),
        task_role_policies=[make(AddonReference, name=name) for name in sorted(surroundings.addons.policies)],
        addons=surroundings.addon_template,
        environment_addons=surroundings.environment_addons,
        template_patches=patches,
        log_group=make(LogGroup, name=context.log_group, retention_in_days=context.retention),
        manifest=path,
        positions=context.positions,
    )
    require_fit(context, service)
    return service


def _deployment(manifest: Workload, surroundings: Surroundings) -> Deployment:
    """How tasks are replaced; here, with what patches say of that."""
    found = deployment(manifest) if isinstance(manifest, ManifestService) else make(Deployment)
    if not surroundings.here:
        return found
    breaker, shift = patched_breaker(surroundings.patches), patched_shift(surroundings.patches)
    patched = {"circuit_breaker": breaker, "shift": shift}
    return found.model_copy(update={name: value for name, value in patched.items() if value is not None})


def _ephemeral(gibibytes: int | None) -> EphemeralStorage | None:
    """Scratch space; Fargate's own size is not written."""
    if gibibytes is None or gibibytes == DEFAULT_EPHEMERAL:
        return None
    return make(EphemeralStorage, size_in_gi_b=gibibytes)


def _platform(platform: Platform | None) -> RuntimePlatform | None:
    """Operating system and processor; Linux on x86-64 is ECS's default and not written."""
    if platform is None or platform.osfamily is None:
        return None
    system = _OPERATING_SYSTEMS[platform.osfamily]
    architecture = "ARM64" if platform.is_arm else "X86_64"
    if (system, architecture) == ("LINUX", "X86_64"):
        return None
    return make(RuntimePlatform, operating_system_family=system, cpu_architecture=architecture)
