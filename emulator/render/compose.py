"""A service as a Compose file: one task for plain `docker compose`, for people who cannot install more than that.

Every container shares the network namespace of `pause`, as on Fargate. There is no load balancer: the target port of
the first rule is published. A log router listens on a socket in a volume of a fixed name, where the Docker daemon
opens it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from emulator.ecs.fargate import cpu_units, memory_mib
from emulator.ecs.identity import TaskIdentity, task_identity
from emulator.ecs.network import network_parameters
from emulator.ecs.references import (
    EnvFileReference,
    ImageReference,
    Join,
    PseudoReference,
    Reference,
    Value,
    value_name,
)
from emulator.ecs.service import Service
from emulator.ecs.task_definition import ContainerDefinition, HealthCheck, KernelCapabilities, LinuxParameters
from emulator.errors import Unsupported
from emulator.firelens.destinations import Destinations
from emulator.firelens.log_options import docker_log_configuration, fluent_variables
from emulator.firelens.routing import find_router, router_dependencies, router_secrets, uses_router
from emulator.model import make
from emulator.regions import DEFAULT_REGION, LOCAL_ACCOUNT, partition
from emulator.render.cloudformation.intrinsics import Commented
from emulator.render.cloudformation.template import place
from emulator.render.cloudformation.writer import to_yaml
from emulator.render.compose_router import LOG_FOLDER, RouterFiles, no_files, router_configuration
from emulator.render.compose_variables import Variables

PAUSE = "pause"
PAUSE_IMAGE = "busybox:1.37"
DOCKER_ROOT = "/var/lib/docker"
DEFAULT_PORT = 8080
STOP_TIMEOUT = 30
NO_FILE = "${NO_FILE:-16384}"
"""The limit of open files. Fargate's is 65535, to which not every daemon may raise it."""
_TASK_ID = "0" * 32
_CONDITIONS = {"START": "service_started", "HEALTHY": "service_healthy", "SUCCESS": "service_completed_successfully"}
_LOAD_BALANCER_NAMES = ("PublicLoadBalancer.DNSName", "InternalLoadBalancer.DNSName", "LoadBalancerDNSName")

Node = dict[str, object]


@dataclass(frozen=True, slots=True)
class ComposeOptions:
    """`root`: the workspace's root as the Compose file sees it, for what is built and for environment files."""

    root: str = "."
    values: Mapping[str, str] = field(default_factory=dict)
    """Known values by name (`emulator.ecs.references.value_name`)."""
    images: Mapping[str, str] = field(default_factory=dict)
    """Container name (`pause` too) to the image that it runs."""
    region: str = DEFAULT_REGION
    account: str = LOCAL_ACCOUNT
    router_files: RouterFiles = no_files
    """Files of the log router's image, by their absolute path, as far as they are known."""
    destinations: Destinations = field(default_factory=Destinations)
    """Where the outputs of the log router go: `capture`, the default, or `live`."""
    port: int = DEFAULT_PORT
    """Host port of the first rule's target where the variable PORT does not say another; 0 is a free one."""


def render_compose(service: Service, options: ComposeOptions = ComposeOptions()) -> str:
    """The Compose file as YAML. Raises Unsupported for what Compose has no word for, and what FireLens refuses."""
    return to_yaml(
        _Compose(service, options).document(),
        header=f"One task of {service.name} ({service.app}, {service.environment}) for docker compose. What only AWS "
        "knows, and every secret, is a variable of the shell or of an .env file.",
    )


