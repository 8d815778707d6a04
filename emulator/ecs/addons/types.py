"""What becomes of each resource type of CloudFormation on this machine. Pure, for the command line too."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is done for a resource."""

    MADE = "made"
    PROGRAM = "program"
    """A database or cache: a program of its own, in a container."""
    NAMED = "named"
    """A name, an ARN or an id, and nothing else: it has no effect here."""
    WARNED = "named with a warning"
    """As `NAMED`, but the workload may miss what it does."""
    REFUSED = "refused"


@dataclass(frozen=True)
class ResourceType:
    """One row of the table: the kind, and a sentence for people."""

    kind: Kind
    text: str


REFUSED_HINT = "give its outputs under [values] in copilot-local.toml, or run it beside the workloads as a container"
_REFUSED = ResourceType(Kind.REFUSED, "Not emulated.")

_DATABASE = "PostgreSQL, MySQL or MariaDB in a container. Oracle, SQL Server and Db2 are refused."
_CACHE = "Valkey in a container."
_NO_RIGHTS = "A name: no permission is enforced here."
_NO_NETWORK = "An id: containers reach each other without it."
_NO_GROUP = "A name: the database has its engine's settings."
_FOR_SCALING = "A name: capacity does not change."
_NO_POLICY = "Left out: no permission is enforced here."

_TABLE: dict[Kind, dict[str, str]] = {
    Kind.MADE: {
        "AWS::S3::Bucket": "A bucket with versioning, CORS and notifications to queues and topics.",
        "AWS::DynamoDB::Table": "A table with keys, indexes, stream and time to live, paid per request.",
        "AWS::Serverless::SimpleTable": "A table with one key.",
        "AWS::SQS::Queue": "A queue with every attribute but encryption. `Ref` is its URL.",
        "AWS::SNS::Topic": "A topic with its subscriptions.",
        "AWS::SNS::Subscription": "A subscription of a queue or an HTTP endpoint.",
        "AWS::SecretsManager::Secret": "A secret; a generated one is the same for the life of the environment's data.",
        "AWS::SecretsManager::SecretTargetAttachment": "Host, port and the like of a database, added to its secret.",
        "AWS::SSM::Parameter": "A parameter.",
        "AWS::KMS::Key": "A key.",
        "AWS::KMS::Alias": "An alias of a key.",
        "AWS::Logs::LogGroup": "A log group.",
        "AWS::Logs::LogStream": "A log stream.",
        "AWS::Cognito::UserPool": "A user pool.",
        "AWS::Cognito::UserPoolClient": "A client of a user pool.",
    },
    Kind.PROGRAM: {
        "AWS::RDS::DBCluster": _DATABASE,
        "AWS::RDS::DBInstance": _DATABASE,
        "AWS::ElastiCache::CacheCluster": "Valkey or Memcached in a container.",
        "AWS::ElastiCache::ReplicationGroup": _CACHE,
        "AWS::ElastiCache::ServerlessCache": _CACHE,
    },
    Kind.NAMED: {
        "AWS::EC2::SecurityGroup": _NO_NETWORK,
        "AWS::EC2::SecurityGroupEgress": _NO_NETWORK,
        "AWS::EC2::SecurityGroupIngress": _NO_NETWORK,
        "AWS::ElastiCache::ParameterGroup": _NO_GROUP,
        "AWS::ElastiCache::SubnetGroup": _NO_GROUP,
        "AWS::ElastiCache::User": _NO_RIGHTS,
        "AWS::ElastiCache::UserGroup": _NO_RIGHTS,
        "AWS::IAM::AccessKey": "The keys that the local endpoint takes.",
        "AWS::IAM::Group": _NO_RIGHTS,
        "AWS::IAM::InstanceProfile": _NO_RIGHTS,
        "AWS::IAM::ManagedPolicy": _NO_RIGHTS,
        "AWS::IAM::Policy": _NO_RIGHTS,
        "AWS::IAM::Role": _NO_RIGHTS,
        "AWS::IAM::ServiceLinkedRole": _NO_RIGHTS,
        "AWS::IAM::User": _NO_RIGHTS,
        "AWS::Logs::ResourcePolicy": _NO_POLICY,
        "AWS::RDS::DBClusterParameterGroup": _NO_GROUP,
        "AWS::RDS::DBParameterGroup": _NO_GROUP,
        "AWS::RDS::DBSubnetGroup": _NO_GROUP,
        "AWS::RDS::OptionGroup": _NO_GROUP,
        "AWS::S3::BucketPolicy": _NO_POLICY,
        "AWS::SNS::TopicPolicy": _NO_POLICY,
        "AWS::SQS::QueuePolicy": _NO_POLICY,
        "AWS::SecretsManager::ResourcePolicy": _NO_POLICY,
    },
    Kind.WARNED: {
        "AWS::ApplicationAutoScaling::ScalableTarget": _FOR_SCALING,
        "AWS::ApplicationAutoScaling::ScalingPolicy": _FOR_SCALING,
        "AWS::CloudFormation::CustomResource": "A name: its function does not run.",
        "AWS::CloudWatch::Alarm": "A name: no metric is watched.",
        "AWS::CloudWatch::Dashboard": "A name: no metric is kept.",
        "AWS::Events::Rule": "A name: nothing fires.",
        "AWS::Lambda::EventInvokeConfig": "A name: functions do not run.",
        "AWS::Lambda::EventSourceMapping": "A name: functions do not run.",
        "AWS::Lambda::Function": "A name: functions do not run.",
        "AWS::Lambda::LayerVersion": "A name: functions do not run.",
        "AWS::Lambda::Permission": "A name: functions do not run.",
        "AWS::Logs::MetricFilter": "A name: no metric is kept.",
        "AWS::Logs::SubscriptionFilter": "A name: log events are not passed on.",
        "AWS::SecretsManager::RotationSchedule": "A name: secrets are not rotated.",
        "AWS::WAFv2::IPSet": "A name: requests are not filtered.",
        "AWS::WAFv2::WebACL": "A name: requests are not filtered.",
        "AWS::WAFv2::WebACLAssociation": "A name: requests are not filtered.",
    },
    Kind.REFUSED: {
        "AWS::AmazonMQ::Broker": _REFUSED.text,
        "AWS::DocDB::DBCluster": _REFUSED.text,
        "AWS::DocDB::DBInstance": _REFUSED.text,
        "AWS::MSK::Cluster": _REFUSED.text,
        "AWS::Neptune::DBCluster": _REFUSED.text,
        "AWS::OpenSearchService::Domain": _REFUSED.text,
    },
}
TYPES = {name: ResourceType(kind, text) for kind, rows in _TABLE.items() for name, text in rows.items()}
"""By type. What is not here is refused."""


def resource_type(name: str) -> ResourceType:
    """What becomes of a type. Custom resources (`Custom::…`) are named with a warning, unknown types refused."""
    if name.startswith("Custom::"):
        return TYPES["AWS::CloudFormation::CustomResource"]
    return TYPES.get(name, _REFUSED)
