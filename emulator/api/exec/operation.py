"""ExecuteCommand. Source: the ECS API reference; the texts are those that users of ECS Exec report."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from emulator.api.arns import named
from emulator.api.clusters import Clusters
from emulator.api.errors import ApiError, invalid
from emulator.api.exec.sessions import Session
from emulator.api.shapes import Answer, Request
from emulator.runtime.state import names

NOT_ENABLED = (
    "The execute command failed because execute command was not enabled when the task was run or the execute command "
    "agent isn\u2019t running. Wait and try again or run a new task with execute command enabled and try again."
)
NOT_CONNECTED = "The execute command failed due to an internal error. Try again later."


def execute_command(clusters: Clusters, asked: Request) -> Answer:
    """ExecuteCommand: the command begins once the client has opened the data channel of the answer."""
    cluster = clusters.one(asked.get("cluster"))
    if not asked["interactive"]:
        raise invalid("Interactive is the only mode supported currently.")
    task = named(cluster.tasks, "taskArn", asked["task"])
    if task is None:
        raise invalid("The referenced task was not found.")
    container = _container(task, asked.get("container"))
    if not task["enableExecuteCommand"]:
        raise invalid(NOT_ENABLED)
    if task["desiredStatus"] == "STOPPED" or container["lastStatus"] != "RUNNING":
        raise ApiError("TargetNotConnectedException", NOT_CONNECTED)
    words, agent, id_ = _words(asked["command"]), cluster.agent, str(container["runtimeId"])
    labels = {names.APP: agent.names.app, names.ENVIRONMENT: agent.names.environment}
    if any(one.id == id_ and names.NATIVE in one.labels for one in agent.engine.list_containers(labels)):
        raise invalid(
            f"The program of {container['name']} runs on this machine (up --native), not in a container: no "
            "command can be run in it."
        )
    session = Session(agent.engine, id_, words)
    return {
        "clusterArn": cluster.arn,
        "taskArn": task["taskArn"],
        "containerArn": container["containerArn"],
        "containerName": container["name"],
        "interactive": True,
        "session": {
            "sessionId": session.id,
            "streamUrl": clusters.sessions.begin(session),
            "tokenValue": session.token,
        },
    }


def _container(task: Mapping[str, Any], name: str | None) -> Mapping[str, Any]:
    found: list[Mapping[str, Any]] = [one for one in task["containers"] if name in (None, one["name"])]
    if name is None and len(found) > 1:
        names = ", ".join(str(one["name"]) for one in found)
        raise invalid(f"The task has several containers, so the request must name one of them: {names}.")
    if not found:
        raise invalid("The specified container is not in the task." if name else NOT_ENABLED)
    return found[0]


def _words(command: str) -> tuple[str, ...]:
    """Its words as the agent of Session Manager splits them in a container: no shell is asked."""
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise invalid(f"The command cannot be split into words: {error}.") from None
    if not words:
        raise invalid("The command cannot be empty.")
    return words
