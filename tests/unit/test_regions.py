"""What stands for regions and accounts is written once."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from emulator.regions import dns_suffix, partition, zone_id

PACKAGE = Path(__file__).parents[2] / "emulator"


@pytest.mark.parametrize(
    ("region", "name", "suffix"),
    [
        ("eu-west-1", "aws", "amazonaws.com"),
        ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
    ],
)
def test_each_partition_has_its_suffix(region: str, name: str, suffix: str) -> None:
    assert (partition(region), dns_suffix(region)) == (name, suffix)


def test_no_other_module_writes_the_local_account_or_the_suffix() -> None:
    texts = {file: file.read_text(encoding="utf-8") for file in PACKAGE.rglob("*.py") if file != PACKAGE / "regions.py"}
    found = [
        f"{file.relative_to(PACKAGE)}:{node.lineno}"
        for file, text in texts.items()
        if "00000" in text or "amazonaws" in text  # only these are worth parsing
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and node.value in ("000000000000", "amazonaws.com.cn")
    ]
    assert found == []


@pytest.mark.parametrize(
    ("region", "zone"),
    [
        ("us-east-1", "use1-az1"),
        ("eu-central-1", "euc1-az1"),
        ("ap-southeast-2", "apse2-az1"),
        ("ap-northeast-1", "apne1-az1"),
        ("us-gov-west-1", "usgw1-az1"),
        ("elsewhere", ""),
        ("", ""),
    ],
)
def test_the_id_of_a_zone(region: str, zone: str) -> None:
    assert zone_id(region) == zone
