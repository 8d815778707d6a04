"""What every engine promises, as tests: they run over the fake here and over a Docker daemon in tests/docker/engine."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from emulator.engine.interface import (
    BuildSpec,
    Container,
    ContainerSpec,
    ContainerState,
    Engine,
    EngineEvent,
    File,
    Health,
    HealthCheckSpec,
    LogLine,
    Mount,
    PublishedPort,
)
from emulator.errors import Conflict, EngineError, ImageError, NotFound, PortInUse

TIMEOUT = 20.0


@dataclass(frozen=True)
class Act:
    """What a test's container does: prints lines, then exits with a code or runs on, deaf to SIGTERM or not."""

    prints: tuple[str, ...] = ()
    exits: int | None = None
    deaf: bool = False
    healthy: bool = True


class Lab(ABC):
    """Makes containers with the names and labels of one test."""

    def __init__(self, engine: Engine, prefix: str) -> None:
        self.engine = engine
        self.prefix = prefix
        self.labels = {"copilot-local-test": prefix}

    @abstractmethod
    def acting(self, spec: ContainerSpec, act: Act) -> ContainerSpec:
        """The spec, so that its container acts."""

    def name(self, name: str) -> str:
        return f"{self.prefix}-{name}"

    def spec(self, name: str, act: Act | None = None, **fields: Any) -> ContainerSpec:
        spec = ContainerSpec(name=self.name(name), image="busybox:1.37", labels=self.labels, init=True)
        return self.acting(replace(spec, **fields), act or Act())

    def create(self, name: str, act: Act | None = None, **fields: Any) -> str:
        return self.engine.create_container(self.spec(name, act, **fields))

    def run(self, name: str, act: Act | None = None, **fields: Any) -> str:
        container = self.create(name, act, **fields)
        self.engine.start(container)
        return container

    def run_until_ready(self, name: str, *, deaf: bool = False) -> str:
        """Runs a container until it has printed a line. Before that its processes may not handle signals yet: the first
        process of a container ignores a signal that it has no handler for."""
        container = self.run(name, Act(prints=("ready",), deaf=deaf))
        Collector(self.engine.logs(container, follow=True)).until(bool)
        return container

    def rows(self) -> dict[str, Container]:
        """The test's containers by name, without the prefix."""
        found = self.engine.list_containers(self.labels)
        return {row.name.removeprefix(f"{self.prefix}-"): row for row in found}

    def until(self, name: str, condition: Callable[[Container], bool]) -> Container:
        """A container's row as soon as the condition holds."""
        end = time.monotonic() + TIMEOUT
        while not condition(row := self.rows()[name]):
            assert time.monotonic() < end, f"still {row}"
            time.sleep(0.02)
        return row

    def exited(self, name: str) -> Container:
        return self.until(name, lambda row: row.state is ContainerState.EXITED)


class Collector(threading.Thread):
    """Reads a stream in a thread of its own."""

    def __init__(self, stream: Any) -> None:
        super().__init__(daemon=True)
        self.stream = stream
        self.items: list[Any] = []
        self.problem: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            for item in self.stream:
                self.items.append(item)
        except BaseException as error:
            self.problem = error

    def until(self, condition: Callable[[list[Any]], bool]) -> list[Any]:
        end = time.monotonic() + TIMEOUT
        while not condition(self.items):
            assert time.monotonic() < end, f"only {self.items} came"
            time.sleep(0.01)
        return self.items

    def ended(self) -> list[Any]:
        self.join(TIMEOUT)
        assert not self.is_alive(), f"the stream goes on after {self.items}"
        assert self.problem is None
        return self.items


def texts(lines: list[LogLine]) -> list[str]:
    return [line.text for line in lines]


def actions(events: list[EngineEvent]) -> list[str]:
    return [event.action for event in events]


