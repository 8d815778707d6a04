"""Regions, partitions and accounts: what AWS calls them, and what stands for them before a deployment.

Source: the AWS General Reference (ARN format, service endpoints of each partition).
"""

from __future__ import annotations

from typing import Final

DEFAULT_REGION: Final = "us-east-1"
"""The region where nothing names one."""
LOCAL_ACCOUNT: Final = "000000000000"
"""The account that things are in before they are deployed."""
LOCAL_KEY: Final = "test"
"""Access key and secret key of the local AWS endpoint. Every key is taken, but only with these presigned URLs pass."""

SUFFIXES: Final = ("amazonaws.com", "amazonaws.com.cn")
"""What the host names of AWS end with, and those of its regions in China."""


def partition(region: str) -> str:
    """The AWS partition of a region: `aws`, `aws-cn` or `aws-us-gov`."""
    if region.startswith("cn-"):
        return "aws-cn"
    if region.startswith("us-gov-"):
        return "aws-us-gov"
    return "aws"


def dns_suffix(region: str) -> str:
    """What the host names of the services in a region end with: CloudFormation's `AWS::URLSuffix`."""
    everywhere, china = SUFFIXES
    return china if partition(region) == "aws-cn" else everywhere


def zone_id(region: str) -> str:
    """The id of a region's first availability zone: `use1-az1` for `us-east-1`. Empty for what is no name of a region.

    Source: the EC2 user guide, availability zone ids: every region is shortened alike.
    """
    area, *words, number = region.split("-") if region.count("-") > 1 else ("", "")
    if not words:
        return ""
    short = "".join(_SHORT_WORDS.get(word, word[:1]) for word in words)
    return f"{area}{short}{number}-az1"


_SHORT_WORDS: Final = {"northeast": "ne", "northwest": "nw", "southeast": "se", "southwest": "sw"}
