"""The metadata endpoint's versions: the same four questions, answered in different shapes.

Versions 3 and 4 know a container by the id in the path, since all containers of a task share one address; version 2
knows a task by the address it asks from. Source of statuses and words: the ECS agent's handlers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from emulator.agent.metadata import documents
from emulator.agent.metadata.answers import Answer, Request, json_answer
from emulator.agent.metadata.collector import StatsCollector
from emulator.agent.metadata.stats import Sample, container_stats
from emulator.agent.metadata.tasks import ContainerView, Tasks, TaskView
from emulator.ecs.fargate import memory_mib
from emulator.errors import EngineError

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Version:
    """Answers `<id>`, `<id>/task`, `<id>/stats` and `<id>/task/stats`."""

    name: str
    container_document: Callable[[TaskView, ContainerView], Json]
    task_document: Callable[[TaskView], Json]
    tasks: Tasks
    collector: StatsCollector
    unknown_container: int = 404
    """Status for an unknown id, where a container's metadata is asked for."""
    unknown_task: int = 404
    unknown_stats: int = 404
    no_container: int = 500
    """Status for a container whose metadata cannot be had."""

    def container(self, request: Request) -> Answer:
        """Answers `<id>`."""
        try:
            task = self.tasks.by_container(request.id, request.address)
        except EngineError:
            return json_answer(self.no_container, f"unable to generate metadata for container '{request.id}'")
        container = task.container(request.id) if task is not None else None
        if task is None or container is None:
            reason = (
                f"unable to get container ID from request: unable to get docker ID from v3 endpoint ID: {request.id}"
            )
            return json_answer(self.unknown_container, f"{self.name} container metadata handler: {reason}")
        return json_answer(200, self.container_document(task, container))

    def task(self, request: Request) -> Answer:
        """Answers `<id>/task`."""
        task = self._found(
            request,
            f"Unable to generate metadata for {self.name.lower()} task: '{request.id}'",
            self.unknown_task,
            "task metadata",
        )
        return task if isinstance(task, Answer) else json_answer(200, self.task_document(task))

    def container_stats(self, request: Request) -> Answer:
        """Answers `<id>/stats`."""
        silent = f"Unable to get container stats for: {request.id}"
        task = self._found(request, silent, self.unknown_stats, "container stats")
        return task if isinstance(task, Answer) else stats_of_container(task, request.id, self.collector)

    def task_stats(self, request: Request) -> Answer:
        """Answers `<id>/task/stats`."""
        silent = f"Unable to get task stats for: {request.id}"
        task = self._found(request, silent, self.unknown_stats, "task stats")
        return task if isinstance(task, Answer) else stats_of_task(task, self.collector)

    def _found(self, request: Request, silent: str, unknown: int, what: str) -> TaskView | Answer:
        """The task that has the container; else what is answered: `silent` where Docker says nothing, status `unknown`
        where there is no such task."""
        try:
            task = self.tasks.by_container(request.id, request.address)
        except EngineError:
            return json_answer(500, silent)
        reason = f"unable to get task arn from request: unable to get task Arn from v3 endpoint ID: {request.id}"
        return json_answer(unknown, f"{self.name} {what} handler: {reason}") if task is None else task


def version_4(tasks: Tasks, stats: StatsCollector) -> Version:
    """Below `/v4/`."""
    return Version("V4", documents.container_v4, lambda task: documents.task_v4(task, datetime.now(UTC)), tasks, stats)


def version_3(tasks: Tasks, stats: StatsCollector) -> Version:
    """Below `/v3/`."""
    return Version(
        "V3",
        documents.container_v3,
        documents.task_v3,
        tasks,
        stats,
        unknown_container=400,
        unknown_task=500,
        unknown_stats=400,
        no_container=400,
    )


class Version2:
    """`/v2/metadata` and `/v2/stats`, for the task that asks or, with an id behind, for one of its containers."""

    def __init__(self, tasks: Tasks, stats: StatsCollector) -> None:
        self._tasks = tasks
        self._stats = stats

    def metadata(self, request: Request) -> Answer:
        """Answers `metadata` and `metadata/<id>`."""
        task = self._caller(request)
        if task is None:
            return _unknown_caller(request)
        if not request.id:
            return json_answer(200, documents.task_v3(task))
        container = task.container(request.id)
        if container is None:
            return json_answer(400, f"Unable to generate metadata for container '{request.id}'")
        return json_answer(200, documents.container_v3(task, container))

    def stats(self, request: Request) -> Answer:
        """Answers `stats` and `stats/<id>`."""
        task = self._caller(request)
        if task is None:
            return _unknown_caller(request)
        return stats_of_container(task, request.id, self._stats) if request.id else stats_of_task(task, self._stats)

    def _caller(self, request: Request) -> TaskView | None:
        try:
            return self._tasks.by_address(request.address)
        except EngineError:
            return None


def stats_of_container(task: TaskView, id: str, stats: StatsCollector) -> Answer:
    """The statistics of one container; an error where there are none."""
    found = _documents(task, stats.awaited(task.id)).get(id)
    return json_answer(200, found) if found else json_answer(500, f"Unable to get container stats for: {id}")


def stats_of_task(task: TaskView, stats: StatsCollector) -> Answer:
    """The statistics of every container of a task by its id; an error where there are none."""
    found = _documents(task, stats.awaited(task.id))
    if not any(found.values()):
        return json_answer(500, f"Unable to get task stats for: {task.arn}")
    return json_answer(200, found)


def _documents(task: TaskView, samples: Mapping[str, Sample]) -> dict[str, Json | None]:
    """The statistics of every container that has been made, by its id; None without a sample."""
    network = samples.get(task.pause.name) if task.pause is not None else None
    definition = task.desired.service.task_definition if task.desired is not None else None
    task_limit = memory_mib(definition.memory) if definition is not None and definition.memory else None
    found: dict[str, Json | None] = {}
    for view in task.containers:
        if view.container is None:
            continue
        own = samples.get(view.container.name)
        if own is None:
            found[view.id] = None
            continue
        limit = view.definition.memory if view.definition is not None else None
        found[view.id] = container_stats(view.name, view.id, own, network, limit_mib=limit, task_limit_mib=task_limit)
    return found


def _unknown_caller(request: Request) -> Answer:
    return json_answer(400, f"Unable to get task arn from request: unable to associate '{request.address}' with task")
