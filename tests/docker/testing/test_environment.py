"""The Python API, on the two examples."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from emulator.engine.interface import Engine
from emulator.errors import InputError
from emulator.testing import AsyncEnvironment, Environment
from tests.docker.project import wait_until

pytestmark = pytest.mark.docker

EXAMPLES = Path(__file__).parents[3] / "examples"


JOB = """\
name: nightly
type: Scheduled Job
image: {location: busybox:1.37}
on: {schedule: "@daily"}
command: ["sh", "-c", "echo done $COPILOT_SERVICE_NAME; exit $CODE"]
variables: {CODE: "${CODE}"}
"""


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """The example, with a job beside its service."""
    folder = tmp_path_factory.mktemp("workspace") / "nginx-sidecar"
    shutil.copytree(EXAMPLES / "nginx-sidecar", folder)
    (folder / "copilot" / "nightly").mkdir()
    (folder / "copilot" / "nightly" / "manifest.yml").write_text(JOB)
    with Environment(folder, services=["hello"], variables={"CODE": "3"}) as environment:
        yield environment


def test_scale_changes_how_many_tasks_answer(nginx: Environment) -> None:
    nginx.scale("hello", 2)
    tasks = {row.task_id for row in nginx.containers}
    assert len(tasks) == 2
    mark = nginx.mark()
    for _ in range(6):
        assert nginx.http.get("/api/x").status_code == 200
    wait_until(lambda: {line.task_id for line in nginx.logs("hello", since=mark)} == tasks, "a line of each task")
    nginx.scale("hello", 1)
    assert len({row.task_id for row in nginx.containers}) == 1


def test_restart_replaces_the_task(nginx: Environment) -> None:
    [before] = {row.task_id for row in nginx.containers}
    nginx.restart("hello")
    [after] = {row.task_id for row in nginx.containers}
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


def test_a_paused_container_answers_nothing_and_goes_on(nginx: Environment) -> None:
    with nginx.pause_container("hello"), pytest.raises(httpx.TimeoutException):
        nginx.http.get("/api/x", timeout=1)
    assert nginx.http.get("/api/x").status_code == 200


def test_a_container_that_is_not_there_is_named_with_those_that_are(nginx: Environment) -> None:
    with pytest.raises(InputError) as caught:
        nginx.kill("databse")
    assert caught.value.message == "no container databse is running"
    assert caught.value.hint == "running: hello/hello, hello/nginx"


SCRIPT = """
import sys
from emulator.errors import ContainerFailed
from emulator.testing import Environment

with Environment(sys.argv[1]) as environment:
    environment.exec("nginx", "kill -QUIT 1")
    try:
        environment.wait_for_log("never printed")
    except ContainerFailed as error:
        print(error.container, error.container_exit_code)
    environment.wait_healthy()
    print(environment.http.get("/api/x").status_code)
"""


def test_every_wait_ends_with_the_death_of_a_container() -> None:
    """In a process of its own: under pytest the plugin would fail this test, as it should any other."""
    command = [sys.executable, "-c", SCRIPT, str(EXAMPLES / "nginx-sidecar")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert (done.stdout, done.returncode) == ("nginx 0\n200\n", 0), done.stderr


def test_nothing_can_be_asked_of_an_environment_that_is_not_up() -> None:
    with pytest.raises(InputError) as caught:
        Environment(EXAMPLES / "nginx-sidecar").http.get("/")
    assert caught.value.message == "the environment is not up"


def test_records_of_the_log_router_through_the_asynchronous_api(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "firelens-cloudwatch", tmp_path / "copy")

    async def run() -> tuple[str, dict[str, object]]:
        async with AsyncEnvironment(tmp_path / "copy") as environment:
            assert (await environment.http.get("/hello")).status_code == 200
            record = await environment.wait_for_routed_log("GET /hello")
            assert record in await environment.routed_logs("hello")
            mark = environment.mark()
            assert await environment.routed_logs("hello", since=mark) == []
            await environment.http.get("/hello/later")
            later = await environment.wait_for_routed_log("GET /hello", since=mark)
            assert later.log.startswith("GET /hello/later")
            line = await environment.wait_for_log("GET /hello", container="hello")
            return line.text, dict(record.fields)

    text, fields = asyncio.run(run())
    assert text == fields["log"]
    assert fields["ecs_cluster"] == "sidecar-test"


def test_a_cancelled_start_leaves_nothing(tmp_path: Path, engine: Engine) -> None:
    shutil.copytree(EXAMPLES / "nginx-sidecar", tmp_path / "copy")

    async def run() -> AsyncEnvironment:
        environment = AsyncEnvironment(tmp_path / "copy")
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
