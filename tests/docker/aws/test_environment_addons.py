"""Addons of an environment: made before those of services, which import what they export."""

from __future__ import annotations

import pytest

from tests.docker.aws.conftest import WAITS, Begun, client, variables, write_workspace
from tests.docker.aws.shared_workspace import COPILOT_FILES
from tests.docker.project import MakeProject, Project, Result

pytestmark = pytest.mark.docker


def make_workspace(project: Project) -> Project:
    """The environment's addons, a service whose addons import from them, and a job that has what they export."""
    files = {path: text for path, text in COPILOT_FILES.items() if not path.startswith("api/")}
    return write_workspace(project, {**files, "worker/manifest.yml": f"name: worker\ntype: Backend Service\n{WAITS}"})


def test_exports_reach_services_and_their_addons(everything: Project) -> None:
    api, worker = variables(everything), variables(everything, "worker")
    assert api["SHARED_TABLE"] == f"{everything.app}-test-shared"
    assert api["SHARED_GROUP"].startswith("sg-")
    assert api["VPC"].startswith("vpc-")
    assert (api["LOGIN"], api["WORD"]) == ("the-login-of-all", "the-word-of-all")
    assert api["OF_WORKER"] == worker["BUCKET"]
    assert worker["BOTH"] == f"{worker['BUCKET']}/{api['SHARED_TABLE']}"
    assert "TABLE_NAME" not in api, "an output of an environment is no variable of its services"


def test_a_service_and_a_job_share_what_it_has(shop: Project) -> None:
    """That the service's own code finds a table: test_addons.py."""
    table, item = variables(shop)["SHARED_TABLE"], {"id": {"S": "runs"}, "n": {"N": "41"}}
    client(shop, "dynamodb").put_item(TableName=table, Item=item)
    assert_counted(shop.run("run", "nightly").ok(), 42)
    for what, name in (("tables", "api/Things"), ("queues", "worker"), ("buckets", "worker/Files")):
        assert name in shop.run(what).ok().out.split(), "what services have keeps its name"


def assert_counted(run: Result, number: int) -> None:
    """That the job had the environment's table and its secret, and this was its run."""
    assert f'"n": {{"N": "{number}"}}}}}} the-word-of-all' in run.out


def test_a_dry_run_says_what_would_be_made(make_project: MakeProject) -> None:
    printed = make_workspace(make_project("")).run("up", "--dry-run").ok().out
    assert "test-AddonsStack: Table (AWS::DynamoDB::Table), Group (AWS::EC2::SecurityGroup)" in printed
    assert "test-worker-AddonsStack: Files (AWS::S3::Bucket)" in printed


def test_what_is_wrong_in_one_is_found_by_validate_and_by_up(make_project: MakeProject) -> None:
    project = make_workspace(make_project(""))
    project.edit("copilot/environments/addons/shared.yml", "  Env: {Type: String}\n", "")
    for command in (("validate",), ("up", "-d")):
        done = project.run(*command)
        assert done.code == 1
        assert "shared.yml:1" in done.err + done.out
        assert 'required parameter "Env" is missing' in done.err + done.out
    assert project.containers() == []


def test_an_import_that_nothing_exports_is_found_by_up_and_changes_nothing(everything: Project) -> None:
    addon = "copilot/worker/addons/files.yml"
    before, tasks, text = set(everything.everything()), everything.tasks(), (everything.folder / addon).read_text()
    try:
        everything.edit(addon, "SharedTable'}}]]", "Nothing'}}]]")
        done = everything.run("up", "-d")
    finally:
        everything.write(addon, text)
    assert done.code == 1
    assert "test-Nothing" in done.err
    assert "files.yml:" in done.err
    assert "[values]" in done.err
    assert (set(everything.everything()), everything.tasks()) == (before, tasks)


def test_a_job_that_is_run_by_itself_finds_what_the_environment_has(begun: Begun) -> None:
    assert_counted(begun.job.ok(), 1)
    assert begun.left == []
    assert begun.runs == {"id": {"S": "runs"}, "n": {"N": "1"}}, "what it wrote is kept"
