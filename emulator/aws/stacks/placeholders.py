"""Ids of what is only in a deployed environment: its network, load balancers and cluster. Pure.

Templates pass them on to resources that are names here, so any id of the right shape will do.
Source: Copilot, templates/environment/cf.yml (Outputs).
"""

from __future__ import annotations

from collections.abc import Mapping

from emulator.aws.stacks.functions import Scope
from emulator.aws.stacks.names import hex_id
from emulator.aws.stacks.problems import Problem
from emulator.aws.stacks.values import Value, text

_IDS = (
    ("SecurityGroup", "sg-"),
    ("Subnet", "subnet-"),
    ("RouteTable", "rtb-"),
    ("InternetGateway", "igw-"),
    ("VPC", "vpc-"),
    ("Vpc", "vpc-"),
    ("FileSystem", "fs-"),
    ("Filesystem", "fs-"),
    ("NamespaceID", "ns-"),
    ("HostedZone", "Z"),
)
"""What a name has in it, and what an id of that kind begins with."""
_LISTS = ("PublicSubnets", "PrivateSubnets", "PrivateRouteTableIDs")
_EXPORTS = (
    *("VpcId", "PublicSubnets", "PrivateSubnets", "InternetGatewayID", "PublicRouteTableID", "PrivateRouteTableIDs"),
    *("ServiceDiscoveryNamespaceID", "EnvironmentSecurityGroup", "PublicLoadBalancerDNS", "PublicLoadBalancerFullName"),
    *("CanonicalHostedZoneID", "HTTPListenerArn", "HTTPSListenerArn", "DefaultHTTPTargetGroup"),
    *("InternalLoadBalancerDNS", "InternalLoadBalancerFullName", "InternalLoadBalancerCanonicalHostedZoneID"),
    *("InternalWorkloadsHostedZoneID", "InternalWorkloadsHostedZoneName", "InternalHTTPListenerArn"),
    *("InternalHTTPSListenerArn", "InternalLoadBalancerSecurityGroup", "ClusterId", "EnvironmentManagerRoleARN"),
    *("CFNExecutionRoleARN", "HostedZone", "SubDomain", "FilesystemID", "CloudFrontDomainName"),
)


def environment_exports(app: str, environment: str) -> dict[str, str]:
    """What the stack of a Copilot environment exports, as ids of the right shape."""
    stack = f"{app}-{environment}"
    return {f"{stack}-{name}": _export(stack, name) for name in _EXPORTS}


def _export(stack: str, name: str) -> str:
    if name in _LISTS:
        return ",".join(placeholder(stack, f"{name.removesuffix('s')}{number}") for number in (1, 2))
    return placeholder(stack, name)


def placeholder(stack: str, name: str) -> str:
    """An id of the right shape for something with this name, the same each time."""
    for part, prefix in _IDS:
        if part in name:
            return hex_id(prefix, stack, name)
    return f"placeholder-{name}"


class Parent:
    """The scope of a parameters file: names of the workload's or environment's own stack, which is not deployed here.

    `known` are its parameters, such as `WorkloadName`; everything else is an id of the right shape, and `guessed` where
    it was asked for.
    """

    def __init__(self, name: str, known: Mapping[str, str], own: Scope) -> None:
        self.region = own.region
        self.guessed = False
        self._name, self._known, self._own = name, known, own

    def ref(self, name: str) -> Value:
        if name.startswith("AWS::"):
            return self._own.ref(name)
        if name in self._known:
            return self._known[name]
        self.guessed = True
        return placeholder(self._name, name)

    def attribute(self, logical_id: str, attribute: str) -> Value:
        self.guessed = True
        return placeholder(self._name, logical_id if attribute.endswith("Id") else f"{logical_id}-{attribute}")

    def condition(self, name: str) -> bool:
        raise Problem(f"the condition {name} is known only in a deployed stack", "give the parameter a plain value")

    def mapping(self, name: str) -> dict[str, Value]:
        raise Problem(f"the mapping {name} is known only in a deployed stack", "give the parameter a plain value")

    def imported(self, name: str) -> Value:
        self.guessed = True  # what the environment itself exports is a placeholder too
        return self._own.imported(name)

    def warn(self, text: str) -> None:
        self._own.warn(text)


def parent_of(stack: str, parameters: Mapping[str, Value], own: Scope) -> Parent:
    """The scope for the values of a stack's parameters. `own` is the stack's own scope."""
    names = {"AppName": "App", "EnvName": "Env", "EnvironmentName": "Env", "WorkloadName": "Name"}
    known = {name: text(parameters[given]) for name, given in names.items() if given in parameters}
    return Parent(stack, known, own)
