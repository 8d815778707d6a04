"""What is lost with a resource of CloudFormation: which types hold data or are found by others, which
custom resources delete on their way out, and which go without loss.

Sources: Copilot, cf-custom-resources/lib (the Delete handlers); the CloudFormation resource reference.
"""

from __future__ import annotations

from typing import Final

STACK: Final = "AWS::CloudFormation::Stack"
ADDONS: Final = "addons"
"""The kind of a nested stack of addons."""
TEMPLATE_URL: Final = "AddonsTemplateURL"
"""The parameter of a service's stack that leads to the template of its addons. Source: Copilot."""

DESTRUCTIVE: Final = {
    "Custom::EnvControllerFunction": "takes the service off the environment's lists; with the last name on a list goes "
    "the load balancer, the NAT gateways or the file system",
    "Custom::CertificateValidationFunction": "deletes the certificate and its validation records",
    "Custom::CustomDomainFunction": "deletes the DNS records of aliases",
    "Custom::DNSDelegationFunction": "deletes the NS record in the application's zone",
    "Custom::CertificateReplicatorFunction": "deletes the certificate in us-east-1",
    "Custom::BucketCleanerFunction": "deletes every version of every object in the bucket",
    "Custom::NLBCertValidatorFunction": "deletes the certificate and its validation records",
    "Custom::NLBCustomDomainFunction": "deletes the DNS records of aliases",
    "Custom::AppRunnerCustomDomainFunction": "deletes the association of the domain and its records",
}
"""Custom resources of Copilot by what they do when they are deleted."""

HARMLESS: Final = frozenset(
    {
        "Custom::RulePriorityFunction",
        "Custom::DynamicDesiredCountFunction",
        "Custom::TriggerStateMachine",
        "Custom::TriggerStateMachineFunction",
        "Custom::UniqueJSONValuesFunction",
    }
)
"""Custom resources that do nothing when they are deleted."""

COPILOTS_OWN: Final = {
    "AWS::Events::Rule": frozenset({"BacklogPerTaskScheduledRule"}),
    "AWS::IAM::Role": frozenset(
        {
            "AutoScalingRole",
            "BacklogPerTaskCalculatorRole",
            "CustomResourceRole",
            "DynamicDesiredCountFunctionRole",
            "ELBAccessLogsBucketCleanerRole",
            "EnvControllerRole",
            "NLBCertValidatorRole",
            "NLBCustomDomainRole",
            "RulePriorityFunctionRole",
            "UniqueJSONValuesFunctionRole",
        }
    ),
    "AWS::Lambda::Function": frozenset(
        {
            "BacklogPerTaskCalculatorFunction",
            "BucketCleanerFunction",
            "CertificateReplicatorFunction",
            "CertificateValidationFunction",
            "CustomDomainFunction",
            "DNSDelegationFunction",
            "DynamicDesiredCountFunction",
            "EnvControllerFunction",
            "NLBCertValidatorFunction",
            "NLBCustomDomainFunction",
            "RulePriorityFunction",
            "UniqueJSONValuesFunction",
        }
    ),
    "AWS::Lambda::Permission": frozenset({"PermissionToInvokeBacklogPerTaskCalculatorLambda"}),
}
"""Copilot's functions, their roles and triggers by their logical ids: another one of these types is a user's own."""

NEEDED_ROLES: Final = frozenset(
    {
        "CloudformationExecutionRole",
        "EnvironmentManagerRole",
        "ExecutionRole",
        "StateMachineRole",
        "TaskRole",
    }
)
"""Logical ids of roles that tasks or Copilot's own commands run with."""

REPLACEABLE: Final = frozenset(
    {
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "AWS::CloudWatch::Alarm",
        "AWS::EC2::SecurityGroupEgress",
        "AWS::EC2::SecurityGroupIngress",
        "AWS::ECS::TaskDefinition",
        "AWS::ElasticLoadBalancingV2::ListenerCertificate",
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        "AWS::IAM::Policy",
        "AWS::Lambda::Function",
        "AWS::Lambda::Permission",
    }
)
"""What may be replaced by a new one: it holds nothing, and nothing outside of its stack knows it."""

