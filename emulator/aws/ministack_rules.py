"""What AWS does and the program of `ministack_app` does not: rules of queues, topics and uploads, put into it.

Everything here is for the pinned version, as `ministack_app` is. Sources: the API references of Amazon SQS, Amazon SNS
and Amazon S3; `docs/fidelity/aws-endpoint.md` has the checks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from emulator.aws.ministack_moves import add_moves

_Data = dict[str, Any]
_Act = Callable[[_Data, str], Any]
_QUEUE = re.compile(r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo")
_HANDLE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
"""A receipt handle that the program gave out."""
_QUEUE_SETTINGS = frozenset(
    {
        *("ContentBasedDeduplication", "DeduplicationScope", "DelaySeconds", "FifoQueue", "FifoThroughputLimit"),
        *("KmsDataKeyReusePeriodSeconds", "KmsMasterKeyId", "MaximumMessageSize", "MessageRetentionPeriod", "Policy"),
        *("ReceiveMessageWaitTimeSeconds", "RedriveAllowPolicy", "RedrivePolicy", "SqsManagedSseEnabled"),
        "VisibilityTimeout",
    }
)
_LONGEST_WAIT = 20
"""Seconds of a long poll."""
_SMALLEST_PART = 5 << 20
"""Bytes of each part of an upload but the last."""
_PART = re.compile(rb"<PartNumber>\s*(\d+)\s*</PartNumber>")


def add_rules() -> None:
    """Puts the rules in. To be called once, before the first request."""
    _add_queues()
    _add_topics()
    _add_uploads()
    add_moves()


def _add_queues() -> None:
    from ministack.services import sqs

    def before(action: str, check: Callable[[_Data], None]) -> None:
        act: _Act = sqs._HANDLERS[action]

        def checked(data: _Data, url: str) -> Any:
            check(data)
            return act(data, url)

        sqs._HANDLERS[action] = checked

    def settings(data: _Data) -> None:
        for name in data.get("Attributes") or {}:
            if name not in _QUEUE_SETTINGS:
                raise sqs._Err("InvalidAttributeName", f"Unknown Attribute {name}.")

    def creation(data: _Data) -> None:
        if not _QUEUE.fullmatch(data.get("QueueName") or "a"):
            what = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
            raise sqs._Err("InvalidParameterValue", what)
        settings(data)

    def wait(data: _Data) -> None:
        seconds = int(data.get("WaitTimeSeconds") or 0)
        if not 0 <= seconds <= _LONGEST_WAIT:
            rule = f"Value {seconds} for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20"
            raise sqs._Err("InvalidParameterValue", f"{rule}, if provided.")

    before("CreateQueue", creation)
    before("SetQueueAttributes", settings)
    before("ReceiveMessage", wait)
    send: _Act = sqs._act_send_message

    def checked_send(data: _Data, url: str) -> Any:
        if problem := _attribute_problem(data.get("MessageAttributes") or {}):
            raise sqs._Err("InvalidParameterValue", problem)
        return send(data, url)

    sqs._act_send_message = sqs._HANDLERS["SendMessage"] = checked_send
    _take_older_handles(sqs)


def _attribute_problem(attributes: dict[str, _Data]) -> str:
    """Why SQS refuses a message's attributes; empty where it takes them."""
    for name, value in attributes.items():
        kind = str(value.get("DataType") or "").partition(".")[0]
        if kind not in ("String", "Number", "Binary"):
            rule = "You must use only the following supported type prefixes: Binary, Number, String."
            return f"The type of message (user) attribute '{name}' is invalid. {rule}"
        if not value.get("BinaryValue" if kind == "Binary" else "StringValue"):
            return f"Message (user) attribute '{name}' must contain a non-empty value of type '{kind}'."
    return ""


def _take_older_handles(sqs: Any) -> None:
    """A deletion with a handle of an earlier receipt succeeds on a standard queue, also where the message has gone."""
    delete: _Act = sqs._HANDLERS["DeleteMessage"]
    delete_batch: _Act = sqs._HANDLERS["DeleteMessageBatch"]

    def older(data: _Data, handle: object) -> bool:
        queue = sqs._get_q(data.get("QueueUrl", ""), "sqs:DeleteMessage")
        return not queue["is_fifo"] and isinstance(handle, str) and _HANDLE.fullmatch(handle) is not None

    def deleted(data: _Data, url: str) -> Any:
        try:
            return delete(data, url)
        except sqs._Err as error:
            if error.code == "ReceiptHandleIsInvalid" and older({"QueueUrl": url, **data}, data.get("ReceiptHandle")):
                return {}
            raise

    def deleted_batch(data: _Data, url: str) -> Any:
        answer = delete_batch(data, url)
        handles = {entry.get("Id"): entry.get("ReceiptHandle") for entry in data.get("Entries", [])}
        failed = [one for one in answer["Failed"] if not older({"QueueUrl": url, **data}, handles.get(one["Id"]))]
        gone = [{"Id": one["Id"]} for one in answer["Failed"] if one not in failed]
        return {"Successful": [*answer["Successful"], *gone], "Failed": failed}

    sqs._HANDLERS["DeleteMessage"], sqs._HANDLERS["DeleteMessageBatch"] = deleted, deleted_batch


