"""One environment with all services for the whole session; every test begins with the seed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from copilot_local.testing import Environment


@pytest.fixture(scope="session")
def copilot_workspace() -> Path:
    return Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def begin_with_the_seed(copilot_environment: Environment) -> Iterator[None]:
    yield
    copilot_environment.reset()
