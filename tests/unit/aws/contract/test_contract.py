"""The contract of the local AWS endpoint: what programs see is what they see on AWS, but for known differences."""

from __future__ import annotations

import pytest

from tests.unit.aws.contract.catalogue import ALL
from tests.unit.aws.contract.checks import Check
from tests.unit.aws.contract.programs import Aws
from tests.unit.aws.contract.table import PAGE, written


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.id)
def test_the_embedded_endpoint_answers_as_aws_does_or_is_known_not_to(check: Check, embedded: Aws) -> None:
    assert check.seen(embedded) == check.expected("embedded"), check.text


def test_the_documentation_lists_every_check_with_what_happens() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == written(page), "run: python -m tests.unit.aws.contract.table"
