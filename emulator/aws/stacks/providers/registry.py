"""Which provider makes which type."""

from __future__ import annotations

from collections.abc import Callable

from emulator.aws.stacks.context import Context
from emulator.aws.stacks.problems import Problem
from emulator.aws.stacks.providers import (
    caches,
    cognito,
    databases,
    dynamodb,
    kms,
    logs,
    s3,
    secretsmanager,
    sns,
    sqs,
    ssm,
)
from emulator.aws.stacks.providers.named import named
from emulator.aws.stacks.resources import Made, Resource
from emulator.ecs.addons.types import REFUSED_HINT, Kind, resource_type

Provider = Callable[[Context, Resource], Made]
PROVIDERS: dict[str, Provider] = {
    "AWS::Cognito::UserPool": cognito.user_pool,
    "AWS::Cognito::UserPoolClient": cognito.user_pool_client,
    "AWS::DynamoDB::Table": dynamodb.table,
    "AWS::ElastiCache::CacheCluster": caches.cache_cluster,
    "AWS::ElastiCache::ReplicationGroup": caches.replication_group,
    "AWS::ElastiCache::ServerlessCache": caches.serverless_cache,
    "AWS::KMS::Alias": kms.alias,
    "AWS::KMS::Key": kms.key,
    "AWS::Logs::LogGroup": logs.log_group,
    "AWS::Logs::LogStream": logs.log_stream,
    "AWS::RDS::DBCluster": databases.cluster,
    "AWS::RDS::DBInstance": databases.instance,
    "AWS::S3::Bucket": s3.bucket,
    "AWS::SNS::Subscription": sns.subscription,
    "AWS::SNS::Topic": sns.topic,
    "AWS::SQS::Queue": sqs.queue,
    "AWS::SSM::Parameter": ssm.parameter,
    "AWS::SecretsManager::Secret": secretsmanager.secret,
    "AWS::SecretsManager::SecretTargetAttachment": secretsmanager.attachment,
    "AWS::Serverless::SimpleTable": dynamodb.simple_table,
}
"""The others of the table of types are names."""


def make(context: Context, resource: Resource) -> Made:
    """Makes a resource, or finds it. Raises Problem where its type is refused, or the endpoint refuses it."""
    if resource_type(resource.type).kind is Kind.REFUSED:
        raise Problem(f"{resource.type} is not emulated", REFUSED_HINT)
    return PROVIDERS.get(resource.type, named)(context, resource)
