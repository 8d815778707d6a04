"""The load balancers that services share, public and internal, with their listeners and groups.
Source: Copilot, `cf.yml` and `partials/elb-access-logs.yml`."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.ecs.environment.model import AccessLogs, PublicBalancer
from emulator.render.cloudformation.environment.cloudfront import private_bucket
from emulator.render.cloudformation.environment.context import Context, for_services
from emulator.render.cloudformation.environment.names import certificate
from emulator.render.cloudformation.environment.network import admit
from emulator.render.cloudformation.intrinsics import GetAtt, Ref, Sub, join
from emulator.render.cloudformation.policies import document
from emulator.render.cloudformation.template import Properties

_BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
_EVERYBODY = "0.0.0.0/0"
_LOG_BUCKET = "ELBAccessLogsBucket"
_INTERNAL_GROUP = "InternalLoadBalancerSecurityGroup"


def add_public_balancer(context: Context) -> None:
    """Adds the public load balancer, if a service is behind it."""
    environment, needs = context.environment, context.environment.needs
    add_log_bucket(context)
    if not needs.public_balancer:
        return
    groups = []
    for protocol, port in (("HTTP", 80), ("HTTPS", 443)) if environment.https else (("HTTP", 80),):
        group = f"Public{protocol}LoadBalancerSecurityGroup"
        groups.append(GetAtt(group, "GroupId"))
        context.template.resource(
            group,
            "AWS::EC2::SecurityGroup",
            {
                "GroupDescription": f"{protocol} access to the public facing load balancer",
                "SecurityGroupIngress": _clients(context, environment.public, port),
                "VpcId": context.vpc(),
                "Tags": context.tags(f"-lb-{protocol.lower()}"),
            },
        )
        admit(
            context,
            f"Environment{protocol}SecurityGroupIngressFromPublicALB",
            f"{protocol} ingress from the public ALB",
            group,
        )
    logs = environment.public.access_logs
    context.template.resource(
        "PublicLoadBalancer",
        _BALANCER,
        {
            "LoadBalancerAttributes": _logging(logs),
            "Scheme": "internet-facing",
            "SecurityGroups": groups,
            "Subnets": context.public_subnets(),
            "Type": "application",
        },
        comment=f"The public load balancer, {for_services(needs.public_balancer)}",
        position=context.position("http.public"),
        depends_on=["ELBAccessLogsBucketPolicy"] if logs is not None and logs.bucket is None else [],
    )
    certificates = [certificate(context)] if environment.domain else environment.public.certificates
    _listeners(context, "", certificates, environment.public.ssl_policy)


def add_internal_balancer(context: Context) -> None:
    """Adds the internal load balancer, if a service is behind it."""
    environment, needs = context.environment, context.environment.needs
    if not needs.internal_balancer:
        return
    context.template.resource(
        _INTERNAL_GROUP,
        "AWS::EC2::SecurityGroup",
        {
            "GroupDescription": "Access to the internal load balancer",
            "VpcId": context.vpc(),
            "Tags": context.tags("-internal-lb"),
        },
    )
    admit(
        context,
        "EnvironmentSecurityGroupIngressFromInternalALB",
        "Ingress from the internal ALB",
        _INTERNAL_GROUP,
    )
    admit(
        context,
        "InternalALBIngressFromEnvironmentSecurityGroup",
        "Ingress from the env security group",
        "EnvironmentSecurityGroup",
        _INTERNAL_GROUP,
    )
    _admit_vpc(context)
    context.template.resource(
        "InternalLoadBalancer",
        _BALANCER,
        {
            "Scheme": "internal",
            "SecurityGroups": [GetAtt(_INTERNAL_GROUP, "GroupId")],
            "Subnets": list(environment.internal.subnets) or context.private_subnets(),
            "Type": "application",
        },
        comment=f"The internal load balancer, {for_services(needs.internal_balancer)}",
        position=context.position("http.private"),
    )
    _listeners(context, "Internal", environment.internal.certificates, environment.internal.ssl_policy)


def add_log_bucket(context: Context) -> None:
    """Adds the bucket of access logs, if the manifest asks for logs and names none."""
    environment = context.environment
    logs = environment.public.access_logs
    if logs is None or logs.bucket is not None:
        return
    context.retained(
        _LOG_BUCKET,
        "AWS::S3::Bucket",
        {"VersioningConfiguration": {"Status": "Enabled"}, **private_bucket()},
        place="http.public.access_logs",
    )
    if not environment.needs.public_balancer:
        return
    path = ["arn:", Ref("AWS::Partition"), ":s3:::", Ref(_LOG_BUCKET)]
    path += ["/", logs.prefix] if logs.prefix else []
    context.template.resource(
        "ELBAccessLogsBucketPolicy",
        "AWS::S3::BucketPolicy",
        {
            "Bucket": Ref(_LOG_BUCKET),
            "PolicyDocument": document(
                [
                    {
                        "Action": ["s3:PutObject"],
                        "Effect": "Allow",
                        "Resource": [join("", [*path, "/AWSLogs/", Ref("AWS::AccountId"), "/*"])],
                        "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
                    }
                ]
            ),
        },
        comment="The service that delivers the logs, in every region, in place of a table of accounts by region",
    )


def _logging(logs: AccessLogs | None) -> list[Properties]:
    found: list[Properties] = [{"Key": "access_logs.s3.enabled", "Value": "false" if logs is None else "true"}]
    if logs is not None:
        if logs.prefix:
            found.append({"Key": "access_logs.s3.prefix", "Value": logs.prefix})
        found.append({"Key": "access_logs.s3.bucket", "Value": logs.bucket or Ref(_LOG_BUCKET)})
    return found


def _clients(context: Context, public: PublicBalancer, port: int) -> list[Properties]:
    """The rules of who reaches the public load balancer on a port."""
    ports: Properties = {"FromPort": port, "IpProtocol": "tcp", "ToPort": port}
    if not public.only_cdn and not public.source_ips:
        return [{"CidrIp": _EVERYBODY, "Description": f"Allow from anyone on port {port}", **ports}]
    found: list[Properties] = []
    if public.only_cdn:
        prefix_list = context.template.parameter(
            "CloudFrontPrefixListId",
            "The addresses of CloudFront. Find the list with: aws ec2 describe-managed-prefix-lists --filters "
            "Name=prefix-list-name,Values=com.amazonaws.global.cloudfront.origin-facing "
            '--query "PrefixLists[0].PrefixListId" --output text',
        )
        description = Sub(f"Allow ingress from prefix list ${{{prefix_list.name}}} on port {port}")
        found.append({"SourcePrefixListId": prefix_list, "Description": description, **ports})
    for address in public.source_ips:
        description_of = f"Allow ingress from source IP {address} on port {port}"
        found.append({"CidrIp": address, "Description": description_of, **ports})
    return found


def _admit_vpc(context: Context) -> None:
    """Lets everything in the VPC reach the internal load balancer, if the manifest asks for it."""
    if not context.environment.internal.from_vpc:
        return
    for name, port in (("Http", 80), ("Https", 443)) if context.environment.internal_https else (("Http", 80),):
        context.template.resource(
            f"InternalLoadBalancerSecurityGroupIngressFrom{name}",
            "AWS::EC2::SecurityGroupIngress",
            {
                "Description": f"Allow from within the VPC on port {port}",
                "CidrIp": _EVERYBODY,
                "FromPort": port,
                "ToPort": port,
                "IpProtocol": "tcp",
                "GroupId": Ref(_INTERNAL_GROUP),
            },
        )


def _listeners(context: Context, internal: str, certificates: Sequence[object], ssl_policy: str | None) -> None:
    """An HTTP listener, and an HTTPS one where there are certificates, the first of which is its default one. Both
    forward to a target group without targets where no rule of a service fits."""
    group = f"Default{internal}HTTPTargetGroup"
    context.template.resource(
        group,
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        {
            "HealthCheckIntervalSeconds": 10,
            "HealthyThresholdCount": 2,
            "HealthCheckTimeoutSeconds": 5,
            "Port": 80,
            "Protocol": "HTTP",
            "TargetGroupAttributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "60"}],
            "TargetType": "ip",
            "VpcId": context.vpc(),
        },
    )
    for protocol, port in (("HTTP", 80), ("HTTPS", 443)) if certificates else (("HTTP", 80),):
        context.template.resource(
            f"{internal}{protocol}Listener",
            "AWS::ElasticLoadBalancingV2::Listener",
            {
                "Certificates": [{"CertificateArn": certificates[0]}] if protocol == "HTTPS" else None,
                "SslPolicy": ssl_policy if protocol == "HTTPS" else None,
                "DefaultActions": [{"TargetGroupArn": Ref(group), "Type": "forward"}],
                "LoadBalancerArn": Ref(f"{internal or 'Public'}LoadBalancer"),
                "Port": port,
                "Protocol": protocol,
            },
        )
    for number, arn in enumerate(certificates[1:], 2):
        context.template.resource(
            f"{internal}HTTPSImportCertificate{number}",
            "AWS::ElasticLoadBalancingV2::ListenerCertificate",
            {"ListenerArn": Ref(f"{internal}HTTPSListener"), "Certificates": [{"CertificateArn": arn}]},
        )
