"""moto held against the same contract: where it is known to differ, and that the checks say what they mean."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto import mock_aws  # here: sessions of botocore that were made before it are none of its

from tests.unit.aws.contract.catalogue import ALL
from tests.unit.aws.contract.checks import Check
from tests.unit.aws.contract.programs import Aws


@pytest.fixture(scope="module")
def moto() -> Iterator[Aws]:
    """An AWS SDK whose calls moto answers, in this process."""
    with mock_aws():
        yield Aws(None)


@pytest.mark.parametrize("check", [one for one in ALL if one.asked("moto")], ids=lambda check: check.id)
def test_moto_answers_as_aws_does_or_is_known_not_to(check: Check, moto: Aws) -> None:
    assert check.seen(moto) == check.expected("moto"), check.text
