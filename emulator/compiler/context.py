"""What a manifest is compiled with: the names it is compiled for, what it does not say itself, where its keys stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from emulator.ecs.addons.model import Addons, TemplatePatch
from emulator.errors import Position
from emulator.manifest.schema.workload import Workload

DEFAULT_RETENTION = 30
"""Days that CloudWatch keeps logs where the manifest does not say."""
FindPosition = Callable[[str], Position | None]
"""Where a manifest path (`http.path`, `sidecars.nginx.port`) stands; None where the file does not have it."""


@dataclass(frozen=True, slots=True)
class AddonOutputs:
    """The outputs of a service's addon templates by what Copilot does with each (`internal/pkg/addon`)."""

    variables: tuple[str, ...] = ()
    """A variable of every container, security groups too."""
    secrets: tuple[str, ...] = ()
    """A secret of the main container."""
    policies: tuple[str, ...] = ()
    """A managed policy of the task role."""
    security_groups: tuple[str, ...] = ()
    """A security group of the service's tasks."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the application and the environment say, and no manifest does.

    `https` is whether the environment's load balancer has an HTTPS listener: the application has a domain or the
    environment has certificates. `domain` is the application's.
    """

    https: bool = False
    domain: str | None = None
    certificates: tuple[str, ...] = ()
    """ARNs of the certificates of the load balancer that the service is behind."""
    load_balancer: str | None = None
    """ARN or name of an existing load balancer, where the manifest names none."""
    here: bool = False
    """It runs on this machine, where its names do not resolve: a rule also accepts the load balancer's own name."""
    discovery_endpoint: str | None = None
    """The environment's private DNS namespace; None: `<environment>.<app>.local`."""
    addons: AddonOutputs = AddonOutputs()
    addon_template: Addons | None = None
    """The workload's addon templates, whose outputs are in `addons`."""
    environment_addons: Addons | None = None
    """The addon templates of the environment."""
    patches: tuple[TemplatePatch, ...] = ()
    """Changes to the finished template (`overrides/cfn.patches.yml`)."""


def nowhere(path: str) -> Position | None:
    """Finds no position: for a manifest that stands in no file."""
    del path
    return None


@dataclass(slots=True)
class Context:
    """One compilation: the manifest, the names, and the positions that were asked for so far."""

    manifest: Workload
    app: str
    environment: str
    surroundings: Surroundings = Surroundings()
    find_position: FindPosition = nowhere
    positions: dict[str, Position] = field(default_factory=dict)

    @property
    def prefix(self) -> str:
        """`<app>-<environment>-<service>`, from which Copilot builds names."""
        return f"{self.app}-{self.environment}-{self.manifest.name}"

    @property
    def template_names(self) -> dict[str, str]:
        """Parameters of Copilot's template whose values a manifest tells, for what refers to them."""
        return {
            "AppName": self.app,
            "EnvName": self.environment,
            "WorkloadName": self.manifest.name,
            "TaskCPU": str(self.manifest.cpu),
            "TaskMemory": str(self.manifest.memory),
            "LogRetention": str(self.retention),
        }

    @property
    def retention(self) -> int:
        """Days that CloudWatch keeps logs."""
        given = self.manifest.logging.retention
        return DEFAULT_RETENTION if given is None else given

    @property
    def log_group(self) -> str:
        return f"/copilot/{self.prefix}"

    @property
    def discovery_endpoint(self) -> str:
        return self.surroundings.discovery_endpoint or f"{self.environment}.{self.app}.local"

    def position(self, path: str) -> Position | None:
        """Where a manifest path stands, or the nearest path above it that the file has; kept for the service."""
        steps = path
        while steps:
            found = self.find_position(steps)
            if found is not None:
                self.positions[path] = found
                return found
            steps = steps.rpartition("[" if steps.endswith("]") else ".")[0]
        return None
