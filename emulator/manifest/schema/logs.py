"""The `logging` block: retention, and the FireLens log router."""

from typing import Annotated

from emulator.manifest.schema.base import INT64, Block, Key
from emulator.manifest.schema.containers import Secret, Variable


class SidecarLogging(Block):
    """How one sidecar's logs go through FireLens. copilot-local's extension; Copilot ignores it."""

    switch = True

    destination: dict[str, str] = {}
    """Options of the sidecar's log driver; empty: the main container's."""
    secret_options: Annotated[dict[str, Secret], Key("secretOptions")] = {}
    """Options whose values are secrets; empty: the main container's."""


class LoggingSidecars(Block):
    """Which sidecars log through FireLens too: `true` for all, a list of names, or a map from name to destination.
    copilot-local's extension: the Copilot documentation announced it and it never shipped."""

    everyone: Annotated[bool, Key(hidden=True)] = False
    """Whether every sidecar does."""
    named: Annotated[dict[str, SidecarLogging], Key(hidden=True)] = {}
    """The sidecars that do, with what differs from the main container."""


class Logging(Block):
    """Log retention, and the log router. The router exists where any key but `retention` is set. Source: Copilot,
    `Logging` in internal/pkg/manifest/workload_ecs.go."""

    retention: Annotated[int | None, INT64, Key(default="30")] = None
    """Days that CloudWatch keeps the log group."""
    image: Annotated[str | None, Key(default="public.ecr.aws/aws-observability/aws-for-fluent-bit:stable")] = None
    """The router's image."""
    destination: dict[str, str] = {}
    """Options of the main container's log driver: a Fluent Bit output."""
    enable_metadata: Annotated[bool | None, Key("enableMetadata", default="true")] = None
    """Whether records carry the cluster, task and task definition."""
    secret_options: Annotated[dict[str, Secret], Key("secretOptions")] = {}
    """Options whose values are secrets."""
    config_file_path: Annotated[str | None, Key("configFilePath", legacy=("configFile",))] = None
    """A Fluent Bit configuration file inside the router's image."""
    variables: dict[str, Variable] = {}
    """Environment variables of the router."""
    secrets: dict[str, Secret] = {}
    """Environment variables of the router from secrets."""
    env_file: str | None = None
    """A `.env` file for the router."""
    sidecars: LoggingSidecars | None = None
    """Sidecars that log through the router too (copilot-local only)."""
    firelens: Annotated[bool, Key(hidden=True)] = False
    """Whether the router exists: any key other than `retention` is present and not null or an empty map."""
