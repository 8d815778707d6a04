"""Clients of the endpoint as programs have them."""

from __future__ import annotations

import pytest

from tests.unit.aws.contract.programs import Aws


@pytest.fixture
def aws(empty: str) -> Aws:
    """An AWS SDK for an endpoint without anything in it."""
    return Aws(empty)
