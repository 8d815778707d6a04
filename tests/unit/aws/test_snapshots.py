"""What the endpoint holds is written a moment after it changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from emulator.aws import snapshots
from emulator.aws.snapshots import Snapshots
from tests.unit.aws.client import answering, ask

READ = {"x-amz-target": "AmazonSQS.ListQueues"}
WRITE = {"x-amz-target": "AmazonSQS.SendMessage"}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "PAUSE", 0.0)


def saved(
    count: int, headers: dict[str, str], *, method: str = "POST", failing: Callable[[], None] = lambda: None
) -> list[int]:
    """The saves that came of a request, once there were as many as expected or nothing more to do."""
    saves: list[int] = []

    def save() -> None:
        saves.append(len(saves))
        failing()

    keeper = Snapshots(save)
    application = keeper.around(answering("done"))
    ask(application, headers=headers, method=method)

    async def run() -> None:
        writing = asyncio.create_task(keeper.run())
        for _ in range(10):
            await asyncio.sleep(0)
        while len(saves) < count:
            await asyncio.sleep(0)
        writing.cancel()

    asyncio.run(asyncio.wait_for(run(), 20))
    return saves


def test_a_change_is_written() -> None:
    assert saved(1, WRITE) == [0]


@pytest.mark.parametrize(("method", "headers"), [("GET", {}), ("HEAD", {}), ("POST", READ)])
def test_a_question_is_none(method: str, headers: dict[str, str]) -> None:
    assert saved(0, headers, method=method) == []


def test_a_full_volume_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    assert saved(1, WRITE, failing=full) == [0]
    assert "could not be written: [Errno 28] No space left on device" in caplog.text
