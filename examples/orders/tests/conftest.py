"""One environment with all three services for the whole session; copilot-local's plugin brings it up and down."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def copilot_workspace() -> Path:
    return Path(__file__).parents[1]
