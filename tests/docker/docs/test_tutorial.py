"""On a fresh machine a newcomer goes from the wheel to a tested service, in the words of the tutorial."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from emulator.engine.interface import Engine

if TYPE_CHECKING:
    from tests.docker.docs.conftest import Reader

# Twenty-five commands, an installation among them: a busy machine takes minutes.
pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]


def test_the_tutorial(follow: Callable[[str], None], reader: Reader, engine: Engine) -> None:
    follow("start/tutorial.md")
    follow("start/tutorial-part-two.md")
    assert engine.list_containers({"copilot-local.app": reader.app}) == []
