"""Tags of resources: kept on this machine. Source: the ECS API reference (TagResource and its kin)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from emulator.api.arns import named
from emulator.api.clusters import Cluster, Clusters
from emulator.api.definitions import MISSING, Definition
from emulator.api.errors import client_error, invalid, no_service
from emulator.api.operations.definitions import find
from emulator.api.shapes import Answer, Request
from emulator.api.tag_rules import changed_tags, listed

Tags = list[dict[str, str]]

DOCUMENT = "tags"
PROVIDERS = "capacity-providers"
"""The document of capacity providers, by ARN."""
NO_PROVIDER = "The specified capacity provider was not found. Specify a valid name or ARN and try again."


def tag_resource(clusters: Clusters, asked: Request) -> Answer:
    """TagResource: a key that is there already gets the new value."""
    _change(clusters, asked["resourceArn"], asked["tags"], ())
    return {}


def untag_resource(clusters: Clusters, asked: Request) -> Answer:
    """UntagResource; a key that is not there is fine."""
    _change(clusters, asked["resourceArn"], (), asked["tagKeys"])
    return {}


def list_tags_for_resource(clusters: Clusters, asked: Request) -> Answer:
    """ListTagsForResource."""
    found = _found(clusters, asked["resourceArn"])
    return {"tags": found.tags if isinstance(found, Definition) else tags_of(clusters, found)}


def tags_of(clusters: Clusters, arn: str) -> Tags | None:
    """The tags of a cluster, service or task. None of a cluster that never had any: the answer has no such member."""
    kept = clusters.store.read(DOCUMENT)
    if arn not in kept and ":cluster/" in arn:
        return None
    return listed(kept.get(arn, {}))


def with_tags(clusters: Clusters, found: Sequence[Answer], key: str, asked: Request) -> list[Answer]:
    """The same with their tags, where the request includes these. `key` is the member with the ARN."""
    if "TAGS" not in (asked.get("include") or ()):
        return [{**one, "tags": [] if key == "taskArn" else None} for one in found]
    return [{**one, "tags": tags_of(clusters, str(one[key]))} for one in found]


def _change(clusters: Clusters, arn: str, new: Sequence[Mapping[str, str]], gone: Sequence[str]) -> None:
    found = _found(clusters, arn)
    if isinstance(found, Definition):
        clusters.definitions.keep(found)  # that of a manifest
        own = {one["key"]: one.get("value", "") for one in found.tags if "key" in one}  # earlier versions took others
        clusters.definitions.change(found, tags=listed(changed_tags(own, new, gone)))
        return
    with clusters.store.changing(DOCUMENT) as document:
        document[found] = changed_tags(document.get(found, {}), new, gone)


def set_tags(clusters: Clusters, arn: str, tags: Mapping[str, str]) -> None:
    """Gives a cluster, service or task exactly these tags."""
    with clusters.store.changing(DOCUMENT) as document:
        document[arn] = dict(tags)
        if not tags:
            del document[arn]


def _found(clusters: Clusters, arn: str) -> Definition | str:
    """The task definition of an ARN, or the ARN in the long format of another resource. Raises `ApiError` where it is
    not there."""
    parts = arn.split(":", 5)
    kind, _, path = parts[5].partition("/") if len(parts) == 6 and parts[2] == "ecs" else ("", "", "")
    match kind:
        case "cluster":
            return clusters.one(arn).arn
        case "service":
            service = named(_of(clusters, path, lambda cluster: cluster.services), "serviceArn", arn)
            if service is None:
                raise no_service()
            return str(service["serviceArn"])
        case "task":
            task = named(_of(clusters, path, lambda cluster: cluster.tasks), "taskArn", arn)
            if task is None:
                raise invalid("The referenced task was not found.")
            return str(task["taskArn"])
        case "capacity-provider":
            if arn not in clusters.store.read(PROVIDERS):
                raise invalid(NO_PROVIDER)
            return arn
        case "task-definition":
            definition = find(clusters, arn)
            if definition.arn != arn:
                raise client_error(MISSING)
            return definition
        case _:
            raise invalid(
                "Invalid ARN: the resource is no cluster, service, task, task definition or capacity provider of ECS."
            )


def _of(clusters: Clusters, path: str, those: Callable[[Cluster], Sequence[Answer]]) -> Sequence[Answer]:
    """Those of the cluster in a long ARN; of a short one, of every cluster."""
    name = path.rpartition("/")[0]
    if name:
        return those(clusters.one(name))
    return [one for cluster in [*clusters.answering(), *clusters.recorded().values()] for one in those(cluster)]
