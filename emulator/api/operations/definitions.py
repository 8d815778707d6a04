"""Operations on task definitions: those that services run on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.api.clusters import Clusters
from emulator.api.errors import client_error
from emulator.api.paging import page, short
from emulator.ecs.identity import task_definition_arn
from emulator.render.task_definition import render_task_definition

Request = Mapping[str, Any]
Answer = dict[str, Any]


def list_task_definitions(clusters: Clusters, asked: Request) -> Answer:
    """ListTaskDefinitions."""
    family, active = asked.get("familyPrefix"), asked.get("status", "ACTIVE") == "ACTIVE"
    arns = [arn for arn in _arns(clusters) if active and family in (None, _family(arn))]
    return page("taskDefinitionArns", arns[::-1] if asked.get("sort") == "DESC" else arns, asked)


def list_task_definition_families(clusters: Clusters, asked: Request) -> Answer:
    """ListTaskDefinitionFamilies."""
    prefix, active = asked.get("familyPrefix", ""), asked.get("status", "ALL") != "INACTIVE"
    families = sorted({_family(arn) for arn in _arns(clusters) if active and _family(arn).startswith(prefix)})
    return page("families", families, asked)


def describe_task_definition(clusters: Clusters, asked: Request) -> Answer:
    """DescribeTaskDefinition, by family, family and revision, or ARN. Values that only a deployment knows are written
    as `${name}`, secrets as the references that they are."""
    family, _, revision = short(asked["taskDefinition"]).partition(":")
    for cluster in clusters.answering():
        for desired in cluster.agent.state().services.values():
            service, options = desired.service, desired.options
            if service.task_definition.family != family or revision not in ("", str(desired.revision)):
                continue
            arn = task_definition_arn(options.region, family, desired.revision, options.account)
            known = {"AWS::Region": options.region, "AWS::AccountId": options.account}
            document = render_task_definition(service, known, placeholders=True)
            compatible = {"compatibilities": ["EC2", "FARGATE"], "requiresAttributes": [], "placementConstraints": []}
            found = {
                **document,
                **compatible,
                "taskDefinitionArn": arn,
                "revision": desired.revision,
                "status": "ACTIVE",
            }
            return {"taskDefinition": found, "tags": []}
    raise client_error("Unable to describe task definition.")


def _arns(clusters: Clusters) -> list[str]:
    return sorted({str(service["taskDefinition"]) for cluster in clusters.answering() for service in cluster.services})


def _family(arn: str) -> str:
    return short(arn).partition(":")[0]
