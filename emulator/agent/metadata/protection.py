"""Task protection: a task may ask not to be stopped by scaling or deployments for a while.

Source: the ECS developer guide, "Amazon ECS task scale-in protection endpoint", and the API reference
(UpdateTaskProtection).
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from emulator.agent.scheduler.described.protection import ProtectedTasks

Json = dict[str, Any]

DEFAULT_MINUTES = 120
LONGEST_MINUTES = 2880
_FIELDS = {"protectionenabled": "ProtectionEnabled", "expiresinminutes": "ExpiresInMinutes"}


class Refused(Exception):
    """A request that ECS refuses, with the body of its answer; the status is 400."""

    def __init__(self, message: str, task_arn: str = "") -> None:
        super().__init__(message)
        self.body = error(message, "InvalidParameterException", task_arn)


class Protection:
    """What the endpoint says of the tasks that are protected, and how it changes that."""

    def __init__(self, tasks: ProtectedTasks | None = None) -> None:
        self._tasks = tasks or ProtectedTasks()

    def protected(self, task_arn: str, now: datetime | None = None) -> bool:
        """Whether the task is protected."""
        return self._tasks.until(task_arn, now) is not None

    def state(self, task_arn: str, now: datetime | None = None) -> Json:
        """The answer to a GET."""
        until = self._tasks.until(task_arn, now)
        return {
            "protection": {
                "ExpirationDate": until.strftime("%Y-%m-%dT%H:%M:%SZ") if until is not None else None,
                "ProtectionEnabled": until is not None,
                "TaskArn": task_arn,
            }
        }

    def update(self, task_arn: str, body: bytes, now: datetime | None = None) -> Json:
        """The answer to a PUT. Raises `Refused`."""
        enabled, minutes = _parse(body, task_arn)
        self._tasks.protect(task_arn, minutes if enabled else 0, now)
        return self.state(task_arn, now)


def error(message: str, code: str, task_arn: str = "") -> Json:
    """An error in the endpoint's shape."""
    return {"error": {**({"Arn": task_arn} if task_arn else {}), "Code": code, "Message": message}}


def _parse(body: bytes, task_arn: str) -> tuple[bool, int]:
    undecodable = "UpdateTaskProtection: failed to decode request"
    try:
        found = json.loads(body)
    except ValueError:
        raise Refused(undecodable) from None
    if not isinstance(found, dict):
        raise Refused(undecodable)
    # The agent's decoder does not mind the case of names, but unknown ones.
    values = {_FIELDS.get(str(name).lower(), ""): value for name, value in found.items()}
    enabled, minutes = values.get("ProtectionEnabled"), values.get("ExpiresInMinutes")
    if "" in values or not (enabled is None or isinstance(enabled, bool)):
        raise Refused(undecodable)
    if minutes is not None and (isinstance(minutes, bool) or not isinstance(minutes, int)):
        raise Refused(undecodable)
    if enabled is None:
        raise Refused("Invalid request: does not contain 'ProtectionEnabled' field", task_arn)
    if minutes is not None and not 1 <= minutes <= LONGEST_MINUTES:
        raise Refused(f"expiresInMinutes must be between 1 and {LONGEST_MINUTES}", task_arn)
    return enabled, DEFAULT_MINUTES if minutes is None else minutes
