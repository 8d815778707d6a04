"""Jobs, plain task definitions, scale, restart, stop and exec, as a user asks for them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket

import pytest

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
command: "sh -c 'echo working as $COPILOT_SERVICE_NAME; exit {code}'"
"""


@pytest.fixture(scope="module")
def shared(make_shared_project: MakeProject) -> Project:
    """The example that the tests below do things to."""
    return make_shared_project("nginx-sidecar")


@pytest.fixture
def nginx(shared: Project) -> Project:
    """The example, up and healthy with one task, whatever was done to it before."""
    shared.run("up", "-d", "--wait", "--port", str(shared.port)).ok()
    assert len(shared.tasks()) == 1
    return shared


def test_a_job_runs_once_and_its_code_is_the_commands(empty: Project) -> None:
    empty.write("copilot/nightly/manifest.yml", JOB.format(code=4))
    result = empty.run("run", "nightly")
    assert result.code == 4
    assert "nightly | working as nightly" in result.out
    assert empty.containers() == []


def test_a_bare_up_leaves_jobs_alone(empty: Project) -> None:
    empty.write("copilot/nightly/manifest.yml", JOB.format(code=0))
    result = empty.run("up", "-d")
    assert result.code == 2
    assert "copilot-local run nightly" in result.err
    assert empty.containers() == []


def test_a_plain_task_definition_runs(empty: Project) -> None:
    container = {"name": "web", "image": "nginx:1.27", "portMappings": [{"containerPort": 80}]}
    definition = {"family": "plain", "networkMode": "awsvpc", "containerDefinitions": [container]}
    empty.write("td.json", json.dumps(definition))
    empty.up("--task-definition", "td.json")
    assert "nginx" in empty.get("/").text


def test_scale_restart_exec_and_stop(nginx: Project) -> None:
    nginx.run("scale", "hello=2").ok()
    tasks = {c.task for c in nginx.containers() if c.task}
    assert len(tasks) == 2
    nginx.run("restart").ok()
    replaced = {c.task for c in nginx.containers() if c.task}
    assert len(replaced) == 2
    assert replaced.isdisjoint(tasks)
    result = nginx.run("exec", "hello", "sh", "-c", "echo from $COPILOT_SERVICE_NAME; exit 3")
    assert (result.code, result.out) == (3, "from hello\n")
    (nginx.folder / "note.txt").write_text("from here")
    nginx.run("cp", "note.txt", "nginx:/tmp/there.txt").ok()
    nginx.run("cp", "nginx:/tmp/there.txt", "back.txt").ok()
    assert (nginx.folder / "back.txt").read_text() == "from here"
    assert nginx.run("cp", "nginx:/tmp/nothing", "x").code == 1
    assert "no container api is running" in nginx.run("cp", "api:/x", "x").err
    words = {"COMP_WORDS": f"copilot-local exec -a {nginx.app} h", "COMP_CWORD": "4"}
    completed = nginx.run("exec", variables={"_COPILOT_LOCAL_COMPLETE": "complete_bash", **words})
    assert completed.out.split() == ["hello"]
    nginx.run("stop", "hello").ok()
    assert [c for c in nginx.containers() if c.task] == []
    assert nginx.get("/api/x").status_code == 503
    assert any(line.split()[:6] == ["hello", "-", "-", "-", "0", "tasks"] for line in nginx.run("ps").out.splitlines())


def test_exec_takes_what_docker_exec_takes_and_names_are_corrected(nginx: Project) -> None:
    script = "pwd; echo $LEVEL; id -u"
    options = ("-i", "-u", "nobody", "-w", "/etc", "-e", "LEVEL=debug", "-e", "test")
    done = nginx.run("exec", *options, "nginx", "--", "sh", "-c", script).ok()
    assert done.out.split()[:2] == ["/etc", "debug"]
    assert done.out.split()[2] != "0"
    assert nginx.run("exec", "-t", "nginx", "true").code == 2
    for command in (["exec", "ngnix"], ["cp", "ngnix:/etc/hosts", "."]):
        assert "did you mean nginx?" in nginx.run(*command).err
    for command in (["ps", "-n", "helo"], ["restart", "helo"], ["stop", "helo"], ["port", "-n", "helo"]):
        assert "hello?" in nginx.run(*command).err
    assert "nginx is a container of hello" in nginx.run("restart", "nginx").err
    listed = nginx.run("ls").ok().out
    assert any(line.split()[:2] == [nginx.app, "test"] for line in listed.splitlines())


