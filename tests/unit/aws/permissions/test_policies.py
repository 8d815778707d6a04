"""Policies: what they allow, deny, and what cannot be said of them here."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.aws.permissions.policies import Verdict, decide, statement_of

KNOWN = {"aws:securetransport": "true", "aws:resourcetag/copilot-application": "demo"}
QUEUE = "arn:aws:sqs:us-east-1:000000000000:orders"


def allow(action: Any = "sqs:*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any = "sqs:*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def verdict(*nodes: dict[str, Any], action: str = "sqs:SendMessage", resource: str = QUEUE) -> Verdict:
    statements = [statement_of(node, "policy") for node in nodes]
    return decide(action, resource, statements, KNOWN).verdict


@pytest.mark.parametrize(
    ("action", "resource", "expected"),
    [
        ("sqs:SendMessage", QUEUE, Verdict.ALLOWED),
        ("SQS:sendmessage", QUEUE, Verdict.ALLOWED),
        ("sqs:Send*", QUEUE, Verdict.ALLOWED),
        ("sqs:?endMessage", QUEUE, Verdict.ALLOWED),
        (["sns:Publish", "sqs:SendMessage"], [QUEUE, "arn:aws:sns:*"], Verdict.ALLOWED),
        ("*", "*", Verdict.ALLOWED),
        ("sqs:SendMessage", "arn:aws:sqs:*:*:ord*", Verdict.ALLOWED),
        ("sqs:SendMessage", "arn:aws:sqs:us-east-1:123456789012:orders", Verdict.ALLOWED),
        ("sqs:SendMessage", QUEUE.upper(), Verdict.MISSING),
        ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:000000000000:orders", Verdict.MISSING),
        ("sqs:Send", QUEUE, Verdict.MISSING),
        ("sns:*", QUEUE, Verdict.MISSING),
    ],
)
def test_actions_and_resources_have_wildcards(action: Any, resource: Any, expected: Verdict) -> None:
    assert verdict(allow(action, resource)) == expected


def test_without_a_statement_nothing_is_allowed() -> None:
    assert verdict() == Verdict.MISSING


def test_a_deny_wins_whatever_comes_first() -> None:
    assert verdict(allow(), deny("sqs:SendMessage")) == verdict(deny("sqs:SendMessage"), allow()) == Verdict.DENIED
    assert verdict(allow(), deny("sqs:DeleteMessage")) == Verdict.ALLOWED


def test_not_action_and_not_resource_are_everything_else() -> None:
    def but(**named: Any) -> dict[str, Any]:
        return {"Effect": "Allow", "Action": "*", "Resource": "*", **named}

    other = {key: value for key, value in but(NotAction=["sqs:SendMessage"]).items() if key != "Action"}
    assert verdict(other) == Verdict.MISSING
    assert verdict(other, action="sqs:DeleteMessage") == Verdict.ALLOWED
    other = {key: value for key, value in but(NotResource=QUEUE).items() if key != "Resource"}
    assert verdict(other) == Verdict.MISSING
    assert verdict(other, resource=f"{QUEUE}2") == Verdict.ALLOWED


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"Bool": {"aws:SecureTransport": True}}, Verdict.ALLOWED),
        ({"Bool": {"aws:SecureTransport": "false"}}, Verdict.MISSING),
        ({"StringEquals": {"aws:ResourceTag/copilot-application": ["other", "demo"]}}, Verdict.ALLOWED),
        ({"StringNotEquals": {"aws:ResourceTag/copilot-application": "demo"}}, Verdict.MISSING),
        ({"StringLike": {"aws:ResourceTag/copilot-application": "d?m*"}}, Verdict.ALLOWED),
        ({"StringNotLike": {"aws:ResourceTag/copilot-application": "x*"}}, Verdict.ALLOWED),
        ({"Null": {"aws:ResourceTag/copilot-application": "false"}}, Verdict.ALLOWED),
        ({"StringEquals": {"s3:prefix": "a"}}, Verdict.UNKNOWN),
        ({"NumericLessThan": {"aws:SecureTransport": "3"}}, Verdict.UNKNOWN),
        ({"StringEquals": {"s3:prefix": "a"}, "Bool": {"aws:SecureTransport": "false"}}, Verdict.MISSING),
    ],
)
def test_conditions_hold_fail_or_cannot_be_judged(condition: dict[str, Any], expected: Verdict) -> None:
    assert verdict(allow(Condition=condition)) == expected


def test_what_cannot_be_judged_matters_only_where_it_decides() -> None:
    unknown = {"StringEquals": {"s3:prefix": "a"}}
    assert verdict(allow(), allow(Condition=unknown)) == Verdict.ALLOWED
    assert verdict(allow(), deny(Condition=unknown)) == Verdict.UNKNOWN
    assert verdict(deny(), allow(Condition=unknown)) == Verdict.DENIED
    assert verdict(deny(Condition=unknown)) == Verdict.MISSING


def test_a_policy_variable_cannot_be_judged() -> None:
    assert verdict(allow(resource="arn:aws:sqs:us-east-1:000000000000:${aws:PrincipalTag/team}")) == Verdict.UNKNOWN
    assert verdict(allow(resource="arn:aws:sns:us-east-1:000000000000:${aws:PrincipalTag/team}")) == Verdict.MISSING


def test_the_reason_names_policy_and_statement() -> None:
    statements = [statement_of(allow(Sid="Send"), "addon Access")]
    assert decide("sqs:SendMessage", QUEUE, statements, KNOWN).reason == "addon Access/Send"
