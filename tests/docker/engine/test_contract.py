from __future__ import annotations

import pytest

from tests.unit.engine.contract import EngineContract

pytestmark = pytest.mark.docker


class TestDockerEngine(EngineContract):
    pass
