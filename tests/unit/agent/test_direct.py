"""The agent's socket in a folder of the user: what runs, and what was printed, without a question to Docker."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.cli.observe.log_lines import print_direct
from emulator.engine.fake import Behaviour
from emulator.engine.interface import ContainerState, ExecResult
from emulator.errors import CopilotLocalError, EngineError
from emulator.runtime.control import client, direct
from emulator.runtime.control.http import AgentError, Connection, done, request
from emulator.runtime.reports.direct_overview import direct_overview
from emulator.runtime.reports.overview import overview
from emulator.runtime.state.desired import Private
from emulator.runtime.state.names import Names
from tests.unit.agent.rig import Rig
from tests.unit.runtime.world import DEMO, desired_state, make_service

HOST = "unix:///nowhere/docker.sock"


@pytest.fixture
def here(rig: Rig, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """An agent whose daemon runs on this machine, and which can be reached in the folder alone."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setenv("DOCKER_HOST", HOST)
    rig.engine.engine_info = replace(rig.engine.engine_info, host=HOST, shares_folders=True)
    made = direct.make_folder(DEMO, rig.engine.info())
    assert made is not None
    rig.socket = made / direct.SOCKET
    supervisor = rig.boot(desired_state(make_service()))
    rig.engine.behave(DEMO.agent, Behaviour())
    rig.agent.hold(Private()).hand_over()
    supervisor.look()
    return rig


def test_the_agent_says_what_docker_lists(here: Rig) -> None:
    assert direct_overview(DEMO) == overview(here.engine, DEMO)
    [task] = here.tasks
    found = direct_overview(DEMO)
    assert found is not None
    assert task.id in {row.task_id for row in found.containers}


def test_what_stops_is_in_the_next_answer(here: Rig) -> None:
    here.engine.finish(here.container("hello"), 3)
    found = direct_overview(DEMO)
    assert found is not None
    [row] = [row for row in found.containers if row.name == "hello"]
    assert (row.state, row.exit_code) == ("exited", 3)


def test_an_agent_that_is_gone_says_nothing(here: Rig) -> None:
    here.close()
    assert here.socket.exists()
    assert direct_overview(DEMO) is None
    assert not print_direct(DEMO, [], None, router=False, timestamps=False, as_json=False)


