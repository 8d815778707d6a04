"""What an environment's stack tells: the exports that stacks of services import, under Copilot's names.
Source: Copilot, `cf.yml`, section Outputs."""

from __future__ import annotations

from emulator.render.cloudformation.environment.context import Context
from emulator.render.cloudformation.environment.names import ZONE
from emulator.render.cloudformation.intrinsics import Fn, GetAtt, Ref, Sub, join

FEATURES = (
    "ALBWorkloads",
    "InternalALBWorkloads",
    "EFSWorkloads",
    "NATWorkloads",
    "Aliases",
    "AppRunnerPrivateWorkloads",
)
"""Parameters that Copilot's services change, by the environment controller, when they come and go."""


def add_outputs(context: Context) -> None:
    """Adds every output; an output's key may differ from the name that it is exported by, as in Copilot's template."""
    _network(context)
    _public_balancer(context)
    _internal_balancer(context)
    environment = context.environment
    _export(context, "ClusterId", Ref("Cluster"), "The cluster")
    if context.options.in_place:
        _of_copilot(context)
    if environment.zone is not None:
        _export(context, "EnvironmentHostedZone", Ref(ZONE), "The environment's hosted zone", "HostedZone")
        _export(context, "EnvironmentSubdomain", environment.zone, "The environment's domain name", "SubDomain")
        if not context.options.in_place and not context.options.delegate:
            servers = Fn("Join", [",", GetAtt(ZONE, "NameServers")])
            context.template.output("NameServers", servers, "For an NS record in the application's zone.")
    if environment.needs.file_system:
        _export(context, "ManagedFileSystemID", Ref("FileSystem"), "The shared file system", "FilesystemID")
    if environment.cdn is not None and environment.needs.public_balancer:
        domain = GetAtt("CloudFrontDistribution", "DomainName")
        _export(context, "CloudFrontDomainName", domain, "CloudFront's domain name")


def _network(context: Context) -> None:
    _export(context, "VpcId", context.vpc(), "The VPC")
    if public := context.public_subnets():
        _export(context, "PublicSubnets", join(",", public), "The public subnets")
    if private := context.private_subnets():
        _export(context, "PrivateSubnets", join(",", private), "The private subnets")
    if context.imported is None:
        _export(context, "InternetGatewayID", Ref("InternetGateway"), "The internet gateway")
        _export(context, "PublicRouteTableID", Ref("PublicRouteTable"), "Routes of the public subnets")
        if context.environment.needs.nat:
            tables: list[object] = [Ref(f"PrivateRouteTable{n}") for n in range(1, len(private) + 1)]
            _export(context, "PrivateRouteTableIDs", join(",", tables), "Routes of the private subnets")
    namespace = GetAtt("ServiceDiscoveryNamespace", "Id")
    _export(context, "ServiceDiscoveryNamespaceID", namespace, "The private DNS namespace")
    _export(context, "EnvironmentSecurityGroup", Ref("EnvironmentSecurityGroup"), "The security group of all tasks")


def _public_balancer(context: Context) -> None:
    if not context.environment.needs.public_balancer:
        return
    _balancer(context, "public", "CanonicalHostedZoneID")
    _export(context, "HTTPListenerArn", Ref("HTTPListener"), "The public HTTP listener")
    if context.environment.https:
        _export(context, "HTTPSListenerArn", Ref("HTTPSListener"), "The public HTTPS listener")
    group = Ref("DefaultHTTPTargetGroup")
    _export(context, "DefaultHTTPTargetGroupArn", group, "The target group without targets", "DefaultHTTPTargetGroup")


def _internal_balancer(context: Context) -> None:
    environment = context.environment
    if not environment.needs.internal_balancer:
        return
    name = "InternalLoadBalancer"
    _balancer(context, "internal", f"{name}CanonicalHostedZoneID")
    if not environment.internal.certificates:
        own, zone_name = "InternalWorkloadsHostedZone", f"{environment.name}.{environment.app}.internal"
        _export(context, own, Ref(own), "The private zone", f"{own}ID")
        _export(context, f"{own}Name", zone_name, "The private zone's name")
    _export(context, "InternalHTTPListenerArn", Ref("InternalHTTPListener"), "The internal HTTP listener")
    if environment.internal_https:
        _export(context, "InternalHTTPSListenerArn", Ref("InternalHTTPSListener"), "The internal HTTPS listener")
    group = f"{name}SecurityGroup"
    _export(context, group, Ref(group), "The security group of the internal load balancer")


def _balancer(context: Context, kind: str, zone: str) -> None:
    """What services need of a load balancer; `zone` is the name that its zone is exported by."""
    name, what = f"{kind.capitalize()}LoadBalancer", f"of the {kind} load balancer"
    _export(context, f"{name}DNSName", GetAtt(name, "DNSName"), f"DNS name {what}", f"{name}DNS")
    _export(context, f"{name}FullName", GetAtt(name, "LoadBalancerFullName"), f"Full name {what}")
    _export(context, f"{name}HostedZone", GetAtt(name, "CanonicalHostedZoneID"), f"Zone {what}", zone)


def _of_copilot(context: Context) -> None:
    """What Copilot's services and commands look for as long as there are some."""
    for name, role in (("EnvironmentManagerRoleARN", "EnvManagerRole"), ("CFNExecutionRoleARN", "CFNExecutionRole")):
        arn = Sub(f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/${{AWS::StackName}}-{role}")
        _export(context, name, arn, "A role of Copilot's, which stays outside of this stack")
    context.template.output(
        "EnabledFeatures",
        Sub(",".join(f"${{{name}}}" for name in FEATURES)),
        "Changes with the lists of workloads, so that Copilot's controller finds something to update.",
    )
    if context.environment.needs.public_balancer:
        accessible = "false" if context.environment.public.only_cdn else "true"
        context.template.output("PublicALBAccessible", accessible, "Read by Copilot.")
    context.template.output("LastForceDeployID", "", "Read by Copilot.")


def _export(context: Context, key: str, value: object, description: str, exported: str = "") -> None:
    name = Sub(f"${{AWS::StackName}}-{exported or key}")
    context.template.output(key, value, f"{description}.", export=name)
