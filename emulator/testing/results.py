"""What commands in containers and jobs answer, and what is in queues."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class JobResult:
    """A job that has ended. `lines` is what its containers printed, in the order it came."""

    exit_code: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JobRun:
    """A run of a Scheduled Job that the environment started on its schedule."""

    id: str
    status: str
    """As of an execution in Step Functions: `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT`, `ABORTED`."""
    started: datetime
    tries: int
    exit_code: int | None
    """Of the last try; None where no container exited."""
    cause: str
    """Why it failed; empty where it did not."""


def job_run_from(message: Mapping[str, Any]) -> JobRun:
    """A run from the agent's status."""
    started = datetime.fromisoformat(message["started"])
    return JobRun(message["id"], message["status"], started, message["tries"], message["exit_code"], message["cause"])


@dataclass(frozen=True, slots=True)
class CommandResult:
    """A command that has ended inside a container."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """A message in a queue. `attributes` are its message attributes as text; `received` is how often it was received,
    `visible` whether it waits, as opposed to in flight or delayed; `group` is its message group, of FIFO queues."""

    id: str
    body: str
    attributes: Mapping[str, str]
    group: str | None
    received: int
    visible: bool

    @property
    def text(self) -> str:
        """What was published, where the body is SNS's envelope, else the body."""
        try:
            content = json.loads(self.body)
        except ValueError:
            return self.body
        published = isinstance(content, dict) and content.get("Type") == "Notification" and "Message" in content
        return str(content["Message"]) if published else self.body

    def json(self) -> Any:
        """The text as JSON. Raises ValueError where it is none."""
        return json.loads(self.text)

    @classmethod
    def read(cls, message: Mapping[str, Any]) -> Self:
        """The message as the endpoint tells it."""
        return cls(**{one.name: message[one.name] for one in fields(cls)})
