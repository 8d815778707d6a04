"""Jobs, scale, restart, stop and exec, as a user asks for them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker.command import COMMAND
from tests.docker.e2e import small
from tests.docker.e2e.conftest import Beside
from tests.docker.e2e.test_watch import Watched
from tests.docker.project import MakeProject, Project, docker, free_port, wait_until

pytestmark = pytest.mark.docker

JOB = """
name: nightly
type: Scheduled Job
image:
  location: busybox:1.37
on:
  schedule: "@daily"
command: "true"
"""


@pytest.fixture(scope="module")
def limited() -> list[str]:
    """The ids of containers of whose control groups nothing may be left at the end."""
    return []


@pytest.fixture(scope="module")
def shared(make_shared_project: MakeProject, limited: list[str]) -> Iterator[Project]:
    """What the tests below do things to."""
    project = small.web(make_shared_project(""), small.SIDE)
    yield project
    project.run("down").ok()
    wait_until(lambda: groups(limited) == [], lambda: str(groups(limited)))


@pytest.fixture
def web(shared: Project) -> Project:
    """The service, up and healthy with one task, whatever was done to it before."""
    shared.up()
    assert len(shared.tasks()) == 1
    return shared


def id_of(container: str) -> str:
    return docker("inspect", container, "--format", "{{.Id}}").strip()


def groups(containers: list[str]) -> list[str]:
    """The control groups that are named after these ids. `walk` does not mind those of others that go meanwhile."""
    folders = [folder for folder, _, _ in os.walk("/sys/fs/cgroup")] if containers else []
    return [folder for folder in folders if any(container in folder for container in containers)]


def test_a_bare_up_leaves_jobs_alone(web: Project, tmp_path: Path) -> None:
    """In a folder with nothing but a job, beside a service that runs."""
    only_a_job = Beside(tmp_path, web)
    only_a_job.write("copilot/nightly/manifest.yml", JOB)
    result = only_a_job.run("up", "-d")
    assert result.code == 2
    assert "copilot-local run nightly" in result.err
    assert only_a_job.everything() == []


def test_scale_restart_exec_and_stop(web: Project) -> None:
    tasks = web.tasks()
    web.run("restart").ok()
    replaced = web.tasks()
    assert len(replaced) == 1
    assert replaced.isdisjoint(tasks)
    web.run("scale", "hello=2").ok()
    assert len(web.tasks()) == 2
    assert web.tasks() > replaced
    result = web.run("exec", "hello", "sh", "-c", "echo from $COPILOT_SERVICE_NAME; exit 3")
    assert (result.code, result.out) == (3, "from hello\n")
    (web.folder / "note.txt").write_text("from here")
    web.run("cp", "note.txt", "side:/tmp/there.txt").ok()
    web.run("cp", "hello/side:/tmp/there.txt", "back.txt").ok()
    assert (web.folder / "back.txt").read_text() == "from here"
    assert web.run("cp", "side:/tmp/nothing", "x").code == 1
    assert "no container api is running" in web.run("cp", "api:/x", "x").err
    words = {"COMP_WORDS": f"copilot-local exec -a {web.app} h", "COMP_CWORD": "4"}
    completed = web.run("exec", variables={"_COPILOT_LOCAL_COMPLETE": "complete_bash", **words})
    assert completed.out.split() == ["hello"]
    web.run("stop", "hello").ok()
    assert [c for c in web.containers() if c.task] == []
    assert web.get("/api/x").status_code == 503
    assert any(line.split()[:6] == ["hello", "-", "-", "-", "0", "tasks"] for line in web.run("ps").out.splitlines())


def test_exec_takes_what_docker_exec_takes_and_names_are_corrected(web: Project) -> None:
    script = "pwd; echo $LEVEL; id -u"
    options = ("-i", "-u", "nobody", "-w", "/etc", "-e", "LEVEL=debug", "-e", "test")
    done = web.run("exec", *options, "side", "--", "sh", "-c", script).ok()
    assert done.out.split()[:2] == ["/etc", "debug"]
    assert done.out.split()[2] != "0"
    assert web.run("exec", "-t", "side", "true").code == 2
    for command in (["exec", "sied"], ["cp", "sied:/etc/hosts", "."]):
        assert "did you mean side?" in web.run(*command).err
    for command in (["ps", "-n", "helo"], ["restart", "helo"], ["stop", "helo"], ["port", "-n", "helo"]):
        assert "hello?" in web.run(*command).err
    assert "side is a container of hello" in web.run("restart", "side").err
    listed = web.run("ls").ok().out
    assert any(line.split()[:2] == [web.app, "test"] for line in listed.splitlines())


def test_what_a_command_of_exec_writes_comes_as_it_is_and_at_once(web: Project) -> None:
    """A dump or an archive that is written to a file is what it was, and progress on standard error is seen."""
    words = [str(COMMAND), "exec", "-a", web.app, "side", "--", "sh", "-c", "printf begun >&2; cat; printf end"]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, cwd=web.folder, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stderr is not None
        assert process.stderr.read(5) == b"begun", "before its input has ended"
        data = b"\0\r\n" + bytes(range(256)) * 1000
        assert process.communicate(data, timeout=60) == (data + b"end", b"")
    assert process.returncode == 0


def test_a_debugger_finds_its_port_until_it_is_not_wanted_any_more(web: Project) -> None:
    port = free_port()
    server = "sh -c 'trap exit TERM; while :; do echo from the debugger | nc -l -p 5678 & wait; done'"
    result = web.run(
        "up", "-d", "--port", str(web.port), "--debug", f"hello={port}:5678", "--debug-command", f"hello={server}"
    ).ok()
    assert f"hello: a debugger finds port 5678 at 127.0.0.1:{port}" in result.err
    [debugged] = web.tasks()

    def said() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            return connection.recv(100) == b"from the debugger\n"
        return False

    wait_until(said, "the debugged program answers")
    web.up()
    assert web.get("/api/x").status_code == 200
    assert debugged not in web.tasks()
    assert not said()


def test_history_says_why_a_task_stopped(web: Project) -> None:
    [task] = {c.task for c in web.containers() if c.task}
    web.run("stop", task[:8]).ok()

    def told() -> list[tuple[str, str | None]]:
        found = json.loads(web.run("inspect", task[:8]).ok().out)["tasks"]
        return [(t["lastStatus"], t.get("stopCode")) for t in found]

    wait_until(lambda: told() == [("STOPPED", "UserInitiated")], lambda: str(told()))
    events = [json.loads(line) for line in web.run("events").ok().out.splitlines()]
    of_tasks = [event["detail"] for event in events if event["detail-type"] == "ECS Task State Change"]
    assert any(detail["lastStatus"] == "RUNNING" for detail in of_tasks)


def test_the_task_as_a_whole_is_limited(web: Project, limited: list[str]) -> None:
    pause, hello = web.container("pause"), web.container("hello")
    limited.append(id_of(pause))
    driver, version = docker("info", "--format", "{{.CgroupDriver}} {{.CgroupVersion}}").split()
    bounded = pause if (driver, version) == ("cgroupfs", "1") else hello
    shown = docker("inspect", bounded, "--format", "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}").split()
    assert shown == [str(512 * 1024 * 1024), "250000000"]
    if bounded == pause:
        assert docker("inspect", hello, "--format", "{{.HostConfig.CgroupParent}}").strip() == f"/docker/{id_of(pause)}"
    tasks = json.loads(web.run("inspect").ok().out)["tasks"]
    [task] = [it for it in tasks if it["lastStatus"] == "RUNNING"]
    scope = "task" if bounded == pause else "container"
    assert task["attributes"] == [{"name": "copilot-local.limits", "value": scope}]


def test_ctrl_c_of_an_up_that_joined_leaves_the_service_to_its_agent(web: Project) -> None:
    (task,) = web.tasks()
    joined = web.foreground()
    web.get("/api/who-asked")
    joined.wait_for("/api/who-asked")
    joined.signal(signal.SIGINT)
    result = joined.wait()
    assert result.code == 130
    assert "Ctrl-C ends this command and leaves it running" in result.err
    assert "Detached and still running" in result.err
    assert "stopping" not in result.err
    assert web.tasks() == {task}
    assert web.answers("/api/x")


def test_ctrl_c_of_a_watch_leaves_an_environment_running_that_ran_before(web: Project) -> None:
    tasks = web.tasks()
    watched = Watched(web)
    assert "Ctrl-C ends this command and leaves it running" in watched.running.printed()
    watched.running.signal(signal.SIGINT)
    result = watched.running.wait()
    assert result.code == 130
    assert "Detached and still running" in result.err
    assert "stopping" not in result.err
    assert web.tasks() == tasks
