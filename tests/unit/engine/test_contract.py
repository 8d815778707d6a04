from __future__ import annotations

import pytest

from emulator.engine.fake import Behaviour, FakeEngine
from emulator.engine.interface import ContainerSpec, Health
from tests.unit.engine.contract import Act, EngineContract, Lab


class FakeLab(Lab):
    def acting(self, spec: ContainerSpec, act: Act) -> ContainerSpec:
        assert isinstance(self.engine, FakeEngine)
        verdict = Health.HEALTHY if act.healthy else Health.UNHEALTHY
        behaviour = Behaviour(
            exits=(act.exits,),
            health=(Health.STARTING, verdict),
            log=act.prints,
            stop_code=None if act.deaf else 143,
        )
        self.engine.behave(spec.name, behaviour)
        return spec


@pytest.fixture
def lab() -> Lab:
    engine = FakeEngine()
    engine.add_image("busybox:1.37")
    return FakeLab(engine, "t")


class TestFakeEngine(EngineContract):
    pass
