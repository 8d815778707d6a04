"""What the endpoint holds is written a moment after it changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from emulator.aws import snapshots
from emulator.aws.asgi import Application
from emulator.aws.ports import SNAPSHOT
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
    assert "could not be written: No space left on device" in caplog.text


class Volume:
    """What is saved goes there, while it has room."""

    def __init__(self) -> None:
        self.full = True

    def save(self) -> None:
        if self.full:
            raise OSError(28, "No space left on device")


@pytest.fixture
def volume() -> Volume:
    return Volume()


@pytest.fixture
def endpoint(volume: Volume) -> Application:
    """One whose last snapshot found no room."""
    keeper = Snapshots(volume.save)
    application = keeper.around(answering("done"))
    assert ask(application, SNAPSHOT).status == 507
    return application


S3 = {"authorization": "AWS4-HMAC-SHA256 Credential=test/20260302/us-east-1/s3/aws4_request"}


@pytest.mark.parametrize(
    ("headers", "method", "form"),
    [
        (WRITE, "POST", '{"__type": "InsufficientStorage", "message": "'),
        ({}, "POST", "<ErrorResponse><Error><Code>InsufficientStorage</Code><Message>"),
        (S3, "PUT", "<Error><Code>InsufficientStorage</Code><Message>"),
    ],
)
def test_a_change_that_could_not_be_kept_is_refused(
    endpoint: Application, headers: dict[str, str], method: str, form: str
) -> None:
    answer = ask(endpoint, headers=headers, method=method)
    assert answer.status == 507
    assert answer.body.decode().startswith(form)
    assert b"No space left on device; make room" in answer.body


@pytest.mark.parametrize(
    ("headers", "method"),
    [(READ, "POST"), ({}, "GET"), ({"x-amz-target": "AmazonSQS.DeleteMessage"}, "POST"), (S3, "DELETE")],
)
def test_what_reads_or_makes_room_is_answered(endpoint: Application, headers: dict[str, str], method: str) -> None:
    assert ask(endpoint, headers=headers, method=method).body == b"done"


def test_with_room_changes_are_taken_again(endpoint: Application, volume: Volume) -> None:
    volume.full = False
    assert ask(endpoint, headers=WRITE).body == b"done"
