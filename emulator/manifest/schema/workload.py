"""What every workload type has in common: Copilot's `TaskConfig`, logging, sidecars, network, publish."""

from typing import Annotated

from emulator.manifest.schema.base import INT64, Block, Key, ShellWords
from emulator.manifest.schema.containers import Exec, Image, ImageWithPort, Platform, Secret, Sidecar, Variable
from emulator.manifest.schema.deployment import Deployment, Observability, TaskDefinitionOverride
from emulator.manifest.schema.logs import Logging
from emulator.manifest.schema.network import NetworkConfig
from emulator.manifest.schema.publish import Publish
from emulator.manifest.schema.scaling import Count
from emulator.manifest.schema.storage import Storage


class Workload(Block):
    """A service or a job, merged for one environment: `environments` is gone."""

    name: str
    """The workload's name, which is the name of its folder."""
    type: str
    """The workload type, as the four classes spell it."""
    image: Image
    """The main container's image."""
    entrypoint: Annotated[list[str] | None, ShellWords()] = None
    """Replaces the image's entry point; text is split into words."""
    command: Annotated[list[str] | None, ShellWords()] = None
    """Replaces the image's command; text is split into words."""
    cpu: Annotated[int, INT64, Key(default="256")] = 256
    """CPU units of the task; 1024 are one vCPU."""
    memory: Annotated[int, INT64, Key(default="512")] = 512
    """Memory of the task in MiB."""
    platform: Platform | None = None
    """Operating system and architecture; None is linux/x86_64."""
    count: Annotated[Count, Key(default="1")] = Count.model_construct(value=1)
    """The number of tasks."""
    exec: Annotated[Exec | None, Key(default="false")] = None
    """ECS Exec. Default: off."""
    variables: dict[str, Variable] = {}
    """Environment variables of the main container."""
    env_file: str | None = None
    """A `.env` file, relative to the workspace root."""
    secrets: dict[str, Secret] = {}
    """Environment variables of the main container from secrets."""
    storage: Storage = Storage.model_construct()
    """Volumes and ephemeral storage."""
    logging: Logging = Logging.model_construct()
    """Log retention and the log router."""
    sidecars: dict[str, Sidecar] = {}
    """Containers beside the main one."""
    network: NetworkConfig = NetworkConfig.model_construct()
    """Service Connect, subnets, security groups."""
    publish: Publish = Publish.model_construct()
    """Topics."""
    taskdef_overrides: list[TaskDefinitionOverride] = []
    """Changes of the rendered task definition, in order."""


class Service(Workload):
    """What the three services add to it."""

    deployment: Deployment = Deployment.model_construct()
    """How tasks are replaced."""
    observability: Observability = Observability.model_construct()
    """Tracing."""


class ListeningService(Service):
    """A service whose main container may have a port."""

    image: ImageWithPort
    """The main container's image and port."""
