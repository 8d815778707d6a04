"""What AWS would check of a request: actions of IAM with resources, as the program that answers describes them.

Like `emulator.aws.ministack_app`, everything here is for the pinned version of requirements/aws.in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from emulator.aws.stacks.values import json_object

Check = tuple[str, str]
"""An action such as `sqs:SendMessage`, and the ARN of a resource, `*` where the action has none."""

_AS_SINGLE = {
    "sns:PublishBatch": "sns:Publish",
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
"""Operations that are no actions. Source: Service Authorization Reference, Amazon SQS and Amazon SNS."""
_RPC = re.compile(r"/service/[^/]+/operation/(\w+)$")
"""The path of the protocol rpcv2Cbor."""
_FREE = frozenset({"sts:GetCallerIdentity", "sts:GetSessionToken"})
"""Allowed to everyone. Source: IAM User Guide, policy evaluation logic."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it came."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""


def checks(call: Call, region: str, account: str) -> list[Check]:
    """Everything that AWS checks for a request; nothing where everyone may do it, or the service is none that is known
    here. To be called after the request was answered: a secret's ARN is looked up."""
    from ministack.core import iam_actions
    from ministack.core.router import detect_service

    headers, body = dict(call.headers), call.body
    query = parse_qs(call.query, keep_blank_values=True)
    form = parse_qs(body.decode("latin-1")) if "x-www-form-urlencoded" in headers.get("content-type", "") else {}
    parameters = {**form, **query}
    service = detect_service(call.method, call.path, headers, parameters)
    action = iam_actions.extract_iam_action(service, call.method, call.path, headers, body, parameters)
    if action is None:
        namespace, rpc = iam_actions.SERVICE_TO_IAM_NAMESPACE.get(service), _RPC.search(call.path)
        action = f"{namespace}:{rpc[1]}" if namespace and rpc else None
    if action is None or action in _FREE:
        return []
    if service == "dynamodb":
        if found := iam_actions.dynamodb_transaction_checks(action, body, region, account):
            return list(found)
        return [(action, one) for one in iam_actions.dynamodb_resource_arns(body, region, account) or ["*"]]
    if service == "ssm" and (names := _names(body)):
        return [(action, f"arn:aws:ssm:{region}:{account}:parameter/{name}") for name in names]
    arn = iam_actions.extract_resource_arn(service, call.method, call.path, headers, body, parameters, region, account)
    found = [(_AS_SINGLE.get(action, action), arn)]
    if service == "s3":
        found += iam_actions.s3_additional_checks(call.method, call.path, headers, body, parameters)
    return found


def _names(body: bytes) -> list[str]:
    """The parameters that a request names, without version and the slash in front."""
    document = json_object(body) or {}
    several = document.get("Names")
    given = several if isinstance(several, list) else [document.get("Name") or document.get("Path")]
    return [one.partition(":")[0].lstrip("/") for one in given if isinstance(one, str) and not one.startswith("arn:")]
