"""What services have of the local AWS endpoint, in one workspace: secrets that the user gives or an addon makes; which
calls they made, and whether their roles would allow them when they are deployed; and `[aws.reach]`, for SDKs that do
not read AWS_ENDPOINT_URL: AWS's own names lead to the endpoint."""

from __future__ import annotations

import json
import secrets
import urllib.request
from collections.abc import Mapping
from typing import Any

import pytest

from tests.docker.aws.conftest import WAITS, client, run_in, variables, write_workspace
from tests.docker.project import MakeProject, Project, daemon, docker, output_of

pytestmark = pytest.mark.docker

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/db-AbCdEf"
SECRETS = f"""\
secrets:
  TOKEN: /copilot/shop/test/secrets/TOKEN
  DB_USER: '{ARN}:username::'
  DB_PASSWORD: '{ARN}:password::'
  MADE: /made/by/addon
  PART:
    secretsmanager: 'made/login:password::'
"""
API = f"""\
name: api
type: Backend Service
image:
  location: with-boto3
  port: 8080
cpu: 256
memory: 512
publish:
  topics:
    - name: orders
{SECRETS}"""
WORKER = """\
name: worker
type: Worker Service
image:
  location: with-boto3
cpu: 256
memory: 512
subscribe:
  topics:
    - name: orders
      service: api
"""
NAMED = """\
name: named
type: Backend Service
image:
  location: with-boto3
cpu: 256
memory: 512
"""
"""The one with AWS's own names. What others ask is judged by their roles, exactly: tests ask from here."""
THINGS = """\
Parameters:
  App: {Type: String}
  Env: {Type: String}
  Name: {Type: String}
Resources:
  Things:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Files:
    Type: AWS::S3::Bucket
  FilesPolicy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Files
      PolicyDocument:
        Statement:
          - {Sid: OnlyTls, Effect: Deny, Principal: '*', Action: 's3:*', Resource: !Sub '${Files.Arn}/*',
             Condition: {Bool: {'aws:SecureTransport': false}}}
          - {Sid: Kept, Effect: Deny, Principal: '*', Action: 's3:DeleteObject', Resource: !Sub '${Files.Arn}/kept/*'}
  Access:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: '2012-10-17'
        Statement:
          - {Sid: Read, Effect: Allow, Action: ['dynamodb:Get*'], Resource: !GetAtt Things.Arn}
          - {Sid: Objects, Effect: Allow, NotAction: 's3:PutObject', Resource: !Sub '${Files.Arn}/*'}
          - Sid: List
            Effect: Allow
            Action: s3:ListBucket
            Resource: !GetAtt Files.Arn
            Condition: {StringLike: {'s3:prefix': 'a/*'}}
Outputs:
  ThingsName: {Value: !Ref Things}
  FilesName: {Value: !Ref Files}
  AccessArn: {Value: !Ref Access}
"""
WORDS = """\
Parameters:
  App: {Type: String}
  Env: {Type: String}
  Name: {Type: String}
Resources:
  Word:
    Type: AWS::SSM::Parameter
    Properties: {Name: !Sub '/made/by/${Kind}', Type: String, Value: from the addon}
  Login:
    Type: AWS::SecretsManager::Secret
    Properties:
      Name: made/login
      GenerateSecretString: {SecretStringTemplate: '{"username": "me"}', GenerateStringKey: password}
""".replace("Resources:", "  Kind: {Type: String, Default: addon}\nResources:")
GIVEN = """\
TOKEN=the-token-of-the-user
DB_USER=me
DB_PASSWORD=the-password-of-the-user
/only/read/by/code=the-word-of-code
"""
CALLS = """
table, files = os.environ["THINGS_NAME"], os.environ["FILES_NAME"]
boto3.resource("dynamodb").Table(table).put_item(Item={"id": "1"})
boto3.resource("dynamodb").Table(table).get_item(Key={"id": "1"})
s3 = boto3.client("s3")
for key in ("a/1", "a/2", "a/3", "a/4", "kept/1"):
    s3.put_object(Bucket=files, Key=key, Body=b"content")
s3.get_object(Bucket=files, Key="a/1")["Body"].read()
s3.delete_object(Bucket=files, Key="kept/1")
s3.list_objects_v2(Bucket=files, Prefix="a/")
boto3.client("sns").publish(TopicArn=json.loads(os.environ["COPILOT_SNS_TOPIC_ARNS"])["orders"], Message="m")
boto3.client("sts").get_caller_identity()
"""
RECEIVE = """
sqs, url = boto3.client("sqs"), os.environ["COPILOT_QUEUE_URI"]
[message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "1", "ReceiptHandle": message["ReceiptHandle"]}])
sqs.send_message(QueueUrl=url, MessageBody="of its own")
"""
CLIENT = """
from botocore.config import Config
def client(name, **more):
    return boto3.client(name, region_name="us-east-1", **more)
"""


