"""Copying files into running containers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.engine.fake import Behaviour, FakeEngine
from emulator.engine.interface import ContainerSpec, ExecResult
from emulator.errors import NotFound, TaskError
from emulator.model import from_plain
from emulator.runtime.state.observed import Member
from emulator.runtime.watch.files import WatchedSync
from emulator.runtime.watch.sync import copy
from emulator.settings import SyncRule


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "css").mkdir()
    (tmp_path / "css" / "a.css").write_text("a", encoding="utf-8")
    script = tmp_path / "run.sh"
    script.write_text("#!/bin/sh\n", encoding="utf-8")
    script.chmod(0o755)
    return tmp_path


def sync(source: Path, target: str = "/app", **fields: str) -> WatchedSync:
    rule = from_plain(SyncRule, {"service": "web", "source": str(source), "target": target, **fields})
    return WatchedSync("web", "web", source, rule)


def running(engine: FakeEngine, name: str = "web", behaviour: Behaviour | None = None) -> Member:
    engine.add_image("web")
    if behaviour:
        engine.behave(name, behaviour)
    engine.create_container(ContainerSpec(name, "web"))
    engine.start(name)
    return Member(next(row for row in engine.list_containers({}) if row.name == name))


def test_files_keep_their_place_and_their_mode(source: Path) -> None:
    engine = FakeEngine()
    member = running(engine)
    assert copy(engine, sync(source), [member], [source / "css" / "a.css", source / "run.sh"]) == 1
    assert engine.read_file("web", "/app/css/a.css") == b"a"
    assert engine.read_file("web", "/app/run.sh") == b"#!/bin/sh\n"
    assert engine.execs == []


def test_a_single_file_goes_to_the_target_itself(source: Path) -> None:
    engine = FakeEngine()
    copy(engine, sync(source / "run.sh", "/bin/start"), [running(engine)], [source / "run.sh"])
    assert engine.read_file("web", "/bin/start") == b"#!/bin/sh\n"


def test_a_folder_that_came_as_a_whole_is_copied_with_all_below_it(source: Path) -> None:
    engine = FakeEngine()
    copy(engine, sync(source), [running(engine)], [source / "css"])
    assert engine.read_file("web", "/app/css/a.css") == b"a"


def test_what_is_gone_here_is_removed_there(source: Path) -> None:
    engine = FakeEngine()
    member = running(engine)
    copy(engine, sync(source), [member], [source / "gone"])
    assert [words for _, words in engine.execs] == [("rm", "-rf", "--", "/app/gone")]


def test_a_file_in_the_place_of_a_folder_takes_it_there_too(source: Path) -> None:
    file = source / "css" / "a.css"
    file.unlink()
    file.parent.rmdir()
    file.parent.write_text("now a file", encoding="utf-8")
    engine = FakeEngine()

    def removed(words: Sequence[str]) -> ExecResult:
        assert list(words) == ["rm", "-rf", "--", "/app/css"]
        with pytest.raises(NotFound):
            engine.read_file("web", "/app/css")
        return ExecResult(0, b"", b"")

    copy(engine, sync(source), [running(engine, behaviour=Behaviour(exec=removed))], [file, file.parent])
    assert len(engine.execs) == 1
    assert engine.read_file("web", "/app/css") == b"now a file"


def test_the_command_runs_after_the_copy_in_every_container_that_runs(source: Path) -> None:
    engine = FakeEngine()
    members = [running(engine, "one"), running(engine, "two"), running(engine, "ended")]
    engine.finish("ended")
    rows = {row.name: row for row in engine.list_containers({})}
    members = [Member(rows[name]) for name in ("one", "two", "ended")]
    assert copy(engine, sync(source, command="reload"), members, [source / "run.sh"]) == 2
    assert [words for _, words in engine.execs] == [("sh", "-c", "reload")] * 2


def test_the_signal_is_sent(source: Path) -> None:
    engine = FakeEngine()
    copy(engine, sync(source, signal="SIGHUP"), [running(engine)], [source / "run.sh"])
    assert [row.exit_code for row in engine.list_containers({})] == [129]


def test_a_command_that_fails_is_told_with_its_last_line(source: Path) -> None:
    def fail(words: Sequence[str]) -> ExecResult:
        return ExecResult(3, b"checking\n", b"no such worker\n")

    engine = FakeEngine()
    member = running(engine, behaviour=Behaviour(exec=fail))
    with pytest.raises(TaskError) as caught:
        copy(engine, sync(source, command="reload"), [member], [source / "run.sh"])
    assert caught.value.message == "the command of the sync rule ended with code 3: no such worker"


def test_a_link_that_leads_out_of_the_workspace_is_not_followed(
    source: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("home")
    (home / "credentials").write_text("hush", encoding="utf-8")
    (source / "static").mkdir()
    (source / "static" / "key").symlink_to(home / "credentials")
    (source / "static" / "aws").symlink_to(home)
    (source / "static" / "inside").symlink_to(source / "css" / "a.css")
    (source / "static" / "b.css").write_text("b", encoding="utf-8")
    engine = FakeEngine()
    rule = replace(sync(source / "static"), root=source)
    with pytest.raises(TaskError, match="lead out of") as caught:
        copy(engine, rule, [running(engine)], [source / "static", source / "static" / "aws"])
    assert str(source / "static" / "key") in str(caught.value)
    assert engine.read_file("web", "/app/b.css") == b"b"
    assert engine.read_file("web", "/app/inside") == b"a"
    for path in ("/app/key", "/app/aws/credentials"):
        with pytest.raises(NotFound):
            engine.read_file("web", path)
