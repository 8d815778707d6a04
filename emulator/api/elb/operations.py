"""Operations of Elastic Load Balancing. Source: its API reference, version 2015-12-01."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from emulator.api.arns import short
from emulator.api.clusters import Cluster, Clusters
from emulator.api.elb.model import Balancers, Shape
from emulator.api.elb.query import Fields, members
from emulator.api.errors import ApiError
from emulator.ecs.service import TargetGroup

NAMESPACE: Final = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"
MOST: Final = 400
HIGHEST_PORT: Final = 65535
_UNUSED: Final[Shape] = {
    "State": "unused",
    "Reason": "Target.NotRegistered",
    "Description": "Target is not registered to the target group",
}


def describe_load_balancers(clusters: Clusters, asked: Fields) -> Shape:
    """DescribeLoadBalancers."""
    found = [one for _, balancers in _all(clusters) for one in balancers.load_balancers()]
    for key, member in (("LoadBalancerArns", "LoadBalancerArn"), ("Names", "LoadBalancerName")):
        found = _chosen(found, asked, "LoadBalancer", key, member, "load balancers")
    return _page("LoadBalancers", found, asked)


def describe_listeners(clusters: Clusters, asked: Fields) -> Shape:
    """DescribeListeners."""
    found = [one for _, balancers in _all(clusters) for one in balancers.listeners()]
    if arn := _load_balancer(clusters, asked):
        found = [one for one in found if one["LoadBalancerArn"] == arn]
    return _page("Listeners", _chosen(found, asked, "Listener", "ListenerArns", "ListenerArn", "listeners"), asked)


def describe_rules(clusters: Clusters, asked: Fields) -> Shape:
    """DescribeRules, of a listener or by ARN."""
    all_ = _all(clusters)
    listeners = [one["ListenerArn"] for _, balancers in all_ for one in balancers.listeners()]
    arn = asked.get("ListenerArn")
    if arn is None and not members(asked, "RuleArns"):
        raise ApiError("ValidationError", "You must specify either listener ARN or rule ARNs")
    if arn is not None:
        _known([arn], listeners, "Listener", "listeners")
        listeners = [arn]
    found = [rule for _, balancers in all_ for one in listeners for rule in balancers.rules(one)]
    return _page("Rules", _chosen(found, asked, "Rule", "RuleArns", "RuleArn", "rules"), asked)


def describe_target_groups(clusters: Clusters, asked: Fields) -> Shape:
    """DescribeTargetGroups."""
    found = [one for _, balancers in _all(clusters) for one in balancers.target_groups()]
    if arn := _load_balancer(clusters, asked):
        found = [one for one in found if arn in one["LoadBalancerArns"]]
    for key, member in (("TargetGroupArns", "TargetGroupArn"), ("Names", "TargetGroupName")):
        found = _chosen(found, asked, "TargetGroup", key, member, "target groups")
    return _page("TargetGroups", found, asked)


def describe_target_health(clusters: Clusters, asked: Fields) -> Shape:
    """DescribeTargetHealth, as the load balancer says it at this moment; one that is asked for and not registered is
    unused, which waiters for targets that leave look for."""
    arn, wanted = asked.get("TargetGroupArn", ""), _targets(asked)
    for cluster, balancers in _all(clusters):
        if arn not in (known := balancers.names_of_groups()):
            continue
        service, group = known[arn]
        registered = _registered(cluster, service, group)
        if not wanted:
            return {"TargetHealthDescriptions": list(registered.values())}
        keys = dict.fromkeys((id, group.container_port if port is None else port) for id, port in wanted)
        found = [registered.get(key) or _described(*key, group, _UNUSED) for key in keys]
        return {"TargetHealthDescriptions": found}
    raise _not_found("TargetGroup", "target groups")


def _targets(asked: Fields) -> list[tuple[str, int | None]]:
    """Addresses and ports that are asked for; without a port it is the target group's."""
    found: list[tuple[str, int | None]] = []
    for number, id in enumerate(members(asked, "Targets", "Id"), start=1):
        port = asked.get(f"Targets.member.{number}.Port")
        if port is not None and not (re.fullmatch(r"[0-9]{1,5}", port) and 1 <= int(port) <= HIGHEST_PORT):
            message = f"Value at 'targets' has a port that must be between 1 and {HIGHEST_PORT}"
            raise ApiError("ValidationError", message)
        found.append((id, None if port is None else int(port)))
    return found


