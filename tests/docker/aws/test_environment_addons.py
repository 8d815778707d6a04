"""Addons of an environment: made before those of services, which import what they export."""

from __future__ import annotations

import pytest

from tests.docker.aws.conftest import run_in, variables, write_workspace
from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

API = """\
name: api
type: Backend Service
image:
  location: with-boto3
cpu: 256
memory: 512
network:
  vpc:
    security_groups:
      - from_cfn: ${COPILOT_APPLICATION_NAME}-${COPILOT_ENVIRONMENT_NAME}-SharedGroup
variables:
  SHARED_TABLE:
    from_cfn: ${COPILOT_APPLICATION_NAME}-${COPILOT_ENVIRONMENT_NAME}-SharedTable
  SHARED_GROUP:
    from_cfn: ${COPILOT_APPLICATION_NAME}-${COPILOT_ENVIRONMENT_NAME}-SharedGroup
  VPC:
    from_cfn: ${COPILOT_APPLICATION_NAME}-${COPILOT_ENVIRONMENT_NAME}-VpcId
  OF_WORKER:
    from_cfn: ${COPILOT_APPLICATION_NAME}-${COPILOT_ENVIRONMENT_NAME}-WorkersBucket
secrets:
  LOGIN:
    from_cfn: ${COPILOT_APPLICATION_NAME}-${COPILOT_ENVIRONMENT_NAME}-SharedLogin
  WORD:
    from_cfn: ${COPILOT_APPLICATION_NAME}-${COPILOT_ENVIRONMENT_NAME}-SharedWord
"""
WORKER = """\
name: worker
type: Backend Service
image:
  location: with-boto3
cpu: 256
memory: 512
"""
JOB = """\
name: nightly
type: Scheduled Job
image:
  location: with-boto3
cpu: 256
memory: 512
on:
  schedule: "@daily"
command:
  - python3
  - -c
  - |
    import boto3, os
    table = boto3.resource("dynamodb").Table(os.environ["SHARED_TABLE"])
    print("runs", int(table.update_item(Key={"id": "runs"}, UpdateExpression="ADD n :1",
        ExpressionAttributeValues={":1": 1}, ReturnValues="ALL_NEW")["Attributes"]["n"]), os.environ["WORD"])
variables:
  SHARED_TABLE:
    from_cfn: ${COPILOT_APPLICATION_NAME}-${COPILOT_ENVIRONMENT_NAME}-SharedTable
secrets:
  WORD:
    from_cfn: ${COPILOT_APPLICATION_NAME}-${COPILOT_ENVIRONMENT_NAME}-SharedWord
"""
SHARED = """\
Parameters:
  App: {Type: String}
  Env: {Type: String}
  Vpc: {Type: String}
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: !Sub ${App}-${Env}-shared
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: shared, VpcId: !Ref Vpc}
  Login:
    Type: AWS::SecretsManager::Secret
    Properties: {SecretString: the-login-of-all}
  Word:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: the-word-of-all}
Outputs:
  TableName: {Value: !Ref Table, Export: {Name: !Sub '${App}-${Env}-SharedTable'}}
  GroupId: {Value: !GetAtt Group.GroupId, Export: {Name: !Sub '${App}-${Env}-SharedGroup'}}
  LoginArn: {Value: !Ref Login, Export: {Name: !Sub '${App}-${Env}-SharedLogin'}}
  WordName: {Value: !Ref Word, Export: {Name: !Sub '${App}-${Env}-SharedWord'}}
"""
PARAMETERS = "Parameters:\n  Vpc: !Ref VPC\n"
OF_WORKER = """\
Parameters:
  App: {Type: String}
  Env: {Type: String}
  Name: {Type: String}
Resources:
  Files:
    Type: AWS::S3::Bucket
    Properties:
      Tags: [{Key: table, Value: {'Fn::ImportValue': {'Fn::Sub': '${App}-${Env}-SharedTable'}}}]
Outputs:
  Bucket: {Value: !Ref Files, Export: {Name: !Sub '${App}-${Env}-WorkersBucket'}}
  Both: {Value: !Join ['/', [!Ref Files, {'Fn::ImportValue': {'Fn::Sub': '${App}-${Env}-SharedTable'}}]]}
"""


def make_workspace(project: Project) -> Project:
    files = {
        "api/manifest.yml": API,
        "worker/manifest.yml": WORKER,
        "nightly/manifest.yml": JOB,
        "worker/addons/files.yml": OF_WORKER,
        "environments/addons/shared.yml": SHARED,
        "environments/addons/addons.parameters.yml": PARAMETERS,
    }
    return write_workspace(project, files)


@pytest.fixture(scope="module")
def shop(make_shared_project: MakeProject) -> Project:
    project = make_workspace(make_shared_project(""))
    project.up()
    return project


def test_exports_reach_services_and_their_addons(shop: Project) -> None:
    api, worker = variables(shop), variables(shop, "worker")
    assert api["SHARED_TABLE"] == f"{shop.app}-test-shared"
    assert api["SHARED_GROUP"].startswith("sg-")
    assert api["VPC"].startswith("vpc-")
    assert (api["LOGIN"], api["WORD"]) == ("the-login-of-all", "the-word-of-all")
    assert api["OF_WORKER"] == worker["BUCKET"]
    assert worker["BOTH"] == f"{worker['BUCKET']}/{api['SHARED_TABLE']}"
    assert "TABLE_NAME" not in api, "an output of an environment is no variable of its services"


def test_services_share_what_it_has(shop: Project) -> None:
    put = 'boto3.resource("dynamodb").Table(os.environ["SHARED_TABLE"]).put_item(Item={"id": "1"})'
    run_in(shop, "api", put)
    name = f"{shop.app}-test-shared"
    read = f'print(boto3.resource("dynamodb").Table("{name}").get_item(Key={{"id": "1"}})["Item"]["id"])'
    assert run_in(shop, "worker", read).strip() == "1"


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
    project.write("copilot/environments/addons/shared.yml", SHARED)
    project.edit("copilot/worker/addons/files.yml", "SharedTable'}}]]", "Nothing'}}]]")
    done = project.run("up", "-d")
    assert done.code == 1
    assert "test-Nothing" in done.err
    assert "files.yml:" in done.err
    assert "[values]" in done.err
    assert project.containers() == []


def test_a_job_that_is_run_by_itself_finds_what_the_environment_has(make_project: MakeProject, shop: Project) -> None:
    assert "runs 1 the-word-of-all" in shop.run("run", "nightly").ok().out
    alone = make_workspace(make_project(""))
    for number in (1, 2):
        assert f"runs {number} the-word-of-all" in alone.run("run", "nightly").ok().out, "what it wrote is kept"
        assert alone.containers() == []
        assert alone.networks_left() == []