def test_a_debugger_finds_its_port_until_it_is_not_wanted_any_more(nginx: Project) -> None:
    port = free_port()
    server = "sh -c 'trap exit TERM; while :; do echo from the debugger | nc -l -p 5678 & wait; done'"
    result = nginx.run(
        "up", "-d", "--port", str(nginx.port), "--debug", f"hello={port}:5678", "--debug-command", f"hello={server}"
    ).ok()
    assert f"hello: a debugger finds port 5678 at 127.0.0.1:{port}" in result.err
    [debugged] = nginx.tasks()

    def said() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            return connection.recv(100) == b"from the debugger\n"
        return False

    wait_until(said, "the debugged program answers")
    nginx.up()
    assert nginx.get("/api/x").status_code == 200
    assert debugged not in nginx.tasks()
    assert not said()


def test_history_says_why_a_task_stopped(nginx: Project) -> None:
    [task] = {c.task for c in nginx.containers() if c.task}
    nginx.run("stop", task[:8]).ok()

    def told() -> list[tuple[str, str | None]]:
        found = json.loads(nginx.run("inspect", task[:8]).ok().out)["tasks"]
        return [(t["lastStatus"], t.get("stopCode")) for t in found]

    wait_until(lambda: told() == [("STOPPED", "UserInitiated")], lambda: str(told()))
    events = [json.loads(line) for line in nginx.run("events").ok().out.splitlines()]
    of_tasks = [event["detail"] for event in events if event["detail-type"] == "ECS Task State Change"]
    assert any(detail["lastStatus"] == "RUNNING" for detail in of_tasks)


def test_the_task_as_a_whole_is_limited(nginx: Project) -> None:
    pause, hello = nginx.container("pause"), nginx.container("hello")
    driver, version = docker("info", "--format", "{{.CgroupDriver}} {{.CgroupVersion}}").split()
    limited = pause if (driver, version) == ("cgroupfs", "1") else hello
    shown = docker("inspect", limited, "--format", "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}").split()
    assert shown == [str(512 * 1024 * 1024), "250000000"]
    if limited == pause:
        pause_id = docker("inspect", pause, "--format", "{{.Id}}").strip()
        assert docker("inspect", hello, "--format", "{{.HostConfig.CgroupParent}}").strip() == f"/docker/{pause_id}"
    tasks = json.loads(nginx.run("inspect").ok().out)["tasks"]
    [task] = [it for it in tasks if it["lastStatus"] == "RUNNING"]
    scope = "task" if limited == pause else "container"
    assert task["attributes"] == [{"name": "copilot-local.limits", "value": scope}]
    pause_id = docker("inspect", pause, "--format", "{{.Id}}").strip()
    nginx.run("down").ok()

    def groups() -> list[str]:  # `walk` does not mind the groups of other containers that go meanwhile
        return [folder for folder, _, _ in os.walk("/sys/fs/cgroup") if pause_id in folder]

    wait_until(lambda: groups() == [], lambda: str(groups()))


def test_ctrl_c_of_an_up_that_joined_leaves_the_service_to_its_agent(nginx: Project) -> None:
    (task,) = nginx.tasks()
    joined = nginx.foreground()
    nginx.get("/api/who-asked")
    joined.wait_for("/api/who-asked")
    joined.signal(signal.SIGINT)
    result = joined.wait()
    assert result.code == 130
    assert "Ctrl-C ends this command and leaves it running" in result.err
    assert "Detached and still running" in result.err
    assert "stopping" not in result.err
    assert nginx.tasks() == {task}
    assert nginx.answers("/api/x")


def test_ctrl_c_of_a_watch_leaves_an_environment_running_that_ran_before(nginx: Project) -> None:
    tasks = nginx.tasks()
    watched = Watched(nginx)
    assert "Ctrl-C ends this command and leaves it running" in watched.running.printed()
    watched.running.signal(signal.SIGINT)
    result = watched.running.wait()
    assert result.code == 130
    assert "Detached and still running" in result.err
    assert "stopping" not in result.err
    assert nginx.tasks() == tasks
