"""Addon templates on the local AWS endpoint: what they make, and what reaches the service that they belong to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.docker.aws.conftest import client, run_in, write_workspace
from tests.docker.project import MakeProject, Project, docker, wait_until

pytestmark = pytest.mark.docker

MANIFEST = """\
name: api
type: Backend Service
image:
  build: app/Dockerfile
cpu: 256
memory: 512
"""
TEMPLATE = """\
Parameters:
  App: {Type: String}
  Env: {Type: String}
  Name: {Type: String}
Resources:
  Things:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: !Sub ${App}-${Env}-${Name}-things
      AttributeDefinitions:
        - {AttributeName: id, AttributeType: S}
      BillingMode: PAY_PER_REQUEST
      KeySchema:
        - {AttributeName: id, KeyType: HASH}
  Files:
    Type: AWS::S3::Bucket
  FilesPolicy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Files
      PolicyDocument:
        Statement:
          - {Effect: Deny, Principal: '*', Action: 's3:*', Resource: !Sub '${Files.Arn}/*',
             Condition: {Bool: {'aws:SecureTransport': false}}}
  Login:
    Type: AWS::SecretsManager::Secret
    Properties:
      GenerateSecretString:
        SecretStringTemplate: '{"username": "me"}'
        GenerateStringKey: password
        PasswordLength: 16
  Access:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: '2012-10-17'
        Statement:
          - {Effect: Allow, Action: 'dynamodb:*', Resource: !GetAtt Things.Arn}
Outputs:
  ThingsName: {Value: !Ref Things}
  FilesName: {Value: !Ref Files}
  LoginSecret: {Value: !Ref Login}
  AccessArn: {Value: !Ref Access}
  Url: {Value: !Sub 'pg://{{resolve:secretsmanager:${Login}:SecretString:password}}@host'}
"""


def make_workspace(project: Project, template: str = TEMPLATE) -> Project:
    return write_workspace(project, {"api/manifest.yml": MANIFEST, "api/addons/things.yml": template})


@pytest.fixture(scope="module")
def shop(make_shared_project: MakeProject) -> Project:
    project = make_workspace(make_shared_project(""))
    project.up()
    return project


def variables(project: Project) -> dict[str, str]:
    found: dict[str, str] = json.loads(run_in(project, "api", "print(json.dumps(dict(os.environ)))"))
    return found


def test_outputs_are_what_copilot_makes_of_them(shop: Project) -> None:
    found = variables(shop)
    assert found["THINGS_NAME"] == f"{shop.app}-test-api-things"
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


def test_no_secret_is_in_a_label_a_command_or_the_state(shop: Project) -> None:
    password = json.loads(variables(shop)["LOGIN_SECRET"])["password"]
    for container in shop.containers():
        shown: dict[str, Any] = json.loads(docker("inspect", container.name))[0]
        config = shown["Config"]
        assert password not in json.dumps([config["Labels"], config["Cmd"], config["Entrypoint"], shown["Args"]])
    state = docker("exec", shop.container("agent"), "sh", "-c", "cat /copilot-local/state/*")
    assert "LOGIN_SECRET" in state
    assert password not in state
    assert password not in shop.run("up", "--dry-run").ok().out


def test_a_second_up_changes_nothing_and_data_and_passwords_survive_down(make_project: MakeProject) -> None:
    project = make_workspace(make_project(""))
    project.up()
    before, tasks = variables(project), project.tasks()
    put = 'boto3.resource("dynamodb").Table(os.environ["THINGS_NAME"]).put_item(Item={"id": "1"})'
    run_in(project, "api", put)
    project.up()
    assert project.tasks() == tasks
    project.run("down").ok()
    project.up()
    after = variables(project)
    names = ("THINGS_NAME", "FILES_NAME", "LOGIN_SECRET", "URL")
    assert [after[name] for name in names] == [before[name] for name in names]
    count = 'print(boto3.resource("dynamodb").Table(os.environ["THINGS_NAME"]).scan()["Count"])'
    assert run_in(project, "api", count).strip() == "1"


def test_an_endpoint_that_is_killed_is_started_again_with_what_it_held(make_project: MakeProject) -> None:
    """Also where every output is known by now: then nothing but the addons themselves says that it is needed."""
    head = TEMPLATE.partition("  Files:")[0]
    project = make_workspace(make_project(""), head + "Outputs:\n  ThingsName: {Value: !Ref Things}\n")
    project.up()
    docker("kill", project.container("aws"))
    wait_until(lambda: bool(project.container("aws")), "the endpoint again")
    count = 'print(boto3.resource("dynamodb").Table(os.environ["THINGS_NAME"]).scan()["Count"])'
    assert run_in(project, "api", count).strip() == "0"


def test_an_addon_that_comes_later_reaches_the_tasks_that_run(make_project: MakeProject) -> None:
    project = make_workspace(make_project(""), TEMPLATE.partition("Resources:")[0] + "Resources: {}\n")
    project.up()
    assert not project.container("aws"), "nothing needs it"
    project.write("copilot/api/addons/things.yml", TEMPLATE)
    project.up()
    assert variables(project)["THINGS_NAME"] == f"{project.app}-test-api-things"


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("AttributeName: id, KeyType: HASH", "AttributeName: no, KeyType: HASH", "things.yml:6"),
        ("!Ref Things}", "!Ref Thing}", "Thing"),
        ("AWS::S3::Bucket\n", "AWS::OpenSearchService::Domain\n", "which does not run here"),
        ("TableName: !Sub ${App}-${Env}-${Name}-things", "TableName: 'not a name'", "things.yml:6"),
    ],
)
def test_a_template_that_is_wrong_is_an_error_with_its_place_and_leaves_nothing(
    make_project: MakeProject, before: str, after: str, says: str
) -> None:
    assert before in TEMPLATE
    project = make_workspace(make_project(""), TEMPLATE.replace(before, after))
    done = project.run("up", "-d")
    assert done.code == 1
    assert says in done.err
    assert "Traceback" not in done.err
    assert project.containers() == []
