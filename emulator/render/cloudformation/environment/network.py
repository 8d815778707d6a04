"""The VPC with its subnets and routes, the namespace, the cluster, the environment's security group, flow logs.
Source: Copilot, `partials/vpc-resources.yml`, `partials/nat-gateways.yml`, `cf.yml`."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.ecs.environment.model import ManagedVpc, SecurityRule
from emulator.render.cloudformation.environment.context import Context, for_services
from emulator.render.cloudformation.intrinsics import Fn, GetAtt, Ref, Sub, select
from emulator.render.cloudformation.policies import add_role, policy, statement
from emulator.render.cloudformation.template import Properties

ENVIRONMENT_GROUP = "EnvironmentSecurityGroup"
_EVERYWHERE = "0.0.0.0/0"


def add_vpc(context: Context) -> None:
    """Adds the VPC with its public and private subnets, and NAT gateways where a service needs them; nothing where the
    VPC is an existing one."""
    vpc = context.environment.vpc
    if not isinstance(vpc, ManagedVpc):
        return
    add = context.template.resource
    tags = context.tags()
    dns: Properties = {"EnableDnsHostnames": True, "EnableDnsSupport": True, "InstanceTenancy": "default"}
    position = context.position("network.vpc")
    add("VPC", "AWS::EC2::VPC", {"CidrBlock": vpc.cidr, **dns, "Tags": tags}, position=position)
    add("PublicRouteTable", "AWS::EC2::RouteTable", {"VpcId": Ref("VPC"), "Tags": tags})
    add(
        "DefaultPublicRoute",
        "AWS::EC2::Route",
        {
            "RouteTableId": Ref("PublicRouteTable"),
            "DestinationCidrBlock": _EVERYWHERE,
            "GatewayId": Ref("InternetGateway"),
        },
        depends_on=["InternetGatewayAttachment"],
    )
    add("InternetGateway", "AWS::EC2::InternetGateway", {"Tags": tags})
    add(
        "InternetGatewayAttachment",
        "AWS::EC2::VPCGatewayAttachment",
        {"InternetGatewayId": Ref("InternetGateway"), "VpcId": Ref("VPC")},
    )
    _subnets(context, vpc)
    if context.environment.needs.nat:
        for number in range(1, len(vpc.private) + 1):
            _nat_gateway(context, number)


def _subnets(context: Context, vpc: ManagedVpc) -> None:
    for name, short, blocks in (("PublicSubnet", "pub", vpc.public), ("PrivateSubnet", "priv", vpc.private)):
        for index, block in enumerate(blocks):
            zone: object = vpc.zones[index] if vpc.zones else select(index, Fn("GetAZs", ""))
            context.template.resource(
                f"{name}{index + 1}",
                "AWS::EC2::Subnet",
                {
                    "CidrBlock": block,
                    "VpcId": Ref("VPC"),
                    "AvailabilityZone": zone,
                    "MapPublicIpOnLaunch": short == "pub",
                    "Tags": context.tags(f"-{short}{index}"),
                },
            )
    for number in range(1, len(vpc.public) + 1):
        context.template.resource(
            f"PublicSubnet{number}RouteTableAssociation",
            "AWS::EC2::SubnetRouteTableAssociation",
            {"RouteTableId": Ref("PublicRouteTable"), "SubnetId": Ref(f"PublicSubnet{number}")},
        )


def _nat_gateway(context: Context, number: int) -> None:
    add, gateway, table = context.template.resource, f"NatGateway{number}", f"PrivateRouteTable{number}"
    add(
        f"{gateway}Attachment",
        "AWS::EC2::EIP",
        {"Domain": "vpc"},
        comment=f"To the internet from private subnet {number}; {for_services(context.environment.needs.nat)}",
        depends_on=["InternetGatewayAttachment"],
    )
    add(
        gateway,
        "AWS::EC2::NatGateway",
        {
            "AllocationId": GetAtt(f"{gateway}Attachment", "AllocationId"),
            "SubnetId": Ref(f"PublicSubnet{number}"),
            "Tags": context.tags(f"-{number - 1}"),
        },
    )
    add(table, "AWS::EC2::RouteTable", {"VpcId": Ref("VPC")})
    add(
        f"PrivateRoute{number}",
        "AWS::EC2::Route",
        {"RouteTableId": Ref(table), "DestinationCidrBlock": _EVERYWHERE, "NatGatewayId": Ref(gateway)},
    )
    add(
        f"{table}Association",
        "AWS::EC2::SubnetRouteTableAssociation",
        {"RouteTableId": Ref(table), "SubnetId": Ref(f"PrivateSubnet{number}")},
    )


def add_cluster(context: Context) -> None:
    """Adds the private DNS namespace and the cluster."""
    environment = context.environment
    # Environments from before Copilot 1.5 have another name there, and a new name would replace the namespace.
    name: object = Ref("ServiceDiscoveryEndpoint") if context.options.in_place else environment.discovery_namespace
    context.retained(
        "ServiceDiscoveryNamespace",
        "AWS::ServiceDiscovery::PrivateDnsNamespace",
        {"Name": name, "Vpc": context.vpc()},
        comment="Services find each other by their names in it",
    )
    context.template.resource(
        "Cluster",
        "AWS::ECS::Cluster",
        {
            "CapacityProviders": ["FARGATE", "FARGATE_SPOT"],
            "Configuration": {"ExecuteCommandConfiguration": {"Logging": "DEFAULT"}},
            "ClusterSettings": [
                {"Name": "containerInsights", "Value": "enabled" if environment.container_insights else "disabled"}
            ],
        },
        position=context.position("observability"),
    )


def add_environment_group(context: Context) -> None:
    """Adds the security group that all tasks are in, which lets its members reach each other."""
    environment = context.environment
    context.template.resource(
        ENVIRONMENT_GROUP,
        "AWS::EC2::SecurityGroup",
        {
            "GroupDescription": f"{environment.app}-{environment.name}{ENVIRONMENT_GROUP}",
            "VpcId": context.vpc(),
            "Tags": context.tags("-env"),
            "SecurityGroupIngress": _rules(environment.ingress) or None,
            "SecurityGroupEgress": _rules(environment.egress) or None,
        },
        position=context.position("network.vpc.security_group"),
    )
    admit(
        context,
        "EnvironmentSecurityGroupIngressFromSelf",
        "Ingress from other containers in the same security group",
        ENVIRONMENT_GROUP,
    )


def admit(context: Context, name: str, description: str, source: str, group: str = ENVIRONMENT_GROUP) -> None:
    """Lets one security group of the stack reach another one on every port. The rule is a resource of its own: rules
    within a group would take the place of those that are there."""
    context.template.resource(
        name,
        "AWS::EC2::SecurityGroupIngress",
        {
            "Description": description,
            "GroupId": Ref(group),
            "IpProtocol": "-1",
            "SourceSecurityGroupId": Ref(source),
        },
    )


def _rules(rules: Sequence[SecurityRule]) -> list[Properties]:
    return [
        {
            "IpProtocol": rule.protocol,
            "FromPort": rule.first_port,
            "ToPort": rule.last_port,
            "CidrIp": rule.cidr,
        }
        for rule in rules
    ]


def add_flow_logs(context: Context) -> None:
    """Adds logs of the VPC's traffic, if the manifest asks for them."""
    environment, template = context.environment, context.template
    if environment.flow_logs is None:
        return
    template.resource(
        "VpcFlowLogGroup",
        "AWS::Logs::LogGroup",
        {
            "LogGroupName": f"{environment.app}-{environment.name}-FlowLogs",
            "RetentionInDays": environment.flow_logs,
        },
        position=context.position("network.vpc.flow_logs"),
    )
    template.resource(
        "FlowLog",
        "AWS::EC2::FlowLog",
        {
            "DeliverLogsPermissionArn": GetAtt("FlowLogRole", "Arn"),
            "LogDestinationType": "cloud-watch-logs",
            "LogGroupName": Ref("VpcFlowLogGroup"),
            "MaxAggregationInterval": 60,
            "ResourceId": context.vpc(),
            "ResourceType": "VPC",
            "TrafficType": "ALL",
        },
    )
    logs = ("CreateLogGroup", "CreateLogStream", "PutLogEvents", "DescribeLogGroups", "DescribeLogStreams")
    flow_logs = Sub("arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:vpc-flow-log/*")
    add_role(
        template,
        "FlowLogRole",
        "vpc-flow-logs.amazonaws.com",
        [policy("GrantAccesstoEC2toPublishFlowlogs", [statement([f"logs:{name}" for name in logs], "*")])],
        boundary=context.options.permissions_boundary,
        condition={
            "StringEquals": {"aws:SourceAccount": Ref("AWS::AccountId")},
            "ArnLike": {"aws:SourceArn": flow_logs},
        },
    )
