"""The endpoint that the contract is held against."""

from __future__ import annotations

import os

import pytest

from tests.unit.aws.contract.programs import Aws

ENDPOINT = "CONTRACT_ENDPOINT"
"""Environment variable: the URL of an endpoint that takes the place of the embedded one. What the checks make there
stays there, under names that nothing else has."""


@pytest.fixture
def embedded(request: pytest.FixtureRequest) -> Aws:
    """An AWS SDK for the endpoint that `up` starts."""
    return Aws(os.environ.get(ENDPOINT) or request.getfixturevalue("served"))
