"""Names and labels of everything that runs for an environment.

Labels say what a thing is and whose; any command can rebuild the picture from them alone.
"""

from __future__ import annotations

import enum
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from emulator.engine.labels import CONTROL_PREFIXES

PREFIX = "copilot-local."
APP = PREFIX + "app"
ENVIRONMENT = PREFIX + "env"
SERVICE = PREFIX + "service"
TASK = PREFIX + "task"
ROLE = PREFIX + "role"
CONTAINER = PREFIX + "container"
CONFIG_HASH = PREFIX + "config-hash"
VERSION = PREFIX + "version"
ESSENTIAL = PREFIX + "essential"
DEPENDS_ON = PREFIX + "depends-on"
STOP_TIMEOUT = PREFIX + "stop-timeout"
LOG_ROUTER = PREFIX + "log-router"
RELAY = PREFIX + "log-relay"
"""On a pause: Docker's log driver talks to it, and it to the log router."""
EGRESS = PREFIX + "egress"
"""`closed`: a log router that may send nothing out of its task but to the local AWS endpoint."""
LOG_OUTPUTS = PREFIX + "log-outputs"
TRACES = PREFIX + "traces"
"""On a collector of traces: what runs in its place, as `[traces]` names it."""
LOG_GROUP = PREFIX + "log-group"
LOG_STREAM = PREFIX + "log-stream"
DATA = PREFIX + "data"
LISTENERS = PREFIX + "listeners"
IMAGE_NAME = PREFIX + "image-name"
"""On a load balancer, which runs by its image's id: the name that the image is known by."""
OWNER = PREFIX + "owner"
ONE_OFF = PREFIX + "one-off"
JOB_RUN = PREFIX + "job-run"
"""On the containers of a job that the agent runs: the run's id, a slash, and which of its tries it is."""
RUN_TASK = PREFIX + "run-task"
"""On the containers of a task that RunTask started: JSON of what DescribeTasks says of it."""
RESTART_POLICY = PREFIX + "restart-policy"
LIMITS = PREFIX + "limits"
"""On pause: what the task's CPU and memory limit, `task` or each `container`."""
GIVEN_UP = PREFIX + "given-up"
"""Why a container never started, in ECS's words: it stands for one that has stopped."""
CONNECT = PREFIX + "service-connect"
CONNECT_PORT = PREFIX + "service-connect-port"
"""On a pause: the container port behind that name."""
CONNECT_PROXY = PREFIX + "service-connect-proxy"
"""On a pause: its task has a proxy of Service Connect; a digest of the names that it was made with."""
MADE_BY = PREFIX + "made-by"
"""Of an agent: the process that is bringing its environment up, or has."""
CLAIM = PREFIX + "claim"
"""Of an agent: which attempt of that process to acquire the environment has created it."""

AWS_PORT = PREFIX + "aws-port"
"""Of the local AWS endpoint: where tasks reach it on 127.0.0.1, and this machine too; absent where none does."""
AWS_NAMES = PREFIX + "aws-names"
"""On a container of a task in which AWS's own host names lead to the local AWS endpoint."""
AWS_URL = PREFIX + "aws-url"
"""Of the same: the URL of another endpoint that answers in its place; absent where none does."""
DATABASE = PREFIX + "database"
"""Of a database or cache: its key, `STACK/LOGICAL ID`."""
LOW_LIMIT = PREFIX + "low-limit"
"""Of a container that was made anew with the open-file limit that its daemon can give."""
NATIVE = PREFIX + "native"
"""Of a pause and of the main container: a program of this machine runs in that one's place; JSON, as in
`emulator.runtime.specs.attended.native`."""
CREDENTIALS = PREFIX + "credentials"
"""The digest of the id of the credentials that a container was given."""

ECS_TASK_ARN = "com.amazonaws.ecs.task-arn"
ECS_CONTAINER_NAME = "com.amazonaws.ecs.container-name"
ECS_FAMILY = "com.amazonaws.ecs.task-definition-family"
ECS_REVISION = "com.amazonaws.ecs.task-definition-version"
ECS_CLUSTER = "com.amazonaws.ecs.cluster"

CONTROL = frozenset(
    value
    for name, value in tuple(globals().items())
    if name.isupper() and isinstance(value, str) and value.startswith(CONTROL_PREFIXES) and value != PREFIX
)
"""Every label of ours."""
ECS = frozenset({ECS_TASK_ARN, ECS_CONTAINER_NAME, ECS_FAMILY, ECS_REVISION, ECS_CLUSTER})
"""Those that the ECS agent sets too."""

RECORD_LABELS = ("container_id", "container_name")
"""Labels that Docker's log driver takes Fargate's names of a container from; hidden everywhere else."""


_PAUSE = "pause"
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_SUFFIXES = frozenset({"agent", "front", "internal", "aws", "state", "access", "logs", "efs", "connect"})
"""What a name of an environment's own may have behind its prefix, up to the next dash."""


class Role(enum.StrEnum):
    """What a container is for."""

    FRONT = "front"
    INTERNAL_FRONT = "internal-front"
    UDP_RELAY = "udp-relay"
    AWS = "aws"
    AWS_WAY = "aws-way"
    DATABASE = "database"
    BESIDE = "beside"
    AGENT = "agent"
    PAUSE = "pause"
    SERVICE_CONNECT = "ecs-service-connect"
    MEMBER = "member"
    ROUTER = "router"
    DRAIN = "drain"
    VOLUME = "volume"
    NETWORK = "network"
    TRACE = "trace"


