"""The clusters that run on this machine: each is an environment, found by its agent."""

from __future__ import annotations

import contextlib
import copy
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from emulator.api.arns import short
from emulator.api.created import names_of
from emulator.api.definitions import Definitions
from emulator.api.environments import Environments
from emulator.api.errors import ApiError, client_error, no_cluster
from emulator.api.exec.sessions import Sessions
from emulator.api.host import Host
from emulator.ecs.identity import cluster_arn
from emulator.engine.interface import Engine
from emulator.errors import CopilotLocalError, EngineError
from emulator.model import InvalidData
from emulator.regions import DEFAULT_REGION, LOCAL_ACCOUNT
from emulator.runtime.control.http import Message
from emulator.runtime.control.kept import KeptAgent
from emulator.runtime.state.desired import DesiredState
from emulator.setup.paths import data_dir
from emulator.setup.store import FOLDER, Store

DEFAULT = "default"
FARGATE_PROVIDERS = ("FARGATE", "FARGATE_SPOT")
CREATED = "clusters"
"""The document of clusters that CreateCluster made, by name."""
CLUSTERS = "cluster-settings"
"""The document of what was set of clusters, by ARN."""
WAITING = "services-without-tasks"
"""The document of services in those, by ARN of the cluster and name."""
FAILED = "tasks-without-capacity"
"""The document of tasks that RunTask could not place in those, by ARN."""

NOT_STARTED = "(This API has not started it: UpdateService does, unless it was given --record-only.)"


@dataclass(frozen=True)
class Recorded:
    """A cluster that CreateCluster made. `since` is when it was made or deleted, in seconds since the epoch; `services`
    and `tasks` are what is kept of them here."""

    arn: str
    active: bool
    since: float
    services: tuple[Message, ...] = ()
    tasks: tuple[Message, ...] = ()


@dataclass
class Cluster:
    """One environment, as it is while a request is answered; or a cluster that CreateCluster made, which has one as
    soon as something is to run in it."""

    environment: KeptAgent | None
    environments: Environments
    recorded: Recorded | None = None

    @property
    def agent(self) -> KeptAgent:
        """Who runs what is in it. Raises `ApiError` for a cluster that is no environment."""
        if self.environment is None:
            raise client_error(f"nothing runs in {self.name}")
        return self.environment

    @cached_property
    def services(self) -> list[Message]:
        """DescribeServices' `Service` of each. Raises `ApiError` where the environment is gone."""
        if self.recorded is not None:
            real = {one["serviceName"]: one for one in self.real_services()}
            return [_placed(one, real.get(one["serviceName"])) for one in self.recorded.services]
        return self._answer(self.agent.services)

    @cached_property
    def tasks(self) -> list[Message]:
        """DescribeTasks' `Task` of each that runs, and of the last that stopped. Raises `ApiError`, as `services`."""
        if self.recorded is not None:
            return [*self.recorded.tasks, *self._real(KeptAgent.tasks)]
        return self._answer(self.agent.tasks)

    def real_services(self) -> list[Message]:
        """Those of a created cluster that run, as its agent describes them."""
        return self._real(KeptAgent.services)

    def _real(self, ask: Callable[[KeptAgent], list[Message]]) -> list[Message]:
        """What runs in a created cluster; nothing while it has no environment, or that goes away."""
        if self.environment is None:
            return []
        try:
            return ask(self.environment)
        except EngineError:
            if self.environments.runs(self.environment):
                raise
            return []

    def _answer(self, ask: Callable[[], list[Message]]) -> list[Message]:
        try:
            return ask()
        except EngineError:
            if self.environments.runs(self.agent):
                raise
            raise no_cluster() from None

    @cached_property
    def state(self) -> DesiredState:
        """What should run, without private values. Raises `ApiError` for an environment of another version, whose state
        is not understood here."""
        try:
            return self.agent.state()
        except InvalidData:
            raise client_error(
                f"{self.name} was brought up by another version of copilot-local: run `copilot-local up` with this one"
            ) from None

    @cached_property
    def arn(self) -> str:
        """Of the cluster, as the tasks themselves have it."""
        if self.recorded is not None:
            return self.recorded.arn
        for service in self.services:
            return str(service["clusterArn"])
        return cluster_arn(DEFAULT_REGION, f"{self.agent.names.app}-{self.agent.names.environment}")

    @property
    def region(self) -> str:
        """Of what runs in it; empty where nothing says it."""
        return self.arn.split(":")[3] if self.recorded is not None or self.services else ""

    @property
    def name(self) -> str:
        """The last part of the ARN."""
        return self.arn.rpartition("/")[2]

    def fresh(self) -> Cluster:
        """The same, looked at again."""
        if self.recorded is None:
            return Cluster(self.environment, self.environments)
        return Cluster(self.environments.agent(names_of(self.recorded.arn)), self.environments, self.recorded)