GUARDED: Final = {
    "AWS::ApiGateway::RestApi": "callers know its address",
    "AWS::AppRunner::Service": "clients know its address",
    "AWS::AppRunner::VpcIngressConnection": "callers within the VPC use it",
    "AWS::CertificateManager::Certificate": "listeners use it",
    "AWS::CloudFront::Distribution": "clients know its domain name",
    "AWS::Cognito::UserPool": "holds users",
    "AWS::DocDB::DBCluster": "holds data",
    "AWS::DocDB::DBInstance": "holds data",
    "AWS::DynamoDB::GlobalTable": "holds data",
    "AWS::DynamoDB::Table": "holds data",
    "AWS::EC2::EIP": "others let its address in",
    "AWS::EC2::NatGateway": "tasks reach the internet through it",
    "AWS::EC2::Subnet": "everything is in it",
    "AWS::EC2::VPC": "everything is in it",
    "AWS::ECR::Repository": "holds images of running services",
    "AWS::ECS::Cluster": "services run in it",
    "AWS::ECS::Service": "its tasks stop",
    "AWS::EFS::AccessPoint": "leads to data",
    "AWS::EFS::FileSystem": "holds data",
    "AWS::EFS::MountTarget": "tasks reach their data through it",
    "AWS::ElastiCache::CacheCluster": "holds data",
    "AWS::ElastiCache::ReplicationGroup": "holds data",
    "AWS::ElastiCache::ServerlessCache": "holds data",
    "AWS::ElasticLoadBalancingV2::Listener": "rules of every service are on it",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "clients know its name",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "requests go to its targets",
    "AWS::KMS::Key": "data is encrypted by it",
    "AWS::Kinesis::Stream": "holds records",
    "AWS::Logs::LogGroup": "holds logs",
    "AWS::MemoryDB::Cluster": "holds data",
    "AWS::Neptune::DBCluster": "holds data",
    "AWS::Neptune::DBInstance": "holds data",
    "AWS::OpenSearchService::Domain": "holds data",
    "AWS::RDS::DBCluster": "holds data",
    "AWS::RDS::DBInstance": "holds data",
    "AWS::Route53::HostedZone": "holds records",
    "AWS::S3::Bucket": "holds data",
    "AWS::SNS::Topic": "publishers and subscribers know it",
    "AWS::SQS::Queue": "holds messages",
    "AWS::SSM::Parameter": "holds a value",
    "AWS::SecretsManager::Secret": "holds a secret",
    "AWS::ServiceDiscovery::PrivateDnsNamespace": "services find each other in it",
    "AWS::ServiceDiscovery::Service": "services find this one by it",
    "AWS::StepFunctions::StateMachine": "runs the job",
}
"""What holds data or is known outside of its stack, and why."""

REACHED_BY: Final = {
    "AWS::ECS::Service": ("LoadBalancers", "NetworkConfiguration", "ServiceConnectConfiguration", "ServiceRegistries"),
    "AWS::ElasticLoadBalancingV2::ListenerRule": ("Conditions", "ListenerArn", "Priority"),
    "AWS::Route53::RecordSet": ("AliasTarget", "Name", "ResourceRecords"),
    "AWS::Route53::RecordSetGroup": ("RecordSets",),
    "AWS::ServiceDiscovery::Service": ("DnsConfig",),
}
"""Properties that say by which names and rules callers reach a service, and what lets it reach others."""

HOLDS_DATA: Final = frozenset({type for type, why in GUARDED.items() if why.startswith("holds")} | {"AWS::KMS::Key"})
"""What is empty when it is made anew, so that what was in the one before is missed."""


RETAINED: Final = frozenset({*GUARDED, STACK})
"""What a stack is rendered with Retain policies for, where that is wanted."""


def is_harmless(type: str, id: str) -> bool:
    """Whether nothing is lost when a resource goes: only Copilot needed it."""
    return type in HARMLESS or id in COPILOTS_OWN.get(type, ())


def loss_of(type: str) -> str:
    """What is lost with a resource of this type, for people; empty where it is not known."""
    return DESTRUCTIVE.get(type) or GUARDED.get(type, "")