def test_another_daemon_is_not_answered_for(here: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///elsewhere/docker.sock")
    assert direct_overview(DEMO) is None


def test_an_environment_is_not_answered_for_by_the_agent_of_another(
    here: Rig, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Names("demo", "other")
    direct.folder_of(DEMO).rename(direct.folder_of(other))
    assert direct.answer(other, "overview") is not None
    assert direct_overview(other) is None
    assert not print_direct(other, [], None, router=False, timestamps=False, as_json=False)


def test_an_agent_that_does_not_know_the_request_is_as_none(here: Rig) -> None:
    assert direct.messages(DEMO, "horoscope") is None


@pytest.mark.parametrize(
    ("tail", "printed"), [(None, "hello | one\nhello | two\nhello | three\n"), (2, "hello | two\nhello | three\n")]
)
def test_what_a_container_printed(
    here: Rig, capsys: pytest.CaptureFixture[str], tail: int | None, printed: str
) -> None:
    for text in ("one", "two", "three"):
        here.engine.print_line(here.container("hello"), text)
    assert print_direct(DEMO, ["hello"], tail, router=False, timestamps=False, as_json=False)
    assert capsys.readouterr().out == printed


def test_more_lines_than_go_into_one_message(here: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(1000):
        here.engine.print_line(here.container("hello"), f"line {number}")
    assert print_direct(DEMO, [], None, router=False, timestamps=False, as_json=False)
    assert capsys.readouterr().out.splitlines() == [f"hello/hello | line {number}" for number in range(1000)]


def test_a_service_that_has_no_task_is_left_to_docker(here: Rig) -> None:
    assert not print_direct(DEMO, ["absent"], None, router=False, timestamps=False, as_json=False)


def test_an_answer_that_breaks_off_is_an_error(
    here: Rig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(*_: object) -> None:
        raise AgentError("the disk is gone")

    here.engine.print_line(here.container("hello"), "one")
    monkeypatch.setattr("emulator.runtime.reports.printed_lines.print_so_far", failing)
    with pytest.raises(CopilotLocalError, match="the disk is gone"):
        print_direct(DEMO, [], None, router=False, timestamps=False, as_json=False)


def test_a_command_that_dies_leaves_the_agent_in_charge(
    here: Rig, until: Callable[[Callable[[], object]], None]
) -> None:
    stream = direct.connect(DEMO, HOST)
    assert stream is not None
    done(Connection(stream).ask(request("POST", "hold", body={"private": {}})))
    assert not here.agent.status()["acting"]
    stream.close()
    until(lambda: here.agent.status()["acting"])


def test_a_folder_of_others_is_not_used(folder: Path, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    info = replace(rig.engine.info(), host=HOST, shares_folders=True)
    made = direct.make_folder(DEMO, info)
    assert made is not None
    assert made.stat().st_mode & 0o777 == 0o700
    made.chmod(0o777)
    assert direct.make_folder(DEMO, info) is None


def test_a_daemon_elsewhere_gets_no_folder(folder: Path, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    assert direct.make_folder(DEMO, replace(rig.engine.info(), host=HOST)) is None
    assert direct.daemon_of(DEMO) == ""


def test_an_agent_that_hangs_is_as_none(here: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    here.close()
    here.socket.unlink()
    monkeypatch.setattr(direct, "FIRST_ANSWER_TIMEOUT", 0.1)
    with socket.socket(socket.AF_UNIX) as hanging:
        hanging.bind(str(here.socket))
        hanging.listen()
        assert direct_overview(DEMO) is None
        assert not print_direct(DEMO, [], None, router=False, timestamps=False, as_json=False)


@pytest.mark.parametrize("waits", [False, True], ids=["idle", "while a thread waits for a line"])
def test_a_connection_that_was_closed_is_closed_at_once(waits: bool) -> None:
    """Not when its last reference goes: the file that reads it would keep it open until then."""
    ours, agents = socket.socketpair()
    number = ours.fileno()
    stream = direct.SocketStream(ours)
    with agents, ThreadPoolExecutor(1) as pool:
        agents.sendall(b"first\n")
        lines = stream.lines()
        assert next(lines) == b"first"
        waiting = pool.submit(next, lines, None) if waits else None
        stream.close()
        assert waiting is None or waiting.result(20) is None
        assert agents.recv(1) == b""
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(number)


def test_a_connection_that_is_closed_just_when_a_line_has_come_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that reads holds the file meanwhile, and need not read on."""
    ours, agents = socket.socketpair()
    number = ours.fileno()
    stream = direct.SocketStream(ours)
    file = stream._file

    class ClosedMeanwhile:
        close = file.close

        def readline(self) -> bytes:
            line = file.readline()
            stream.close()
            return line

    monkeypatch.setattr(stream, "_file", ClosedMeanwhile())
    with agents:
        agents.sendall(b"first\n")
        assert next(stream.lines()) == b"first"
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(number)


def test_an_answer_that_is_not_read_is_hung_up_on(here: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    streams: list[direct.SocketStream] = []
    connect = direct.connect

    def remember(environment: Names, host: str) -> direct.SocketStream | None:
        stream = connect(environment, host)
        assert stream is not None
        streams.append(stream)
        return stream

    monkeypatch.setattr(direct, "connect", remember)
    messages = direct.messages(DEMO, "overview")
    assert messages is not None
    del messages
    [stream] = streams
    assert stream._connection.fileno() == -1


class TestAnAgentThatWasJustStarted:
    @pytest.fixture(autouse=True)
    def looks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(client, "SOCKET_LOOK", 0.01)
        monkeypatch.setattr(client, "SOCKET_TIMEOUT", 1000.0)  # longer than a test may take

    def test_is_waited_for_and_not_asked_through_docker(self, here: Rig) -> None:
        hidden = here.socket.rename(here.socket.with_name("later"))
        listens = threading.Timer(0.2, hidden.rename, [here.socket])
        listens.start()
        here.agent.hold(Private()).hand_over()
        listens.join()
        assert {command[0] for _, command in here.engine.execs} <= {"test"}

    def test_is_asked_through_docker_where_its_daemon_mounts_a_folder_of_another_machine(
        self, here: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = here.socket.parent
        here.socket = here.socket.rename(tmp_path / "agent.sock")
        monkeypatch.setattr(here.engine, "exec", lambda container, command: ExecResult(1, b"", b""))
        here.agent.hold(Private()).hand_over()
        assert here.agent.status()["acting"]
        assert not folder.exists(), "the next command does not wait for it"

    def test_is_not_waited_for_where_it_has_ended(self, here: Rig) -> None:
        here.socket.unlink()
        here.engine.remove(DEMO.agent)
        with pytest.raises(EngineError):
            here.agent.hold(Private())


class TestRetiring:
    """What `down` asks for before it has loaded what it needs of Docker."""

    def test_tasks_stop_while_the_command_loads_and_nothing_is_removed(
        self, here: Rig, until: Callable[[Callable[[], object]], None]
    ) -> None:
        connection = direct.retire(DEMO, 7)
        assert connection is not None
        until(lambda: {c.state for c in here.observed.containers if c.name != DEMO.agent} == {ContainerState.EXITED})
        assert here.engine.stop_timeouts[here.container("hello")] == 7
        assert not here.supervisor.abandoned.is_set()
        connection.close()
        until(here.supervisor.abandoned.is_set)

    def test_the_agent_of_another_environment_with_the_same_prefix_refuses(self, folder: Path, rig: Rig) -> None:
        del folder
        supervisor = rig.boot(desired_state(make_service()))
        connection = Connection(rig.connect(()))
        body = {"app": "demo-test", "environment": "x", "stop": True}
        with pytest.raises(AgentError, match="this is the agent of demo/test"):
            done(connection.ask(request("POST", "retire", body=body)))
        assert not supervisor.control.retired.is_set()

    def test_nothing_is_begun_where_no_agent_listens(self, here: Rig) -> None:
        direct.remove_folder(DEMO)
        assert direct.retire(DEMO, None) is None
        assert here.supervisor.control.retired.is_set() is False
