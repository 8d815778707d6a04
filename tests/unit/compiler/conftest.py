from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulator.compiler import compile_service
from emulator.ecs.service import Service
from emulator.manifest import load

Compile = Callable[..., Service]


@pytest.fixture
def compile(tmp_path: Path) -> Compile:
    """Compiles the text of a manifest for app `demo`, environment `test`."""

    def run(text: str, *, app: str = "demo", environment: str = "test", strict: bool = True, **options: Any) -> Service:
        path = tmp_path / "manifest.yml"
        path.write_text(textwrap.dedent(text))
        loaded = load(path, environment=environment, variables={}, app=app, strict=strict)
        return compile_service(
            loaded.manifest,
            app=app,
            environment=environment,
            position=loaded.position,
            path="manifest.yml",
            **options,
        )

    return run