def _add_topics() -> None:
    from ministack.services import sns

    error, subscribe, change, publish = sns._error, sns._subscribe, sns._set_subscription_attributes, sns._publish
    look = sns._body_lookup

    def coded(code: str, message: str, status: int) -> Any:
        return error("InvalidParameter" if code == "InvalidParameterException" else code, message, status)

    def refused(problem: str) -> Any:
        return coded("InvalidParameter", f"Invalid parameter: {problem}", 400)

    def subscribed(params: _Data) -> Any:
        endpoint, topic = str(sns._p(params, "Endpoint")), str(sns._p(params, "TopicArn"))
        if sns._p(params, "Protocol") == "sqs" and endpoint.endswith(".fifo") and not topic.endswith(".fifo"):
            return refused("Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics")
        number = 1
        while name := sns._p(params, f"Attributes.entry.{number}.key"):
            value = sns._p(params, f"Attributes.entry.{number}.value")
            if name == "FilterPolicy" and value and (problem := _policy_problem(value)):
                return refused(f"Attributes Reason: {problem}")
            number += 1
        return subscribe(params)

    def changed(params: _Data) -> Any:
        value = sns._p(params, "AttributeValue")
        if sns._p(params, "AttributeName") == "FilterPolicy" and value and (problem := _policy_problem(value)):
            return refused(problem)
        return change(params)

    def published(params: _Data) -> Any:
        return publish(params) if sns._p(params, "Message") else refused("Empty message")

    def looked(body: _Data) -> Any:
        lookup = look(body)

        def with_null(key: str) -> Any:
            return (True, [None], True) if key in body and body[key] is None else lookup(key)

        with_null.child = lookup.child  # type: ignore[attr-defined]
        return with_null

    sns._error, sns._subscribe, sns._set_subscription_attributes = coded, subscribed, changed
    sns._publish, sns._body_lookup = published, looked
    _keep_undelivered(sns)


def _policy_problem(text: object) -> str:
    """Why SNS refuses a filter policy; empty where it takes it."""
    try:
        policy = json.loads(str(text))
    except ValueError as problem:
        return f"FilterPolicy: failed to parse JSON. {problem}"
    return "" if _is_policy(policy) else "FilterPolicy: Filter policy must be an object of lists or of objects"


def _is_policy(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(one, list) or _is_policy(one) for one in value.values())


def _keep_undelivered(sns: Any) -> None:
    """What a subscription's queue is not there for goes to the subscription's dead letters."""
    from ministack.services import sqs

    deliver = sns._deliver_to_sqs

    def delivered(endpoint: str, *content: Any, **more: Any) -> None:
        if sqs._queue_by_arn(endpoint) is None:
            endpoint = _dead_letters_of(sns, more.get("topic_arn", ""), endpoint) or endpoint
        deliver(endpoint, *content, **more)

    sns._deliver_to_sqs = delivered


def _dead_letters_of(sns: Any, topic_arn: str, endpoint: str) -> str:
    topic = sns._topic_by_arn_any_scope(topic_arn) or {}
    for subscription in topic.get("subscriptions", []):
        policy = subscription["attributes"].get("RedrivePolicy")
        if subscription["endpoint"] == endpoint and policy:
            return str(json.loads(policy).get("deadLetterTargetArn", ""))
    return ""


def _add_uploads() -> None:
    from ministack.services import s3

    complete = s3._complete_multipart_upload

    def completed(bucket: str, key: str, body: bytes, query: _Data, headers: _Data | None = None) -> Any:
        parts = s3._multipart_uploads.get(s3._qp(query, "uploadId"), {}).get("parts", {})
        given = sorted(int(number) for number in _PART.findall(body))
        if any(number in parts and parts[number]["size"] < _SMALLEST_PART for number in given[:-1]):
            what = "Your proposed upload is smaller than the minimum allowed size"
            return s3._error("EntityTooSmall", what, 400, f"/{bucket}/{key}")
        return complete(bucket, key, body, query, headers)

    s3._complete_multipart_upload = completed
