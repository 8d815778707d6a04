"""An environment as a listing shows it: for people, for programs, and as the agent answers it.

Imports next to nothing, since `ps` and `targets` begin with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from emulator.runtime.listeners.published import PublishedListener

STARTED_ANEW = "`copilot-local up -d` starts the load balancer anew"


@dataclass(frozen=True, slots=True)
class ContainerRow:
    """One container of a task, or one of ours (`service` empty)."""

    service: str
    task_id: str
    name: str
    state: str
    health: str
    """Of its container health check; empty where it has none."""
    exit_code: int | None
    status: str
    created: datetime
    docker_name: str
    id: str
    image: str
    ports: tuple[str, ...] = ()
    """What its definition maps: `80/tcp`."""
    url: str = ""
    """Where the local AWS endpoint answers on this machine; empty for all others."""
    image_name: str = ""
    """What its image is built from, or the reference in its task definition; empty where neither is known."""


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """One service that should run."""

    name: str
    desired_count: int
    running_count: int
    """Tasks whose containers run."""
    url: str
    """Where a browser finds it; empty where no rule of a load balancer leads to it."""
    job: dict[str, Any] | None = None
    """Of a Scheduled Job: `expression`, `on_schedule`, `next` (ISO 8601, or null), and its last `runs`."""


@dataclass(frozen=True, slots=True)
class Overview:
    """An environment as it is. `targets` are what the agent says of the load balancer's targets."""

    app: str
    environment: str
    url: str | None
    supervised: bool
    """An agent is there and answers."""
    containers: tuple[ContainerRow, ...]
    targets: tuple[dict[str, Any], ...]
    failures: tuple[str, ...] = ()
    """Services whose tasks do not stay, or cannot be started, and why."""
    listeners: tuple[PublishedListener, ...] = ()
    """What the load balancers listen on, on this machine."""
    services: tuple[ServiceRow, ...] = ()
    """Every service that should run, those without a task too; empty where no agent answers."""
    target_containers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Service to target group to the container that its targets are."""


def of_service(found: Overview, name: str) -> Overview:
    """What of the environment is one service's, without our own containers."""
    return replace(
        found,
        containers=tuple(row for row in found.containers if row.service == name),
        targets=tuple(target for target in found.targets if target["service"] == name),
        listeners=tuple(one for one in found.listeners if one.service in ("", name)),
        services=tuple(row for row in found.services if row.name == name),
    )


Silent = Callable[[Sequence[PublishedListener]], Mapping[int, str]]
"""Why listeners do not answer at their published ports, by host port."""


def with_silent(found: Overview, silent: Silent) -> Overview:
    """The overview with a sentence for each listener that does not answer."""
    unanswered = [
        f"127.0.0.1:{port} does not answer: {why}; {STARTED_ANEW}" for port, why in silent(found.listeners).items()
    ]
    return replace(found, failures=(*found.failures, *unanswered))


def to_plain(found: Overview) -> dict[str, Any]:
    """The overview as what JSON can hold."""
    rows = [{**asdict(row), "created": row.created.isoformat()} for row in found.containers]
    return {**asdict(found), "containers": rows}


def from_plain(content: Mapping[str, Any]) -> Overview:
    """The overview that `to_plain` made this of. Raises TypeError, KeyError or ValueError for anything else."""
    containers = [
        ContainerRow(**{**row, "created": datetime.fromisoformat(row["created"]), "ports": tuple(row["ports"])})
        for row in content["containers"]
    ]
    return Overview(
        **{
            **content,
            "containers": tuple(containers),
            "targets": tuple(content["targets"]),
            "failures": tuple(content["failures"]),
            "listeners": tuple(PublishedListener(**one) for one in content["listeners"]),
            "services": tuple(ServiceRow(**one) for one in content["services"]),
        }
    )