def _registered(cluster: Cluster, service: str, group: TargetGroup) -> dict[tuple[str, int], Shape]:
    """By address and port, the targets of a target group."""
    addresses = {short(task["taskArn"]): _address(task) for task in cluster.tasks}
    found = {}
    for target in cluster.agent.status()["targets"]:
        if (target["service"], target["target_group"]) != (service, group.name):
            continue
        task = next((id for id in addresses if id.startswith(target["name"].rpartition("-")[2])), target["name"])
        key = (addresses.get(task) or target["name"], group.container_port)
        found[key] = _described(*key, group, _health(target))
    return found


def _all(clusters: Clusters) -> list[tuple[Cluster, Balancers]]:
    return [(cluster, Balancers(state)) for cluster, state in clusters.with_states()]


def _load_balancer(clusters: Clusters, asked: Fields) -> str:
    """The ARN of the load balancer that is asked for, or an empty text. Raises `ApiError` where there is none such."""
    arn = asked.get("LoadBalancerArn", "")
    if arn:
        known = {one["LoadBalancerArn"] for _, balancers in _all(clusters) for one in balancers.load_balancers()}
        _known([arn], known, "LoadBalancer", "load balancers")
    return arn


def _health(target: Mapping[str, Any]) -> Shape:
    state: Shape = {"State": target["state"]}
    if target["reason_code"]:
        state |= {"Reason": target["reason_code"], "Description": target["description"]}
    return state


def _described(address: str, port: int, group: TargetGroup, health: Shape) -> Shape:
    checked = group.health_check.port
    return {
        "Target": {"Id": address, "Port": port},
        "HealthCheckPort": str(port if checked is None else checked),
        "TargetHealth": health,
    }


def _address(task: Mapping[str, Any]) -> str:
    for attachment in task["attachments"]:
        for detail in attachment["details"]:
            if detail["name"] == "privateIPv4Address":
                return str(detail["value"])
    return ""


def _chosen(found: list[Shape], asked: Fields, kind: str, key: str, member: str, words: str) -> list[Shape]:
    """Those whose ARNs or names are asked for, as `key`; all where none is."""
    wanted = members(asked, key)
    _known(wanted, [one[member] for one in found], kind, words)
    return [one for one in found if not wanted or one[member] in wanted]


def _known(asked: Sequence[str], known: Sequence[str] | set[str], kind: str, words: str) -> None:
    if any(one not in known for one in asked):
        raise _not_found(kind, words)


def _not_found(kind: str, words: str) -> ApiError:
    return ApiError(f"{kind}NotFound", f"One or more {words} not found")


def _page(key: str, found: list[Shape], asked: Fields) -> Shape:
    size, marker = asked.get("PageSize", str(MOST)), asked.get("Marker", "0")
    if not size.isdecimal() or not 1 <= int(size) <= MOST or not marker.isdecimal():
        raise ApiError("ValidationError", "Value at 'pageSize' must be between 1 and 400, and the marker one of ours")
    end = int(marker) + int(size)
    return {key: found[int(marker) : end], **({"NextMarker": str(end)} if end < len(found) else {})}


OPERATIONS: Final[Mapping[str, Callable[[Clusters, Fields], Shape]]] = {
    "DescribeListeners": describe_listeners,
    "DescribeLoadBalancers": describe_load_balancers,
    "DescribeRules": describe_rules,
    "DescribeTargetGroups": describe_target_groups,
    "DescribeTargetHealth": describe_target_health,
}