class _Compose:
    def __init__(self, service: Service, options: ComposeOptions) -> None:
        self._service = service
        self._options = options
        self._definition = service.task_definition
        self._router = find_router(self._definition)
        self._project = f"{service.app}-{service.environment}-{service.name}"
        self._identity: TaskIdentity = task_identity(
            cluster=f"{service.app}-{service.environment}",
            family=self._definition.family,
            task_id=_TASK_ID,
            region=options.region,
            account_id=options.account,
        )
        self._router_files = self._files_of_router()
        self._variables = Variables()
        self._pause_name = _free(PAUSE, {it.name for it in self._definition.container_definitions})
        self._log_volume = _free("routed-logs", {it.name for it in self._definition.volumes})

    def document(self) -> Node:
        services: Node = {self._pause_name: Commented("Owns the network that all containers share", self._pause())}
        for container in self._definition.container_definitions:
            services[container.name] = self._container(container)
        found: Node = {"name": self._project, "services": services}
        volumes: Node = {volume.name: {} for volume in self._definition.volumes}
        if self._router is not None:
            volumes |= {self._socket_volume: {"name": self._socket_volume}, self._log_volume: {}}
            found["configs"] = {name: {"content": _literal(text)} for name, (_, text) in self._router_files.items()}
        if volumes:
            found["volumes"] = volumes
        return found

    def _files_of_router(self) -> dict[str, tuple[str, str]]:
        """The log router's configuration: the names of Compose's configs, each with its path in the container and its
        text."""
        if self._router is None:
            return {}
        configuration = router_configuration(
            self._definition,
            self._identity,
            self._service.name,
            self._options.router_files,
            self._options.destinations,
            self._service.positions.get("logging.configFilePath") or self._service.positions.get("logging"),
        )
        files = [(self._router.config_path, configuration.text.lstrip("\n")), *sorted(configuration.files.items())]
        return {f"log-router{f'-{number}' if number else ''}": file for number, file in enumerate(files)}

    @property
    def _socket_volume(self) -> str:
        """The daemon's log driver finds it by this name."""
        return f"{self._project}-firelens"

    def _pause(self) -> Node:
        ports = self._ports()
        found: Node = {
            "image": self._options.images.get(self._pause_name, PAUSE_IMAGE),
            "command": ["sleep", "2147483647"],
            "init": True,
            "extra_hosts": ["host.docker.internal:host-gateway"],
        }
        if ports:
            found["ports"] = ports
        names = self._service.discovery
        if parameters := network_parameters(self._definition):
            found["sysctls"] = parameters
        if names is not None:
            found["networks"] = {"default": {"aliases": [f"{names.name}.{names.namespace}"]}}
        return found

    def _ports(self) -> list[object]:
        """Every port mapping, on the loopback address; that of the first rule under PORT."""
        first = self._service.target_groups[0].container_port if self._service.target_groups else None
        found: list[object] = []
        for container in self._definition.container_definitions:
            for mapping in container.port_mappings:
                port = mapping.container_port
                if port is None:
                    continue
                host = f"${{PORT:-{self._options.port}}}" if port == first else f"${{PORT_{port}:-0}}"
                suffix = "/udp" if mapping.protocol == "udp" else ""
                found.append(f"127.0.0.1:{host}:{port}{suffix}")
        return found

    def _container(self, container: ContainerDefinition) -> object:
        is_router = self._router is not None and self._router.container.name == container.name
        configs = [{"source": name, "target": target} for name, (target, _) in self._router_files.items()]
        sources = [f"{it.source_container}:{'ro' if it.read_only else 'rw'}" for it in container.volumes_from]
        found = _given(
            {
                **self._image(container),
                "network_mode": f"service:{self._pause_name}",
                "entrypoint": _literals(container.entry_point),
                "command": _literals(container.command),
                "depends_on": self._dependencies(container),
                "environment": self._environment(container, is_router),
                "env_file": [self._env_file(file.value) for file in container.environment_files] or None,
                "volumes": self._mounts(container, is_router) or None,
                "volumes_from": sources or None,
                "pid": f"service:{self._pause_name}" if self._definition.pid_mode == "task" else None,
                "configs": configs if is_router else None,
                "healthcheck": _health_check(container.health_check, is_router),
                **self._limits(container),
                **_rest(container),
            }
        )
        labels: Node = {key: _literal(value) for key, value in container.docker_labels.items()}
        if uses_router(container):
            logging = docker_log_configuration(
                container, self._identity, f"{DOCKER_ROOT}/volumes/{self._socket_volume}/_data/fluent.sock"
            )
            address = logging.options["fluentd-address"].replace(DOCKER_ROOT, f"${{DOCKER_ROOT_DIR:-{DOCKER_ROOT}}}", 1)
            found["logging"] = {"driver": logging.driver, "options": {**logging.options, "fluentd-address": address}}
            labels |= logging.labels
        if labels:
            found["labels"] = labels
        position = self._service.positions.get(f"sidecars.{container.name}")
        return Commented(place(position), found) if position else found

    def _image(self, container: ContainerDefinition) -> Node:
        replaced = self._options.images.get(container.name)
        if replaced is not None:
            return {"image": replaced}
        build = self._service.builds.get(container.name)
        if build is None or not isinstance(container.image, ImageReference):
            return {"image": self._text(container.image)}
        # Compose reads the Dockerfile's path from the context on.
        dockerfile = posixpath.relpath(build.dockerfile, build.context)
        how: Node = {"context": self._path(build.context), "dockerfile": dockerfile}
        if build.target:
            how["target"] = build.target
        if build.args:
            how["args"] = {key: _literal(value) for key, value in build.args.items()}
        return {"image": f"{self._service.app}/{self._service.name}:{container.name}", "build": how}

    def _path(self, path: str) -> str:
        root = self._options.root.rstrip("/")
        return path if root in ("", ".") else f"{root}/{path}" if path != "." else root

    def _env_file(self, value: Value) -> str:
        if isinstance(value, EnvFileReference):
            return self._path(value.name.removeprefix("./"))
        raise Unsupported(f"the environment file {value} is in S3", hint="name a file of the workspace in `env_file`")

    def _dependencies(self, container: ContainerDefinition) -> Node:
        found: Node = {self._pause_name: {"condition": "service_started"}}
        for dependency in container.depends_on:
            if dependency.condition not in _CONDITIONS:
                raise Unsupported(
                    f"{container.name} waits for {dependency.container_name} to complete, whatever its exit code: "
                    "Compose waits for success only",
                    position=self._service.positions.get(f"sidecars.{container.name}"),
                    hint="use `success` in depends_on, or run it with `copilot-local up`",
                )
            found[dependency.container_name] = {"condition": _CONDITIONS[dependency.condition]}
        implicit = router_dependencies(self._definition).get(container.name)
        if self._router is not None and (implicit is not None or uses_router(container)):
            # The log driver refuses to start a container before the socket is there.
            found[self._router.container.name] = {"condition": "service_healthy"}
        return found

    def _environment(self, container: ContainerDefinition, is_router: bool) -> Node:
        found: Node = {
            "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
            "AWS_REGION": self._options.region,
            "AWS_DEFAULT_REGION": self._options.region,
        }
        found |= {pair.name: self._text(pair.value) for pair in container.environment}
        found |= {secret.name: self._variables.secret(secret, container.name) for secret in container.secrets}
        if uses_router(container):
            found |= fluent_variables(self._definition, container)
        if is_router:
            secrets = router_secrets(self._definition)
            option = "secret log option"
            found |= {secret.name: self._variables.secret(secret, container.name, option) for secret in secrets}
        return found

    def _mounts(self, container: ContainerDefinition, is_router: bool) -> list[Node]:
        found: list[Node] = []
        for mount in container.mount_points:
            it: Node = {"type": "volume", "source": mount.source_volume, "target": mount.container_path}
            found.append({**it, "read_only": True} if mount.read_only else it)
        if is_router:
            found += [
                # What the image has in that folder stays out of the volume.
                {
                    "type": "volume",
                    "source": self._socket_volume,
                    "target": "/var/run",
                    "volume": {"nocopy": True},
                },
                {"type": "volume", "source": self._log_volume, "target": LOG_FOLDER},
            ]
        return found

    def _limits(self, container: ContainerDefinition) -> Node:
        """The task's CPU and memory for each container: Compose has no limit for all of them together."""
        cpu, task_memory = self._definition.cpu, self._definition.memory
        memory = container.memory or (memory_mib(task_memory) if task_memory else None)
        return {
            "cpus": cpu_units(cpu) / 1024 if cpu else None,
            "mem_limit": f"{memory}m" if memory else None,
            "mem_reservation": f"{container.memory_reservation}m" if container.memory_reservation else None,
        }

    def _text(self, value: Value) -> str:
        """A value as Compose writes it: what is not known is a variable."""
        if isinstance(value, str):
            return _literal(value)
        if isinstance(value, Join):
            return "".join(self._text(part) for part in value.parts)
        return self._reference(value)

    def _reference(self, reference: Reference) -> str:
        name = value_name(reference)
        known = self._options.values.get(name)
        if known is not None:
            return _literal(known)
        if isinstance(reference, PseudoReference):
            return {
                "AWS::Region": self._options.region,
                "AWS::AccountId": self._options.account,
                "AWS::Partition": partition(self._options.region),
                "AWS::URLSuffix": "amazonaws.com",
            }[name]
        if name == "LogGroup":
            return self._service.log_group.name
        if name in _LOAD_BALANCER_NAMES:
            return f"localhost:${{PORT:-{self._options.port}}}"
        return self._variables.reference(reference)


