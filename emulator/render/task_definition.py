"""The task definition as JSON for RegisterTaskDefinition (`aws ecs register-task-definition --cli-input-json`)."""

from __future__ import annotations

import json
from collections.abc import Mapping

from emulator.ecs.service import Service
from emulator.ecs.task_definition import TaskDefinition
from emulator.regions import dns_suffix, partition
from emulator.render.values import Resolver


def render_task_definition(
    service: Service, values: Mapping[str, str] | None = None, *, placeholders: bool = False
) -> dict[str, object]:
    """The input of RegisterTaskDefinition for a service.

    `values` maps names (`emulator.ecs.references.value_name`) to text. The partition follows from the region, and the
    log group of the service needs no value. Raises one InputError that lists every value that is missing; with
    `placeholders` they are written as `${name}`.
    """
    return task_definition_json(service.task_definition, _with_known(service, values or {}), placeholders=placeholders)


def task_definition_json(
    definition: TaskDefinition, values: Mapping[str, str], *, placeholders: bool = False
) -> dict[str, object]:
    """The input of RegisterTaskDefinition for a task definition of any origin."""
    resolver = Resolver(values, placeholders=placeholders)
    found = resolver.model(definition)
    resolver.raise_missing()
    return found


def to_json(document: dict[str, object]) -> str:
    """The document as text, two blanks a level, one line end after the last."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _with_known(service: Service, values: Mapping[str, str]) -> dict[str, str]:
    known = {"LogGroup": service.log_group.name}
    if region := values.get("AWS::Region"):
        known["AWS::Partition"] = partition(region)
        known["AWS::URLSuffix"] = dns_suffix(region)
    return {**known, **values}
