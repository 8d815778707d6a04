"""Operations on tasks."""

from __future__ import annotations

from emulator.api.arns import named, short, sought
from emulator.api.clusters import Cluster, Clusters
from emulator.api.errors import invalid, no_service
from emulator.api.operations.begun import begin
from emulator.api.operations.creations import deleted
from emulator.api.operations.tags import with_tags
from emulator.api.paging import limited, page
from emulator.api.shapes import Answer, Request
from emulator.events import discard

MOST_TASKS = 100


def list_tasks(clusters: Clusters, asked: Request) -> Answer:
    """ListTasks: those that are to run, or that have stopped, by service, family and who started them."""
    cluster = clusters.one(asked.get("cluster"))
    status = asked.get("desiredStatus", "RUNNING")
    service = None
    if "serviceName" in asked:
        of = named([*cluster.services, *deleted(clusters, cluster).values()], "serviceArn", asked["serviceName"])
        if of is None:
            raise no_service()
        service = of["serviceName"]
    found = sorted(
        task["taskArn"]
        for task in cluster.tasks
        if task["desiredStatus"] == status
        and (service is None or task["group"] == f"service:{service}")
        and asked.get("family", _family(task)) == _family(task)
        and asked.get("startedBy", task.get("startedBy")) == task.get("startedBy")
        and asked.get("launchType", "FARGATE") == "FARGATE"
        and "containerInstance" not in asked
    )
    return page("taskArns", found, asked)


def describe_tasks(clusters: Clusters, asked: Request) -> Answer:
    """DescribeTasks."""
    cluster = clusters.one(asked.get("cluster"))
    names, before = limited(asked["tasks"], MOST_TASKS, "Tasks"), cluster.arn.replace(":cluster/", ":task/")
    found, failures = sought(cluster.tasks, "taskArn", names, lambda name: f"{before}/{name}")
    return {"tasks": with_tags(clusters, found, "taskArn", asked), "failures": failures}


def stop_task(clusters: Clusters, asked: Request) -> Answer:
    """StopTask. The service scheduler replaces a service's task."""
    cluster = clusters.one(asked.get("cluster"))
    task = named(cluster.tasks, "taskArn", asked["task"])
    if task is None:
        raise invalid("The referenced task was not found.")
    task_id = short(task["taskArn"])
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