class Clusters:
    """Finds environments by the names and ARNs of their clusters, for one request. `region` and `account` are those of
    what it makes; `store` keeps what this API knows itself. `runs`: what is in created clusters runs; else it waits.
    `settle` is for how many seconds answers about those wait for what they change. `lenient` is as in
    `refuse_wrong`."""

    def __init__(
        self,
        engine: Engine,
        host: Host | None = None,
        store: Store | None = None,
        region: str = DEFAULT_REGION,
        account: str = LOCAL_ACCOUNT,
        *,
        runs: bool = True,
        settle: float = 0,
        lenient: bool = False,
    ) -> None:
        self._environments = Environments(engine)
        self.sessions = Sessions()
        self.host = host or Host(engine, Path.cwd())
        self.store = store or Store(data_dir() / FOLDER)
        self.region = region
        self.account = account
        self.runs = runs
        self.settle = settle
        self.lenient = lenient
        self.definitions = Definitions(self.store)

    def of_region(self, region: str) -> Clusters:
        """The same for a request that is signed for a region."""
        found = copy.copy(self)
        found.region = region or self.region
        return found

    def all(self) -> list[Cluster]:
        """Those whose agents run, by the names of their environments. What runs for created clusters of other regions
        is none of these."""
        created = {names_of(one["arn"]): one["arn"] for one in self.store.read(CREATED).values() if one["active"]}
        recorded = self.recorded() if created else {}
        found = []
        for agent in self._environments.agents():
            arn = created.get(agent.names)
            if arn is None:
                found.append(Cluster(agent, self._environments))
            elif arn == self._arn(short(arn)):
                found.append(Cluster(agent, self._environments, recorded[short(arn)].recorded))
        return found

    def answering(self) -> list[Cluster]:
        """Those of them whose agents answer; one may be going away."""
        found = []
        for cluster in self.all():
            with contextlib.suppress(CopilotLocalError, ApiError):
                _ = cluster.services
                found.append(cluster)
        return found

    def with_states(self) -> list[tuple[Cluster, DesiredState]]:
        """Those that answer, with what should run in them. One that another version of copilot-local runs may not be
        understood here: it is left out."""
        found = []
        for cluster in self.answering():
            with contextlib.suppress(CopilotLocalError, ApiError):
                found.append((cluster, cluster.state))
        return found

    def one(self, asked: str | None) -> Cluster:
        """The cluster of that name or ARN; without one, and for `default`, the only one that runs. Raises `ApiError`
        where there is none."""
        found = self._named(short(asked or DEFAULT))
        if asked and asked not in (short(asked), self._arn(DEFAULT)) and asked != found.arn:
            raise no_cluster()
        return found

    def _named(self, name: str) -> Cluster:
        found = self.all()
        up = [one for one in found if one.recorded is None]
        own = [one for one in up if name == f"{one.agent.names.app}-{one.agent.names.environment}"]
        if own:
            return own[0]
        for one in self.answering():
            if name == one.name:
                return one
        if (kept := self.recorded().get(name)) is not None and kept.recorded is not None and kept.recorded.active:
            return kept.fresh()
        if name == DEFAULT and len(up) == 1:
            return up[0]
        raise no_cluster()

    def recorded(self) -> dict[str, Cluster]:
        """The clusters that CreateCluster made in the region, by name, deleted ones too."""
        services, tasks = self.store.read(WAITING).values(), self.store.read(FAILED).values()
        found = {}
        for one in self.store.read(CREATED).values():
            if one["arn"] == self._arn(short(one["arn"])):
                inside = [
                    tuple(each for each in kind if each["clusterArn"] == one["arn"]) for kind in (services, tasks)
                ]
                recorded = Recorded(**one, services=inside[0], tasks=inside[1])
                found[short(one["arn"])] = Cluster(None, self._environments, recorded)
        return found

    def _arn(self, name: str) -> str:
        return cluster_arn(self.region, name, self.account)

    def close(self) -> None:
        """Ends the environments of created clusters, and the connections to agents and to Docker's events."""
        try:
            self.host.created.close()
        finally:
            self._environments.close()


