"""Log groups and streams of what runs, and of what has stopped: read from Docker and from the log store."""

from __future__ import annotations

import bisect
import contextlib
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from emulator.api.clusters import Cluster, Clusters
from emulator.api.errors import ApiError
from emulator.ecs.task_definition import ContainerDefinition
from emulator.engine.interface import ContainerState, Engine
from emulator.errors import CopilotLocalError, NotFound
from emulator.regions import partition
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredState


@dataclass(frozen=True, slots=True, order=True)
class LogEvent:
    """A line. `number` tells lines of one millisecond apart."""

    milliseconds: int
    number: int
    message: str = field(compare=False)

    @property
    def key(self) -> tuple[int, int]:
        """Its place in the stream."""
        return self.milliseconds, self.number


@dataclass(frozen=True, slots=True)
class LogStream:
    """What one container prints: `container` is its id in Docker where it has not been removed, `kept` what it had
    printed where it has."""

    name: str
    created: int
    """Milliseconds since 1970."""
    engine: Engine | None = None
    container: str = ""
    kept: tuple[tuple[datetime, str], ...] = ()

    def events(self, since: int | None = None) -> list[LogEvent]:
        """Its lines by time, those of `since` (milliseconds) and later."""
        found = []
        numbers: Counter[int] = Counter()
        for at, text in self._lines(since):
            moment = milliseconds(at)
            if text and moment >= (since or 0):  # CloudWatch takes no empty event
                found.append(LogEvent(moment, numbers[moment], text))
            numbers[moment] += 1
        return sorted(found)

    def _lines(self, since: int | None) -> Iterator[tuple[datetime, str]]:
        yield from self.kept
        if self.engine is None:
            return
        try:
            after = None if since is None else datetime.fromtimestamp(since / 1000, UTC)
            for line in self.engine.logs(self.container, since=after):
                yield line.timestamp or datetime.now(UTC), line.text
        except NotFound:
            return  # it is being removed; its lines are in the log store at the next look

    def event_id(self, event: LogEvent) -> str:
        """56 digits, which grow with time, the same at every look."""
        own = int(hashlib.sha256(self.name.encode()).hexdigest()[:12], 16) % 10**15
        return f"{event.milliseconds:026d}{event.number:015d}{own:015d}"


@dataclass(frozen=True, slots=True)
class LogGroup:
    """A log group, with its streams by their names."""

    name: str
    region: str
    account: str
    retention: int | None
    streams: dict[str, LogStream] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:logs:{self.region}:{self.account}:log-group:{self.name}"

    @property
    def created(self) -> int:
        """When its first stream began."""
        return min((stream.created for stream in self.streams.values()), default=0)


def milliseconds(at: datetime) -> int:
    """Since 1970."""
    return int(at.timestamp() * 1000)


def groups(clusters: Clusters) -> dict[str, LogGroup]:
    """Those of all environments that run, by name: the ones that their services name, and those that have streams."""
    found: dict[str, LogGroup] = {}
    for cluster, state in clusters.with_states():
        with contextlib.suppress(CopilotLocalError, ApiError):  # it is going away
            own = _groups(state)
            _, _, _, region, account, _ = cluster.arn.split(":", 5)
            for group, stream in _streams(cluster):
                streams = own.setdefault(group, LogGroup(group, region, account, None)).streams
                known = streams.get(stream.name)
                streams[stream.name] = stream if known is None else _joined(known, stream)
            for name, one in own.items():
                found.setdefault(name, one).streams.update(one.streams)
    return dict(sorted(found.items()))


def _groups(state: DesiredState) -> dict[str, LogGroup]:
    """Those that the containers of an environment's services name, without streams."""
    found: dict[str, LogGroup] = {}
    for desired in state.services.values():
        own, options = desired.service.log_group, desired.options
        for definition in desired.service.task_definition.container_definitions:
            if name := group_of(definition):
                retention = own.retention_in_days if name == own.name else None
                found.setdefault(name, LogGroup(name, options.region, options.account, retention))
    return found


def group_of(definition: ContainerDefinition) -> str:
    """The log group that a container's lines go to on AWS; empty where they go elsewhere."""
    logging = definition.log_configuration
    if logging is None or logging.log_driver != "awslogs":
        return ""
    name = logging.options.get("awslogs-group")
    return name if isinstance(name, str) else ""


def _streams(cluster: Cluster) -> Iterator[tuple[str, LogStream]]:
    """Each with the name of its group, as the containers themselves say it: a task keeps both, whatever its service
    runs on meanwhile, and a task of RunTask has no service."""
    agent = cluster.agent
    for container in agent.engine.list_containers({**agent.names.labels(), names.LOG_STREAM: ""}):
        group = container.labels.get(names.LOG_GROUP, "")
        if group and container.state is not ContainerState.CREATED:  # as on AWS, the first line makes the stream
            name, created = container.labels[names.LOG_STREAM], milliseconds(container.created)
            yield group, LogStream(name, created, agent.engine, container.id)
    yield from _kept(cluster)


def _kept(cluster: Cluster) -> Iterator[tuple[str, LogStream]]:
    """What removed containers had printed."""
    lines: dict[tuple[str, str], list[tuple[datetime, str]]] = {}
    try:
        for record in cluster.agent.records(follow=False, services=[], kept=True):
            key = (str(record["record"].get("group", "")), str(record["tag"]))
            text = str(record["record"].get("log", ""))
            lines.setdefault(key, []).append((datetime.fromisoformat(record["time"]), text))
    except CopilotLocalError:
        return  # the environment is going away
    for (group, stream), own in lines.items():
        if group:
            yield group, LogStream(stream, milliseconds(own[0][0]), kept=tuple(own))


def _joined(first: LogStream, second: LogStream) -> LogStream:
    """A container that was started anew under the same name goes on with its stream."""
    live = first if first.engine is not None else second
    kept = tuple(sorted((*first.kept, *second.kept)))
    return LogStream(first.name, min(first.created, second.created), live.engine, live.container, kept)


def after(events: list[LogEvent], key: tuple[int, int]) -> int:
    """The place in `events` of the first one after that key."""
    return bisect.bisect_right([event.key for event in events], key)


def found_group(clusters: Clusters, name: str) -> LogGroup:
    """The log group of that name or ARN. Raises `ApiError` where there is none."""
    group = groups(clusters).get(name.removesuffix(":*").rpartition(":log-group:")[2])
    if group is None:
        raise ApiError("ResourceNotFoundException", "The specified log group does not exist.")
    return group


def found_stream(group: LogGroup, name: str) -> LogStream:
    """The stream of that name. Raises `ApiError` where there is none."""
    stream = group.streams.get(name)
    if stream is None:
        raise ApiError("ResourceNotFoundException", "The specified log stream does not exist.")
    return stream
