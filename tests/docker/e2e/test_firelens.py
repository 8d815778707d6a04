"""examples/firelens-cloudwatch: from a line of the main container to a record behind Fluent Bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.docker.project import wait_until
from tests.docker.rendered import up_made_what_is_rendered

if TYPE_CHECKING:
    from tests.docker.project import MakeProject, Project, Result

pytestmark = pytest.mark.docker

MANIFEST = "copilot/hello/manifest.yml"


@pytest.fixture(scope="module")
def begun(make_shared_project: MakeProject) -> tuple[Project, Result]:
    """The example, up and healthy, and how an `up` ended before, with a main container that exits at once."""
    project = make_shared_project("firelens-cloudwatch")
    manifest = (project.folder / MANIFEST).read_text()
    project.append(MANIFEST, "\ncommand: sh -c 'echo my only line; exit 3'\n")
    ended = project.start("up", "--port", str(project.port)).wait()
    assert not project.containers()
    project.write(MANIFEST, manifest)
    project.up()
    return project, ended


@pytest.fixture
def hello(begun: tuple[Project, Result]) -> Project:
    """The example, up and healthy."""
    return begun[0]


def records_with(project: Project, text: str, count: int = 1) -> list[dict[str, Any]]:
    """The routed records with this text, once there are as many."""

    def found() -> list[dict[str, Any]]:
        return [record for record in project.records() if text in record["log"]]

    wait_until(lambda: len(found()) >= count, lambda: f"{count} records with {text!r}: {len(found())}")
    return found()


def test_what_the_main_container_prints_arrives_as_a_record_with_the_fields_of_ecs(hello: Project) -> None:
    assert hello.get("/hello/records").status_code == 200
    (record,) = records_with(hello, "/hello/records")
    (task,) = hello.tasks()
    assert record["ecs_cluster"] == f"{hello.app}-test"
    assert record["ecs_task_arn"] == f"arn:aws:ecs:us-east-1:000000000000:task/{hello.app}-test/{task}"
    assert record["ecs_task_definition"] == f"{hello.app}-test-hello:1"
    assert record["container_name"] == "hello"
    assert record["source"] == "stdout"
    records = [one for one in hello.records() if one["ecs_task_arn"] == record["ecs_task_arn"]]
    assert records[0]["log"] == "listening on port 3000"
    assert not any("ELB-HealthChecker" in one["log"] for one in records)


def test_up_makes_what_is_rendered(hello: Project) -> None:
    up_made_what_is_rendered(hello)


def test_a_main_container_that_exits_at_once_ends_up_with_its_code_and_loses_no_line(
    begun: tuple[Project, Result],
) -> None:
    """Its record is there when the next `up` runs."""
    project, ended = begun
    assert ended.code == 3
    assert [line for line in ended.out.splitlines() if "my only line" in line and "hello" in line]
    [record] = records_with(project, "my only line")
    assert record["ecs_task_definition"] == f"{project.app}-test-hello:1"
    assert record["ecs_task_arn"].rpartition("/")[2] not in project.tasks()
