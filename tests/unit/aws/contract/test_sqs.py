"""Queues as programs use them."""

from __future__ import annotations

import json
import threading

import pytest

from tests.unit.aws.contract.programs import Aws, at_once, code_of


def test_a_message_comes_with_its_attributes_and_goes_when_it_is_deleted(aws: Aws) -> None:
    url = aws.queue()
    kind = {"DataType": "String", "StringValue": "new"}
    aws.sqs.send_message(QueueUrl=url, MessageBody="one", MessageAttributes={"kind": kind})
    [message] = aws.receive(url)
    assert (message["Body"], message["MessageAttributes"]["kind"]["StringValue"]) == ("one", "new")
    aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert aws.receive(url, VisibilityTimeout=0) == []


def test_a_message_is_hidden_until_its_timeout_is_over(aws: Aws) -> None:
    url = aws.queue()
    aws.sqs.send_message(QueueUrl=url, MessageBody="one")
    [message] = aws.receive(url)
    assert aws.receive(url) == []
    aws.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    assert aws.bodies(url) == ["one"]


def test_a_long_poll_ends_with_the_message_that_comes_meanwhile(aws: Aws) -> None:
    url = aws.queue()
    found: list[str] = []
    poll = threading.Thread(target=lambda: found.extend(aws.bodies(url, WaitTimeSeconds=20)))
    poll.start()
    aws.sqs.send_message(QueueUrl=url, MessageBody="late")
    poll.join(timeout=19)
    assert found == ["late"]


def test_a_delayed_message_comes_by_a_long_poll(aws: Aws) -> None:
    url = aws.queue(DelaySeconds="1")
    aws.sqs.send_message(QueueUrl=url, MessageBody="later")
    assert aws.receive(url) == []
    assert aws.bodies(url, WaitTimeSeconds=20) == ["later"]


def test_a_batch_says_which_entries_failed(aws: Aws) -> None:
    url = aws.queue()
    entries = [{"Id": str(number), "MessageBody": f"body {number}"} for number in range(10)]
    answer = aws.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert len(answer["Successful"]) == 10
    twice = [{"Id": "1", "MessageBody": "a"}, {"Id": "1", "MessageBody": "b"}]
    code = code_of(lambda: aws.sqs.send_message_batch(QueueUrl=url, Entries=twice))
    assert code.endswith("BatchEntryIdsNotDistinct")


@pytest.mark.parametrize("count", [2, "2"])
def test_a_message_that_is_received_too_often_goes_to_the_dead_letters(aws: Aws, count: int | str) -> None:
    dead = aws.queue("dead")
    policy = json.dumps({"deadLetterTargetArn": aws.queue_arn(dead), "maxReceiveCount": count})
    url = aws.queue(RedrivePolicy=policy)
    aws.sqs.send_message(QueueUrl=url, MessageBody="bad")
    assert [aws.bodies(url, VisibilityTimeout=0) for _ in range(3)] == [["bad"], ["bad"], []]
    assert aws.bodies(dead) == ["bad"]


def test_no_message_is_lost_or_given_to_two_receivers(aws: Aws) -> None:
    url = aws.queue()
    at_once(lambda number: aws.sqs.send_message(QueueUrl=url, MessageBody=str(number)), range(200))

    def drain(_: int) -> list[str]:
        found: list[str] = []
        while messages := aws.receive(url):
            for message in messages:
                aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found += [message["Body"] for message in messages]
        return found

    received = [body for bodies in at_once(drain, range(4)) for body in bodies]
    assert sorted(received, key=int) == [str(number) for number in range(200)]


def test_groups_of_a_fifo_queue_keep_their_order(aws: Aws) -> None:
    url = aws.queue("jobs.fifo", ContentBasedDeduplication="true")
    for number in range(10):
        group = f"group {number % 2}"
        aws.sqs.send_message(QueueUrl=url, MessageBody=str(number), MessageGroupId=group)
    found: list[str] = []
    while messages := aws.receive(url, MaxNumberOfMessages=1):
        found += [message["Body"] for message in messages]
        aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=messages[0]["ReceiptHandle"])
    for parity in (0, 1):
        assert [body for body in found if int(body) % 2 == parity] == [str(n) for n in range(10) if n % 2 == parity]


def test_a_group_waits_for_its_message_in_flight(aws: Aws) -> None:
    url = aws.queue("jobs.fifo", ContentBasedDeduplication="true")
    for body in ("one", "two"):
        aws.sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="a")
    assert aws.bodies(url, MaxNumberOfMessages=1) == ["one"]
    assert aws.receive(url, MaxNumberOfMessages=1) == []


def test_a_fifo_queue_takes_a_deduplication_id_once(aws: Aws) -> None:
    url = aws.queue("jobs.fifo")
    for body in ("one", "again"):
        aws.sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="a", MessageDeduplicationId="x")
    assert aws.bodies(url) == ["one"]


def test_a_queue_url_holds_whatever_its_host_is(aws: Aws) -> None:
    path = aws.queue().split("/", 3)[3]
    aws.sqs.send_message(QueueUrl=f"http://127.0.0.1:1/{path}", MessageBody="one")
    assert aws.bodies(f"https://sqs.us-east-1.amazonaws.com/{path}") == ["one"]


def test_a_queue_that_is_not_there_has_awss_code(aws: Aws) -> None:
    code = code_of(lambda: aws.sqs.get_queue_url(QueueName="nothing"))
    assert code in ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
