"""Tags of resources: kept on this machine. Source: the ECS API reference (TagResource and its kin)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emulator.api.clusters import Clusters
from emulator.api.definitions import MISSING, Definition, Name
from emulator.api.errors import ApiError, client_error, invalid, no_service
from emulator.api.paging import short

Request = Mapping[str, Any]
Answer = dict[str, Any]
Tags = list[dict[str, str]]

DOCUMENT = "tags"
MOST_TAGS = 50
LONGEST_KEY, LONGEST_VALUE = 128, 256


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
    arn = asked["resourceArn"]
    definition = _found(clusters, arn)
    return {"tags": definition.tags if definition is not None else tags_of(clusters, arn)}


def tags_of(clusters: Clusters, arn: str) -> Tags:
    """The tags of a cluster, service or task."""
    return [{"key": key, "value": value} for key, value in clusters.store.read(DOCUMENT).get(arn, {}).items()]


def with_tags(clusters: Clusters, found: Sequence[Answer], key: str, asked: Request) -> list[Answer]:
    """The same with their tags, where the request includes these. `key` is the member with the ARN."""
    if "TAGS" not in (asked.get("include") or ()):
        return list(found)
    return [{**one, "tags": tags_of(clusters, str(one[key]))} for one in found]


def _change(clusters: Clusters, arn: str, new: Sequence[Mapping[str, str]], gone: Sequence[str]) -> None:
    definition = _found(clusters, arn)
    if definition is not None:
        own = {one["key"]: one.get("value", "") for one in definition.tags}
        changed = [{"key": key, "value": value} for key, value in changed_tags(own, new, gone).items()]
        clusters.definitions.change(definition, tags=changed)
        return
    with clusters.store.changing(DOCUMENT) as document:
        document[arn] = changed_tags(document.get(arn, {}), new, gone)
        if not document[arn]:
            del document[arn]


def set_tags(clusters: Clusters, arn: str, tags: Mapping[str, str]) -> None:
    """Gives a cluster, service or task exactly these tags."""
    with clusters.store.changing(DOCUMENT) as document:
        document[arn] = dict(tags)
        if not tags:
            del document[arn]


def changed_tags(tags: Mapping[str, str], new: Sequence[Mapping[str, str]], gone: Sequence[str] = ()) -> dict[str, str]:
    """Tags after a change. Raises `ApiError` for what ECS does not take."""
    for one in new:
        key, value = one.get("key", ""), one.get("value", "")
        if not 1 <= len(key) <= LONGEST_KEY or len(value) > LONGEST_VALUE:
            raise invalid(f"A tag's key has 1 to {LONGEST_KEY} characters, its value up to {LONGEST_VALUE}.")
        if key.lower().startswith("aws:"):
            raise invalid("Tag keys that begin with aws: are reserved.")
    changed = {one["key"]: one.get("value", "") for one in new}
    found = {**{key: value for key, value in tags.items() if key not in changed}, **changed}
    found = {key: value for key, value in found.items() if key not in gone}
    if len(found) > MOST_TAGS:
        raise invalid(f"A resource cannot have more than {MOST_TAGS} tags.")
    return found


def _found(clusters: Clusters, arn: str) -> Definition | None:
    """The task definition of an ARN; None of another resource that is there. Raises `ApiError` for one that is not."""
    parts = arn.split(":", 5)
    kind, _, path = parts[5].partition("/") if len(parts) == 6 and parts[2] == "ecs" else ("", "", "")
    match kind:
        case "cluster":
            clusters.one(arn)
        case "service":
            if short(arn) not in _services_of(clusters, path):
                raise no_service()
        case "task":
            if short(arn) not in [short(one["taskArn"]) for one in _cluster_of(clusters, path).tasks]:
                raise invalid("The referenced task was not found.")
        case "task-definition":
            definition = clusters.definitions.find(Name.of(arn))
            if definition is None:
                raise client_error(MISSING)
            return definition
        case _:
            raise invalid("Invalid ARN: the resource is no cluster, service, task or task definition of ECS.")
    return None


def _services_of(clusters: Clusters, path: str) -> list[str]:
    """The names of the services in the cluster of a long ARN; of a short one in the default cluster."""
    try:
        return [str(one["serviceName"]) for one in _cluster_of(clusters, path).services]
    except ApiError:
        if "/" in path:
            raise
        return []


def _cluster_of(clusters: Clusters, path: str) -> Any:
    """The cluster in a long ARN; of a short one the default cluster."""
    return clusters.one(path.rpartition("/")[0] or None)
