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
for size in ("small", "large"):
    attributes = {"size": {"DataType": "String", "StringValue": size.replace("large", "big")}}
    boto3.client("sns").publish(TopicArn=arns["orders"], Message=size, MessageAttributes=attributes)
"""
RECEIVE = """
sqs, queue = boto3.client("sqs"), os.environ["COPILOT_QUEUE_URI"]
for message in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20, MaxNumberOfMessages=10).get("Messages", []):
    print(json.loads(message["Body"])["Message"])
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
"""


def common_queue(project: Project) -> str:
    return variables(project, "worker")["COPILOT_QUEUE_URI"]


def received(project: Project, queue: str, wait: int) -> list[str]:
    """The messages that a client on this machine gets, which it deletes."""
    sqs = client(project, "sqs")
    found = []
    got = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=wait, MaxNumberOfMessages=10)
    for message in got.get("Messages", []):
        found.append(json.loads(message["Body"])["Message"])
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return found


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


def test_a_message_goes_through_the_filter_to_the_workers_queue_whose_url_holds_on_this_machine_too(
    shop: Project,
) -> None:
    run_in(shop, "api", PUBLISH)
    url = common_queue(shop)
    sqs = client(shop, "sqs")
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"Message": "by-hand"}))
    assert sorted(run_in(shop, "worker", RECEIVE).split()) == ["by-hand", "large"]
    assert url in sqs.list_queues()["QueueUrls"]


def test_queues_have_the_manifests_settings(everything: Project) -> None:
    events = attributes(everything, "EventsQueue")
    assert (events["MessageRetentionPeriod"], events["VisibilityTimeout"]) == ("3600", "1")
    redrive = json.loads(events["RedrivePolicy"])
    assert int(redrive["maxReceiveCount"]) == 2
    dead = attributes(everything, "DeadLetterQueue")
    assert redrive["deadLetterTargetArn"] == dead["QueueArn"]
    assert dead["MessageRetentionPeriod"] == "1209600"


def test_a_message_that_is_not_deleted_goes_to_the_dead_letters(shop: Project) -> None:
    sqs, queue = client(shop, "sqs"), common_queue(shop)
    sqs.send_message(QueueUrl=queue, MessageBody="poison")

    def dead() -> bool:
        sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=2)
        return int(attributes(shop, "DeadLetterQueue")["ApproximateNumberOfMessages"]) == 1

    wait_until(dead, "the message in the dead letters")
    assert received(shop, queue, wait=0) == []


def test_a_fifo_topic_keeps_the_order_of_each_group(shop: Project) -> None:
    sns, arns = client(shop, "sns"), json.loads(variables(shop)["COPILOT_SNS_TOPIC_ARNS"])
    for number in range(6):
        group, id = f"g{number % 2}", f"n{number}"
        for _ in range(2):  # the second is a duplicate
            sns.publish(TopicArn=arns["bills.fifo"], Message=id, MessageGroupId=group, MessageDeduplicationId=id)
    queue = json.loads(variables(shop, "worker")["COPILOT_TOPIC_QUEUE_URIS"])["apiBillsfifoEventsQueue"]
    found = all_of(6, lambda: received(shop, queue, wait=1))
    assert [one for one in found if one in ("n0", "n2", "n4")] == ["n0", "n2", "n4"]
    assert [one for one in found if one in ("n1", "n3", "n5")] == ["n1", "n3", "n5"]
    assert len(found) == 6


def test_a_topic_of_a_service_that_is_not_here_can_be_published_to(shop: Project) -> None:
    arn = f"arn:aws:sns:us-east-1:000000000000:{shop.app}-test-other-orders"
    client(shop, "sns").publish(TopicArn=arn, Message="from-elsewhere")
    assert received(shop, common_queue(shop), wait=20) == ["from-elsewhere"]


def test_a_presigned_url_holds_in_a_task_and_here(everything: Project) -> None:
    code = """
from botocore.config import Config
s3 = boto3.client("s3", config=Config(signature_version="s3v4"))
s3.create_bucket(Bucket="files")
s3.put_object(Bucket="files", Key="v2/a.txt", Body=b"content")
url = s3.generate_presigned_url("get_object", Params={"Bucket": "files", "Key": "v2/a.txt"})
import urllib.request
print(url, urllib.request.urlopen(url).read().decode())
"""
    url, inside = run_in(everything, "api", code).split()
    assert inside == "content"
    assert httpx.get(url).text == "content"
    assert httpx.get(url.replace("a.txt", "b.txt")).status_code == 403
    s3 = client(everything, "s3")
    s3.delete_object(Bucket="files", Key="v2/a.txt")
    s3.delete_bucket(Bucket="files")


def test_the_aws_command_line_is_led_there(everything: Project, tmp_path: Path) -> None:
    """Any program of that name: here one with boto3, which reads the same variables."""
    program = tmp_path / "aws"
    program.write_text(
        f"#!{sys.executable}\nimport boto3, sys\nprint(sys.argv[1:], boto3.client('sqs').list_queues())\n"
    )
    program.chmod(0o755)
    variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "AWS_PROFILE": "none-such"}
    done = everything.run("aws", "sqs", "list-queues", "--max-results", "5", variables=variables).ok()
    assert "['sqs', 'list-queues', '--max-results', '5']" in done.out
    assert f"{everything.app}-test-worker-EventsQueue" in done.out


def test_ps_says_where_it_is(everything: Project) -> None:
    port = docker("port", everything.container("aws")).split(":")[-1].strip()
    assert f"http://127.0.0.1:{port}" in everything.run("ps").ok().out
