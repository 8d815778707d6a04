"""The managed file system, CloudFront, and the policy by which state machines write logs.
Source: Copilot, `cf.yml` and `partials/cdn-resources.yml`."""

from __future__ import annotations

from emulator.ecs.environment.model import Cdn
from emulator.render.cloudformation.environment import cloudfront
from emulator.render.cloudformation.environment.context import Context, for_services
from emulator.render.cloudformation.environment.network import admit
from emulator.render.cloudformation.intrinsics import GetAtt, Ref, Sub
from emulator.render.cloudformation.policies import VERSION
from emulator.render.cloudformation.template import Properties

_METHODS = ["GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"]
_NO_CACHE = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
_ALL_OF_THE_REQUEST = "216adef6-5c7f-47e4-b989-5492eafa07d3"
_LOG_POLICY = """\
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "StateMachineToCloudWatchLogs",
      "Effect": "Allow",
      "Principal": {
        "Service": ["delivery.logs.amazonaws.com"]
      },
      "Action": [
        "logs:CreateLogStream",
        "logs:PutLogEvents"
      ],
      "Resource": [
        "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/copilot/%s-*:log-stream:*"
      ],
      "Condition": {
        "StringEquals": {
          "aws:SourceAccount": "${AWS::AccountId}"
        },
        "ArnLike": {
          "aws:SourceArn": "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:*"
        }
      }
    }
  ]
}
"""


def add_file_system(context: Context) -> None:
    """Adds the file system that services share, if a service has a volume on it."""
    environment = context.environment
    if not environment.needs.file_system:
        return
    context.retained(
        "FileSystem",
        "AWS::EFS::FileSystem",
        {
            "BackupPolicy": {"Status": "ENABLED"},
            "Encrypted": True,
            "FileSystemPolicy": _file_system_policy(environment.app, environment.name),
            "LifecyclePolicies": [{"TransitionToIA": "AFTER_30_DAYS"}],
            "PerformanceMode": "generalPurpose",
            "ThroughputMode": "bursting",
        },
        comment=f"The shared file system, {for_services(environment.needs.file_system)}: it lets in roles of stacks "
        f"that are deployed with --tags copilot-application={environment.app} copilot-environment={environment.name}",
    )
    context.template.resource(
        "EFSSecurityGroup",
        "AWS::EC2::SecurityGroup",
        {
            "GroupDescription": f"{environment.app}-{environment.name}EFSSecurityGroup",
            "VpcId": context.vpc(),
            "Tags": context.tags("-efs"),
        },
    )
    admit(
        context,
        "EFSSecurityGroupIngressFromEnvironment",
        "Ingress from containers in the Environment Security Group.",
        "EnvironmentSecurityGroup",
        "EFSSecurityGroup",
    )
    for number, subnet in enumerate(context.private_subnets(), 1):
        context.template.resource(
            f"MountTarget{number}",
            "AWS::EFS::MountTarget",
            {"FileSystemId": Ref("FileSystem"), "SubnetId": subnet, "SecurityGroups": [Ref("EFSSecurityGroup")]},
        )


def _file_system_policy(app: str, environment: str) -> Properties:
    """Mounted by roles with the tags of the environment only, and by TLS only."""
    tagged: Properties = {
        "iam:ResourceTag/copilot-application": app,
        "iam:ResourceTag/copilot-environment": environment,
    }
    return {
        "Version": VERSION,
        "Id": "CopilotEFSPolicy",
        "Statement": [
            {
                "Sid": "AllowIAMFromTaggedRoles",
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": ["elasticfilesystem:ClientWrite", "elasticfilesystem:ClientMount"],
                "Condition": {"Bool": {"elasticfilesystem:AccessedViaMountTarget": True}, "StringEquals": tagged},
            },
            {
                "Sid": "DenyUnencryptedAccess",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "elasticfilesystem:*",
                "Condition": {"Bool": {"aws:SecureTransport": False}},
            },
        ],
    }


def add_cdn(context: Context) -> None:
    """Adds CloudFront in front of the public load balancer, if the manifest asks for it and there is one."""
    environment = context.environment
    cdn = environment.cdn
    if cdn is None:
        return
    name = f"copilot-{environment.app}-{environment.name}"
    if cdn.static_assets is not None:
        position = context.position("cdn.static_assets")
        cloudfront.add_access_control(context.template, f"{name}-origin-access-control", position=position)
    if not environment.needs.public_balancer:
        return
    config: Properties = {}
    if cdn.certificate or environment.domain:
        names = {alias.name for alias in environment.needs.aliases}
        config["Aliases"] = sorted(names | ({cdn.static_assets.alias} if cdn.static_assets else set()))
    config |= {
        "DefaultCacheBehavior": {
            "AllowedMethods": _METHODS,
            "CachePolicyId": _NO_CACHE,
            "TargetOriginId": f"{name}-origin",
            "OriginRequestPolicyId": _ALL_OF_THE_REQUEST,
            "ViewerProtocolPolicy": "redirect-to-https" if cdn.terminate_tls else "allow-all",
        },
        "Enabled": True,
        "IPV6Enabled": True,
        "Origins": _origins(cdn, name),
    }
    if cdn.static_assets is not None:
        config["CacheBehaviors"] = [
            {
                "AllowedMethods": _METHODS,
                "ViewerProtocolPolicy": "allow-all",
                "CachePolicyId": cloudfront.CACHE,
                "TargetOriginId": f"{name}-s3",
                "PathPattern": cdn.static_assets.path,
            }
        ]
    if (arn := _viewer_certificate(context, cdn)) is not None:
        config["ViewerCertificate"] = {
            "AcmCertificateArn": arn,
            "MinimumProtocolVersion": "TLSv1",
            "SslSupportMethod": "sni-only",
        }
    context.template.resource(
        "CloudFrontDistribution",
        "AWS::CloudFront::Distribution",
        {"DistributionConfig": config},
        position=context.position("cdn"),
    )


def _origins(cdn: Cdn, name: str) -> list[Properties]:
    found: list[Properties] = [
        {
            "CustomOriginConfig": {"OriginProtocolPolicy": "http-only" if cdn.terminate_tls else "match-viewer"},
            "DomainName": GetAtt("PublicLoadBalancer", "DNSName"),
            "Id": f"{name}-origin",
        }
    ]
    if cdn.static_assets is not None:
        found.append(cloudfront.bucket_origin(f"{name}-s3", cdn.static_assets.bucket))
    return found


def _viewer_certificate(context: Context, cdn: Cdn) -> object | None:
    """The certificate in us-east-1, where Copilot copies the load balancer's to."""
    if cdn.certificate:
        return cdn.certificate
    if context.environment.domain is None:
        return None
    known = ""
    if context.options.in_place:
        stack = f"{context.environment.app}-{context.environment.name}"
        known = (
            f" Find it with: aws cloudformation describe-stack-resource --stack-name {stack} --logical-resource-id "
            "CertificateReplicator --query StackResourceDetail.PhysicalResourceId --output text, before the update"
        )
    return context.template.parameter(
        "CloudFrontCertificateArn",
        f"ARN of a certificate in us-east-1 for the environment's names, which CloudFront shows.{known}",
    )


def add_log_policy(context: Context) -> None:
    """Adds the policy by which state machines of jobs write to log groups of the environment."""
    name = f"{context.environment.app}-{context.environment.name}"
    context.template.resource(
        "LogResourcePolicy",
        "AWS::Logs::ResourcePolicy",
        {"PolicyName": f"{name}-LogResourcePolicy", "PolicyDocument": Sub(_LOG_POLICY % name)},
        comment="State machines of jobs write their logs",
    )
