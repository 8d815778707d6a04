"""Buckets, parameters and log groups that are kept while their template changes, and what is left out of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.aws.stacks.asking import Endpoint
from tests.unit.aws.stacks.test_kept_queues import up

STACK = "demo-test-api-AddonsStack"
BUCKET = {"BucketName": "photos"}


def versioning(status: str) -> dict[str, Any]:
    return {**BUCKET, "VersioningConfiguration": {"Status": status}}


def test_versioning_that_leaves_a_template_is_suspended_and_that_is_told(endpoint: Endpoint) -> None:
    up(endpoint, "AWS::S3::Bucket", versioning("Enabled"))
    endpoint.call("s3", "PutObject", Bucket="photos", Key="a", Body=b"1")
    told = f"{STACK}: the bucket photos kept versions, and keeps no more: its template has no versioning"
    assert up(endpoint, "AWS::S3::Bucket", BUCKET) == [told]
    assert endpoint.call("s3", "GetBucketVersioning", Bucket="photos")["Status"] == "Suspended"
    assert len(endpoint.call("s3", "ListObjectVersions", Bucket="photos")["Versions"]) == 1
    assert up(endpoint, "AWS::S3::Bucket", BUCKET) == []
    assert up(endpoint, "AWS::S3::Bucket", versioning("Suspended")) == []


def test_a_bucket_that_never_had_versioning_has_none(endpoint: Endpoint) -> None:
    for _ in range(2):
        assert up(endpoint, "AWS::S3::Bucket", BUCKET) == []
    assert "Status" not in endpoint.call("s3", "GetBucketVersioning", Bucket="photos")


@pytest.mark.parametrize(
    ("configuration", "told"),
    [
        ({"EventBridgeEnabled": True}, True),
        ({"EventBridgeEnabled": "true"}, True),
        ({}, True),
        ({"EventBridgeEnabled": False}, False),
    ],
)
def test_notifications_to_eventbridge_are_left_out_aloud(
    endpoint: Endpoint, configuration: dict[str, Any], told: bool
) -> None:
    notifications = {"NotificationConfiguration": {"EventBridgeConfiguration": configuration}}
    expected = [f"{STACK}: notifications of It to EventBridge are left out"] if told else []
    assert up(endpoint, "AWS::S3::Bucket", {**BUCKET, **notifications}) == expected


def test_a_parameter_has_the_type_that_its_template_gives_it_now(endpoint: Endpoint) -> None:
    def found(kind: str) -> tuple[str, int]:
        assert up(endpoint, "AWS::SSM::Parameter", {"Name": "/shop/colours", "Type": kind, "Value": "red"}) == []
        parameter = endpoint.call("ssm", "GetParameter", Name="/shop/colours")["Parameter"]
        return parameter["Type"], parameter["Version"]

    assert found("String") == ("String", 1)
    assert found("StringList") == ("StringList", 2)
    assert found("StringList") == ("StringList", 2)


def test_a_log_group_whose_template_says_no_retention_any_more_keeps_everything(endpoint: Endpoint) -> None:
    def days() -> int | None:
        [group] = endpoint.call("logs", "DescribeLogGroups", logGroupNamePrefix="mine")["logGroups"]
        found: int | None = group.get("retentionInDays")
        return found

    up(endpoint, "AWS::Logs::LogGroup", {"LogGroupName": "mine", "RetentionInDays": 7})
    assert days() == 7
    for _ in range(2):
        up(endpoint, "AWS::Logs::LogGroup", {"LogGroupName": "mine"})
        assert days() is None