def _given(values: Node) -> Node:
    """Those of the values that are there."""
    return {key: value for key, value in values.items() if value is not None}


def _rest(container: ContainerDefinition) -> Node:
    """What Compose names nearly as ECS does."""
    stop = STOP_TIMEOUT if container.stop_timeout is None else container.stop_timeout
    linux = container.linux_parameters or make(LinuxParameters)
    capabilities = linux.capabilities or make(KernelCapabilities)
    parameters = {it.namespace: it.value for it in container.system_controls if not it.namespace.startswith("net.")}
    limits = {it.name: {"soft": it.soft_limit, "hard": it.hard_limit} for it in container.ulimits}
    return {
        "stop_grace_period": f"{stop}s",
        "user": container.user,
        "working_dir": container.working_directory,
        "read_only": container.readonly_root_filesystem or None,
        "tty": container.pseudo_terminal or None,
        "stdin_open": container.interactive or None,
        "init": linux.init_process_enabled or None,
        "cap_add": capabilities.add or None,
        "cap_drop": capabilities.drop or None,
        "sysctls": parameters or None,
        "ulimits": limits or {"nofile": NO_FILE},
    }


def _health_check(check: HealthCheck | None, is_router: bool) -> Node | None:
    """The definition's own check, or the router's socket. ECS ignores an image's own check; Compose does not, and where
    it is switched off, `up --wait` fails."""
    if check is not None:
        return {
            "test": [_literal(word) for word in check.command],
            "interval": f"{30 if check.interval is None else check.interval}s",
            "timeout": f"{5 if check.timeout is None else check.timeout}s",
            "retries": 3 if check.retries is None else check.retries,
            "start_period": f"{check.start_period or 0}s",
        }
    if is_router:
        socket = ["CMD", "test", "-S", "/var/run/fluent.sock"]
        return {"test": socket, "interval": "1s", "timeout": "5s", "retries": 60}
    return None


def _literals(words: list[str] | None) -> list[str] | None:
    return None if words is None else [_literal(word) for word in words]


def _free(name: str, taken: Collection[str]) -> str:
    """The name, or with `task-` before it where the task definition has one of that name."""
    return _free(f"task-{name}", taken) if name in taken else name


def _literal(text: str) -> str:
    """Text that Compose does not interpolate."""
    return text.replace("$", "$$")
