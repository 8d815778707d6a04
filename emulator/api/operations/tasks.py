"""Operations on tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.api.clusters import Cluster, Clusters
from emulator.api.errors import invalid, no_service
from emulator.api.operations.begun import begin
from emulator.api.operations.tags import with_tags
from emulator.api.paging import limited, page, short
from emulator.events import discard

Request = Mapping[str, Any]
Answer = dict[str, Any]

MOST_TASKS = 100


def list_tasks(clusters: Clusters, asked: Request) -> Answer:
    """ListTasks: those that are to run, or that have stopped, by service, family and who started them."""
    cluster = clusters.one(asked.get("cluster"))
    status = asked.get("desiredStatus", "RUNNING")
    service = short(asked["serviceName"]) if "serviceName" in asked else None
    if service is not None and service not in [one["serviceName"] for one in cluster.services]:
        raise no_service()
    found = []
    for task in cluster.tasks:
        matches = (
            task["desiredStatus"] == status
            and (service is None or task["group"] == f"service:{service}")
            and asked.get("family", _family(task)) == _family(task)
            and asked.get("startedBy", task.get("startedBy")) == task.get("startedBy")
            and asked.get("launchType", "FARGATE") == "FARGATE"
            and "containerInstance" not in asked
        )
        if matches:
            found.append(task["taskArn"])
    return page("taskArns", sorted(found), asked)


def describe_tasks(clusters: Clusters, asked: Request) -> Answer:
    """DescribeTasks."""
    cluster = clusters.one(asked.get("cluster"))
    known = {short(task["taskArn"]): task for task in cluster.tasks}
    found, failures = [], []
    for name in limited(asked["tasks"], MOST_TASKS, "Tasks"):
        if short(name) in known:
            found.append(known[short(name)])
        else:
            failures.append({"arn": _arn(cluster, name), "reason": "MISSING"})
    return {"tasks": with_tags(clusters, found, "taskArn", asked), "failures": failures}


def stop_task(clusters: Clusters, asked: Request) -> Answer:
    """StopTask. The service scheduler replaces a service's task."""
    cluster = clusters.one(asked.get("cluster"))
    task_id = short(asked["task"])
    task = next((one for one in cluster.tasks if short(one["taskArn"]) == task_id), None)
    if task is None:
        raise invalid("The referenced task was not found.")
    if task["desiredStatus"] != "STOPPED":
        begin(
            lambda: cluster.agent.stop_task(task_id, discard, asked.get("reason", "")),
            lambda: _task(cluster.fresh(), task_id, task)["desiredStatus"] == "STOPPED",
        )
    return {"task": _task(cluster.fresh(), task_id, task)}


def _task(cluster: Cluster, task_id: str, before: Answer) -> Answer:
    return next((one for one in cluster.tasks if short(one["taskArn"]) == task_id), before)


def _family(task: Answer) -> str:
    return short(task["taskDefinitionArn"]).partition(":")[0]


def _arn(cluster: Cluster, name: str) -> str:
    return name if ":" in name else f"{cluster.arn.replace(':cluster/', ':task/')}/{name}"
