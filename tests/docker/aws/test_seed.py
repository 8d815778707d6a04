"""`[seed]`: what is in tables, buckets, queues and parameters from the start."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.testing import Environment
from tests.docker.aws.conftest import API, WORKER, client, write_workspace
from tests.docker.aws.test_looking_in import ADDON
from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

SEED = """\
[seed]
parameters = "seed/ssm.env"

[seed.tables]
"api/Things" = "seed/things.json"

[seed.buckets]
"api/Files" = "seed/files"

[seed.queues]
worker = "seed/events.jsonl"
"""


def make_workspace(project: Project, things: str = '[\n{"id": "1", "n": 2},\n{"id": "2"}\n]\n') -> Project:
    files = {"api/manifest.yml": API, "worker/manifest.yml": WORKER, "api/addons/things.yml": ADDON}
    write_workspace(project, files)
    project.write("copilot-local.toml", SEED)
    project.write("seed/things.json", things)
    project.write("seed/files/a/b.txt", "content")
    project.write("seed/events.jsonl", '{"Message": "from the start"}\n')
    project.write("seed/ssm.env", "/shop/limit=3\n")
    return project


def listed(project: Project, *words: str) -> Any:
    return json.loads(project.run(*words, "--format", "json").ok().out)


def held(project: Project) -> tuple[list[Any], list[str], int]:
    """Items, keys, and messages that wait."""
    things = listed(project, "tables", "items", "Things")
    keys = [one["key"] for one in listed(project, "buckets", "objects", "Files")]
    [waiting] = [one["visible"] for one in listed(project, "queues") if one["name"] == "worker"]
    return sorted(things, key=lambda one: str(one["id"])), keys, waiting


START = ([{"id": "1", "n": 2}, {"id": "2"}], ["a/b.txt"], 1)


@pytest.fixture(scope="module")
def shop(make_shared_project: MakeProject) -> Project:
    project = make_workspace(make_shared_project(""))
    project.up()
    return project


@pytest.fixture
def environment(shop: Project) -> Iterator[Environment]:
    with Environment(shop.folder, instance=shop.app, reuse=True) as found:
        yield found


def test_it_is_there_when_the_tasks_start(shop: Project) -> None:
    assert held(shop) == START
    assert client(shop, "ssm").get_parameter(Name="/shop/limit")["Parameter"]["Value"] == "3"


def test_it_comes_back_with_a_reset(environment: Environment, shop: Project) -> None:
    environment.aws("dynamodb").delete_item(
        TableName=environment.aws("dynamodb").list_tables()["TableNames"][0], Key={"id": {"S": "1"}}
    )
    shop.run("queues", "send", "worker", "another").ok()
    environment.reset()
    assert held(shop) == START


def test_it_is_not_put_in_again_by_another_up(shop: Project) -> None:
    shop.run("queues", "purge", "worker").ok()
    shop.up()
    assert held(shop)[2] == 0
    shop.run("down").ok()
    shop.up()
    assert held(shop) == (START[0], START[1], 0), "nor on a volume that is kept"


@pytest.mark.parametrize(
    ("things", "says"),
    [
        ('[\n{"id": "1"},\n{"id": }\n]\n', "things.json:3"),
        ('[\n{"id": "1"},\n{"no": "key"}\n]\n', "things.json:3"),
    ],
)
def test_one_that_is_wrong_is_an_error_with_its_line_and_leaves_nothing(
    make_project: MakeProject, things: str, says: str
) -> None:
    """Before anything is started where the file says so, else when AWS refuses it."""
    project = make_workspace(make_project(""), things)
    done = project.run("up", "-d")
    assert done.code == 1
    assert says in done.err
    assert "Traceback" not in done.err
    assert project.containers() == []
