"""`up --watch` on an engine in memory: what it says of an environment that it joins, and of a change that crashes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from emulator.ecs.references import ImageReference
from emulator.ecs.service import Build, Service
from emulator.engine.interface import ContainerSpec
from emulator.errors import EngineError, TaskError
from emulator.events import EventKind
from emulator.runtime.control.client import Agent
from emulator.runtime.lifecycle.down import down
from emulator.runtime.planning.up_request import UpRequest
from emulator.runtime.state.desired import Private
from emulator.runtime.watch.changes import FileChanges
from emulator.runtime.watch.watch import run_watch
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import DEMO, make_service, nginx_sidecar

Until = Callable[[Callable[[], object]], None]


class Watching:
    """An `up --watch` in a thread. `reloaded` is the service that its files say after a change, `password` a secret's
    value."""

    def __init__(self, bench: Bench, workspace: Path) -> None:
        self.bench = bench
        self.workspace = workspace
        self.interrupted = threading.Event()
        self.held = threading.Event()
        self.owned = False
        self.reloaded: Service | None = None
        self.password = "old"
        self.beside: tuple[Service, ...] = ()
        """Services that do not change."""
        (workspace / "copilot").mkdir()

    def run(self, service: Service) -> int:
        def request() -> UpRequest:
            services = (self.reloaded or service, *self.beside)
            private = Private(services={"hello": {"hello": {"PASSWORD": self.password}}})
            return self.bench.request(*services, workspace=self.workspace, foreground=True, private=private)

        return run_watch(
            *(self.bench.engine, request(), request, self.bench.emit),
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
            except BaseException:
                self.interrupted.set()
                raise
            finally:
                self.code = code
                if code.exception(20) is not None:
                    code.result()

    def save(self, file: str = "copilot/manifest.yml") -> None:
        """A user saves a file."""
        with (self.workspace / file).open("a", encoding="utf-8") as opened:
            opened.write("# changed\n")

    def applied(self) -> list[Any]:
        """What the agent was told to run, with the secret."""
        told = [one for one in self.bench.agent.requests if one["verb"] == "apply"]
        return [one["private"]["services"]["hello"]["hello"]["PASSWORD"] for one in told]

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


def test_one_that_is_taken_down_before_its_agent_was_asked_anything_ends_too(
    watching: Watching, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(self: Agent) -> None:
        raise EngineError("no such container")

    monkeypatch.setattr(Agent, "connect_ahead", gone)
    watching.bench.up(nginx_sidecar()).hand_over()
    with pytest.raises(TaskError, match="was taken down"), watching.running(nginx_sidecar(), until):
        down(watching.bench.engine, DEMO, watching.bench.emit)


def test_what_another_command_has_brought_up_since_stays(watching: Watching, until: Until) -> None:
    bench = watching.bench
    left: dict[str, list[str]] = {}

    def replace() -> None:
        down(bench.engine, DEMO, bench.emit)
        bench.up(make_service(name="web")).hand_over()
        left.update(bench.left())
        watching.interrupted.set()

    with (
        pytest.raises(TaskError, match=r"^demo/test was taken down by another command$"),
        watching.running(nginx_sidecar(), until),
    ):
        replace()
    assert bench.left() == left
    assert set(bench.states().values()) == {"running"}


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


REFUSAL = {"message": "Docker did not start the container within 60 s", "hint": ""}


@pytest.mark.parametrize("undone", [False, True], ids=["saved again", "undone"])
@pytest.mark.parametrize("secret", [False, True], ids=["a variable", "a secret"])
def test_a_change_that_failed_is_applied_when_its_file_is_saved_again(
    watching: Watching, until: Until, secret: bool, undone: bool
) -> None:
    """Also where it is undone: the agent may have begun with it."""

    def change(value: str) -> None:
        if secret:
            watching.password = value
        else:
            watching.reloaded = make_service({"hello": {"environment": [{"name": "WORD", "value": value}]}})
        watching.save()

    agent = watching.bench.agent
    first = make_service({"hello": {"environment": [{"name": "WORD", "value": "old"}]}})
    with watching.running(first, until):
        agent.refuses_apply = REFUSAL
        change("new")
        until(lambda: watching.said("the running tasks stay as they are"))
        agent.refuses_apply = None
        change("old" if undone else "new")
        until(lambda: watching.said("the change runs") or watching.said("as it says already"))
        watching.save()
        until(lambda: watching.said("as it says already"))
        watching.interrupted.set()
    assert len(watching.applied()) == 2
    assert watching.applied()[-1] == watching.password
    assert len(watching.said("the change runs")) == 1
    assert len(watching.said("as it says already")) == 1


def test_a_change_that_failed_before_it_was_applied_is_applied_when_its_file_is_saved_again(
    watching: Watching, until: Until
) -> None:
    with watching.running(make_service(), until):
        watching.password = "new"
        watching.reloaded = make_service({"hello": {"image": "private:1"}})
        watching.save()
        until(lambda: watching.said("the running tasks stay as they are"))
        watching.reloaded = None
        watching.save()
        until(lambda: watching.said("the change runs") or watching.said("as it says already"))
        watching.interrupted.set()
    assert watching.applied() == ["new"]


def test_an_image_that_failed_to_replace_one_is_taken_back_where_its_file_is(
    watching: Watching, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, agent, version = watching.bench.engine, watching.bench.agent, "1"
    (watching.workspace / "hello").mkdir()
    (watching.workspace / "hello" / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
    monkeypatch.setattr(engine, "built", lambda _: None)
    monkeypatch.setattr(engine, "build", lambda *_, **__: engine.add_image(f"hello:{version}").id)
    service = make_service()
    service.task_definition.container_definitions[0].image = ImageReference(name="hello")
    service.builds["hello"] = Build(context="hello", dockerfile="hello/Dockerfile")

    def images() -> list[Any]:
        told = [one for one in agent.requests if one["verb"] == "apply"]
        return [one["state"]["services"]["hello"]["options"]["images"]["hello"] for one in told]

    with watching.running(service, until):
        agent.refuses_apply = REFUSAL
        version = "2"
        watching.save("hello/main.py")
        until(lambda: watching.said("the running tasks stay as they are"))
        agent.refuses_apply = None
        version = "1"
        watching.save("hello/main.py")
        until(lambda: watching.said("the change runs") or watching.said("the image is the same"))
        watching.interrupted.set()
    assert images() == [engine.add_image(f"hello:{version}").id for version in "21"]