@pytest.fixture(scope="module")
def shop(make_session_project: MakeProject, make_shared_project: MakeProject) -> Project:
    """Of this file. `make_session_project` has its tests run where others of the folder do: their image is there."""
    files = {"api/manifest.yml": API, "api/addons/things.yml": THINGS, "api/addons/words.yml": WORDS}
    files |= {"worker/manifest.yml": WORKER, "named/manifest.yml": NAMED}
    project = write_workspace(make_shared_project(""), files)
    project.write("copilot-local.toml", '[aws.reach]\nnamed = "names"\n')
    project.write(".copilot-local/secrets.env", GIVEN)
    project.up()
    run_in(project, "api", CALLS)
    run_in(project, "worker", RECEIVE)
    client(project, "sqs").list_queues()
    return project


# secrets


def given(project: Project) -> Mapping[str, str]:
    """What the user gives at present: a test gives another token."""
    text = (project.folder / ".copilot-local" / "secrets.env").read_text(encoding="utf-8")
    return dict(line.split("=", 1) for line in text.splitlines())


def test_what_an_addon_makes_is_in_the_variables(shop: Project) -> None:
    found = variables(shop)
    assert (found["TOKEN"], found["DB_USER"]) == (given(shop)["TOKEN"], "me")
    assert found["MADE"] == "from the addon"
    assert len(found["PART"]) == 32


def test_code_that_asks_for_them_finds_them(shop: Project) -> None:
    """That code in a container reaches what is asked here: the tests of names, below."""
    ssm, secretsmanager = client(shop, "ssm"), client(shop, "secretsmanager")
    token = given(shop)["TOKEN"]
    name = "/copilot/shop/test/secrets/TOKEN"
    for asked, value in (
        (name, token),
        (f"arn:aws:ssm:us-east-1:123456789012:parameter{name}", token),
        ("/only/read/by/code", "the-word-of-code"),
    ):
        found = ssm.get_parameter(Name=asked, WithDecryption=True)["Parameter"]
        assert (found["Value"], found["Type"]) == (value, "SecureString")
    for id in ("shop/db", ARN):
        text = secretsmanager.get_secret_value(SecretId=id)["SecretString"]
        assert json.loads(text) == {"username": "me", "password": "the-password-of-the-user"}


def test_no_value_is_in_a_label_a_command_a_state_or_a_log(shop: Project) -> None:
    values = [value for value in given(shop).values() if len(value) > 2]
    for name, shown in shop.inspected().items():
        config = shown["Config"]
        seen = json.dumps([config["Labels"], config["Cmd"], config["Entrypoint"], shown["Args"]])
        if config["Labels"].get("copilot-local.role") != "member":
            seen += json.dumps(config["Env"]) + output_of(name, stderr=False)
        assert [value for value in values if value in seen] == []
    state = docker("exec", shop.container("agent"), "sh", "-c", "cat /copilot-local/state/*")
    own = docker("exec", shop.container("aws"), "sh", "-c", "cat /copilot-local/own/* /copilot-local/data/seed")
    assert [value for value in values if value in state + own] == []
    mode = docker("exec", shop.container("aws"), "sh", "-c", "stat -c %a /copilot-local/data/state/*secrets*").split()
    assert set(mode) == {"600"}


