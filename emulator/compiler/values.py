"""Manifest values as values of the ECS model: variables, secrets, dependencies, health checks, environment files.

Source: Copilot's workload templates (`envvars-common.yml`, `variables.yml`, `secrets.yml`) and `transformers.go`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta

from emulator.compiler.context import Context
from emulator.ecs.references import AddonReference, EnvFileReference, ImportReference, Join, PseudoReference, Value
from emulator.ecs.task_definition import ContainerDependency, EnvironmentFile, HealthCheck, KeyValuePair
from emulator.ecs.task_definition import Secret as EcsSecret
from emulator.manifest.schema.containers import ContainerHealthCheck, DependencyCondition, Secret, Variable
from emulator.model import make

_DEFAULT_CHECK = ["CMD-SHELL", "curl -f http://localhost/ || exit 1"]


def seconds(duration: timedelta) -> int:
    """Whole seconds; Copilot cuts what is below."""
    return int(duration.total_seconds())


def optional_seconds(duration: timedelta | None) -> int | None:
    """The same where there is a duration."""
    return None if duration is None else seconds(duration)


def arn(service: str, resource: str) -> Join:
    """An ARN of the region and account that something is deployed to."""
    return make(
        Join,
        parts=(
            "arn:",
            make(PseudoReference, name="AWS::Partition"),
            f":{service}:",
            make(PseudoReference, name="AWS::Region"),
            ":",
            make(PseudoReference, name="AWS::AccountId"),
            f":{resource}",
        ),
    )


def variables(context: Context, path: str, manifest: Mapping[str, Variable]) -> list[KeyValuePair]:
    """A block of variables, sorted by name."""
    found = []
    for name, variable in sorted(manifest.items()):
        position = context.position(f"{path}.{name}")
        value: Value = variable.value or ""
        if variable.from_cfn is not None:
            value = make(ImportReference, name=variable.from_cfn, position=position)
        found.append(make(KeyValuePair, name=name, value=value))
    return found


def secrets(context: Context, path: str, manifest: Mapping[str, Secret]) -> list[EcsSecret]:
    """A block of secrets, sorted by name. Text may be the name of a parameter or the ARN of a parameter or secret."""
    found = []
    for name, secret in sorted(manifest.items()):
        position = context.position(f"{path}.{name}")
        value: Value = secret.value_from or ""
        if secret.from_cfn is not None:
            value = make(ImportReference, name=secret.from_cfn, position=position)
        elif secret.secretsmanager is not None:
            value = arn("secretsmanager", f"secret:{secret.secretsmanager}").model_copy(update={"position": position})
        found.append(make(EcsSecret, name=name, value_from=value))
    return found


def addon_secrets(context: Context) -> list[EcsSecret]:
    """The secrets that addons put out, in order of the outputs' names."""
    outputs = sorted(context.surroundings.addons.secrets)
    return [make(EcsSecret, name=snake_case(name), value_from=make(AddonReference, name=name)) for name in outputs]


def environment_files(context: Context, path: str, file: str | None) -> list[EnvironmentFile]:
    """The environment file of a container, if it has one."""
    if not file:
        return []
    return [make(EnvironmentFile, value=make(EnvFileReference, name=file, position=context.position(path)))]


def health_check(manifest: ContainerHealthCheck | None) -> HealthCheck | None:
    """A container's own check: none where nothing is set, else with Copilot's defaults for what is not."""
    if manifest is None or all(getattr(manifest, name) is None for name in type(manifest).model_fields):
        return None
    return make(
        HealthCheck,
        command=_DEFAULT_CHECK if manifest.command is None else manifest.command,
        interval=10 if manifest.interval is None else seconds(manifest.interval),
        retries=2 if manifest.retries is None else manifest.retries,
        start_period=0 if manifest.start_period is None else seconds(manifest.start_period),
        timeout=5 if manifest.timeout is None else seconds(manifest.timeout),
    )


def dependencies(manifest: Mapping[str, DependencyCondition]) -> list[ContainerDependency]:
    """What a container waits for, sorted by name."""
    return [
        make(ContainerDependency, container_name=name, condition=condition.value)
        for name, condition in sorted(manifest.items())
    ]


def json_text(value: Mapping[str, str]) -> str:
    """A map as Go's encoding/json writes it: sorted keys, no spaces, `<`, `>` and `&` escaped."""
    text = json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def snake_case(name: str) -> str:
    """The variable that an addon output becomes: `myDDBTable` is MY_DDB_TABLE. Source: `ToSnakeCaseFunc`."""
    name = re.sub(r"([a-z0-9]+)([A-Z])", r"\1_\2", name)
    return re.sub(r"([A-Z0-9])([A-Z][a-z])", r"\1_\2", name).upper()
