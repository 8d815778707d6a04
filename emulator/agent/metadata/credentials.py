"""The credentials endpoint: what the AWS SDKs ask for a task role's keys.

Source: the ECS agent's credentials handler, version 2. Keys and tokens are never logged.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from emulator.agent.metadata.tasks import Tasks, TaskView
from emulator.errors import CopilotLocalError, EngineError
from emulator.regions import LOCAL_KEY, partition
from emulator.runtime.state.task_role import Keys, TaskRole

log = logging.getLogger(__name__)

Json = dict[str, Any]

RENEW = timedelta(minutes=20)
"""Assumed credentials are renewed this long before they end: SDKs ask for new ones 15 minutes before."""
TIME = "%Y-%m-%dT%H:%M:%SZ"
LASTING = timedelta(hours=6)
"""Keys without an end get one, since SDKs insist on it: that of a task role's, at most."""


class Credentials:
    """The keys of every task. `roles` gives what command lines handed over: service to source."""

    def __init__(
        self,
        tasks: Tasks,
        roles: Callable[[], Mapping[str, TaskRole]],
        assume: Callable[[TaskRole, str], Keys] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._tasks = tasks
        self._roles = roles
        self._assume = assume or _assume_role
        self._clock = clock
        self._lock = threading.Lock()
        self._busy: dict[tuple[str, TaskRole], threading.Lock] = {}
        self._assumed: dict[tuple[str, TaskRole], Keys] = {}

    def answer(self, id: str, address: str, version: str = "V2") -> tuple[int, Json]:
        """Status and body for credentials of that id, asked for from that address."""
        who = f"Credentials{version}Request"
        if not id:
            return _error(400, "NoIdInRequest", f"{who}: No Credential ID in the request")
        try:
            task = self._tasks.by_credentials(id, address)
        except EngineError as error:
            log.warning("the tasks of this environment cannot be listed: %s", error)
            return _error(500, "InternalServerError", "Internal server error")
        options = task.desired.options if task is not None and task.desired is not None else None
        if task is None or options is None or not options.offers_credentials:
            return _error(400, "InvalidIdInRequest", f"{who}: Credentials not found")
        if options.credentials == "none":
            # With other keys a presigned URL would not pass at the local AWS endpoint.
            return 200, self._document(_role_arn(task), Keys(access_key_id=LOCAL_KEY, secret_access_key=LOCAL_KEY))
        role = self._roles().get(task.service)
        if role is None:
            # An agent that was restarted: keys are in no file that it could read them from.
            log.warning("task %s asks for credentials, which are gone: run `copilot-local up` again", task.id[:8])
            return _error(503, "CredentialsUninitialized", f"{who}: Credentials uninitialized for ID")
        try:
            keys = self._keys(task, role)
        except CopilotLocalError as error:
            log.warning("task %s gets no credentials: %s", task.id[:8], error)
            return _error(500, "InternalServerError", "Internal server error")
        return 200, self._document(role.role_arn or _role_arn(task), keys)

    def _document(self, role_arn: str, keys: Keys) -> Json:
        return {
            "RoleArn": role_arn,
            "AccessKeyId": keys.access_key_id,
            "SecretAccessKey": keys.secret_access_key,
            "Token": keys.session_token,
            "Expiration": (keys.expiration or self._clock() + LASTING).strftime(TIME),
        }

    def _keys(self, task: TaskView, role: TaskRole) -> Keys:
        if role.source != "role":
            if role.keys.expiration is not None and role.keys.expiration <= self._clock():
                raise CopilotLocalError(f"those of profile {role.name} have expired: run `copilot-local up` again")
            return role.keys
        key = (task.id, role)
        with self._lock:
            busy = self._busy.setdefault(key, threading.Lock())
        with busy:
            keys = self._assumed.get(key)
            if keys is not None and _left(keys, self._clock()) > RENEW:
                return keys
            try:
                fresh = self._assume(role, task.id)
            except CopilotLocalError as error:
                if keys is None or _left(keys, self._clock()) <= timedelta(0):
                    raise
                log.warning("credentials of task %s could not be renewed: %s", task.id[:8], error)
                return keys
            with self._lock:
                self._assumed[key] = fresh
                self._forget_ended()
            return fresh

    def _forget_ended(self) -> None:
        now = self._clock()
        for key in [key for key, keys in self._assumed.items() if _left(keys, now) <= timedelta(0)]:
            del self._assumed[key]
            self._busy.pop(key, None)


def _assume_role(role: TaskRole, session_name: str) -> Keys:
    from emulator.runtime.secrets.sts import assume_role  # most agents never need it

    return assume_role(role, session_name)


def _left(keys: Keys, now: datetime) -> timedelta:
    return keys.expiration - now if keys.expiration is not None else LASTING


def _role_arn(task: TaskView) -> str:
    """The task role's ARN as far as it is known before a deployment."""
    assert task.desired is not None
    service, account = task.desired.service, task.desired.options.account
    if isinstance(service.task_definition.task_role_arn, str):
        return service.task_definition.task_role_arn
    name = f"{service.app}-{service.environment}-{service.name}-TaskRole"
    return f"arn:{partition(task.region)}:iam::{account}:role/{name}"


def _error(status: int, code: str, message: str) -> tuple[int, Json]:
    return status, {"code": code, "message": message, "HTTPErrorCode": status}
