"""`type: Scheduled Job`."""

from datetime import timedelta
from typing import Annotated, Literal

from emulator.manifest.schema.base import INT64, Block
from emulator.manifest.schema.notations.schedule import Schedule
from emulator.manifest.schema.workload import Workload


class Trigger(Block):
    """`on`."""

    schedule: Schedule
    """When the job runs."""


class ScheduledJob(Workload):
    """A task that runs at times. Source: Copilot, `ScheduledJobConfig`."""

    type: Literal["Scheduled Job"]
    on: Trigger
    """What starts the job."""
    retries: Annotated[int | None, INT64] = None
    """How often a failed run is repeated."""
    timeout: timedelta | None = None
    """How long a run may take, in whole seconds."""
