"""Blocks that describe containers: image, build, health check, variables, secrets, platform, sidecars."""

import enum
from datetime import timedelta
from typing import Annotated, Self

from emulator.manifest.schema.base import INT64, UINT16, Block, Key, ShellWords
from emulator.manifest.schema.notations.values import Port


class DependencyCondition(enum.StrEnum):
    """What a container waits for in another one. Case does not matter. Source: ECS, ContainerDependency."""

    START = "START"
    COMPLETE = "COMPLETE"
    SUCCESS = "SUCCESS"
    HEALTHY = "HEALTHY"


class Build(Block):
    """How an image is built: the path of a Dockerfile, or a map.

    Paths are relative to the workspace root. Source: Copilot, `DockerBuildArgs`, and `BuildArgsOrString.isEmpty`: an
    empty text builds nothing, a map with a key in it does.
    """

    short = "dockerfile"
    swallows = True
    blank_is_none = True

    context: str | None = None
    """The folder sent to the build; default: the folder of the Dockerfile."""
    dockerfile: str | None = None
    """Default: `Dockerfile` in the context."""
    args: dict[str, str] = {}
    """Build arguments."""
    target: str | None = None
    """The stage of a multi-stage Dockerfile to stop at."""
    cache_from: list[str] = []
    """Images whose layers may be reused."""


class ContainerHealthCheck(Block):
    """A command that runs inside the container. All fields None means that there is no health check; where one is set,
    the renderer fills the others in (`CMD-SHELL curl -f http://localhost/ || exit 1`, 10s, 2, 5s, 0s)."""

    command: Annotated[list[str] | None, Key(default='["CMD-SHELL", "curl -f http://localhost/ || exit 1"]')] = None
    """A list that starts with CMD or CMD-SHELL."""
    interval: Annotated[timedelta | None, Key(default="10s")] = None
    """Time between two checks, 5 to 300 seconds."""
    retries: Annotated[int | None, INT64, Key(default="2")] = None
    """Failures in a row until the container counts as unhealthy, 1 to 10."""
    timeout: Annotated[timedelta | None, Key(default="5s")] = None
    """How long a check may take, 2 to 60 seconds."""
    start_period: Annotated[timedelta | None, Key(default="0s")] = None
    """Time after the start in which failures do not count, 0 to 300 seconds."""


class Image(Block):
    """The main container's image (workers and jobs): exactly one of `build` and `location`."""

    build: Build | None = None
    """A Dockerfile's path, or a map."""
    location: str | None = None
    """An existing image, as `docker pull` takes it."""
    credentials: str | None = None
    """ARN of the Secrets Manager secret with the credentials of a private registry."""
    labels: dict[str, str] = {}
    """Docker labels of the container."""
    depends_on: dict[str, DependencyCondition] = {}
    """Containers to wait for: name to condition."""
    healthcheck: ContainerHealthCheck | None = None
    """The container's own health check."""


class ImageWithPort(Image):
    """The main container's image of a service that listens."""

    port: Annotated[int | None, UINT16] = None
    """The port the container listens on. Required in a Load Balanced Web Service."""


class Variable(Block):
    """The value of a variable: text (scalars keep their source text), or `{from_cfn: export}`. Null is empty text."""

    short = "value"
    swallows = True
    null = True

    value: Annotated[str | None, Key(hidden=True)] = None
    """The text; None where `from_cfn` is set."""
    from_cfn: str | None = None
    """The name of a CloudFormation export."""


class Secret(Block):
    """Where a secret variable comes from: a parameter name or ARN as text, `{secretsmanager: …}` or `{from_cfn: …}`."""

    short = "value_from"
    swallows = True
    null = True

    value_from: Annotated[str | None, Key(hidden=True)] = None
    """The name of an SSM parameter, or the ARN of an SSM parameter or a Secrets Manager secret."""
    secretsmanager: str | None = None
    """`name`, optionally followed by `:json-key:version-stage:version-id`."""
    from_cfn: str | None = None
    """The name of a CloudFormation export that holds the name or ARN."""


class Platform(Block):
    """Operating system and architecture: `linux/arm64`, or a map. None means linux/x86_64 and no `--platform`."""

    parsed = True
    swallows = True

    osfamily: str | None = None
    """linux, windows, windows_server_2019_core, …_2019_full, …_2022_core, …_2022_full; lower-case here."""
    architecture: str | None = None
    """amd64 or x86_64, arm or arm64 (linux only); lower-case here."""

    @classmethod
    def parse(cls, text: str) -> Self:
        osfamily, slash, architecture = text.lower().partition("/")
        if not slash or "/" in architecture:
            raise ValueError(f"platform {text!r} is not in the form os/architecture")
        return cls.model_construct(osfamily=osfamily, architecture=architecture)

    @property
    def is_windows(self) -> bool:
        return (self.osfamily or "").startswith("windows")

    @property
    def is_arm(self) -> bool:
        return self.architecture in ("arm", "arm64")


class Exec(Block):
    """`exec: true`, or a map. The block being there means on: Copilot takes any non-empty map for on, even
    `{enable: false}` (`convertExecuteCommand`)."""

    switch = True
    swallows = True

    enable: bool | None = None
    """Whether ECS Exec works."""


class MountPoint(Block):
    """A volume inside a sidecar."""

    source_volume: str
    """A key of `storage.volumes`."""
    path: str
    """Where the volume appears."""
    read_only: Annotated[bool, Key(default="true")] = True
    """Whether the container may only read it."""


class ImageSource(Block):
    """A sidecar's image: text is its location, a map has one of `build` and `location`."""

    short = "location"
    union = True

    build: Build | None = None
    """A Dockerfile's path, or a map."""
    location: str | None = None
    """An existing image."""


class Sidecar(Block):
    """A container beside the main one. Source: Copilot, `SidecarConfig`."""

    port: Port | None = None
    """`80` or `80/udp`."""
    essential: Annotated[bool | None, Key(default="true")] = None
    """Whether the task stops when this container does."""
    image: ImageSource
    """Required."""
    credentials_parameter: Annotated[
        str | None, Key("credentialsParameter", legacy=("credentialParameter", "credentials_parameter"))
    ] = None
    """ARN of the secret with a private registry's credentials."""
    variables: dict[str, Variable] = {}
    """Environment variables."""
    secrets: dict[str, Secret] = {}
    """Environment variables from secrets."""
    env_file: str | None = None
    """A `.env` file, relative to the workspace root."""
    mount_points: list[MountPoint] = []
    """Volumes of `storage.volumes`."""
    labels: dict[str, str] = {}
    """Docker labels."""
    depends_on: dict[str, DependencyCondition] = {}
    """Containers to wait for."""
    healthcheck: ContainerHealthCheck | None = None
    """The container's own health check."""
    entrypoint: Annotated[list[str] | None, ShellWords()] = None
    """Replaces the image's entry point; text is split into words."""
    command: Annotated[list[str] | None, ShellWords()] = None
    """Replaces the image's command; text is split into words."""
