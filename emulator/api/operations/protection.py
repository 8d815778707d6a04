"""Task protection: the same that tasks ask for at their metadata endpoint. Source: the ECS API reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from emulator.api.arns import named
from emulator.api.clusters import Cluster, Clusters
from emulator.api.errors import invalid
from emulator.api.paging import limited
from emulator.api.shapes import Answer, Request

MOST_TASKS = 10
LONGEST_MINUTES = 2880
DEFAULT_MINUTES = 120


def get_task_protection(clusters: Clusters, asked: Request) -> Answer:
    """GetTaskProtection; without tasks, those that are protected."""
    cluster = clusters.one(asked.get("cluster"))
    known = _protected(cluster)
    names = asked.get("tasks") or []
    if not names:
        return {"protectedTasks": [_protection(arn, known) for arn in sorted(known)], "failures": []}
    arns, failures = _of_services(cluster, limited(names, MOST_TASKS, "Tasks"))
    return {"protectedTasks": [_protection(arn, known) for arn in arns], "failures": failures}


def update_task_protection(clusters: Clusters, asked: Request) -> Answer:
    """UpdateTaskProtection: recorded, without effect on `scale` and deployments here."""
    cluster = clusters.one(asked.get("cluster"))
    minutes = asked.get("expiresInMinutes", DEFAULT_MINUTES)
    if not 1 <= minutes <= LONGEST_MINUTES:
        raise invalid(f"expiresInMinutes must be between 1 and {LONGEST_MINUTES}")
    arns, failures = _of_services(cluster, limited(asked["tasks"], MOST_TASKS, "Tasks"))
    if arns:
        cluster.agent.protect(arns, minutes if asked["protectionEnabled"] else 0)
    known = _protected(cluster)
    return {"protectedTasks": [_protection(arn, known) for arn in arns], "failures": failures}


def _protected(cluster: Cluster) -> Mapping[str, str]:
    """When the protection of tasks ends, by their ARNs. Nothing runs in a cluster that is no environment."""
    return {} if cluster.environment is None else cluster.agent.protection()


def _of_services(cluster: Cluster, names: Sequence[str]) -> tuple[list[str], list[Answer]]:
    """The ARNs of those that are tasks of services and run; failures of the others."""
    running = [task for task in cluster.tasks if task["lastStatus"] != "STOPPED"]
    arns: list[str] = []
    failures: list[Answer] = []
    for name in names:
        task = named(running, "taskArn", name)
        arn = name if ":" in name else f"{cluster.arn.replace(':cluster/', ':task/')}/{name}"
        if task is None:
            failures.append({"arn": arn, "reason": "MISSING"})
        elif not str(task["group"]).startswith("service:"):
            failures.append({"arn": arn, "reason": "TASK_NOT_VALID", "detail": "The task is not part of a service."})
        else:
            arns.append(str(task["taskArn"]))
    return arns, failures


def _protection(arn: str, known: Mapping[str, str]) -> Answer:
    return {"taskArn": arn, "protectionEnabled": arn in known, "expirationDate": known.get(arn)}
