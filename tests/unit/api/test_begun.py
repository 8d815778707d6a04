"""Changes that go on after their answer."""

from __future__ import annotations

import threading

import pytest

from emulator.api.errors import ApiError, no_cluster
from emulator.api.operations.begun import begin
from emulator.errors import EngineError, InputError


@pytest.mark.parametrize("error", [EngineError("the agent ended the connection"), no_cluster()])
def test_an_agent_that_is_replaced_meanwhile_is_no_failure(error: Exception) -> None:
    asked, over = [], threading.Event()

    def seen() -> bool:
        asked.append(1)
        if len(asked) < 3:
            raise error
        return True

    def work() -> None:
        over.wait(10)

    begin(work, seen)
    over.set()
    assert len(asked) == 3


def test_what_refuses_the_change_is_answered() -> None:
    def work() -> None:
        raise InputError("no such service")

    with pytest.raises(ApiError, match="no such service"):
        begin(work, lambda: False)
