"""`type: Worker Service`."""

from __future__ import annotations

from typing import Literal

from emulator.manifest.schema.deployment import WorkerDeployment
from emulator.manifest.schema.messaging import Subscribe
from emulator.manifest.schema.workload import Service


class WorkerService(Service):
    """A service that takes messages from a queue. Source: Copilot, `WorkerServiceConfig`."""

    type: Literal["Worker Service"]
    subscribe: Subscribe = Subscribe.model_construct()
    """Topics and queues whose messages come in."""
    deployment: WorkerDeployment = WorkerDeployment.model_construct()
    """How tasks are replaced."""
