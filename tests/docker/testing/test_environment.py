"""The Python API: an environment and what tests do to it. Faults are seen by its containers, and gone afterwards."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from emulator.engine.interface import Engine
from emulator.errors import InputError
from emulator.testing import AsyncEnvironment, Environment
from tests.docker.project import wait_until

pytestmark = pytest.mark.docker

EXAMPLE = Path(__file__).parents[3] / "examples" / "nginx-sidecar"
LARGE = {"X-Large": "x" * 6000}
"""The example prints a request's headers back: an answer of more than 6000 bytes."""

JOB = """\
name: nightly
type: Scheduled Job
image: {location: busybox:1.37}
on: {schedule: "@daily"}
command: ["sh", "-c", "echo done $COPILOT_SERVICE_NAME; exit $CODE"]
variables: {CODE: "${CODE}"}
"""


LOGGED = """\
name: logged
type: Load Balanced Web Service
image: {location: busybox:1.37, port: 3000}
http: {path: logged, healthcheck: /}
command:
  - sh
  - -c
  - |
    mkdir -p /www/logged; echo logged > /www/index.html; cp /www/index.html /www/logged/
    trap 'exit 0' TERM
    httpd -f -vv -p 3000 -h /www & wait
logging:
  destination: {Name: cloudwatch, region: us-west-2, log_group_name: logged, log_stream_prefix: copilot/}
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, with a job beside its service, and a service whose lines go through a log router."""
    folder = tmp_path_factory.mktemp("workspace") / "nginx-sidecar"
    shutil.copytree(EXAMPLE, folder)
    for name, manifest in (("nightly", JOB), ("logged", LOGGED)):
        (folder / "copilot" / name).mkdir()
        (folder / "copilot" / name / "manifest.yml").write_text(manifest)
    return folder


@pytest.fixture(scope="module")
def nginx(workspace: Path) -> Iterator[Environment]:
    with Environment(workspace, services=["hello", "logged"], variables={"CODE": "3"}) as environment:
        yield environment


def test_scale_changes_how_many_tasks_answer(nginx: Environment) -> None:
    nginx.scale("hello", 2)
    tasks = {row.task_id for row in nginx.service("hello").containers}
    assert len(tasks) == 2
    mark = nginx.mark()
    for _ in range(6):
        assert nginx.http.get("/api/x").status_code == 200
    wait_until(lambda: {line.task_id for line in nginx.logs("hello", since=mark)} == tasks, "a line of each task")
    nginx.scale("hello", 1)
    assert len({row.task_id for row in nginx.service("hello").containers}) == 1


def test_restart_replaces_the_task(nginx: Environment) -> None:
    [before] = {row.task_id for row in nginx.service("hello").containers}
    nginx.restart("hello")
    [after] = {row.task_id for row in nginx.service("hello").containers}
    assert before != after
    assert nginx.http.get("/api/x").status_code == 200


def test_a_trace_has_the_hops_of_a_request(nginx: Environment) -> None:
    found = nginx.service("hello").trace("GET", "/api/orders", {"Authorization": "Bearer s3cret"})
    assert [hop.server for hop in found.hops] == ["front:8080", "nginx:80", "hello:3000"], found
    assert {hop.status for hop in found.hops} == {found.status} == {200}
    assert "X-Proxy" in [change.name for change in found.hops[2].request_changes]
    assert found.diagnoses == found.faults == ()
    assert "s3cret" not in repr(found)
    assert str(found).startswith("GET /api/orders: 200, ")


def test_a_container_that_is_not_there_is_named_with_those_that_are(nginx: Environment) -> None:
    with pytest.raises(InputError) as caught:
        nginx.kill("databse")
    assert caught.value.message == "no container databse is running"
    assert caught.value.hint == "running: hello/hello, hello/nginx, logged/firelens_log_router, logged/logged"


SCRIPT = """
import sys
from emulator.errors import ContainerFailed
from emulator.testing import Environment

with Environment(sys.argv[1], instance=sys.argv[2], reuse=True) as environment:
    environment.exec("nginx", "kill -QUIT 1")
    try:
        environment.wait_for_log("never printed")
    except ContainerFailed as error:
        print(error.container, error.container_exit_code)
    environment.wait_healthy()
    print(environment.http.get("/api/x").status_code)
"""


def test_every_wait_ends_with_the_death_of_a_container(workspace: Path, nginx: Environment) -> None:
    """In a process of its own: under pytest the plugin would fail this test, as it should any other."""
    command = [sys.executable, "-c", SCRIPT, str(workspace), nginx.names.app]
    with nginx.expect_exit("nginx"):
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        assert (done.stdout, done.returncode) == ("nginx 0\n200\n", 0), done.stderr
    nginx.wait_healthy()


def test_nothing_can_be_asked_of_an_environment_that_is_not_up() -> None:
    with pytest.raises(InputError) as caught:
        Environment(EXAMPLE).http.get("/")
    assert caught.value.message == "the environment is not up"


