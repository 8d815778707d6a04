"""Addon templates on the local AWS endpoint: what they make, and what reaches the service that they belong to."""

from __future__ import annotations

import contextlib
import json

import pytest
from botocore.exceptions import BotoCoreError

from tests.docker.aws.conftest import ADDON, WAITS, Held, client, held, run_in, variables, write_workspace
from tests.docker.project import MakeProject, Project, docker, wait_until

pytestmark = pytest.mark.docker

MANIFEST = f"name: api\ntype: Backend Service\n{WAITS}"


def make_workspace(project: Project, template: str = ADDON) -> Project:
    return write_workspace(project, {"api/manifest.yml": MANIFEST, "api/addons/things.yml": template})


def test_outputs_are_what_copilot_makes_of_them(everything: Project) -> None:
    found = variables(everything)
    assert found["THINGS_NAME"] == f"{everything.app}-test-api-things"
    login = json.loads(found["LOGIN_SECRET"])
    assert (login["username"], len(login["password"])) == ("me", 16)
    assert found["URL"] == f"pg://{login['password']}@host"
    assert "ACCESS_ARN" not in found, "a managed policy is for the task role"


def test_the_services_code_finds_a_table_and_a_bucket(shop: Project) -> None:
    code = """
table = boto3.resource("dynamodb").Table(os.environ["THINGS_NAME"])
table.put_item(Item={"id": "1", "word": "kept"})
boto3.client("s3").put_object(Bucket=os.environ["FILES_NAME"], Key="a.txt", Body=b"content")
print(table.get_item(Key={"id": "1"})["Item"]["word"])
"""
    assert run_in(shop, "api", code).strip() == "kept"
    found = variables(shop)
    s3 = client(shop, "s3")
    assert s3.get_object(Bucket=found["FILES_NAME"], Key="a.txt")["Body"].read() == b"content"


def test_a_second_up_changes_nothing(everything: Project) -> None:
    """That data and passwords survive `down`, and that no password is shown, is in `test_databases.py`."""
    tasks = everything.tasks()
    everything.up()
    assert everything.tasks() == tasks
    assert held(everything) == Held([], [], 0), "what was emptied is not seeded again"


def test_an_addon_that_comes_later_reaches_the_tasks_that_run_and_its_endpoint_is_started_again(
    make_project: MakeProject,
) -> None:
    """Also where every output is known by now: then nothing but the addons themselves says that it is needed."""
    project = make_workspace(make_project(""), ADDON.partition("Resources:")[0] + "Resources: {}\n")
    project.up()
    assert not project.container("aws"), "nothing needs it"
    head = ADDON.partition("  Files:")[0]
    project.write("copilot/api/addons/things.yml", head + "Outputs:\n  ThingsName: {Value: !Ref Things}\n")
    project.up()
    assert variables(project)["THINGS_NAME"] == f"{project.app}-test-api-things"
    docker("kill", project.container("aws"))
    wait_until(lambda: answers(project), "the endpoint again")
    assert client(project, "dynamodb").scan(TableName=f"{project.app}-test-api-things")["Count"] == 0


def answers(project: Project) -> bool:
    with contextlib.suppress(BotoCoreError):
        return bool(project.container("aws")) and bool(client(project, "sts").get_caller_identity())
    return False


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("AttributeName: id, KeyType: HASH", "AttributeName: no, KeyType: HASH", "things.yml:6"),
        ("AWS::S3::Bucket\n", "AWS::OpenSearchService::Domain\n", "which does not run here"),
    ],
)
def test_a_template_that_is_wrong_is_an_error_with_its_place_and_leaves_nothing(
    make_project: MakeProject, before: str, after: str, says: str
) -> None:
    assert before in ADDON
    project = make_workspace(make_project(""), ADDON.replace(before, after))
    done = project.run("up", "-d")
    assert done.code == 1
    assert says in done.err
    assert "Traceback" not in done.err
    assert project.containers() == []
