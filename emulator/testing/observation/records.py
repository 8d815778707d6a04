"""Records that left the log routers, as tests read them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class RoutedRecord:
    """A record as its destination would get it. `stream` is the container, or `output-<n>` for an output of a
    configuration of one's own."""

    service: str
    task_id: str
    stream: str
    tag: str
    time: datetime
    fields: Mapping[str, Any]

    @property
    def log(self) -> str:
        """The line that a container printed; empty where a filter took it out."""
        return str(self.fields.get("log", ""))

    def __str__(self) -> str:
        return f"{self.service}/{self.stream} | {json.dumps(self.fields, ensure_ascii=False)}"


def record_from(message: Mapping[str, Any]) -> RoutedRecord:
    """A record from the agent's answer."""
    return RoutedRecord(
        service=str(message["service"]),
        task_id=str(message["task"]),
        stream=str(message["stream"]),
        tag=str(message["tag"]),
        time=datetime.fromisoformat(message["time"]),
        fields=message["record"],
    )


def matcher(pattern: str | re.Pattern[str]) -> Callable[[RoutedRecord], bool]:
    """Whether a regular expression is found in a record's line, or in the record as JSON."""
    expression = re.compile(pattern)
    return lambda record: bool(
        expression.search(record.log) or expression.search(json.dumps(record.fields, ensure_ascii=False))
    )
