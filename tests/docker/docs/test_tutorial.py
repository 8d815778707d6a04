"""A reader can follow the tutorial, line by line."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from emulator.engine.interface import Engine

if TYPE_CHECKING:
    from tests.docker.docs.conftest import Reader

pytestmark = pytest.mark.docker


def test_the_tutorial(follow: Callable[[str], None], reader: Reader, engine: Engine) -> None:
    follow("start/tutorial.md")
    assert engine.list_containers({"copilot-local.app": reader.app}) == []
