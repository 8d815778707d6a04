"""What answers below ECS_AGENT_URI: task protection, recorded without effect; fault injection, refused."""

from __future__ import annotations

import logging

from emulator.agent.metadata.answers import NOT_ALLOWED, Answer, Request, json_answer
from emulator.agent.metadata.protection import Protection, Refused, error
from emulator.agent.metadata.tasks import Tasks
from emulator.errors import EngineError

log = logging.getLogger(__name__)


class AgentApi:
    """Answers requests below `/api/<id>/`."""

    def __init__(self, tasks: Tasks, protection: Protection) -> None:
        self._tasks = tasks
        self._protection = protection

    def task_protection(self, request: Request) -> Answer:
        """Answers `task-protection/v1/state`."""
        if request.method not in ("GET", "PUT"):
            return NOT_ALLOWED
        message = "Failed to find a task for the request"
        try:
            task = self._tasks.by_container(request.id, request.address)
        except EngineError:
            return json_answer(500, error(message, "ServerException"))
        if task is None:
            return json_answer(404, error(message, "ResourceNotFoundException"))
        if request.method == "GET":
            return json_answer(200, self._protection.state(task.arn))
        try:
            answer = self._protection.update(task.arn, request.body)
        except Refused as refused:
            return json_answer(400, refused.body)
        if self._protection.protected(task.arn):
            log.warning("task %s asks for protection: `scale` and `up` stop it here all the same", task.id[:8])
        return json_answer(200, answer)

    def fault(self, request: Request) -> Answer:
        """Answers `fault/v1/…`: nothing disturbs the network here."""
        if request.method != "POST":
            return NOT_ALLOWED
        try:
            task = self._tasks.by_container(request.id, request.address)
        except EngineError:
            message = f"failed to get task metadata due to internal server error for container: {request.id}"
            return json_answer(500, {"Error": message})
        if task is None:
            return json_answer(404, {"Error": f"unable to lookup container: {request.id}"})
        if task.desired is None or not task.desired.service.task_definition.enable_fault_injection:
            return json_answer(400, {"Error": f"enableFaultInjection is not enabled for task: {task.arn}"})
        return json_answer(501, {"Error": "copilot-local does not inject network faults"})
