"""Task protection below ECS_AGENT_URI, recorded without effect."""

from __future__ import annotations

import logging

from emulator.agent.metadata.answers import NOT_ALLOWED, Answer, Request, json_answer
from emulator.agent.metadata.protection import Protection, Refused, error
from emulator.agent.metadata.tasks import Tasks
from emulator.errors import EngineError

log = logging.getLogger(__name__)


def task_protection(tasks: Tasks, protection: Protection, request: Request) -> Answer:
    """Answers `task-protection/v1/state`."""
    if request.method not in ("GET", "PUT"):
        return NOT_ALLOWED
    message = "Failed to find a task for the request"
    try:
        task = tasks.by_container(request.id, request.address)
    except EngineError:
        return json_answer(500, error(message, "ServerException"))
    if task is None:
        return json_answer(404, error(message, "ResourceNotFoundException"))
    if request.method == "GET":
        return json_answer(200, protection.state(task.arn))
    try:
        answer = protection.update(task.arn, request.body)
    except Refused as refused:
        return json_answer(400, refused.body)
    if protection.protected(task.arn):
        log.warning("task %s asks for protection: `scale` and `up` stop it here all the same", task.id[:8])
    return json_answer(200, answer)