def test_what_is_given_anew_is_read_anew(shop: Project) -> None:
    new = f"token-{secrets.token_hex(8)}"
    shop.edit(".copilot-local/secrets.env", given(shop)["TOKEN"], new)
    shop.up()
    assert variables(shop)["TOKEN"] == new
    found = client(shop, "ssm").get_parameter(Name="/copilot/shop/test/secrets/TOKEN", WithDecryption=True)
    assert found["Parameter"]["Value"] == new


def test_what_nothing_gives_is_missing_with_its_line_and_what_an_addon_gives_is_not(make_project: MakeProject) -> None:
    manifest = f"name: api\ntype: Backend Service\n{SECRETS}{WAITS}"
    files = {"api/manifest.yml": manifest, "api/addons/words.yml": WORDS}
    project = write_workspace(make_project(""), files)
    done = project.run("up", "-d")
    assert done.code == 1
    assert "3 things are missing here: 3 secrets" in done.err
    assert "manifest.yml:4: TOKEN (api)" in done.err
    assert "MADE" not in done.err
    project.run("init").ok()
    written = (project.folder / ".copilot-local" / "secrets.env").read_text(encoding="utf-8")
    assert {"TOKEN=", "DB_USER=", "DB_PASSWORD="} <= {line.strip() for line in written.splitlines()}
    assert "MADE" not in written


# calls


