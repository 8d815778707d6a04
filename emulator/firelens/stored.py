"""How a record stands in the log store: as Fluent Bit's `file` output writes it. `emulator.logstore` reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping

LOG_FOLDER = "/copilot-local/logs"
"""Where the log store, or a task's folder of it, is mounted in a container."""
KEPT = "@"
"""Starts the stream of a container that logs to CloudWatch by itself; no container's name holds it."""
LOG_FOLDER = "/copilot-local/logs"
"""Where the task's folder of the log store is mounted in the router."""


def task_folder(service: str, task_id: str) -> str:
    """The name of a task's folder in the log store, which is mounted in its router."""
    return f"{service}.{task_id}"


def stored_line(tag: str, time_ns: int, fields: Mapping[str, object]) -> str:
    """One record, with its line end. `time_ns`: nanoseconds since 1970."""
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    text = json.dumps(fields, separators=(",", ":"), ensure_ascii=False)
    return f"{tag}: [{seconds}.{nanoseconds:09d}, {text}]\n"


def kept_stream(container: str, docker_id: str) -> str:
    """The stream of the log store that holds what a container printed that does not log through the router. Of its name
    there may have been others in the task before: those that were replaced alone."""
    return f"{KEPT}{container}{KEPT}{docker_id[-8:]}"
