"""Topics and queues of `publish` and `subscribe`, through unmodified boto3 in the services' containers."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.docker.aws.conftest import client, run_in, variables
from tests.docker.project import Project, docker, wait_until

pytestmark = pytest.mark.docker

PUBLISH = """
arns = json.loads(os.environ["COPILOT_SNS_TOPIC_ARNS"])
size = {{"size": {{"DataType": "String", "StringValue": "{size}"}}}}
boto3.client("sns").publish(TopicArn=arns["orders"], Message="{message}", MessageAttributes=size)
"""
RECEIVE = """
got = boto3.client("sqs").receive_message(QueueUrl={queue}, WaitTimeSeconds={wait}, MaxNumberOfMessages=10)
for message in got.get("Messages", []):
    print(json.loads(message["Body"])["Message"])
    if {delete}:
        boto3.client("sqs").delete_message(QueueUrl={queue}, ReceiptHandle=message["ReceiptHandle"])
"""
COMMON = 'os.environ["COPILOT_QUEUE_URI"]'
BILLS = 'json.loads(os.environ["COPILOT_TOPIC_QUEUE_URIS"])["apiBillsfifoEventsQueue"]'


def publish(project: Project, message: str, size: str = "big") -> None:
    run_in(project, "api", PUBLISH.format(message=message, size=size))


def received(project: Project, *, wait: int = 20, delete: bool = True, queue: str = COMMON) -> list[str]:
    return run_in(project, "worker", RECEIVE.format(queue=queue, wait=wait, delete=delete)).split()


def all_of(count: int, more: Callable[[], list[str]]) -> list[str]:
    """What `more` gives until there are so many."""
    found: list[str] = []

    def enough() -> bool:
        found.extend(more())
        return len(found) >= count

    wait_until(enough, lambda: f"{count} of {found}")
    return found


def attributes(project: Project, queue: str) -> dict[str, Any]:
    sqs = client(project, "sqs")
    url = sqs.get_queue_url(QueueName=f"{project.app}-test-worker-{queue}")["QueueUrl"]
    found: dict[str, Any] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return found


def test_a_message_goes_through_the_filter_to_the_workers_queue(shop: Project) -> None:
    publish(shop, "small", "small")
    publish(shop, "large")
    assert received(shop) == ["large"]


def test_a_queues_url_holds_on_this_machine_too(shop: Project) -> None:
    url = run_in(shop, "worker", f"print({COMMON})").strip()
    sqs = client(shop, "sqs")
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"Message": "by-hand"}))
    assert received(shop) == ["by-hand"]
    assert url in sqs.list_queues()["QueueUrls"]


def test_queues_have_the_manifests_settings(shop: Project) -> None:
    events = attributes(shop, "EventsQueue")
    assert (events["MessageRetentionPeriod"], events["VisibilityTimeout"]) == ("3600", "1")
    redrive = json.loads(events["RedrivePolicy"])
    assert int(redrive["maxReceiveCount"]) == 2
    assert redrive["deadLetterTargetArn"] == attributes(shop, "DeadLetterQueue")["QueueArn"]
    assert attributes(shop, "DeadLetterQueue")["MessageRetentionPeriod"] == "1209600"


def test_a_message_that_is_not_deleted_goes_to_the_dead_letters(shop: Project) -> None:
    publish(shop, "poison")

    def dead() -> bool:
        received(shop, wait=1, delete=False)
        return int(attributes(shop, "DeadLetterQueue")["ApproximateNumberOfMessages"]) == 1

    wait_until(dead, "the message in the dead letters")
    assert received(shop, wait=0) == []


def test_a_fifo_topic_keeps_the_order_of_each_group(shop: Project) -> None:
    lines = ["arn = json.loads(os.environ['COPILOT_SNS_TOPIC_ARNS'])['bills.fifo']", "sns = boto3.client('sns')"]
    for number in range(6):
        group, id = number % 2, f"n{number}"
        words = f"Message='{id}', MessageGroupId='g{group}', MessageDeduplicationId='{id}'"
        lines += [f"sns.publish(TopicArn=arn, {words})"] * 2  # the second is a duplicate
    run_in(shop, "api", "\n".join(lines))
    found = all_of(6, lambda: received(shop, queue=BILLS, wait=1))
    assert [one for one in found if one in ("n0", "n2", "n4")] == ["n0", "n2", "n4"]
    assert [one for one in found if one in ("n1", "n3", "n5")] == ["n1", "n3", "n5"]
    assert len(found) == 6


def test_a_topic_of_a_service_that_is_not_here_can_be_published_to(shop: Project) -> None:
    arn = f"arn:aws:sns:us-east-1:000000000000:{shop.app}-test-other-orders"
    client(shop, "sns").publish(TopicArn=arn, Message="from-elsewhere")
    assert received(shop) == ["from-elsewhere"]


def test_a_presigned_url_holds_in_a_task_and_here(shop: Project) -> None:
    code = """
