"""`deployment`, `observability` and `taskdef_overrides`."""

from typing import Annotated

from emulator.manifest.schema.base import Block, Key
from emulator.model import JsonValue


class RollbackAlarms(Block):
    """Alarms that roll a deployment back: names, or thresholds of alarms that Copilot makes."""

    short = "names"
    union = True

    names: Annotated[list[str], Key(hidden=True)] = []
    """Existing CloudWatch alarms."""
    cpu_utilization: float | None = None
    """Percent."""
    memory_utilization: float | None = None
    """Percent."""


class Deployment(Block):
    """How tasks are replaced."""

    rolling: Annotated[str | None, Key(default="default")] = None
    """`default` (100 to 200 % of the tasks run) or `recreate` (0 to 100 %)."""
    rollback_alarms: RollbackAlarms | None = None
    """Alarms that roll a deployment back."""


class Observability(Block):
    """Tracing."""

    tracing: str | None = None
    """`awsxray` adds the OpenTelemetry collector; lower-case here."""


class TaskDefinitionOverride(Block):
    """One rule of `taskdef_overrides`: a value put at a path of the CloudFormation task definition."""

    path: str
    """`ContainerDefinitions[0].Ulimits[-].HardLimit`; `[-]` appends."""
    value: JsonValue = None
    """Any value. A CloudFormation tag is here in its long form (`!Ref X` is `{"Ref": "X"}`)."""
