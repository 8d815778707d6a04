"""`[aws.reach]`: AWS's own names lead to the local endpoint, for SDKs that do not read AWS_ENDPOINT_URL."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from tests.docker.aws.conftest import run_in, write_workspace
from tests.docker.project import MakeProject, Project, docker

pytestmark = pytest.mark.docker

SERVICE = """\
name: {name}
type: Backend Service
image:
  location: with-boto3
  port: 8080
  healthcheck: {{command: ["CMD", "true"]}}
cpu: 256
memory: 512
publish: {{topics: [{{name: orders}}]}}
"""
WITHOUT_VARIABLE = """
from botocore.config import Config
del os.environ["AWS_ENDPOINT_URL"]
def client(name, **more):
    return boto3.client(name, region_name="us-east-1", **more)
"""


@pytest.fixture(scope="module")
def shop(make_shared_project: MakeProject) -> Project:
    project = make_shared_project("")
    write_workspace(project, {f"{name}/manifest.yml": SERVICE.format(name=name) for name in ("api", "worker")})
    project.write("copilot-local.toml", '[aws.reach]\napi = "names"\n')
    project.up()
    return project


def ask(project: Project, code: str) -> Any:
    """What a program in the service with names prints, as JSON. It has `client`, without the variable."""
    return json.loads(run_in(project, "api", WITHOUT_VARIABLE + code))


def addresses(project: Project, service: str, *names: str) -> list[list[str]]:
    code = f"""
import socket
def found(name):
    try: return sorted({{one[4][0] for one in socket.getaddrinfo(name, 443)}})
    except OSError: return []
print(json.dumps([found(name) for name in {names!r}]))
"""
    found: list[list[str]] = json.loads(run_in(project, service, code))
    return found


def address_of(container: str) -> str:
    return docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container).strip()


def test_an_sdk_without_the_variable_has_queues_buckets_and_an_identity(shop: Project) -> None:
    found = ask(
        shop,
        """
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
}))
""",
    )
    assert all(one.startswith("https://") and one.endswith(".amazonaws.com") for one in found["endpoints"])
    assert found["link"].startswith("https://some-files.s3.")
    assert (found["body"], found["object"], found["linked"]) == ("one", "content", "content")
    assert found["account"] == "000000000000"


def test_the_variable_leads_to_the_same_endpoint(shop: Project) -> None:
    ask(shop, 'client("sqs").create_queue(QueueName="both"); print(0)')
    listed = run_in(shop, "api", 'print(boto3.client("sqs").list_queues(QueueNamePrefix="both")["QueueUrls"])')
    assert "http://127.0.0.1:" in listed


def test_every_name_of_aws_is_the_endpoint_and_no_other_is(shop: Project) -> None:
    endpoint = address_of(shop.container("aws"))
    worker = f"worker.test.{shop.app}.local"
    pause = docker("inspect", "-f", "{{.HostConfig.NetworkMode}}", shop.container("worker")).strip()
    aws = ("sqs.us-east-1.amazonaws.com", "x.s3.eu-west-1.amazonaws.com", "no-such.amazonaws.com")
    found = addresses(shop, "api", *aws, worker, "api.invalid")
    assert found == [[endpoint], [endpoint], [endpoint], [address_of(pause.removeprefix("container:"))], []]


def test_a_service_that_does_not_ask_for_it_is_as_before(shop: Project) -> None:
    assert "nameserver 127.0.0.11" in docker("exec", shop.container("worker"), "cat", "/etc/resolv.conf")
    variables = docker("exec", shop.container("worker"), "env")
    assert not [line for line in variables.splitlines() if line.startswith(("AWS_CA_BUNDLE=", "SSL_CERT_FILE="))]


def test_its_calls_are_counted_as_the_services(shop: Project) -> None:
    ask(
        shop,
        """
s3 = client("s3", config=Config(s3={"addressing_style": "virtual"}))
s3.create_bucket(Bucket="counted")
s3.put_object(Bucket="counted", Key="key", Body=b"")
print(0)
""",
    )
    port = docker("port", shop.container("aws")).split(":")[-1].strip()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/copilot-local/calls") as answer:
        calls = json.load(answer)["calls"]
    put = [one["resource"] for one in calls if (one["service"], one["action"]) == ("api", "s3:PutObject")]
    assert "arn:aws:s3:::counted/key" in put


def test_the_key_of_the_certificate_is_with_the_endpoint_alone(shop: Project) -> None:
    listed = docker("exec", shop.container("api"), "find", "/copilot-local").splitlines()
    assert "/copilot-local/aws/names/bundle.pem" in listed
    assert not [file for file in listed if file.endswith(".key")]