class EngineContract:
    """Subclasses are collected where a fixture `lab` gives them an engine."""

    # Containers

    def test_a_container_is_created_runs_and_exits_with_its_code_and_its_logs_stay(self, lab: Lab) -> None:
        """They come in order with their time, those of each run."""
        container = lab.create("one", Act(prints=("a", "b", "c"), exits=3))
        row = lab.rows()["one"]
        assert (row.id, row.state, row.exit_code) == (container, ContainerState.CREATED, None)
        assert row.image == lab.spec("one").image
        assert row.labels.items() >= lab.labels.items()
        lab.engine.start(container)
        assert lab.exited("one").exit_code == 3
        assert lab.rows()["one"].status.startswith("Exited (3)")

        lines = list(lab.engine.logs(container))
        assert texts(lines) == ["a", "b", "c"]
        assert {line.stream for line in lines} == {"stdout"}
        stamps = [line.timestamp for line in lines if line.timestamp]
        assert len(stamps) == 3
        assert stamps == sorted(stamps)
        assert texts(list(lab.engine.logs(container, tail=1))) == ["c"]
        assert texts(list(lab.engine.logs(container, tail=0))) == []
        assert "a" not in texts(list(lab.engine.logs(container, since=stamps[-1])))
        lab.engine.start(container)
        lab.exited("one")
        assert texts(list(lab.engine.logs(container))) == ["a", "b", "c"] * 2

    def test_a_container_is_named_by_name_too_and_may_be_started_again(self, lab: Lab) -> None:
        container = lab.create("one", environment={"EMPTY": "", "GREETING": "hello = world"})
        lab.engine.start(lab.name("one"))
        lab.engine.start(container)
        row = lab.rows()["one"]
        assert (row.state, row.health) == (ContainerState.RUNNING, Health.NONE)
        assert lab.engine.variables(container).items() >= {"EMPTY": "", "GREETING": "hello = world"}.items()
        with pytest.raises(NotFound):
            lab.engine.variables(lab.name("nobody"))

    def test_a_listing_filters_by_label_and_by_value(self, lab: Lab) -> None:
        lab.create("one", labels={**lab.labels, "role": "pause"})
        lab.create("two", labels={**lab.labels, "role": "app"})
        found = lab.engine.list_containers({**lab.labels, "role": "app"})
        assert [row.name for row in found] == [lab.name("two")]
        assert len(lab.engine.list_containers({**lab.labels, "role": ""})) == 2
        assert lab.engine.list_containers({**lab.labels, "role": "other"}) == []
        assert lab.engine.list_containers({"copilot-local-test": f"not-{lab.prefix}"}) == []

    def test_a_container_that_removes_itself_is_gone_when_it_has_ended(self, lab: Lab) -> None:
        container = lab.run("one", Act(), auto_remove=True)
        assert lab.rows()["one"].state is ContainerState.RUNNING
        lab.engine.kill(container)
        end = time.monotonic() + TIMEOUT
        while lab.rows():
            assert time.monotonic() < end, f"still {lab.rows()}"
            time.sleep(0.02)
        lab.engine.remove(container)  # once more is fine

    def test_of_many_that_create_one_name_at_once_one_wins(self, lab: Lab) -> None:
        def create(_: int) -> str | Conflict:
            try:
                return lab.create("lock")
            except Conflict as conflict:
                return conflict

        with ThreadPoolExecutor(6) as pool:
            outcomes = list(pool.map(create, range(6)))
        assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 5
        assert lab.rows()["lock"].id in outcomes

    def test_a_missing_image_is_not_found(self, lab: Lab) -> None:
        with pytest.raises(NotFound, match="nothing-of-that-name"):
            lab.create("one", image="nothing-of-that-name:1")

    def test_a_missing_container_is_found_out_only_where_it_matters(self, lab: Lab) -> None:
        nobody = lab.name("nobody")
        lab.engine.stop(nobody, 1)
        lab.engine.kill(nobody)
        lab.engine.remove(nobody)
        for verb in (
            lambda: lab.engine.start(nobody),
            lambda: lab.engine.logs(nobody),
            lambda: lab.engine.exec(nobody, ["true"]),
            lambda: lab.engine.put_files(nobody, "/tmp", [File("a", b"")]),
            lambda: lab.engine.read_file(nobody, "/a"),
        ):
            with pytest.raises(NotFound):
                verb()

    def test_stop_and_kill_send_a_signal(self, lab: Lab) -> None:
        container = lab.run_until_ready("one")
        lab.engine.stop(container, 10)
        assert lab.exited("one").exit_code == 143
        lab.engine.stop(container, 10)
        lab.engine.start(container)
        Collector(lab.engine.logs(container, follow=True)).until(lambda lines: len(lines) == 2)
        lab.engine.kill(container, "SIGTERM")
        assert lab.exited("one").exit_code == 143
        lab.engine.kill(container, "SIGTERM")

    def test_stop_kills_what_ignores_the_signal(self, lab: Lab) -> None:
        container = lab.run_until_ready("one", deaf=True)
        lab.engine.stop(container, 1)
        assert lab.rows()["one"].exit_code == 137

    def test_the_end_of_a_container_is_awaited(self, lab: Lab) -> None:
        container = lab.run_until_ready("one")
        assert not lab.engine.await_stop(container, 0.2), "it runs"
        with ThreadPoolExecutor() as pool:
            ended = pool.submit(lab.engine.await_stop, container, 30)
            lab.engine.kill(container, "SIGKILL")
            assert ended.result()
        assert lab.rows()["one"].exit_code == 137
        lab.engine.kill(container)
        assert lab.engine.await_stop(lab.name("nobody"), 30)

    def test_a_paused_container_is_listed_as_such_and_goes_on(self, lab: Lab) -> None:
        """With a health check that is none, it has no health either."""
        container = lab.run("one", health_check=HealthCheckSpec(("NONE",)))
        assert lab.rows()["one"].health is Health.NONE
        lab.engine.pause(container)
        lab.engine.pause(container)
        assert lab.rows()["one"].state is ContainerState.PAUSED
        lab.engine.unpause(container)
        lab.engine.unpause(container)
        assert lab.rows()["one"].state is ContainerState.RUNNING
        lab.engine.kill(container)
        lab.exited("one")
        with pytest.raises(EngineError):
            lab.engine.pause(container)

    def test_a_taken_name_is_a_conflict_until_its_container_is_removed_which_may_run(self, lab: Lab) -> None:
        container = lab.run("one", Act(deaf=True))
        with pytest.raises(Conflict, match=lab.name("one")):
            lab.create("one")
        lab.engine.remove(container)
        assert lab.rows() == {}
        lab.engine.remove(container)
        lab.create("one")

    def test_many_threads_may_use_one_engine(self, lab: Lab) -> None:
        def live(number: int) -> None:
            container = lab.run(f"n{number}", Act(prints=(f"line {number}",), exits=number))
            list(lab.engine.logs(container, follow=True))  # ends with the container, perhaps before its last line
            assert lab.exited(f"n{number}").exit_code == number
            assert texts(list(lab.engine.logs(container))) == [f"line {number}"]
            lab.engine.remove(container)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(live, range(4)))
        assert lab.rows() == {}

    # Health and ports

    def test_health_follows_the_check(self, lab: Lab) -> None:
        check = HealthCheckSpec(("CMD", "true"), interval=0.1, timeout=2)
        lab.run("one", Act(healthy=True), health_check=check)
        lab.until("one", lambda row: row.health is Health.HEALTHY)

    def test_a_failing_check_makes_a_container_unhealthy(self, lab: Lab) -> None:
        check = HealthCheckSpec(("CMD", "false"), interval=0.1, timeout=2, retries=1)
        lab.run("one", Act(healthy=False), health_check=check)
        lab.until("one", lambda row: row.health is Health.UNHEALTHY)

    def test_port_0_becomes_a_free_port_which_is_then_in_use(self, lab: Lab) -> None:
        lab.run("one", ports=(PublishedPort(80, 0),))
        (port,) = lab.rows()["one"].ports
        assert (port.container_port, port.host_ip, port.protocol) == (80, "127.0.0.1", "tcp")
        assert port.host_port > 0
        container = lab.create("two", ports=(PublishedPort(80, port.host_port),))
        with pytest.raises(PortInUse, match=f"port {port.host_port} is in use"):
            lab.engine.start(container)

    # Logs and events

    def test_followed_logs_end_with_the_container_or_when_another_thread_closes_them(self, lab: Lab) -> None:
        container = lab.run("one", Act(prints=("a",)))
        streams = [lab.engine.logs(container, follow=True) for _ in range(2)]
        readers = [Collector(stream) for stream in streams]
        for reader in readers:
            reader.until(bool)
        streams[0].close()
        assert texts(readers[0].ended()) == ["a"]
        streams[0].close()
        assert readers[1].is_alive()
        lab.engine.kill(container)
        assert texts(readers[1].ended()) == ["a"]

    def test_events_tell_a_container_s_life(self, lab: Lab) -> None:
        stream = lab.engine.events(lab.labels)
        reader = Collector(stream)
        container = lab.run("one", Act(exits=3))
        lab.create("other", labels={})
        lab.exited("one")
        lab.engine.remove(container)
        lab.engine.remove(lab.name("other"))
        events = reader.until(lambda items: "destroy" in actions(items))
        assert actions(events) == ["create", "start", "die", "destroy"]
        assert {event.container_id for event in events} == {container}
        assert events[2].labels["exitCode"] == "3"
        assert events[2].labels.items() >= lab.labels.items()
        stream.close()
        reader.ended()

    # Networks

    def test_a_network_is_made_once_gives_addresses_and_stays_while_a_container_runs(self, lab: Lab) -> None:
        network = lab.name("net")
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: lab.engine.ensure_network(network, lab.labels), range(4)))
        lab.engine.ensure_network(network, lab.labels)
        assert lab.engine.list_networks(lab.labels) == [network]
        lab.create("one", network=network)
        assert lab.rows()["one"].addresses == {}
        lab.engine.start(lab.name("one"))
        assert list(lab.rows()["one"].addresses) == [network]
        with pytest.raises(Conflict, match="active endpoints"):
            lab.engine.remove_network(network)
        lab.engine.kill(lab.name("one"))
        assert lab.exited("one").addresses == {}
        lab.engine.remove_network(network)
        assert lab.engine.list_networks(lab.labels) == []
        lab.engine.remove_network(network)

    def test_a_container_joins_a_further_network(self, lab: Lab) -> None:
        first, second = lab.name("net"), lab.name("other")
        for network in (first, second):
            lab.engine.ensure_network(network, lab.labels)
        name = lab.run("one", network=first)
        for _ in range(2):
            lab.engine.join_network(name, second, ["also"])
        lab.engine.join_network(name, first, ["also"])
        assert set(lab.rows()["one"].addresses) == {first, second}
        with pytest.raises(NotFound, match=lab.name("gone")):
            lab.engine.join_network(name, lab.name("gone"), [])

    def test_a_container_does_not_start_without_its_network(self, lab: Lab) -> None:
        container = lab.create("one", network=lab.name("gone"))
        with pytest.raises(NotFound, match=lab.name("gone")):
            lab.engine.start(container)

    def test_a_namespace_needs_a_running_owner(self, lab: Lab) -> None:
        owner = lab.create("pause")
        member = lab.create("app", network=f"container:{owner}")
        with pytest.raises(Conflict, match="non running container"):
            lab.engine.start(member)
        lab.engine.start(owner)
        lab.engine.start(member)
        assert lab.rows()["app"].state is ContainerState.RUNNING
        assert lab.rows()["app"].addresses == {}
        lab.engine.kill(owner)
        lab.exited("pause")
        assert lab.rows()["app"].state is ContainerState.RUNNING

    def test_a_namespace_without_its_owner_is_not_found(self, lab: Lab) -> None:
        nobody = lab.name("nobody")
        with pytest.raises(NotFound, match=nobody):
            lab.run("app", network=f"container:{nobody}")

    def test_what_belongs_to_the_namespace_s_owner_is_refused(self, lab: Lab) -> None:
        owner = lab.create("pause")
        cases: dict[str, dict[str, Any]] = {
            "hostname": {"hostname": "app"},
            "dns": {"dns": ("10.0.0.2",)},
            "custom host-to-IP mapping": {"extra_hosts": ("a:10.0.0.1",)},
            "port publishing": {"ports": (PublishedPort(80, 0),)},
        }
        for words, fields in cases.items():
            with pytest.raises(EngineError, match=f"conflicting options: {words}"):
                lab.create("app", network=f"container:{owner}", **fields)

    # Volumes and files

    def test_a_volume_is_made_once_and_stays_while_used(self, lab: Lab) -> None:
        volume = lab.name("data")
        place = lab.engine.ensure_volume(volume, lab.labels)
        assert lab.engine.ensure_volume(volume, lab.labels) == place
        assert volume in place
        assert lab.engine.list_volumes(lab.labels) == {volume: lab.labels}
        container = lab.create("one", mounts=(Mount(volume, "/data"),))
        with pytest.raises(Conflict, match="in use"):
            lab.engine.remove_volume(volume)
        lab.engine.remove(container)
        lab.engine.remove_volume(volume)
        lab.engine.remove_volume(volume)
        assert lab.engine.list_volumes(lab.labels) == {}

    def test_files_go_in_and_come_back(self, lab: Lab) -> None:
        """Before a container runs, and while it does."""
        container = lab.create("one")
        for content in (bytes(range(256)) * 1000, b"later"):
            lab.engine.put_files(container, "/tmp", [File("a", b"first"), File("sub/folder/b", content)])
            assert lab.engine.read_file(container, "/tmp/sub/folder/b") == content
            lab.engine.put_files(container, "/tmp", [File("a", b"second")])
            assert lab.engine.read_file(container, "/tmp/a") == b"second"
            lab.engine.start(container)

    def test_a_missing_folder_is_made_and_a_missing_file_not_found(self, lab: Lab) -> None:
        container = lab.create("one")
        lab.engine.put_files(container, "/not/there/yet", [File("a", b"1")])
        assert lab.engine.read_file(container, "/not/there/yet/a") == b"1"
        with pytest.raises(NotFound, match="/tmp/nothing"):
            lab.engine.read_file(container, "/tmp/nothing")

    def test_files_in_a_volume_are_seen_by_all_that_mount_it(self, lab: Lab) -> None:
        volume = lab.name("data")
        lab.engine.ensure_volume(volume, lab.labels)
        writer = lab.create("one", mounts=(Mount(volume, "/in"),), read_only=True)
        reader = lab.create("two", mounts=(Mount(volume, "/out", read_only=True),))
        lab.engine.put_files(writer, "/in", [File("a", b"1")])
        assert lab.engine.read_file(reader, "/out/a") == b"1"
        with pytest.raises(EngineError):
            lab.engine.put_files(reader, "/out", [File("b", b"1")])
        with pytest.raises(EngineError):
            lab.engine.put_files(writer, "/tmp", [File("b", b"1")])

    # Commands

    def test_commands_run_only_in_a_running_container_and_their_streams_answer(self, lab: Lab) -> None:
        container = lab.create("one")
        with pytest.raises(Conflict, match="is not running"):
            lab.engine.exec(container, ["true"])
        with pytest.raises(Conflict, match="is not running"):
            lab.engine.exec_stream(container, ["cat"])
        lab.engine.start(container)
        assert lab.engine.exec(container, ["true"]).exit_code == 0

        stream = lab.engine.exec_stream(container, ["cat"])
        lines = stream.lines()
        stream.write(b"one\ntwo\n")
        assert [next(lines), next(lines)] == [b"one", b"two"]
        assert stream.exit_code() is None
        stream.write(b"three")
        stream.close_stdin()
        assert list(lines) == [b"three"]
        assert stream.error_output() == b""
        end = time.monotonic() + TIMEOUT
        while (code := stream.exit_code()) is None:
            assert time.monotonic() < end
            time.sleep(0.01)
        assert code == 0
        stream.close()
        stream.close()

        stream = lab.engine.exec_stream(container, ["cat"])
        reader = Collector(stream.lines())
        stream.write(b"one\n")
        reader.until(bool)
        stream.close()  # from another thread than the one that reads
        assert reader.ended() == [b"one"]

    def test_what_a_command_writes_is_passed_on_as_it_is(self, lab: Lab) -> None:
        container = lab.run("one")
        stream = lab.engine.exec_command(container, ["cat"])
        stream.write(b"one\n\0two")
        stream.close_stdin()
        frames = list(stream.frames())
        assert b"".join(data for _, data in frames) == b"one\n\0two"
        assert {number for number, _ in frames} == {1}
        assert stream.wait() == 0
        stream.close()

    # Images

    def test_an_image_that_is_not_there_is_none(self, lab: Lab) -> None:
        assert lab.engine.image("nothing-of-that-name:1") is None

    def test_an_image_is_found_by_name_and_id(self, lab: Lab) -> None:
        image = lab.engine.image(lab.spec("one").image)
        assert image is not None
        assert lab.engine.image(image.id) == image

    def test_a_pull_that_fails_says_which_image_and_what_to_do(self, lab: Lab) -> None:
        with pytest.raises(ImageError, match="cannot pull localhost:1/nothing:1") as caught:
            lab.engine.pull("localhost:1/nothing:1")
        assert caught.value.hint

    def test_a_build_without_its_inputs_names_the_path(self, lab: Lab, tmp_path: Path) -> None:
        missing = tmp_path / "missing"
        with pytest.raises(ImageError, match="missing is not a folder"):
            lab.engine.build(BuildSpec(missing, missing / "Dockerfile", lab.name("image")))
        with pytest.raises(ImageError, match=r"no Dockerfile at .*Dockerfile"):
            lab.engine.build(BuildSpec(tmp_path, tmp_path / "Dockerfile", lab.name("image")))
