"""What AWS does and the program of `ministack_app` does not: rules of queues, topics, events and objects, put into it.

Everything here is for the pinned version, as `ministack_app` is. Sources: the API references of Amazon SQS, Amazon SNS,
Amazon EventBridge and Amazon S3; `docs/fidelity/aws-endpoint.md` has the checks.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

from emulator.aws.ministack_moves import add_moves
from emulator.aws.ministack_tables import add_tables
from emulator.limits.filter_policies import MOST_KEYS, is_condition, unknown_matches

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
_LONGEST_DELAY = 900
"""Seconds."""
_LONGEST_HIDDEN = 43_200
"""Seconds."""
_ATTRIBUTE = re.compile(
    r"(?!(?:aws|amazon)\.)(?!.*\.\.)[A-Za-z0-9_-](?:[A-Za-z0-9_.-]{0,254}[A-Za-z0-9_-])?", re.IGNORECASE
)
"""The name of a message's attribute."""
_MOST_ATTRIBUTES = 10
"""Of a message."""
_LONGEST_SUBJECT = 100
_MOST_EVENTS = 10
_FINE = 200
_SMALLEST_PART = 5 << 20
"""Bytes of each part of an upload but the last."""
_PART = re.compile(rb"<PartNumber>\s*(\d+)\s*</PartNumber>")


def add_rules() -> None:
    """Puts the rules in. To be called once, before the first request."""
    _add_queues()
    _add_topics()
    _add_events()
    add_tables()
    _add_uploads()
    _end_older_urls()
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

    def hiding(data: _Data) -> None:
        seconds = data.get("VisibilityTimeout")
        if isinstance(seconds, int) and not 0 <= seconds <= _LONGEST_HIDDEN:
            rule = f"Value {seconds} for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and"
            raise sqs._Err("InvalidParameterValue", f"{rule} {_LONGEST_HIDDEN}.")

    before("ChangeMessageVisibility", hiding)
    before("ReceiveMessage", hiding)
    before("CreateQueue", creation)
    before("SetQueueAttributes", settings)
    before("ReceiveMessage", wait)
    send: _Act = sqs._act_send_message

    def checked_send(data: _Data, url: str) -> Any:
        if problem := _attribute_problem(data.get("MessageAttributes") or {}) or _delay_problem(
            data.get("DelaySeconds")
        ):
            raise sqs._Err("InvalidParameterValue", problem)
        return send(data, url)

    sqs._act_send_message = sqs._HANDLERS["SendMessage"] = checked_send
    _take_older_handles(sqs)


def _attribute_problem(attributes: dict[str, _Data]) -> str:
    """Why SQS refuses a message's attributes; empty where it takes them."""
    if len(attributes) > _MOST_ATTRIBUTES:
        return f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum [{_MOST_ATTRIBUTES}]."
    for name, value in attributes.items():
        if not _ATTRIBUTE.fullmatch(name):
            return f"Message (user) attribute name '{name}' is invalid."
        kind = str(value.get("DataType") or "").partition(".")[0]
        if kind not in ("String", "Number", "Binary"):
            rule = "You must use only the following supported type prefixes: Binary, Number, String."
            return f"The type of message (user) attribute '{name}' is invalid. {rule}"
        if not value.get("BinaryValue" if kind == "Binary" else "StringValue"):
            return f"Message (user) attribute '{name}' must contain a non-empty value of type '{kind}'."
        if kind == "Number" and not _is_number(value["StringValue"]):
            return f"Can't cast the value of message (user) attribute '{name}' to a number."
    return ""


def _is_number(text: object) -> bool:
    return re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", str(text)) is not None


