"""Log outputs of AWS against the local AWS endpoint: real plugins, real TLS."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.exceptions
import botocore.session
import pytest

from tests.docker.firelens import fanout
from tests.docker.project import docker, wait_until

if TYPE_CHECKING:
    from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

HELLO = "copilot/hello/manifest.yml"
LINES = 500
BACKEND = """\
name: {name}
type: Backend Service
image:
  location: busybox:1.37
command: "sh -c 'trap exit TERM; while :; do echo a record of {name}; sleep 1 & wait $!; done'"
cpu: 256
memory: 512
logging:
"""
"""Prints a line each second."""
SHIPPER = """\
  image: router:own
  configFilePath: /extra/outputs.conf
  destination:
    Name: firehose
    region: us-west-2
    delivery_stream: to-s3
"""
ORPHAN = """\
  destination:
    Name: cloudwatch
    region: us-west-2
    log_group_name: /copilot/of-another-application
    log_stream_prefix: copilot/
"""
OUTPUTS = """\
[OUTPUT]
    Name s3
    Match *
    bucket logs
    region us-west-2
    use_put_object On
    upload_timeout 1s
    total_file_size 1M

[OUTPUT]
    Name cloudwatch_logs
    Match *
    auto_create_group true
    region us-west-2
    log_group_name /aws/$(ecs_cluster)
    log_stream_prefix copilot/
"""
"""To S3, and to a group whose name is refused."""


@pytest.fixture(scope="module")
def project(make_shared_project: MakeProject) -> Project:
    """Four services that send to one local AWS: as the example does, to S3 and to a forbidden group, to no group, and
    to a stream with a fixed name."""
    project = make_shared_project("firelens-cloudwatch")
    # The published manifest but for the application's name, which is the test's own here.
    project.edit(HELLO, "/copilot/sidecar-test-hello", f"/copilot/{project.app}-test-hello")
    project.append(HELLO, f"\ncommand: sh -c 'seq 1 {LINES}; exec /app/start'\n")
    for name, logging in (("shipper", SHIPPER), ("orphan", ORPHAN)):
        project.write(f"copilot/{name}/manifest.yml", BACKEND.format(name=name) + logging)
    project.write("router/outputs.conf", OUTPUTS)
    fixed = 'log_stream_name: fixed\n    auto_create_group: "true"'
    fanout.add_fanout(project, fanout.MANIFEST.replace("log_stream_prefix: copilot/", fixed))
    project.up("--logs", "local-aws")
    return project


@cache
def client(project: Project, service: str) -> Any:
    """A client of the local endpoint as a user has it: on the host, over the published port. Making one takes longer
    than what it is asked."""
    port = docker("port", project.container("aws")).split(":")[-1].strip()
    session = botocore.session.Session()
    session.set_credentials("any", "any")
    return session.create_client(service, region_name="us-west-2", endpoint_url=f"http://127.0.0.1:{port}")


def events(project: Project, group: str, stream: str) -> list[dict[str, Any]]:
    logs = client(project, "logs")
    found: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    while True:
        page = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True, **token)
        found += [json.loads(event["message"]) for event in page["events"]]
        if not page["events"]:
            return found
        token = {"nextToken": page["nextForwardToken"]}


def groups(project: Project) -> list[str]:
    return [group["logGroupName"] for group in client(project, "logs").describe_log_groups()["logGroups"]]


def router_says(project: Project, service: str) -> str:
    """What the log router of a service has printed, each error with its line of the manifest."""
    return project.run("firelens", "tail", "--once", service).ok().out


def test_cloudwatch_has_each_line_once_in_the_group_and_stream_that_ecs_would_use(project: Project) -> None:
    [task] = {it.task for it in project.containers() if it.labels.get("copilot-local.service") == "hello"}
    group, stream = f"/copilot/{project.app}-test-hello", f"copilot/hello-firelens-{task}"

    def lines() -> list[str]:
        streams = client(project, "logs").describe_log_streams(logGroupName=group)["logStreams"]
        assert [one["logStreamName"] for one in streams] in ([], [stream])
        return [event["log"] for event in events(project, group, stream)] if streams else []

    wait_until(lambda: len(lines()) > LINES, lambda: f"{LINES} lines: {len(lines())}")
    assert lines() == [*map(str, range(1, LINES + 1)), "listening on port 3000"]
    routed = project.run("logs", "--routed", "--join", "--format", "json", "hello").ok().out
    records = [json.loads(line)["record"] for line in routed.splitlines()]
    read_back = [record for record in records if record["log"] != "listening on port 3000"]
    assert [record["log"] for record in read_back] == [str(number) for number in range(1, LINES + 1)]
    assert {record["container_name"] for record in read_back} == {"hello"}
    assert "0 missing" not in project.run("logs", "--compare", "hello").ok().out


def test_s3_and_firehose_get_what_their_plugins_send(project: Project) -> None:
    s3, firehose = client(project, "s3"), client(project, "firehose")
    for bucket in ("logs", "delivered"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    firehose.create_delivery_stream(
        DeliveryStreamName="to-s3",
        ExtendedS3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::000000000000:role/firehose",
            "BucketARN": "arn:aws:s3:::delivered",
        },
    )

    def held(bucket: str) -> str:
        keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        return "".join(s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys)

    def there() -> bool:
        return all("a record of shipper" in held(bucket) for bucket in ("logs", "delivered"))

    wait_until(there, lambda: router_says(project, "shipper"))


def test_a_group_that_no_stack_makes_is_not_there_as_on_aws(project: Project) -> None:
    def said() -> str:
        return router_says(project, "orphan")

    wait_until(lambda: "not found and `auto_create_group` disabled" in said(), said)
    assert "copilot/orphan/manifest.yml:" in next(line for line in said().splitlines() if "auto_create_group" in line)
    assert "/copilot/of-another-application" not in groups(project)


def test_names_that_aws_refuses_are_refused(project: Project) -> None:
    def said() -> str:
        return router_says(project, "shipper")

    wait_until(lambda: "InvalidParameterException" in said(), said)
    assert [group for group in groups(project) if group.startswith("/aws")] == []
    with pytest.raises(botocore.exceptions.ClientError, match="InvalidBucketName"):
        client(project, "s3").put_object(Bucket="my.bucket..x", Key="k", Body=b"")


def test_a_fixed_stream_in_the_local_aws_is_compared_by_the_records_containers(project: Project) -> None:
    group = "/copilot/pipelines-test-fanout"

    def there() -> bool:
        """Two tasks write to one stream: each tries again where the other was first."""
        if group not in groups(project):
            return False
        streams = client(project, "logs").describe_log_streams(logGroupName=group)["logStreams"]
        return bool(streams) and len(events(project, group, "fixed")) == 12

    wait_until(there, "three parts of a long line and three lines of each task", timeout=150)
    fanout.wait_until_compared(project)


def test_a_destination_that_no_service_has_is_refused_with_the_one_that_is_meant(project: Project) -> None:
    wrong = project.run("up", "-d", "--logs", "htpp=live", "fanout")
    assert wrong.code == 2
    assert "no log destination is called htpp" in wrong.err
    assert "did you mean http?" in wrong.err
