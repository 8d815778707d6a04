"""Topics and subscriptions, those of addon stacks and those of the workloads themselves.

Source: CloudFormation, AWS::SNS::Topic and AWS::SNS::Subscription; SNS API, SetSubscriptionAttributes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from emulator.aws.stacks.clients import Clients
from emulator.aws.stacks.context import Context
from emulator.aws.stacks.problems import Problem
from emulator.aws.stacks.resources import Made, Resource
from emulator.aws.stacks.values import Value, as_document, as_json_text, as_list, as_map, is_true, text

_DOCUMENTS = {"FilterPolicy": "{}", "RedrivePolicy": ""}
_DEFAULTS = {"RawMessageDelivery": "false", "FilterPolicyScope": "MessageAttributes", **_DOCUMENTS}
_FIFO_TOPIC_DEFAULTS = {"ContentBasedDeduplication": "false"}
_TOPIC_DEFAULTS = {"DisplayName": "", **_FIFO_TOPIC_DEFAULTS}
_DELIVERED = ("sqs", "http", "https")


def topic(context: Context, resource: Resource) -> Made:
    properties = resource.properties
    fifo = is_true(properties.get("FifoTopic"))
    name = resource.name("TopicName", suffix=".fifo" if fifo else "")
    if fifo and not name.endswith(".fifo"):
        raise Problem(f"the FIFO topic's name {name} does not end with .fifo", "add .fifo to TopicName")
    attributes = {key: text(properties[key]) for key in _TOPIC_DEFAULTS if key in properties}
    if fifo:
        attributes["FifoTopic"] = "true"
    arn = ensure_topic(context.clients, name, attributes)
    for item in as_list(properties.get("Subscription"), "Subscription"):
        _subscribe(context, resource, arn, as_map(item, "Subscription"))
    return Made(arn, {"TopicArn": arn, "TopicName": name})


def subscription(context: Context, resource: Resource) -> Made:
    properties = resource.properties
    if "TopicArn" not in properties:
        raise Problem("the subscription has no TopicArn", "give one")
    arn = _subscribe(context, resource, text(properties["TopicArn"]), properties)
    return Made(arn, {"Arn": arn})


def _subscribe(context: Context, resource: Resource, topic_arn: str, properties: dict[str, Value]) -> str:
    protocol, endpoint = text(properties.get("Protocol", "")), text(properties.get("Endpoint", ""))
    if protocol not in _DELIVERED:
        by = protocol or "no protocol"
        context.warn(resource, f"the subscription {resource.logical_id} by {by} is left out: nothing delivers it here")
        return f"{topic_arn}:{resource.logical_id}"
    if "RedrivePolicy" in properties:
        _look_at_redrive(context, resource, protocol, properties["RedrivePolicy"])
    attributes = {
        key: as_json_text(properties[key]) if key in _DOCUMENTS else text(properties[key])
        for key in _DEFAULTS
        if key in properties
    }
    return ensure_subscription(context.clients, topic_arn, protocol, endpoint, attributes)


def _look_at_redrive(context: Context, resource: Resource, protocol: str, value: Value) -> None:
    """Only what a queue cannot be given goes to dead letters here."""
    if not as_document(value, "RedrivePolicy").get("deadLetterTargetArn"):
        raise Problem("RedrivePolicy lacks deadLetterTargetArn", "give the ARN of a queue")
    if protocol != "sqs":
        context.warn(
            resource,
            f"RedrivePolicy of the subscription {resource.logical_id} by {protocol} has no effect here: "
            "what cannot be delivered is dropped",
        )


def ensure_topic(clients: Clients, name: str, attributes: Mapping[str, str], *, complete: bool = True) -> str:
    """Makes the topic, or gives the one there is these attributes; others have SNS's defaults. Returns its ARN.

    Where the attributes are not `complete`, it keeps the others that it has.
    """
    arn = str(clients.call("sns", "CreateTopic", Name=name, Attributes=dict(attributes))["TopicArn"])
    settings = {key: value for key, value in attributes.items() if key in _TOPIC_DEFAULTS}
    if complete:
        settings = {**(_FIFO_TOPIC_DEFAULTS if name.endswith(".fifo") else {}), "DisplayName": "", **settings}
    present = clients.call("sns", "GetTopicAttributes", TopicArn=arn).get("Attributes", {}) if settings else {}
    for key, value in settings.items():
        if present.get(key, _TOPIC_DEFAULTS[key]) != value:
            clients.call("sns", "SetTopicAttributes", TopicArn=arn, AttributeName=key, AttributeValue=value)
    return arn


def ensure_subscription(
    clients: Clients, topic_arn: str, protocol: str, endpoint: str, attributes: Mapping[str, str]
) -> str:
    """Subscribes, or gives the subscription there is these attributes; others have SNS's defaults. Returns its ARN."""
    answer = clients.call(
        "sns",
        "Subscribe",
        TopicArn=topic_arn,
        Protocol=protocol,
        Endpoint=endpoint,
        Attributes=dict(attributes),
        ReturnSubscriptionArn=True,
    )
    arn = str(answer["SubscriptionArn"])
    if arn.startswith("arn:"):
        set_attributes(clients, arn, attributes)
    return arn


def set_attributes(clients: Clients, arn: str, attributes: Mapping[str, str]) -> None:
    """Gives a subscription these attributes, and SNS's defaults for the others."""
    present = clients.call("sns", "GetSubscriptionAttributes", SubscriptionArn=arn).get("Attributes", {})
    for key, default in _DEFAULTS.items():
        wanted, found = attributes.get(key, default), present.get(key) or default
        if not _same(found, wanted):
            value = {"AttributeValue": wanted} if wanted else {}  # SNS takes no empty text
            clients.call("sns", "SetSubscriptionAttributes", SubscriptionArn=arn, AttributeName=key, **value)


def _same(found: str, wanted: str) -> bool:
    if found.startswith("{") and wanted.startswith("{"):
        return bool(json.loads(found) == json.loads(wanted))
    return found == wanted