def rows(project: Project, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(project.run("permissions", *arguments, "--format", "json").ok().out)
    return found


def test_each_call_is_judged_by_the_role_that_is_deployed(shop: Project) -> None:
    found = {(row["service"], row["action"]): row for row in rows(shop) if row["service"] != "named"}
    assert {key: row["verdict"] for key, row in found.items()} == {
        ("api", "dynamodb:PutItem"): "not allowed",
        ("api", "dynamodb:GetItem"): "allowed",
        ("api", "s3:PutObject"): "not allowed",
        ("api", "s3:GetObject"): "allowed",
        ("api", "s3:DeleteObject"): "denied",
        ("api", "s3:ListBucket"): "cannot say",
        ("api", "sns:Publish"): "allowed",
        ("worker", "sqs:ReceiveMessage"): "allowed",
        ("worker", "sqs:DeleteMessage"): "allowed",
        ("worker", "sqs:SendMessage"): "not allowed",
    }, "calls of this machine are no service's, and everyone may ask who they are"
    assert found["api", "dynamodb:GetItem"]["reason"] == "addon Access/Read"
    assert found["api", "s3:DeleteObject"]["reason"] == "FilesPolicy/Kept"
    assert "s3:prefix" in found["api", "s3:ListBucket"]["reason"]
    assert found["api", "sns:Publish"]["reason"] == "TaskRole Publish2SNS"
    put = found["api", "s3:PutObject"]
    assert (put["resource"].endswith("/*"), put["calls"]) == (True, 5)


def test_what_is_missing_is_printed_as_a_statement_and_checked_for(shop: Project) -> None:
    done = shop.run("permissions", "worker")
    assert done.code == 0
    first, *_ = done.out.splitlines()[1:]
    assert first.split()[:4] == ["worker", "not", "allowed", "sqs:SendMessage"]
    assert "sns:Publish" not in done.out
    assert "Action: [sqs:SendMessage]" in done.err
    assert shop.run("permissions", "worker", "--check").code == 1


def test_a_policy_that_is_changed_is_read_anew(shop: Project) -> None:
    """Without another `up`: nothing is made for it."""
    shop.edit("copilot/api/addons/things.yml", "['dynamodb:Get*']", "'dynamodb:*'")
    try:
        found = {row["action"]: row["verdict"] for row in rows(shop, "api")}
    finally:
        shop.write("copilot/api/addons/things.yml", THINGS)
    assert (found["dynamodb:PutItem"], found["s3:PutObject"]) == ("allowed", "not allowed")


# names


def ask(project: Project, code: str) -> Any:
    """What a program in the service with names prints, as JSON. It has `client`, for when the variable is gone."""
    return json.loads(run_in(project, "named", CLIENT + code))


def addresses(project: Project, service: str, *names: str) -> list[list[str]]:
    code = f"""
import json, socket
def found(name):
    try: return sorted({{one[4][0] for one in socket.getaddrinfo(name, 443)}})
    except OSError: return []
print(json.dumps([found(name) for name in {names!r}]))
"""
    found: list[list[str]] = json.loads(docker("exec", project.container(service), "python3", "-c", code))
    return found


def address_of(container: str) -> str:
    with daemon() as docker_client:
        [network] = docker_client.inspect_container(container)["NetworkSettings"]["Networks"].values()
    return str(network["IPAddress"])


def test_an_sdk_without_the_variable_has_what_it_leads_to_and_is_known_as_its_service(shop: Project) -> None:
    """Queues, buckets, secrets and an identity."""
    found = ask(
        shop,
        """
led = boto3.client("sqs")
del os.environ["AWS_ENDPOINT_URL"]
sqs = client("sqs")
url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
sqs.send_message(QueueUrl=url, MessageBody="one")
[message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
s3 = client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}))
s3.create_bucket(Bucket="some-files")
s3.put_object(Bucket="some-files", Key="a/b.txt", Body=b"content")
link = s3.generate_presigned_url("get_object", Params={"Bucket": "some-files", "Key": "a/b.txt"})
import urllib.request
print(json.dumps({
    "endpoints": [sqs.meta.endpoint_url, s3.meta.endpoint_url], "body": message["Body"], "link": link,
    "object": s3.get_object(Bucket="some-files", Key="a/b.txt")["Body"].read().decode(),
    "linked": urllib.request.urlopen(link).read().decode(),
    "account": client("sts").get_caller_identity()["Account"],
    "word": client("ssm").get_parameter(Name="/only/read/by/code", WithDecryption=True)["Parameter"]["Value"],
    "secret": json.loads(client("secretsmanager").get_secret_value(SecretId="shop/db")["SecretString"]),
    "with": [led.meta.endpoint_url, led.list_queues(QueueNamePrefix="jobs")["QueueUrls"]],
}))
""",
    )
    assert all(one.startswith("https://") and one.endswith(".amazonaws.com") for one in found["endpoints"])
    assert found["link"].startswith("https://some-files.s3.")
    assert (found["body"], found["object"], found["linked"]) == ("one", "content", "content")
    assert (found["word"], found["secret"]["username"]) == ("the-word-of-code", "me")
    endpoint, [url] = found["with"]
    assert not endpoint.endswith(".amazonaws.com")
    assert url.startswith("http://127.0.0.1:"), "the variable leads to the same endpoint"
    assert found["account"] == "000000000000"
    port = docker("port", shop.container("aws")).split(":")[-1].strip()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/copilot-local/calls") as answer:
        calls = json.load(answer)["calls"]
    put = [one["resource"] for one in calls if (one["service"], one["action"]) == ("named", "s3:PutObject")]
    assert "arn:aws:s3:::some-files/a/b.txt" in put


def test_every_name_of_aws_is_the_endpoint_and_no_other_is(shop: Project) -> None:
    endpoint = address_of(shop.container("aws"))
    service = f"api.test.{shop.app}.local"
    with daemon() as docker_client:
        mode = docker_client.inspect_container(shop.container("api"))["HostConfig"]["NetworkMode"]
    aws = ("sqs.us-east-1.amazonaws.com", "x.s3.eu-west-1.amazonaws.com", "no-such.amazonaws.com")
    found = addresses(shop, "named", *aws, service, "named.invalid")
    assert found == [[endpoint], [endpoint], [endpoint], [address_of(mode.removeprefix("container:"))], []]


def test_a_service_that_does_not_ask_for_it_is_as_before(shop: Project) -> None:
    assert "nameserver 127.0.0.11" in docker("exec", shop.container("api"), "cat", "/etc/resolv.conf")
    assert not {"AWS_CA_BUNDLE", "SSL_CERT_FILE"} & set(variables(shop))


def test_the_key_of_the_certificate_is_with_the_endpoint_alone(shop: Project) -> None:
    listed = docker("exec", shop.container("named"), "find", "/copilot-local").splitlines()
    assert "/copilot-local/aws/names/bundle.pem" in listed
    assert not [file for file in listed if file.endswith(".key")]
