"""Operations on task definitions: those that were registered, and those of manifests that services run on."""

from __future__ import annotations

import time
from collections.abc import Iterable

from emulator.api.clusters import Cluster, Clusters
from emulator.api.definitions import MISSING, Definition, Name
from emulator.api.errors import client_error, invalid
from emulator.api.paging import limited, page
from emulator.api.registration import refuse_wrong
from emulator.api.shapes import Answer, Request
from emulator.api.tag_rules import changed_tags, listed
from emulator.api.translation import kept_definition

MOST_DELETED = 10
NOT_OF_DELETED = ("registeredAt", "registeredBy", "deregisteredAt", "requiresAttributes")
"""Members of which DeleteTaskDefinitions' answer has none; DescribeTaskDefinition goes on giving them."""
STATUSES = ("ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS", "ALL")


def register_task_definition(clusters: Clusters, asked: Request) -> Answer:
    """RegisterTaskDefinition."""
    refuse_wrong(asked, lenient=clusters.lenient, ecs_limits=clusters.host.ecs_limits)
    content = {key: value for key, value in asked.items() if key != "tags"}
    known = [one.revision for one in _running(clusters, clusters.region) if one.family == asked["family"]]
    tags = listed(changed_tags({}, asked.get("tags", ())))
    made = clusters.definitions.register(content, tags, clusters.region, clusters.account, known)
    return {"taskDefinition": made.described(), "tags": tags}


def describe_task_definition(clusters: Clusters, asked: Request) -> Answer:
    """DescribeTaskDefinition, by family, family and revision, or ARN. Of manifests' definitions values that only a
    deployment knows are written as `${name}`, secrets as the references that they are."""
    found = find(clusters, asked["taskDefinition"])
    tags = {"tags": found.tags} if "TAGS" in asked.get("include", ()) else {}
    return {"taskDefinition": found.described(), **tags}


def list_task_definitions(clusters: Clusters, asked: Request) -> Answer:
    """ListTaskDefinitions."""
    family, status = asked.get("familyPrefix"), asked.get("status", "ACTIVE")
    found = [one for one in everything(clusters, clusters.region) if _is(one, status) and family in (None, one.family)]
    arns = [one.arn for one in sorted(found, key=lambda one: (one.family, one.revision))]
    return page("taskDefinitionArns", arns[::-1] if asked.get("sort") == "DESC" else arns, asked)


def list_task_definition_families(clusters: Clusters, asked: Request) -> Answer:
    """ListTaskDefinitionFamilies."""
    prefix, status = asked.get("familyPrefix", ""), asked.get("status", "ALL")
    found = list(everything(clusters, clusters.region))
    active = {one.family for one in found if one.status == "ACTIVE"}
    families = {one.family for one in found if one.family.startswith(prefix)}
    chosen = families if status == "ALL" else families & active if status == "ACTIVE" else families - active
    return page("families", sorted(chosen), asked)


def deregister_task_definition(clusters: Clusters, asked: Request) -> Answer:
    """DeregisterTaskDefinition: it stays describable, and services that run on it go on."""
    name = Name.of(asked["taskDefinition"])
    if name.revision is None:
        raise client_error("Revision is missing.")
    found = clusters.definitions.revision(name, clusters.region)
    if found is None:
        running = _running(clusters, name.region or clusters.region)
        if any((one.family, one.revision) == (name.family, name.revision) for one in running):
            raise client_error("This task definition is a manifest's: `copilot-local down` ends it.")
        raise client_error(MISSING)
    if found.status == "ACTIVE":
        found = clusters.definitions.change(found, status="INACTIVE", ended=round(time.time(), 3))
    return {"taskDefinition": found.described()}


def delete_task_definitions(clusters: Clusters, asked: Request) -> Answer:
    """DeleteTaskDefinitions, of those that are INACTIVE."""
    deleted, failures = [], []
    for text in limited(asked["taskDefinitions"], MOST_DELETED, "taskDefinitions"):
        reason = ""
        name = Name.of(text)
        found = clusters.definitions.revision(name, clusters.region)
        if name.revision is None:
            reason = "The specified task definition identifier is invalid. Specify a valid name or ARN and try again."
        elif found is None:
            reason = (
                "The specified task definition does not exist. Specify a valid account, family, revision and try again."
            )
        elif found.status == "ACTIVE":
            reason = (
                "The specified task definition is still in ACTIVE status. Please deregister the target and try again."
            )
        else:
            gone = clusters.definitions.change(found, status="DELETE_IN_PROGRESS").described()
            deleted.append({key: value for key, value in gone.items() if key not in NOT_OF_DELETED})
        if reason:
            failures.append({"arn": text, "reason": reason})
    return {"taskDefinitions": deleted, "failures": failures}


def find(clusters: Clusters, text: str) -> Definition:
    """The task definition of a name, in the region that the request or an ARN names. Raises `ApiError` where there is
    none."""
    name = Name.of(text)
    region = name.region or clusters.region
    found = [one for one in everything(clusters, region) if one.family == name.family and name.fits(one.arn)]
    if name.revision is None:
        found = [one for one in found if one.status == "ACTIVE"]
    else:
        found = [one for one in found if one.revision == name.revision]
    if not found:
        raise client_error(MISSING)
    return max(found, key=lambda one: one.revision)


def find_for(clusters: Clusters, cluster: Cluster, text: str) -> Definition:
    """The same, of one that is to run in a cluster. Raises `ApiError` where it is of another region, too."""
    found = find(clusters, text)
    if cluster.region not in ("", found.region):
        raise invalid(
            f"The task definition {found.arn} is of another region than the cluster, which is of {cluster.region}: "
            "register it there, with AWS_REGION."
        )
    return found


def everything(clusters: Clusters, region: str) -> Iterable[Definition]:
    """Every task definition of a region, each once."""
    registered = [one for one in clusters.definitions.all() if one.region == region]
    known = {(one.family, one.revision) for one in registered}
    return [*registered, *(one for one in _running(clusters, region) if (one.family, one.revision) not in known)]


def _running(clusters: Clusters, region: str) -> list[Definition]:
    """The task definitions of manifests that services run on in a region."""
    found = {}
    for _, state in clusters.with_states():
        for desired in state.services.values():
            if not desired.registered and desired.options.region == region:
                one = kept_definition(desired)
                found[one.family, one.revision] = one
    return list(found.values())


def _is(one: Definition, status: str) -> bool:
    if status not in STATUSES:
        raise invalid(f"status should be one of [{','.join(STATUSES)}]")
    return status in ("ALL", one.status)
