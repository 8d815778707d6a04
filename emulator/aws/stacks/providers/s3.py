"""Buckets. Encryption, lifecycle, ownership and policies are left out.

Source: CloudFormation, AWS::S3::Bucket; S3 API, PutBucketCors and PutBucketNotificationConfiguration.
"""

from __future__ import annotations

from xml.etree import ElementTree

from emulator.aws.stacks.clients import Refused
from emulator.aws.stacks.context import Context
from emulator.aws.stacks.names import BUCKET, physical_name
from emulator.aws.stacks.problems import Problem
from emulator.aws.stacks.resources import Made, Resource
from emulator.aws.stacks.values import Value, as_list, as_map, text

_FIRST_REGION = "us-east-1"
_THERE = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")


def bucket(context: Context, resource: Resource) -> Made:
    properties, clients = resource.properties, context.clients
    name = text(
        properties.get("BucketName") or physical_name(resource.stack, resource.logical_id, most=BUCKET, lower=True)
    )
    region = context.place.region
    where = _element("CreateBucketConfiguration", {"LocationConstraint": region})
    try:
        clients.bucket("PUT", name, body=None if region == _FIRST_REGION else where)
    except Refused as error:
        if error.code not in _THERE:
            raise
    versioning = text(as_map(properties.get("VersioningConfiguration"), "VersioningConfiguration").get("Status", ""))
    if versioning:
        clients.bucket("PUT", name, "versioning", _element("VersioningConfiguration", {"Status": versioning}))
    _set_cors(context, name, properties)
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


def _set_cors(context: Context, name: str, properties: dict[str, Value]) -> None:
    configuration = as_map(properties.get("CorsConfiguration"), "CorsConfiguration")
    rules = [_cors_rule(rule) for rule in as_list(configuration.get("CorsRules"), "CorsRules")]
    if rules:
        context.clients.bucket("PUT", name, "cors", _element("CORSConfiguration", {"CORSRule": [*rules]}))
    else:
        context.clients.bucket("DELETE", name, "cors")


_CORS = {
    "Id": "ID",
    "AllowedHeaders": "AllowedHeader",
    "AllowedMethods": "AllowedMethod",
    "AllowedOrigins": "AllowedOrigin",
    "ExposedHeaders": "ExposeHeader",
    "MaxAge": "MaxAgeSeconds",
}
"""What a rule's properties are in the API."""


def _cors_rule(value: Value) -> dict[str, Value]:
    rule = as_map(value, "CorsRules")
    return {theirs: rule[ours] for ours, theirs in _CORS.items() if ours in rule}


def _set_notifications(context: Context, resource: Resource, name: str) -> None:
    given = as_map(resource.properties.get("NotificationConfiguration"), "NotificationConfiguration")
    if "LambdaConfigurations" in given:
        context.warn(
            resource.position, f"{resource.stack}: notifications of {resource.logical_id} to functions are left out"
        )
    wanted: dict[str, Value] = {
        f"{target}Configuration": [_notification(item, target) for item in as_list(given[plural], plural)]
        for plural, target in (("QueueConfigurations", "Queue"), ("TopicConfigurations", "Topic"))
        if plural in given
    }
    context.clients.bucket("PUT", name, "notification", _element("NotificationConfiguration", wanted))


def _notification(value: Value, target: str) -> dict[str, Value]:
    given = as_map(value, "NotificationConfiguration")
    if target not in given or "Event" not in given:
        raise Problem(f"a notification lacks Event or {target}", "give both")
    found: dict[str, Value] = {target: given[target], "Event": given["Event"]}
    rules = as_list(as_map(as_map(given.get("Filter"), "Filter").get("S3Key"), "S3Key").get("Rules"), "Rules")
    if rules:
        found["Filter"] = {"S3Key": {"FilterRule": rules}}
    return found


def _element(name: str, fields: dict[str, Value]) -> ElementTree.Element:
    """A document of S3's API: one element a field, and one an item of a list."""
    element = ElementTree.Element(name)
    for field, value in fields.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                element.append(_element(field, item))
            else:
                ElementTree.SubElement(element, field).text = text(item)
    return element
