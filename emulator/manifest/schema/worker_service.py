"""`type: Worker Service`."""

from typing import Literal

from emulator.manifest.schema.deployment import Deployment, RollbackAlarms
from emulator.manifest.schema.subscribe import Subscribe
from emulator.manifest.schema.workload import Service


class WorkerRollbackAlarms(RollbackAlarms):
    """Alarms of a Worker Service."""

    messages_delayed: int | None = None
    """Messages waiting in the queue."""


class WorkerDeployment(Deployment):
    """How tasks of a Worker Service are replaced."""

    rollback_alarms: WorkerRollbackAlarms | None = None
    """Alarms that roll a deployment back."""


class WorkerService(Service):
    """A service that takes messages from a queue. Source: Copilot, `WorkerServiceConfig`."""

    type: Literal["Worker Service"]
    subscribe: Subscribe = Subscribe.model_construct()
    """Topics and queues whose messages come in."""
    deployment: WorkerDeployment = WorkerDeployment.model_construct()
    """How tasks are replaced."""