def _delay_problem(delay: object) -> str:
    """Why SQS refuses a message's own delay; empty where it takes it, and where it is no number."""
    if not isinstance(delay, int) or 0 <= delay <= _LONGEST_DELAY:
        return ""
    rule = f"Reason: DelaySeconds must be >= 0 and <= {_LONGEST_DELAY}."
    return f"Value {delay} for parameter DelaySeconds is invalid. {rule}"


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
        number = 1
        while name := sns._p(params, f"MessageAttributes.entry.{number}.Name"):
            kind, text = (
                sns._p(params, f"MessageAttributes.entry.{number}.Value.{one}") for one in ("DataType", "StringValue")
            )
            if str(kind).partition(".")[0] == "Number" and not _is_number(text):
                return error(
                    "ParameterValueInvalid", f"Could not cast message attribute '{name}' value to number.", 400
                )
            number += 1
        if len(subject := sns._p(params, "Subject") or "") > _LONGEST_SUBJECT or "\n" in subject:
            return refused("Subject")
        message = sns._p(params, "Message")
        if sns._p(params, "MessageStructure") == "json" and not _has_default(message):
            return refused("Message Structure - No default entry in JSON message body")
        return publish(params) if message else refused("Empty message")

    def looked(body: _Data) -> Any:
        lookup = look(body)

        def with_null(key: str) -> Any:
            return (True, [None], True) if key in body and body[key] is None else lookup(key)

        with_null.child = lookup.child  # type: ignore[attr-defined]
        return with_null

    sns._error, sns._subscribe, sns._set_subscription_attributes = coded, subscribed, changed
    sns._publish, sns._body_lookup = published, looked
    _keep_undelivered(sns)


def _has_default(message: str) -> bool:
    """Whether a message with a text for each protocol has one for all others."""
    try:
        texts = json.loads(message)
    except ValueError:
        return False
    return isinstance(texts, dict) and isinstance(texts.get("default"), str)


def _policy_problem(text: object) -> str:
    """Why SNS refuses a filter policy; empty where it takes it."""
    try:
        policy = json.loads(str(text))
    except ValueError as problem:
        return f"FilterPolicy: failed to parse JSON. {problem}"
    if not isinstance(policy, dict) or not is_condition(policy):
        return "FilterPolicy: Filter policy must be an object of lists or of objects"
    if len(policy) > MOST_KEYS:
        return f"FilterPolicy: Filter policy can not have more than {MOST_KEYS} keys"
    unknown = next((name for key, value in policy.items() for name in unknown_matches(key, value)), "")
    return f"FilterPolicy: Unrecognized match type {unknown}" if unknown else ""


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


def _add_events() -> None:
    from ministack.services import eventbridge

    put = eventbridge._put_events

    def checked(data: _Data, allow_aws_source: bool = False) -> Any:
        entries = data.get("Entries") or []
        problems = [_event_problem(entry) for entry in entries]
        if allow_aws_source or len(entries) > _MOST_EVENTS or not any(problems):
            return put(data, allow_aws_source)
        good = [entry for entry, problem in zip(entries, problems, strict=True) if problem is None]
        status, headers, body = put({**data, "Entries": good}, allow_aws_source)
        if status != _FINE:
            return status, headers, body
        answer = json.loads(body)
        taken = iter(answer["Entries"])
        found = [problem or next(taken) for problem in problems]
        failed = answer["FailedEntryCount"] + len(entries) - len(good)
        return eventbridge.json_response({"FailedEntryCount": failed, "Entries": found})

    eventbridge._put_events = checked


def _event_problem(entry: _Data) -> dict[str, str] | None:
    """What EventBridge answers of an event that it does not take, beside those that it does."""
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            what = f"Parameter {name} is not valid. Reason: {name} is a required argument."
            return {"ErrorCode": "InvalidArgument", "ErrorMessage": what}
    try:
        good = isinstance(json.loads(entry["Detail"]), dict)
    except ValueError:
        good = False
    return None if good else {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}


def _end_older_urls() -> None:
    """A presigned URL of version 2, which boto3 makes unless it is told otherwise, ends like one of version 4."""
    from ministack.services import s3

    verify = s3._verify_presigned_sigv4

    def verified(method: str, path: str, headers: _Data, query: _Data) -> Any:
        until = str(s3._qp(query, "Expires", ""))
        if s3._qp(query, "AWSAccessKeyId", "") and until.isdecimal() and int(until) < time.time():
            return s3._error("AccessDenied", "Request has expired", 403, path)
        return verify(method, path, headers, query)

    s3._verify_presigned_sigv4 = verified


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
