"""The work of this machine: secrets, builds and pulls, as `up` does it; the agent does the rest."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from emulator.api.created import Created, note
from emulator.api.request import ordered_request, workspace_at
from emulator.app.up_request import UpOptions
from emulator.ecs.service import Service
from emulator.engine.interface import Engine
from emulator.regions import LOCAL_ACCOUNT
from emulator.runtime.control.client import Agent
from emulator.runtime.lifecycle.prepare import prepare, refuse_unsupported_in
from emulator.runtime.lifecycle.up import up
from emulator.runtime.planning.up_request import ApiOrder, SupportImages, UpRequest
from emulator.runtime.state.names import Names
from emulator.settings import load_settings


@dataclass(frozen=True, slots=True)
class Order:
    """A service that is to run. `updates` are fields of its `DesiredService`; `images` are local ones, by container,
    that are not looked for; `inherited` are private variables, by container, whose values the agent has."""

    environment: Names
    service: Service
    region: str
    updates: Mapping[str, object]
    images: Mapping[str, str] = field(default_factory=dict)
    inherited: Mapping[str, Sequence[str]] = field(default_factory=dict)
    timing: str = "local"
    account: str = LOCAL_ACCOUNT
    cluster: str = ""
    """The name of a created cluster, whose environment is made for this if it is not there; empty: an environment's."""


class Host:
    """Settings and secrets are those of the workspace that `folder` is in. `support` are our own images, where they
    are not to be built. `killed` ends what goes down in order."""

    def __init__(
        self,
        engine: Engine,
        folder: Path,
        support: SupportImages | None = None,
        killed: threading.Event | None = None,
    ) -> None:
        self.created = Created(engine, killed)
        self._engine = engine
        self._folder = folder
        self._support = support

    @property
    def ecs_limits(self) -> bool:
        """`ecs_limits` of the workspace's `[time]`."""
        return load_settings(workspace_at(self._folder)).time.ecs_limits

    def prepared(self, order: Order) -> Callable[[], None]:
        """What hands the order to the agent, once its images are here. Raises `MissingError` at once where values are
        missing."""
        request = self._request(order)

        def hand_over() -> None:
            with self._there(order, request) as cancelled:
                up(self._engine, request, note, cancelled=cancelled)

        return hand_over

    def task(self, order: Order, tasks: Sequence[str], told: str) -> Callable[[], None]:
        """What has the agent run tasks of these ids by themselves. Raises `MissingError`, as `prepared`."""
        request = self._request(order)

        def run() -> None:
            with self._there(order, request) as cancelled:
                refuse_unsupported_in(request, note)
                state = prepare(self._engine, request, note, with_front=False, cancelled=cancelled)
                agent = Agent(self._engine, order.environment)
                desired = state.services[order.service.name]
                desired.options.aws_port = agent.state().aws_port if desired.needs_aws else 0
                agent.run_task(desired, request.private, list(tasks), told)

        return run

    @contextmanager
    def _there(self, order: Order, request: UpRequest) -> Iterator[threading.Event | None]:
        """Within this block there is the environment of a created cluster. Gives what is set when that is to end."""
        if not order.cluster:
            yield None
            return
        empty = prepare(self._engine, replace(request, services=[]), note, with_front=False)
        empty = empty.model_copy(update={"own_cluster": order.cluster})
        with self.created.ensured(order.environment, empty) as cancelled:
            yield cancelled

    def _request(self, order: Order) -> UpRequest:
        name = order.service.name
        options = UpOptions(
            replacements={f"{name}/{container}": image for container, image in order.images.items()},
            timing=order.timing,
        )
        told = ApiOrder({name: order.updates}, {name: order.inherited}, order.account)
        request = ordered_request(
            order.service, order.environment, workspace_at(self._folder), note, options, told, region=order.region
        )
        return request if self._support is None else replace(request, support=self._support)
