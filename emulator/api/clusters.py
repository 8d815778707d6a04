"""The clusters that run on this machine: each is an environment, found by its agent."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from emulator.api.errors import no_cluster
from emulator.ecs.identity import cluster_arn
from emulator.engine.interface import ContainerState, Engine
from emulator.errors import CopilotLocalError
from emulator.regions import DEFAULT_REGION
from emulator.runtime.control.client import Agent, Message
from emulator.runtime.state import names
from emulator.runtime.state.names import Names, Role

DEFAULT = "default"


@dataclass
class Cluster:
    """One environment, as it is while a request is answered."""

    agent: Agent

    @cached_property
    def services(self) -> list[Message]:
        """DescribeServices' `Service` of each."""
        return self.agent.services()

    @cached_property
    def tasks(self) -> list[Message]:
        """DescribeTasks' `Task` of each that runs, and of the last that stopped."""
        return self.agent.tasks()

    @cached_property
    def arn(self) -> str:
        """Of the cluster, as the tasks themselves have it."""
        for service in self.services:
            return str(service["clusterArn"])
        return cluster_arn(DEFAULT_REGION, f"{self.agent.names.app}-{self.agent.names.environment}")

    @property
    def name(self) -> str:
        """The last part of the ARN."""
        return self.arn.rpartition("/")[2]

    def fresh(self) -> Cluster:
        """The same, looked at again."""
        return Cluster(self.agent)


class Clusters:
    """Finds environments by the names and ARNs of their clusters."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Cluster]:
        """Those whose agents run, by the names of their environments."""
        return [Cluster(Agent(self._engine, one)) for one in self._environments()]

    def answering(self) -> list[Cluster]:
        """Those of them whose agents answer; one may be going away."""
        found = []
        for cluster in self.all():
            with contextlib.suppress(CopilotLocalError):
                _ = cluster.services
                found.append(cluster)
        return found

    def one(self, asked: str | None) -> Cluster:
        """The cluster of that name or ARN; without one, and for `default`, the only one that runs. Raises `ApiError`
        where there is none."""
        found = self.all()
        name = (asked or DEFAULT).rpartition("/")[2]
        own = [one for one in found if name == f"{one.agent.names.app}-{one.agent.names.environment}"]
        if own:
            return own[0]
        for one in self.answering():
            if name == one.name:
                return one
        if name == DEFAULT and len(found) == 1:
            return found[0]
        raise no_cluster()

    def _environments(self) -> Iterator[Names]:
        found = {
            (one.labels.get(names.APP, ""), one.labels.get(names.ENVIRONMENT, ""))
            for one in self._engine.list_containers({names.ROLE: Role.AGENT})
            if one.state is ContainerState.RUNNING
        }
        for app, environment in sorted(found):
            yield Names(app, environment)
