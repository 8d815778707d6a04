from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from emulator.ecs.service import Service
from emulator.errors import Position
from emulator.runtime.secrets.wanted import Finder, Wanted
from tests.unit.runtime.world import make_service

Want = Callable[..., Wanted]


@pytest.fixture
def want() -> Want:
    """One secret of container `hello`: a variable, or with `login` that of a registry."""

    def make(
        value_from: str | dict[str, Any], variable: str = "TOKEN", *, login: bool = False, line: int = 0
    ) -> Wanted:
        fields: dict[str, Any] = {"secrets": [{"name": variable, "valueFrom": value_from}]}
        if login:
            fields = {"repositoryCredentials": {"credentialsParameter": value_from}}
        service: Service = make_service({"hello": fields})
        if line:
            path = "image.credentials" if login else f"secrets.{variable}"
            service.positions[path] = Position("copilot/hello/manifest.yml", line, 3)
        finder = Finder({}, "eu-west-1")
        return next(iter(finder.logins(service) if login else finder.variables(service)))

    return make