def _placed(service: Message, real: Message | None) -> Message:
    """The service of a created cluster as it runs, or with the event that tells why it does not, in the words that
    tools look for."""
    if real is None:
        return {"serviceDeployments": [], **service, "events": _unplaced(service)}
    desired = int(service["desiredCount"])
    deployments = [
        {
            **one,
            "launchType": service["launchType"],
            "capacityProviderStrategy": service.get("capacityProviderStrategy"),
            "pendingCount": _pending(one, desired if one["status"] == "PRIMARY" else 0),
        }
        for one in real["deployments"]
    ]
    given = ("taskDefinition", "runningCount", "serviceDeployments")
    return {
        "deploymentConfiguration": real["deploymentConfiguration"],
        **service,
        **{key: real[key] for key in given},
        "pendingCount": _pending(real, desired),
        "deployments": deployments,
        "events": [*real["events"], *_as_on_fargate(service)],
        "placed": True,
    }


def _pending(counted: Message, desired: int) -> int:
    """How many tasks are still to run: those that are made, and those that wait for that."""
    return max(int(counted["pendingCount"]), desired - int(counted["runningCount"]), 0)


def _as_on_fargate(service: Message) -> list[Message]:
    """The event that says how tasks of another launch type run."""
    if on_fargate(service):
        return []
    what = f"the launch type {service['launchType']}" if service["launchType"] else "its capacity provider"
    message = f"(service {service['serviceName']}) {what} is not on this machine: tasks run as on Fargate, with awsvpc."
    return [
        {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, service["serviceArn"])),
            "createdAt": service["createdAt"],
            "message": message,
        }
    ]


def _unplaced(service: Message) -> list[Message]:
    """The event of a service that has no tasks, though some are wanted."""
    if not service["desiredCount"]:
        return []
    deployment = service["deployments"][0]
    why = service.get("why", "")
    if not why and on_fargate(service):
        why = no_capacity(short(service["clusterArn"]))
    because = "" if why else " because no container instance met all of its requirements"
    why = why or f"No Container Instances were found in your cluster. {NOT_STARTED}"
    event = {
        "id": deployment["id"].rpartition("/")[2],
        "createdAt": deployment["createdAt"],
        "message": f"(service {service['serviceName']}) was unable to place a task{because}. Reason: {why}",
    }
    return [event]


def on_fargate(asked: Mapping[str, Any]) -> bool:
    """Whether a service or task is to run on Fargate."""
    strategy = asked.get("capacityProviderStrategy") or ()
    of_fargate = [one["capacityProvider"] in FARGATE_PROVIDERS for one in strategy]
    return asked.get("launchType") == "FARGATE" or (bool(of_fargate) and all(of_fargate))


def no_capacity(cluster: str) -> str:
    """Why nothing starts on Fargate in a cluster that is no environment: ECS's words, and what to do."""
    return (
        "Capacity is unavailable at this time. Please try again later or in a different availability zone. "
        f"({cluster} is no environment of this machine: `copilot-local up` makes one, whose cluster is "
        f"APP-ENVIRONMENT.) {NOT_STARTED}"
    )
