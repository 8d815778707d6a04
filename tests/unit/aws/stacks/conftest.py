"""The endpoint that stacks are made on."""

from __future__ import annotations

import pytest

from tests.unit.aws.stacks.asking import Endpoint


@pytest.fixture
def endpoint(empty: str) -> Endpoint:
    """The endpoint without anything in it."""
    return Endpoint(empty)
