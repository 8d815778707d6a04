"""The ECS task definition, in the ECS API's own shapes and names.

Source: the ECS API reference (RegisterTaskDefinition). Attributes are the API's names in snake case; JSON is in the
API's camelCase, so that `from_plain` reads what `aws ecs describe-task-definition` or a repository holds. Fields that
only EC2 launch types know are read, kept and refused by the runtime where Fargate would refuse them.
"""

from typing import Literal

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from emulator.ecs.references import Value
from emulator.model import Model


class Shape(Model):
    """Base of every ECS API shape: camelCase in JSON."""

    model_config = ConfigDict(alias_generator=to_camel)


class KeyValuePair(Shape):
    """An environment variable."""

    name: str
    value: Value = ""


class Secret(Shape):
    """A variable or log option whose value is read from SSM or Secrets Manager when the task starts."""

    name: str
    value_from: Value


class EnvironmentFile(Shape):
    """A file of variables; on Fargate an S3 object."""

    value: Value
    type: Literal["s3"] = "s3"


class PortMapping(Shape):
    """A port that a container listens on. On Fargate the host port is the container port."""

    container_port: int | None = None
    host_port: int | None = None
    protocol: Literal["tcp", "udp"] = "tcp"
    name: str | None = None
    app_protocol: Literal["http", "http2", "grpc"] | None = None
    container_port_range: str | None = None


class HealthCheck(Shape):
    """A container health check. Times in seconds; ECS defaults: interval 30, timeout 5, retries 3, no start period."""

    command: list[str]
    interval: int | None = None
    timeout: int | None = None
    retries: int | None = None
    start_period: int | None = None


class LogConfiguration(Shape):
    """Where a container's output goes."""

    log_driver: str
    options: dict[str, Value] = {}
    secret_options: list[Secret] = []


class FirelensConfiguration(Shape):
    """Marks a container as the log router of the task."""

    type: Literal["fluentbit", "fluentd"]
    options: dict[str, str] = {}


class ContainerDependency(Shape):
    """A condition on another container of the task that is awaited before this one starts."""

    container_name: str
    condition: Literal["START", "COMPLETE", "SUCCESS", "HEALTHY"]


class MountPoint(Shape):
    """A volume of the task mounted in a container."""

    source_volume: str
    container_path: str
    read_only: bool | None = None


class VolumeFrom(Shape):
    """All mounts of another container."""

    source_container: str
    read_only: bool | None = None


class RepositoryCredentials(Shape):
    """The secret that holds the user name and password of a private registry."""

    credentials_parameter: Value


class Ulimit(Shape):
    """A resource limit of a container's processes."""

    name: str
    soft_limit: int
    hard_limit: int


class KernelCapabilities(Shape):
    """Linux capabilities added to and dropped from Docker's default set."""

    add: list[str] = []
    drop: list[str] = []


class Tmpfs(Shape):
    """A tmpfs mount, size in MiB."""

    container_path: str
    size: int
    mount_options: list[str] = []


class Device(Shape):
    """A host device."""

    host_path: str
    container_path: str | None = None
    permissions: list[str] = []


class LinuxParameters(Shape):
    """Linux-specific options of a container."""

    init_process_enabled: bool | None = None
    capabilities: KernelCapabilities | None = None
    tmpfs: list[Tmpfs] = []
    devices: list[Device] = []
    shared_memory_size: int | None = None
    max_swap: int | None = None
    swappiness: int | None = None


class RestartPolicy(Shape):
    """Restarts a container in place. `restart_attempt_period` in seconds, 60 to 1800, default 300."""

    enabled: bool
    ignored_exit_codes: list[int] = []
    restart_attempt_period: int | None = None


class SystemControl(Shape):
    """A kernel parameter."""

    namespace: str
    value: str


class HostEntry(Shape):
    """An extra line of /etc/hosts."""

    hostname: str
    ip_address: str


class ResourceRequirement(Shape):
    """A GPU or an inference accelerator."""

    type: str
    value: str