def test_records_of_the_log_router_through_the_asynchronous_api(workspace: Path, nginx: Environment) -> None:
    async def run() -> tuple[str, dict[str, object]]:
        async with AsyncEnvironment(workspace, instance=nginx.names.app, reuse=True) as environment:
            mark = environment.mark()
            assert (await environment.http.get("/logged/")).status_code == 200
            record = await environment.wait_for_routed_log("url:/logged/$", since=mark)
            assert record in await environment.routed_logs("logged")
            mark = environment.mark()
            assert record not in await environment.routed_logs("logged", since=mark)
            await environment.http.get("/logged/later")
            later = await environment.wait_for_routed_log("url:/logged/", since=mark)
            assert later.log.endswith("url:/logged/later")
            line = await environment.wait_for_log("url:/logged/$", container="logged")
            return line.text, dict(record.fields)

    text, fields = asyncio.run(run())
    assert text == fields["log"]
    assert fields["ecs_cluster"] == "nginx-sidecar-test"
    assert nginx.http.get("/logged/").status_code == 200


def test_a_cancelled_start_leaves_nothing(workspace: Path, engine: Engine) -> None:
    async def run() -> AsyncEnvironment:
        environment = AsyncEnvironment(workspace, services=["logged"])
        starting = asyncio.create_task(environment.start())
        while not any("create container" in event.subject for event in environment.sync.events):
            await asyncio.sleep(0.05)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        return environment

    environment = asyncio.run(run())
    left = environment.sync.names.labels()
    assert engine.list_containers(left) == []
    assert engine.list_volumes(left) == {}


def test_a_job_runs_beside_the_services_of_a_test(nginx: Environment) -> None:
    tasks = {row.task_id for row in nginx.containers}
    ended = nginx.run_job("nightly")
    assert (ended.exit_code, ended.lines) == (3, ("done nightly",))
    nginx.check()
    assert {row.task_id for row in nginx.containers} == tasks
    with pytest.raises(InputError, match="not a Scheduled Job"):
        nginx.run_job("hello")


def test_a_service_that_is_cut_off_answers_nothing_and_is_back_afterwards(nginx: Environment) -> None:
    with nginx.partition("hello"), pytest.raises(httpx.TimeoutException):
        nginx.http.get("/api/x", timeout=1)
    nginx.wait_healthy()
    assert nginx.http.get("/api/x").status_code == 200


def test_two_services_are_cut_off_from_each_other_alone(nginx: Environment) -> None:
    with pytest.raises(InputError, match="no task of database is running"), nginx.partition("hello", "database"):
        pass
    assert nginx.http.get("/api/x").status_code == 200


def test_a_limited_rate_makes_a_large_answer_slow(nginx: Environment) -> None:
    with nginx.slow("hello", rate=2000):
        began = time.monotonic()
        assert len(nginx.http.get("/api/x", headers=LARGE).text) > 6000
        assert time.monotonic() - began > 0.8  # 2000 bytes and more that do not leave at once
    assert not [c for c in nginx.engine.list_containers(nginx.names.labels()) if "-tc-" in c.name]


def test_a_delay_is_kept_or_refused_with_the_reason(nginx: Environment) -> None:
    refused: InputError | None = None
    began = time.monotonic()
    try:
        with nginx.slow("hello", delay=0.5):
            began = time.monotonic()
            assert nginx.http.get("/api/x").status_code == 200
    except InputError as error:
        refused = error
    # The kernel decides: some that Docker runs on have no sch_netem.
    assert time.monotonic() - began > 0.4 if refused is None else "lacks sch_netem" in refused.message
    with pytest.raises(InputError, match="needs a delay or a rate"), nginx.slow("hello"):
        pass


def test_a_full_disk_refuses_the_next_byte_and_has_room_again(nginx: Environment) -> None:
    write = "echo more > /dev/shm/file"
    with nginx.fill_disk("hello", "/dev/shm"):
        result = nginx.exec("hello", write)
        assert result.exit_code != 0
        assert "No space left on device" in result.stderr
    assert nginx.exec("hello", write).exit_code == 0
    assert nginx.exec("hello", "ls -A /dev/shm").stdout == "file\n"


def test_the_disk_of_the_machine_is_not_filled(nginx: Environment) -> None:
    with pytest.raises(InputError, match="it is the disk of Docker's host"), nginx.fill_disk("hello", "/tmp"):
        pass
    with pytest.raises(InputError, match="/nowhere"), nginx.fill_disk("hello", "/nowhere"):
        pass


def test_the_asynchronous_api_makes_the_same_faults(nginx: Environment) -> None:
    async def run() -> None:
        environment = AsyncEnvironment(EXAMPLE)
        environment.sync = nginx
        async with environment.fill_disk("hello", "/dev/shm"):
            write = "echo x > /dev/shm/y; code=$?; rm /dev/shm/y; exit $code"
            assert (await environment.exec("hello", write)).exit_code != 0
        async with environment.pause_container("hello"):
            with pytest.raises(httpx.TimeoutException):
                await asyncio.to_thread(nginx.http.get, "/api/x", timeout=1)

    asyncio.run(run())
    assert nginx.http.get("/api/x").status_code == 200
