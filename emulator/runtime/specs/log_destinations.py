"""The destinations of a task's log router, as the router's container was made, and which records are whose.

A destination is an output of the router: a container's, or one of the user's own configuration file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emulator.firelens.local import LocalRouterConfiguration
from emulator.firelens.log_options import IDENTITY_FIELDS
from emulator.runtime.state import names
from emulator.runtime.state.observed import Observed, Task

DRAINED = "drained"
"""The stream of what was stored past a log router that had stopped."""
_CONTAINER_ID = IDENTITY_FIELDS[0]
_NAMED = ("log_group_name", "log_stream_name", "log_stream_prefix")
_CLOUDWATCH = ("cloudwatch", "cloudwatch_logs")
_TEMPLATE = "$"
"""In a name that the plugin, or Fluent Bit, makes: which it becomes is not known here."""


@dataclass(frozen=True, slots=True)
class Destination:
    """An output of a log router. `name` is a container's name or `output-<n>`, `match` its Match and Match_Regex."""

    name: str
    plugin: str
    policy: str
    match: tuple[tuple[str, str], ...] = ()
    named: tuple[tuple[str, str], ...] = ()
    """Names of CloudWatch Logs that its records go to: log_group_name and the like."""

    def __str__(self) -> str:
        return f"{self.name} ({self.plugin})" if self.plugin else self.name

    @property
    def of_container(self) -> bool:
        """Whether it is the output of one container's own log configuration."""
        return self.name != DRAINED and not re.fullmatch(r"output-\d+|/.*", self.name)

    @property
    def countable(self) -> bool:
        """Whether what arrives there can be read again: in the log store, or in CloudWatch Logs of the local AWS."""
        return self.policy == "capture" or (self.policy == "local-aws" and self.plugin in _CLOUDWATCH)

    def takes(self, tag: str) -> bool:
        """Whether records of a tag go there, as Fluent Bit matches."""
        return any(_matches(key.lower(), pattern, tag) for key, pattern in self.match)

    def holds(self, group: str, stream: str) -> bool:
        """Whether a stream of CloudWatch Logs may be where its records go."""
        if self.policy != "local-aws" or self.plugin not in _CLOUDWATCH:
            return False
        options = dict(self.named)
        wanted = options.get("log_group_name", group)
        if _TEMPLATE not in wanted and wanted != group:
            return False
        name, prefix = options.get("log_stream_name"), options.get("log_stream_prefix", "")
        if name is not None:
            return _TEMPLATE in name or name == stream
        return _TEMPLATE in prefix or stream.startswith(prefix)


def describe_destinations(configuration: LocalRouterConfiguration) -> list[list[Any]]:
    """The outputs of a router's configuration, as JSON has them, for a label of its container."""
    return [
        [
            output.stream,
            output.plugin,
            output.policy,
            [list(entry) for entry in output.match],
            [[key.lower(), value] for key, value in output.options.items() if key.lower() in _NAMED],
        ]
        for output in configuration.outputs
    ]


def several(destinations: Collection[Destination]) -> bool:
    """Whether one record may go to one or another of these, or to both: each container's own output is only its own."""
    return len(destinations) > 1 and not all(one.of_container for one in destinations)


def destinations_of(task: Task) -> tuple[Destination, ...]:
    """The destinations of a task's log router; none where it has no router, or none is left."""
    label = task.router.container.labels.get(names.LOG_OUTPUTS, "") if task.router is not None else ""
    described = json.loads(label).get("destinations", []) if label else []
    return tuple(
        Destination(name, plugin, policy, tuple(map(tuple, match)), tuple(map(tuple, named)))
        for name, plugin, policy, match, named in described
    )


def destination_of(record: Mapping[str, Any], destinations: Sequence[Destination]) -> Destination:
    """Where a record of `routed_records` went."""
    stream = str(record["stream"])
    if "group" in record:
        group = str(record["group"])
        held = [one for one in destinations if one.holds(group, stream)]
        return held[0] if held else Destination(group, "", "local-aws")
    named = [one for one in destinations if one.name == stream]
    return named[0] if named else Destination(stream, "", "capture")


class Owners:
    """Tells whose a record is: by the id of its container, by its tag, else by the file that it stands in."""

    def __init__(self, observed: Observed) -> None:
        self._ids: dict[str, tuple[str, str]] = {}
        self._tags: dict[str, tuple[str, str]] = {}
        self._tasks: dict[str, set[str]] = {}
        for task in observed.tasks.values():
            for member in task.members.values():
                if member.logs_to_router:
                    owner = (task.id, member.name)
                    self._ids[member.container.id] = owner
                    self._ids[member.container.labels.get(_CONTAINER_ID, member.container.id)] = owner
                    self._tags[f"{member.name}-firelens-{task.id}"] = owner
                    self._tasks.setdefault(task.id, set()).add(member.name)

    def owner(self, record: Mapping[str, Any]) -> tuple[str, str] | None:
        """Task id and container; an empty container where only the task is known, both where neither is.

        None: of a task that does not run any more.
        """
        fields = record["record"]
        if (identifier := fields.get(_CONTAINER_ID)) is not None:
            return self._ids.get(str(identifier))
        for text in (str(record["tag"]), str(record["stream"])):
            found = [tag for tag in self._tags if tag in text]
            if found:
                return self._tags[max(found, key=len)]
        task = str(record.get("task", ""))
        if not task:
            return "", ""
        members = self._tasks.get(task)
        if members is None:
            return None
        stream = str(record["stream"])
        if stream in members or len(members) == 1:
            return task, stream if stream in members else next(iter(members))
        return task, ""


def _matches(key: str, pattern: str, tag: str) -> bool:
    if key == "match":
        return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), tag, re.DOTALL) is not None
    try:
        return re.search(pattern, tag) is not None
    except re.error:  # Onigmo's patterns are not all Python's
        return True