class _Named:
    """What is called by an environment's prefix and a word behind it."""

    def __init__(self, word: str) -> None:
        self._word = word

    def __get__(self, names: Names, owner: type[Names]) -> str:
        return f"{names.prefix}-{self._word}"


@dataclass(frozen=True, slots=True)
class Names:
    """The names that one environment uses. Docker allows `[a-zA-Z0-9][a-zA-Z0-9_.-]*`."""

    app: str
    environment: str
    owner: str = field(default="", compare=False)
    """The process that removes it all when it ends, as a test does; empty where a person does."""

    agent = _Named("agent")
    """The agent container. This name is the environment's lock: Docker gives it to one creator only."""
    front = _Named("front")
    """The container of the public load balancer."""
    internal_front = _Named("internal-front")
    """The container of the internal load balancer."""
    udp_relay = _Named("udp-relay")
    """The container that balances datagrams."""
    aws = _Named("aws")
    """The container of the local AWS endpoint."""
    aws_way = _Named("aws-way")
    """The relay from the endpoint's container to another one on this machine, and the volume with its socket."""
    state_volume = _Named("state")
    """The agent's volume, with the desired state."""
    front_volume = _Named("front")
    """Configuration and sockets of the public load balancer."""
    internal_front_volume = _Named("internal-front")
    """The same of the internal load balancer."""
    connect_volume = _Named("connect")
    """What the proxies of Service Connect read: the names of the environment and the tasks behind them."""
    log_volume = _Named("logs")
    """The log store."""
    access_volume = _Named("access")
    """The load balancer's access log: no task mounts it."""
    aws_volume = _Named("aws")
    """What the endpoint shares with log routers: the certificate of its authority."""
    aws_key_volume = _Named("aws-key")
    """The endpoint's own certificate and key: a new container of it is the same to log routers that run."""
    aws_data_volume = _Named("aws-data")
    """What the endpoint holds: queues, topics, buckets, tables."""

    @property
    def prefix(self) -> str:
        """What the names of an environment begin with: another one for each, whatever is in their names.

        The last dash parts application and environment, where the environment has none and no name of ours begins so.
        """
        app, environment = self.app, self.environment
        if not (_PLAIN.fullmatch(app) and _PLAIN.fullmatch(environment)):
            return f"cl-{_safe(app)}.{_safe(environment)}.{_digest(app, environment)}"
        parted = "." if "-" in environment or environment in _SUFFIXES else "-"
        return f"cl-{app}{parted}{environment}"

    @property
    def network(self) -> str:
        """The environment's network."""
        return self.prefix

    def database(self, key: str) -> str:
        """The container of a database or cache, by its key. The dot is in no name of a task's container."""
        return f"{self.prefix}-db.{_safe(key.rpartition('/')[2])}-{_digest(key)}"

    def database_volume(self, key: str) -> str:
        """What a database holds."""
        return self.database(key)

    def pause(self, task_id: str) -> str:
        """The pause of a task. No container of the task has this name, whatever the task definition calls it.

        Docker answers a reverse lookup of the task's address with it, so it does not name the service.
        """
        return f"{self.prefix}-{task_id[:8]}-{_PAUSE}"

    def proxy(self, task_id: str) -> str:
        """The proxy of Service Connect of a task."""
        return f"{self.prefix}-{task_id[:8]}-service-connect"

    def container(self, service: str, task_id: str, container: str) -> str:
        """A container of a task."""
        return f"{self.prefix}-{_safe(service)}-{task_id[:8]}-{_part(container)}"

    def socket_volume(self, task_id: str) -> str:
        """The volume of a log router's socket: short, since a socket path holds 107 bytes at most."""
        return f"cl-fl-{task_id[:16]}"

    def native_volume(self, task_id: str) -> str:
        """The volume of the sockets that lead to a program of this machine."""
        return f"cl-nv-{task_id[:16]}"

    def task_volume(self, task_id: str, volume: str) -> str:
        """A volume of one task."""
        return f"{self.prefix}-{task_id[:16]}-{_part(volume)}"

    def file_system_volume(self, file_system: str) -> str:
        """The volume that stands for an EFS file system, shared by all tasks of the environment."""
        return f"{self.prefix}-efs-{_part(file_system)}"

    def labels(self, role: Role | None = None) -> dict[str, str]:
        """The labels that everything of this environment carries."""
        labels = {APP: self.app, ENVIRONMENT: self.environment}
        if role is not None:
            labels[ROLE] = role
            if self.owner:
                labels[OWNER] = self.owner
        return labels


def sealed(labels: Mapping[str, str]) -> dict[str, str]:
    """Labels for a new container, with every label of copilot-local: one that is not given is empty, that is absent.

    Otherwise Docker would take it from the image.
    """
    return dict.fromkeys(sorted(CONTROL), "") | dict(labels)


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", name)


def _part(name: str) -> str:
    """A name of something else as the end of one of ours; different for different names."""
    return name if _PLAIN.fullmatch(name) and name != _PAUSE else f"{_safe(name)}.{_digest(name)}"


def _digest(*names: str) -> str:
    return hashlib.sha256("\0".join(names).encode()).hexdigest()[:8]
