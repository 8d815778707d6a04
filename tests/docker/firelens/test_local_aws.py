"""Log outputs of AWS against the local AWS endpoint: real plugins, real TLS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import botocore.exceptions
import botocore.session
import pytest

from tests.docker.project import docker, wait_until

if TYPE_CHECKING:
    from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

MANIFEST = "copilot/hello/manifest.yml"
LINES = 500


def client(project: Project, service: str) -> Any:
    """A client of the local endpoint as a user has it: on the host, over the published port."""
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


def test_cloudwatch_has_each_line_once_in_the_group_and_stream_that_ecs_would_use(make_project: MakeProject) -> None:
    project = make_project("firelens-cloudwatch")
    # The published manifest but for the application's name, which is the test's own here.
    project.edit(MANIFEST, "/copilot/sidecar-test-hello", f"/copilot/{project.app}-test-hello")
    project.append(MANIFEST, f"\ncommand: sh -c 'seq 1 {LINES}; exec /app/start'\n")
    project.up("--logs", "local-aws")
    (task,) = project.tasks()
    group, stream = f"/copilot/{project.app}-test-hello", f"copilot/hello-firelens-{task}"

    def lines() -> list[str]:
        streams = client(project, "logs").describe_log_streams(logGroupName=group)["logStreams"]
        assert [one["logStreamName"] for one in streams] in ([], [stream])
        return [event["log"] for event in events(project, group, stream)] if streams else []

    wait_until(lambda: len(lines()) > LINES, lambda: f"{LINES} lines: {len(lines())}")
    assert lines() == [*map(str, range(1, LINES + 1)), "listening on port 3000"]
    read_back = [record for record in project.records() if record["log"] != "listening on port 3000"]
    assert [record["log"] for record in read_back] == [str(number) for number in range(1, LINES + 1)]
    assert {record["container_name"] for record in read_back} == {"hello"}
    assert "0 missing" not in project.run("logs", "--compare").ok().out


def test_s3_and_firehose_get_what_their_plugins_send(make_project: MakeProject) -> None:
    project = make_project("firelens-cloudwatch")
    project.write(
        "router/outputs.conf",
        "[OUTPUT]\n    Name s3\n    Match *\n    bucket logs\n    region us-west-2\n    use_put_object On\n"
        "    upload_timeout 1s\n    total_file_size 1M\n",
    )
    project.write(
        "router/Dockerfile",
        "FROM public.ecr.aws/aws-observability/aws-for-fluent-bit:stable\nCOPY outputs.conf /extra/outputs.conf\n",
    )
    project.write("copilot-local.toml", '[substitute]\n"router:own" = "./router"\n')
    project.edit(
        MANIFEST,
        "    Name: cloudwatch\n    region: us-west-2\n    log_group_name: /copilot/sidecar-test-hello\n"
        "    log_stream_prefix: copilot/\n",
        "    Name: firehose\n    region: us-west-2\n    delivery_stream: to-s3\n",
    )
    project.edit(MANIFEST, "logging:\n", "logging:\n  image: router:own\n  configFilePath: /extra/outputs.conf\n")
    project.up("--logs", "local-aws")
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

    def asked_and_there() -> bool:
        project.get("/hello/records")
        return "GET /hello/records" in held("logs") and "GET /hello/records" in held("delivered")

    wait_until(asked_and_there, lambda: project.run("firelens", "tail", "--once").out)


def test_a_group_that_no_stack_makes_is_not_there_as_on_aws(make_project: MakeProject) -> None:
    project = make_project("firelens-cloudwatch")
    project.up("--logs", "local-aws")  # the manifest names the group of another application

    def said() -> str:
        return project.run("firelens", "tail", "--once").ok().out

    wait_until(lambda: "not found and `auto_create_group` disabled" in said(), said)
    assert f"{MANIFEST}:" in next(line for line in said().splitlines() if "auto_create_group" in line)
    groups = client(project, "logs").describe_log_groups()["logGroups"]
    assert [group["logGroupName"] for group in groups] == []


def test_names_that_aws_refuses_are_refused(make_project: MakeProject) -> None:
    project = make_project("firelens-cloudwatch")
    project.edit(MANIFEST, "Name: cloudwatch\n", "Name: cloudwatch_logs\n    auto_create_group: true\n")
    project.edit(MANIFEST, "/copilot/sidecar-test-hello", "/aws/$(ecs_cluster)")
    project.up("--logs", "local-aws")

    def said() -> str:
        return project.run("firelens", "tail", "--once").ok().out

    wait_until(lambda: "InvalidParameterException" in said(), said)
    assert client(project, "logs").describe_log_groups()["logGroups"] == []
    with pytest.raises(botocore.exceptions.ClientError, match="InvalidBucketName"):
        client(project, "s3").put_object(Bucket="my.bucket..x", Key="k", Body=b"")