from botocore.config import Config
s3 = boto3.client("s3", config=Config(signature_version="s3v4"))
s3.create_bucket(Bucket="files")
s3.put_object(Bucket="files", Key="v2/a.txt", Body=b"content")
print(s3.generate_presigned_url("get_object", Params={"Bucket": "files", "Key": "v2/a.txt"}))
"""
    url = run_in(shop, "api", code).strip()
    assert httpx.get(url).text == "content"
    inside = f"import urllib.request; print(urllib.request.urlopen({url!r}).read().decode())"
    assert run_in(shop, "worker", inside).strip() == "content"
    assert httpx.get(url.replace("a.txt", "b.txt")).status_code == 403
    s3 = client(shop, "s3")
    s3.delete_object(Bucket="files", Key="v2/a.txt")
    s3.delete_bucket(Bucket="files")


def test_the_aws_command_line_is_led_there(shop: Project, tmp_path: Path) -> None:
    """Any program of that name: here one with boto3, which reads the same variables."""
    program = tmp_path / "aws"
    program.write_text(
        f"#!{sys.executable}\nimport boto3, sys\nprint(sys.argv[1:], boto3.client('sqs').list_queues())\n"
    )
    program.chmod(0o755)
    variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "AWS_PROFILE": "none-such"}
    done = shop.run("aws", "sqs", "list-queues", "--max-results", "5", variables=variables).ok()
    assert "['sqs', 'list-queues', '--max-results', '5']" in done.out
    assert f"{shop.app}-test-worker-EventsQueue" in done.out


def test_ps_says_where_it_is(shop: Project) -> None:
    port = docker("port", shop.container("aws")).split(":")[-1].strip()
    assert f"http://127.0.0.1:{port}" in shop.run("ps").ok().out


def test_what_it_holds_survives_its_sudden_end_and_down_as_passwords_do(shop: Project) -> None:
    before = variables(shop)
    client(shop, "dynamodb").put_item(TableName=before["THINGS_NAME"], Item={"id": {"S": "1"}})
    publish(shop, "kept")
    wait_until(lambda: written(shop), "the snapshot")
    docker("kill", shop.container("aws"))
    wait_until(lambda: running(shop), "the endpoint again")
    publish(shop, "later")
    shop.run("down").ok()
    shop.up()
    found = all_of(2, lambda: received(shop, wait=1))
    assert sorted(found) == ["kept", "later"]
    after = variables(shop)
    names = ("THINGS_NAME", "FILES_NAME", "LOGIN_SECRET", "URL")
    assert [after[name] for name in names] == [before[name] for name in names]
    assert client(shop, "dynamodb").scan(TableName=before["THINGS_NAME"])["Count"] == 1


def written(project: Project) -> bool:
    state = docker("exec", project.container("aws"), "cat", "/copilot-local/data/state/sqs.json", check=False)
    return "kept" in state


def running(project: Project) -> bool:
    return any(one.role == "aws" and one.state == "running" for one in project.containers())
