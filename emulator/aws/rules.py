"""What AWS refuses of names and settings, which the endpoint would take: of logs, streams, buckets and parameters.

Source: the API references of Amazon CloudWatch Logs, Amazon Data Firehose, Amazon Kinesis Data Streams, AWS Systems
Manager and AWS Secrets Manager; the bucket naming rules of the Amazon S3 user guide. The words are AWS's own.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.aws.stacks.values import json_object

RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
MOST_EVENTS = 10_000
"""Log events of one PutLogEvents."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error as AWS answers it, with status 400."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class _Name:
    """What a name must be."""

    longest: int
    pattern: str


_STREAM = r"[a-zA-Z0-9_.-]+"
_NAMES: Mapping[str, Mapping[str, _Name]] = {
    "Logs_20140328": {
        "logGroupName": _Name(512, r"[\.\-_/#A-Za-z0-9]+"),
        "logStreamName": _Name(512, r"[^:*]*"),
    },
    "Firehose_20150804": {"DeliveryStreamName": _Name(64, _STREAM)},
    "Kinesis_20131202": {"StreamName": _Name(128, _STREAM)},
    "AmazonSSM": {},
    "secretsmanager": {},
}
SERVICES = frozenset(_NAMES)
"""The JSON services that there are rules for, as the header X-Amz-Target begins."""
_CODES = {"Logs_20140328": "InvalidParameterException"}
_OTHER_CODE = "ValidationException"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_BUCKET_STARTS = ("xn--", "sthree-", "amzn-s3-demo-")
_BUCKET_ENDS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_LONGEST_SECRET = 65_536
_LONGEST_PARAMETER = 4096
"""Characters of a parameter of the tier Standard, which is that of all that name none."""
_MOST_PARAMETERS = 10
_LONGEST_KEY = 1024
"""Bytes."""


def refused_call(target: str, body: bytes) -> Refusal | None:
    """What AWS answers to a call of one of the JSON services; None where it takes it. `target`: the header
    X-Amz-Target, such as `Logs_20140328.CreateLogGroup`."""
    service, _, action = target.partition(".")
    if service not in _NAMES:
        return None
    content = json_object(body or b"{}")
    if content is None:
        return None  # the application says so
    problems = [*_name_problems(service, content), *_logs_problems(action, content), *_value_problems(action, content)]
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
        return Refusal(_CODES.get(service, _OTHER_CODE), count + "; ".join(problems))
    if action == "PutParameter" and content.get("Tier", "Standard") == "Standard":
        value = content.get("Value")
        if isinstance(value, str) and len(value) > _LONGEST_PARAMETER:
            rule = f"Standard tier parameters support a maximum parameter value of {_LONGEST_PARAMETER} characters."
            more = "To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier."
            return Refusal(_OTHER_CODE, f"{rule} {more}")
    group = content.get("logGroupName")
    if action == "CreateLogGroup" and isinstance(group, str) and group.startswith("aws/"):
        return Refusal("InvalidParameterException", "Log groups starting with AWS/ are reserved for AWS.")
    return None


def refused_bucket(path: str) -> Refusal | None:
    """What S3 answers to a request for a path, of which the first part is a bucket; None where it takes it."""
    bucket, _, key = path.lstrip("/").partition("/")
    if not bucket:
        return None
    if not _is_bucket(bucket):
        return Refusal("InvalidBucketName", "The specified bucket is not valid.")
    if len(key.encode()) > _LONGEST_KEY:
        return Refusal("KeyTooLongError", "Your key is too long")
    return None


def _name_problems(service: str, content: Mapping[str, Any]) -> Iterator[str]:
    for member, rule in _NAMES[service].items():
        value = content.get(member)
        if not isinstance(value, str):
            continue
        if len(value) > rule.longest:
            yield _problem(value, member, f"Member must have length less than or equal to {rule.longest}")
        if not value:
            yield _problem(value, member, "Member must have length greater than or equal to 1")
        elif not re.fullmatch(rule.pattern, value):
            yield _problem(value, member, f"Member must satisfy regular expression pattern: {rule.pattern}")


def _logs_problems(action: str, content: Mapping[str, Any]) -> Iterator[str]:
    days = content.get("retentionInDays")
    if action == "PutRetentionPolicy" and days not in RETENTION_DAYS:
        known = ", ".join(map(str, RETENTION_DAYS))
        yield _problem(days, "retentionInDays", f"Member must satisfy enum value set: [{known}]")
    events = content.get("logEvents")
    if action == "PutLogEvents" and isinstance(events, list) and not 1 <= len(events) <= MOST_EVENTS:
        yield _problem(f"{len(events)} events", "logEvents", f"Member must have length between 1 and {MOST_EVENTS}")


def _value_problems(action: str, content: Mapping[str, Any]) -> Iterator[str]:
    """Of parameters and secrets; their values are in no message."""
    names = content.get("Names")
    if action == "GetParameters" and isinstance(names, list) and len(names) > _MOST_PARAMETERS:
        longest = f"Member must have length less than or equal to {_MOST_PARAMETERS}"
        yield _problem(f"[{', '.join(map(str, names))}]", "names", longest)
    if action == "PutParameter" and content.get("Value") == "":
        yield _problem("", "value", "Member must have length greater than or equal to 1")
    secret = content.get("SecretString")
    if isinstance(secret, str) and len(secret) > _LONGEST_SECRET:
        longest = f"Member must have length less than or equal to {_LONGEST_SECRET}"
        yield f"Value at 'secretString' failed to satisfy constraint: {longest}"


def _problem(value: object, member: str, constraint: str) -> str:
    return f"Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"


def _is_bucket(name: str) -> bool:
    if not _BUCKET.fullmatch(name) or ".." in name:
        return False
    if name.startswith(_BUCKET_STARTS) or name.endswith(_BUCKET_ENDS):
        return False
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return True
    return False
