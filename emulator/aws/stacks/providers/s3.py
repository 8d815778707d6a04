"""Buckets. Encryption, lifecycle, ownership and policies are left out.

Source: CloudFormation, AWS::S3::Bucket; S3 API, PutBucketCors and PutBucketNotificationConfiguration.
"""

from __future__ import annotations

from typing import Any

from emulator.aws.stacks.context import Context
from emulator.aws.stacks.names import BUCKET
from emulator.aws.stacks.problems import Problem
from emulator.aws.stacks.resources import Made, Resource
from emulator.aws.stacks.values import Value, as_list, as_map, is_true, text

_FIRST_REGION = "us-east-1"
_THERE = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")


def bucket(context: Context, resource: Resource) -> Made:
    name = resource.name("BucketName", most=BUCKET, lower=True)
    region = context.place.region
    where: dict[str, Any] = (
        {} if region == _FIRST_REGION else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    )
    context.clients.attempt(_THERE, "s3", "CreateBucket", Bucket=name, **where)
    _set_versioning(context, resource, name)
    _set_cors(context, name, resource.properties)
    _set_notifications(context, resource, name)
    host = f"s3.{region}.{context.place.url_suffix}"
    return Made(
        name,
        {
            "Arn": context.place.arn("s3", name, region="", account=""),
            "DomainName": f"{name}.s3.{context.place.url_suffix}",
            "DualStackDomainName": f"{name}.s3.dualstack.{region}.{context.place.url_suffix}",
            "RegionalDomainName": f"{name}.{host}",
            "WebsiteURL": f"{context.public_url}/{name}",
        },
    )


def _set_versioning(context: Context, resource: Resource, name: str) -> None:
    """Versioning that leaves a template is suspended, as by CloudFormation: S3 does not forget that there were any."""
    given = as_map(resource.properties.get("VersioningConfiguration"), "VersioningConfiguration")
    status, call = text(given.get("Status") or ""), context.clients.call
    if not status and call("s3", "GetBucketVersioning", Bucket=name).get("Status") == "Enabled":
        status = "Suspended"
        context.warn(resource, f"the bucket {name} kept versions, and keeps no more: its template has no versioning")
    if status:
        call("s3", "PutBucketVersioning", Bucket=name, VersioningConfiguration={"Status": status})


def _set_cors(context: Context, name: str, properties: dict[str, Value]) -> None:
    configuration = as_map(properties.get("CorsConfiguration"), "CorsConfiguration")
    rules = [_cors_rule(rule) for rule in as_list(configuration.get("CorsRules"), "CorsRules")]
    if rules:
        context.clients.call("s3", "PutBucketCors", Bucket=name, CORSConfiguration={"CORSRules": rules})
    else:
        context.clients.call("s3", "DeleteBucketCors", Bucket=name)


def _cors_rule(value: Value) -> dict[str, Any]:
    rule = as_map(value, "CorsRules")
    lists = {
        "AllowedHeaders": "AllowedHeaders",
        "AllowedMethods": "AllowedMethods",
        "AllowedOrigins": "AllowedOrigins",
        "ExposedHeaders": "ExposeHeaders",
    }
    found: dict[str, Any] = {
        theirs: [text(item) for item in as_list(rule[ours], ours)] for ours, theirs in lists.items() if ours in rule
    }
    if "MaxAge" in rule:
        found["MaxAgeSeconds"] = int(text(rule["MaxAge"]))
    return found


def _set_notifications(context: Context, resource: Resource, name: str) -> None:
    given = as_map(resource.properties.get("NotificationConfiguration"), "NotificationConfiguration")
    if "LambdaConfigurations" in given:
        context.warn(resource, f"notifications of {resource.logical_id} to functions are left out")
    event_bridge = as_map(given.get("EventBridgeConfiguration"), "EventBridgeConfiguration")
    if "EventBridgeConfiguration" in given and is_true(event_bridge.get("EventBridgeEnabled", True)):
        context.warn(resource, f"notifications of {resource.logical_id} to EventBridge are left out")
    wanted = {
        plural: [_notification(item, ours) for item in as_list(given[plural], plural)]
        for plural, ours in (("QueueConfigurations", "Queue"), ("TopicConfigurations", "Topic"))
        if plural in given
    }
    context.clients.call("s3", "PutBucketNotificationConfiguration", Bucket=name, NotificationConfiguration=wanted)


def _notification(value: Value, target: str) -> dict[str, Any]:
    given = as_map(value, "NotificationConfiguration")
    if target not in given or "Event" not in given:
        raise Problem(f"a notification lacks Event or {target}", "give both")
    found: dict[str, Any] = {f"{target}Arn": text(given[target]), "Events": [text(given["Event"])]}
    rules = as_list(as_map(as_map(given.get("Filter"), "Filter").get("S3Key"), "S3Key").get("Rules"), "Rules")
    if rules:
        found["Filter"] = {"Key": {"FilterRules": [dict(as_map(rule, "Rules")) for rule in rules]}}
    return found
