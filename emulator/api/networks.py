"""What clients of ECS ask EC2 for before they run a task: networks. Each environment has a VPC of one subnet, by name
alone: it has no effect. Source: the EC2 API reference, version 2016-11-15."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from emulator.api.clusters import Clusters
from emulator.api.elb.model import Shape, subnet_of, vpc_of
from emulator.api.elb.query import Fields, numbered
from emulator.api.errors import ApiError

CIDR = "10.0.0.0/16"
"""Copilot's own, of every environment."""


def describe_vpcs(clusters: Clusters, asked: Fields) -> Shape:
    """DescribeVpcs: the first environment's is the default one."""
    found = [
        {
            "vpcId": vpc,
            "ownerId": clusters.account,
            "state": "available",
            "cidrBlock": CIDR,
            "instanceTenancy": "default",
            "isDefault": number == 0,
        }
        for number, vpc in enumerate(_vpcs(clusters))
    ]
    names = {"vpc-id": "vpcId", "isDefault": "isDefault", "is-default": "isDefault"}
    return {"vpcSet": _chosen(found, asked, "VpcId", "vpcId", names)}


def describe_subnets(clusters: Clusters, asked: Fields) -> Shape:
    """DescribeSubnets."""
    found = [
        {
            "subnetId": subnet_of(vpc),
            "vpcId": vpc,
            "ownerId": clusters.account,
            "state": "available",
            "cidrBlock": CIDR,
            "availabilityZone": f"{clusters.region}a",
            "mapPublicIpOnLaunch": True,
        }
        for vpc in _vpcs(clusters)
    ]
    return {"subnetSet": _chosen(found, asked, "SubnetId", "subnetId", {"vpc-id": "vpcId", "subnet-id": "subnetId"})}


OPERATIONS: Final[Mapping[str, Callable[[Clusters, Fields], Shape]]] = {
    "DescribeVpcs": describe_vpcs,
    "DescribeSubnets": describe_subnets,
}


def _vpcs(clusters: Clusters) -> list[str]:
    return [vpc_of(one.agent.names.app, one.agent.names.environment) for one in clusters.all()]


def _chosen(found: Sequence[Shape], asked: Fields, ids: str, key: str, filters: Mapping[str, str]) -> list[Shape]:
    """Those with the ids that are asked for, and the values of every filter. `filters`: members by names of those."""
    chosen = list(found)
    if wanted := numbered(asked, ids):
        known = [one[key] for one in found]
        for one in wanted:
            if one not in known:
                kind = ids.removesuffix("Id")
                raise ApiError(f"Invalid{kind}ID.NotFound", f"The {kind.lower()} ID '{one}' does not exist")
        chosen = [one for one in chosen if one[key] in wanted]
    for number, name in enumerate(numbered(asked, "Filter", "Name"), start=1):
        if name not in filters:
            raise ApiError("InvalidParameterValue", f"The filter '{name}' is not answered on this machine")
        values = numbered(asked, f"Filter.{number}.Value")
        chosen = [one for one in chosen if _text(one[filters[name]]) in values]
    return chosen


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
