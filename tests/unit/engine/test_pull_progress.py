from __future__ import annotations

from typing import Any

from emulator.engine.docker.pull_progress import INTERVAL, PullProgress


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def downloading(layer: str, current: int, total: int) -> dict[str, Any]:
    return {"id": layer, "status": "Downloading", "progressDetail": {"current": current, "total": total}}


def test_each_state_of_a_layer_is_told_once() -> None:
    progress = PullProgress()
    documents = [downloading("a", 1, 9), downloading("a", 5, 9), {"id": "a", "status": "Pull complete"}]
    assert [progress.state(document) for document in documents] == ["a: Downloading", None, "a: Pull complete"]
    assert progress.state({"status": "Status: Downloaded newer image"}) == "Status: Downloaded newer image"


def test_bytes_of_all_layers_are_summed_up() -> None:
    clock = Clock()
    progress = PullProgress(clock)
    assert progress.bytes(downloading("a", 1_000_000, 4_000_000)) == "1.0 of 4.0 MB, 0 of 1 layers"
    clock.now += INTERVAL
    assert progress.bytes(downloading("b", 500_000, 6_000_000)) == "1.5 of 10.0 MB, 0 of 2 layers"
    clock.now += INTERVAL
    done = {"id": "a", "status": "Download complete"}
    progress.state(done)
    assert progress.bytes(done) == "4.5 of 10.0 MB, 1 of 2 layers"


def test_bytes_are_told_only_now_and_then() -> None:
    clock = Clock()
    progress = PullProgress(clock)
    assert progress.bytes(downloading("a", 1, 10)) is not None
    clock.now += INTERVAL / 2
    assert progress.bytes(downloading("a", 2, 10)) is None
    clock.now += INTERVAL
    assert progress.bytes(downloading("a", 3, 10)) is not None


def test_what_is_no_download_says_nothing_of_bytes() -> None:
    progress = PullProgress()
    assert progress.bytes({"status": "Pulling from library/nginx", "id": "1.27"}) is None
    assert progress.bytes({"id": "a", "status": "Already exists"}) is None
    assert progress.bytes({"id": "a", "status": "Extracting", "progressDetail": {"current": 1, "total": 2}}) is None