class ContainerDefinition(Shape):
    """One container of a task. `cpu` in CPU units (1024 a vCPU), memory in MiB, timeouts in seconds."""

    name: str
    image: Value
    repository_credentials: RepositoryCredentials | None = None
    cpu: int | None = None
    memory: int | None = None
    memory_reservation: int | None = None
    links: list[str] | None = None
    port_mappings: list[PortMapping] = []
    essential: bool = True
    restart_policy: RestartPolicy | None = None
    entry_point: list[str] | None = None
    command: list[str] | None = None
    environment: list[KeyValuePair] = []
    environment_files: list[EnvironmentFile] = []
    mount_points: list[MountPoint] = []
    volumes_from: list[VolumeFrom] = []
    linux_parameters: LinuxParameters | None = None
    secrets: list[Secret] = []
    depends_on: list[ContainerDependency] = []
    start_timeout: int | None = None
    stop_timeout: int | None = None
    version_consistency: str | None = None
    hostname: str | None = None
    user: str | None = None
    working_directory: str | None = None
    disable_networking: bool | None = None
    privileged: bool | None = None
    readonly_root_filesystem: bool | None = None
    dns_servers: list[str] | None = None
    dns_search_domains: list[str] | None = None
    extra_hosts: list[HostEntry] | None = None
    docker_security_options: list[str] | None = None
    interactive: bool | None = None
    pseudo_terminal: bool | None = None
    docker_labels: dict[str, str] = {}
    ulimits: list[Ulimit] = []
    log_configuration: LogConfiguration | None = None
    health_check: HealthCheck | None = None
    system_controls: list[SystemControl] = []
    resource_requirements: list[ResourceRequirement] = []
    firelens_configuration: FirelensConfiguration | None = None
    credential_specs: list[str] | None = None


class HostVolumeProperties(Shape):
    """A path of the host; not on Fargate."""

    source_path: str | None = None


class EfsAuthorizationConfig(Shape):
    """How a task is let into an EFS file system."""

    access_point_id: Value | None = None
    iam: Literal["ENABLED", "DISABLED"] | None = None


class EfsVolumeConfiguration(Shape):
    """An EFS file system as a volume."""

    file_system_id: Value
    root_directory: str | None = None
    transit_encryption: Literal["ENABLED", "DISABLED"] | None = None
    transit_encryption_port: int | None = None
    authorization_config: EfsAuthorizationConfig | None = None


class DockerVolumeConfiguration(Shape):
    """A Docker volume; not on Fargate."""

    scope: Literal["task", "shared"] | None = None
    autoprovision: bool | None = None
    driver: str | None = None
    driver_opts: dict[str, str] = {}
    labels: dict[str, str] = {}


class Volume(Shape):
    """A volume of the task. Without configuration: empty, and gone with the task."""

    name: str
    host: HostVolumeProperties | None = None
    docker_volume_configuration: DockerVolumeConfiguration | None = None
    efs_volume_configuration: EfsVolumeConfiguration | None = None
    configured_at_launch: bool | None = None


class EphemeralStorage(Shape):
    """Scratch space of the task, 21 to 200 GiB."""

    size_in_gi_b: int


class RuntimePlatform(Shape):
    """Operating system and processor."""

    operating_system_family: str | None = None
    cpu_architecture: str | None = None


class Tag(Shape):
    """A tag of the task definition."""

    key: str
    value: str


class ProxyConfiguration(Shape):
    """App Mesh's: traffic of the task is led through one of its containers."""

    type: Literal["APPMESH"] | None = None
    container_name: str
    properties: list[KeyValuePair] = []


class TaskDefinition(Shape):
    """What RegisterTaskDefinition takes. `cpu` and `memory` are text ("256" or ".25 vCPU", "512" or "1 GB")."""

    family: str
    task_role_arn: Value | None = None
    execution_role_arn: Value | None = None
    network_mode: Literal["bridge", "host", "awsvpc", "none"] | None = None
    container_definitions: list[ContainerDefinition]
    volumes: list[Volume] = []
    requires_compatibilities: list[str] = []
    cpu: str | None = None
    memory: str | None = None
    tags: list[Tag] = []
    pid_mode: Literal["host", "task"] | None = None
    ipc_mode: Literal["host", "task", "none"] | None = None
    ephemeral_storage: EphemeralStorage | None = None
    proxy_configuration: ProxyConfiguration | None = None
    runtime_platform: RuntimePlatform | None = None
    enable_fault_injection: bool | None = None

    def container(self, name: str) -> ContainerDefinition:
        """The container of that name; KeyError if there is none."""
        for definition in self.container_definitions:
            if definition.name == name:
                return definition
        raise KeyError(name)

    @property
    def log_router(self) -> ContainerDefinition | None:
        """The container with a FireLens configuration, if there is one."""
        return next((c for c in self.container_definitions if c.firelens_configuration), None)
