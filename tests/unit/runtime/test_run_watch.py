"""`up --watch` on an engine in memory: what it says of an environment that it joins, and of a change that crashes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulator.ecs.service import Service
from emulator.engine.interface import ContainerSpec
from emulator.errors import TaskError
from emulator.events import EventKind
from emulator.runtime.lifecycle.down import down
from emulator.runtime.watch.changes import FileChanges
from emulator.runtime.watch.watch import run_watch
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import DEMO, make_service, nginx_sidecar

Until = Callable[[Callable[[], object]], None]


class Watching:
    """An `up --watch` in a thread. `reloaded` is the service that its files say after a change."""

    def __init__(self, bench: Bench, workspace: Path) -> None:
        self.bench = bench
        self.workspace = workspace
        self.interrupted = threading.Event()
        self.held = threading.Event()
        self.owned = False
        self.reloaded: Service | None = None
        self.beside: tuple[Service, ...] = ()
        """Services that do not change."""
        (workspace / "copilot").mkdir()

    def run(self, service: Service) -> int:
        request = self.bench.request(service, *self.beside, workspace=self.workspace, foreground=True)
        return run_watch(
            *(self.bench.engine, request, lambda: replace(request, services=(self.reloaded or service, *self.beside))),
            self.bench.emit,
            interrupted=self.interrupted,
            killed=threading.Event(),
            owned=self.owned,
            held=self.held,
        )

    @contextmanager
    def running(self, service: Service, until: Until) -> Iterator[None]:
        """It watches while the block runs; raises what it raised."""
        with ThreadPoolExecutor(1) as pool:
            code = pool.submit(self.run, service)
            try:
                until(lambda: self.said("watching for changes") or code.done())
                yield
            finally:
                self.code = code
                if code.exception(20) is not None:
                    code.result()

    def said(self, text: str) -> list[str]:
        events = [event for event in self.bench.events if event.kind is not EventKind.LOG]
        return [f"{event.subject}: {event.message}" for event in events if text in event.message]

    def hello(self) -> str:
        [found] = [c.name for c in self.bench.observed.containers if c.name.endswith("-hello")]
        return found


@pytest.fixture
def watching(bench: Bench, tmp_path: Path) -> Watching:
    return Watching(bench, tmp_path)


def test_the_first_line_of_one_that_joined_says_so_and_old_lines_are_left_out(watching: Watching, until: Until) -> None:
    bench = watching.bench
    bench.up(nginx_sidecar()).hand_over()
    bench.engine.print_line(watching.hello(), "long ago")
    bench.events.clear()
    with watching.running(nginx_sidecar(), until):
        bench.engine.print_line(watching.hello(), "just now")
        until(lambda: any(event.message == "just now" for event in bench.events))
        watching.interrupted.set()
    first = bench.events[0]
    assert (first.subject, first.message) == (
        "demo/test",
        "runs already: Ctrl-C will end this command and leave it running",
    )
    assert [event.message for event in bench.events if event.kind is EventKind.LOG] == ["just now"]
    assert watching.said("Detached and still running")


def test_one_that_goes_on_from_a_foreground_of_its_own_takes_everything_down(watching: Watching, until: Until) -> None:
    bench = watching.bench
    bench.up(nginx_sidecar()).hand_over()
    bench.events.clear()
    watching.owned = True
    with watching.running(nginx_sidecar(), until):
        watching.interrupted.set()
    assert not watching.said("runs already")
    assert watching.said("Press Ctrl-C to stop.")
    assert not bench.observed.containers


def test_changes_that_are_held_are_applied_later_together(
    watching: Watching, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[set[Path]] = []
    following = FileChanges.next

    def noted(self: FileChanges, timeout: float) -> set[Path]:
        looks.append(following(self, timeout))
        return looks[-1]

    def write(name: str) -> None:
        path = watching.workspace / "copilot" / name
        path.write_text("changed", encoding="utf-8")
        until(lambda: any(path in found for found in looks[:-1]))  # and it has looked once more since

    monkeypatch.setattr(FileChanges, "next", noted)
    watching.bench.up(make_service()).hand_over()
    watching.held.set()
    with watching.running(make_service(), until):
        watching.reloaded = make_service({"hello": {"environment": [{"name": "WORD", "value": "new"}]}})
        write("one.yml")
        write("two.yml")
        assert not watching.said("the change")
        watching.held.clear()
        until(lambda: watching.said("the change"))
        watching.interrupted.set()
    assert len(watching.said("the change")) == 1


def test_one_that_another_command_takes_down_says_so_and_fails(watching: Watching, until: Until) -> None:
    watching.bench.up(nginx_sidecar()).hand_over()
    with (
        pytest.raises(TaskError, match=r"^demo/test was taken down by another command$") as caught,
        watching.running(nginx_sidecar(), until),
    ):
        down(watching.bench.engine, DEMO, watching.bench.emit)
    assert caught.value.exit_code == 1
    assert not watching.said("still running")


@pytest.mark.parametrize("crashes", ["the new one", "the one before", "none"])
def test_a_change_that_crashes_is_not_called_a_success(watching: Watching, until: Until, crashes: str) -> None:
    bench = watching.bench
    bench.up(make_service()).hand_over()
    answer = bench.agent.answer

    def applied(request: dict[str, Any]) -> list[bytes]:
        if request["verb"] == "apply" and watching.reloaded is not None:
            name = watching.hello()
            [old] = [container for container in bench.observed.containers if container.name == name]
            if crashes == "the one before":  # the agent has started it again meanwhile
                bench.engine.stop(name, 1)
                bench.engine.start(name)
                bench.engine.finish(name, 1)
            bench.engine.stop(name, 1)
            bench.engine.remove(name)
            bench.engine.create_container(ContainerSpec(name=name, image=old.image, labels=old.labels))
            bench.engine.start(name)
            bench.engine.print_line(watching.hello(), "SyntaxError: invalid syntax")
            if crashes == "the new one":
                bench.engine.finish(watching.hello(), 1)
        return answer(request)

    bench.agent.answer = applied  # type: ignore[method-assign]
    with watching.running(make_service(), until):
        watching.reloaded = make_service({"hello": {"environment": [{"name": "WORD", "value": "new"}]}})
        (watching.workspace / "copilot" / "manifest.yml").write_text("changed", encoding="utf-8")
        until(lambda: watching.said("the change"))
        watching.interrupted.set()
    [said] = watching.said("the change")
    last = "its last line: SyntaxError: invalid syntax"
    failed = f"hello: the change does not run: hello exited with code 1 ({last})"
    assert said == failed if crashes == "the new one" else said.startswith("hello: the change runs, after ")


def test_it_says_what_changed_and_which_service_is_another_one_then(watching: Watching, until: Until) -> None:
    watching.bench.engine.add_image("worker:1")
    watching.beside = (make_service(name="worker", type="Worker Service"),)
    with watching.running(make_service(), until):
        watching.reloaded = make_service({"hello": {"environment": [{"name": "WORD", "value": "new"}]}})
        (watching.workspace / "copilot" / "manifest.yml").write_text("changed", encoding="utf-8")
        until(lambda: watching.said("the change"))
        watching.interrupted.set()
    assert "watch: copilot/manifest.yml changed" in watching.said("changed")
    [said] = watching.said("the change runs")
    assert said.startswith("hello: ")
