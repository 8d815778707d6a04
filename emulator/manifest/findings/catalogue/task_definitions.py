"""Plain task definitions, which `up --task-definition` runs."""

from __future__ import annotations

from typing import Final

from emulator.manifest.findings.catalogue.base import FindingKind

_FILE: Final = "task.json"
_COMMAND: Final = f"up --dry-run --task-definition {_FILE}"
_NOTE: Final = "`up --task-definition` looks for it"


class NoTaskDefinition(FindingKind):
    code = "CL900"
    title = "task definition that is none"
    note = _NOTE
    silenceable = False
    command = _COMMAND
    explanation = """
        The file has a field that no task definition has, a field is missing, or a value is of another type.
        `aws ecs register-task-definition` refuses it. What `describe-task-definition` adds is left out.
    """
    source = "Amazon ECS, RegisterTaskDefinition"
    file = _FILE
    bad = """
        {
          "family": "web",
          "containerDefinitions": [{"name": "web", "image": "nginx", "colour": "red"}]
        }
    """
    good = """
        {
          "family": "web",
          "networkMode": "awsvpc",
          "cpu": "256",
          "memory": "512",
          "containerDefinitions": [{"name": "web", "image": "nginx"}]
        }
    """


class RefusedTaskDefinition(FindingKind):
    code = "CL901"
    title = "task definition that ECS or Fargate refuses"
    note = _NOTE
    silenceable = False
    command = _COMMAND
    explanation = """
        The file is a task definition, but not one that can be registered for Fargate: its sizes do not fit together, a
        container depends on one that is not there, or a value is outside of its limits.
    """
    source = "Amazon ECS, RegisterTaskDefinition; task sizes of AWS Fargate"
    file = _FILE
    bad = """
        {
          "family": "web",
          "networkMode": "awsvpc",
          "cpu": "256",
          "memory": "512",
          "containerDefinitions": [{"name": "web", "image": "nginx", "cpu": 999}]
        }
    """
    good = """
        {
          "family": "web",
          "networkMode": "awsvpc",
          "cpu": "256",
          "memory": "512",
          "containerDefinitions": [{"name": "web", "image": "nginx", "cpu": 256}]
        }
    """
