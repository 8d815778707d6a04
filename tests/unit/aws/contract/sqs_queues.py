"""Queues themselves: their names, settings, limits, and those that keep an order."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.unit.aws.contract.checks import VARIES, Checks, Differs
from tests.unit.aws.contract.programs import Aws, at_once, code_of

check = Checks("SQS", "queue")


@check("A queue's URL holds whatever its host is.", ["one"])
def _(aws: Aws) -> Any:
    url = aws.queue()
    aws.send(f"https://sqs.us-east-1.amazonaws.com{urlsplit(url).path}")
    return aws.bodies(url)


@check("A queue that is not there has AWS's code.", "AWS.SimpleQueueService.NonExistentQueue")
def _(aws: Aws) -> Any:
    return code_of(lambda: aws.sqs.get_queue_url(QueueName=aws.name("nothing")))


@check("The older query protocol is answered in XML.", (200, True, ["by form"]))
def _(aws: Aws) -> Any:
    url = aws.queue()
    form = urlencode({"Action": "SendMessage", "MessageBody": "by form", "QueueUrl": url, "Version": "2012-11-05"})
    answer = aws.signed("sqs", url, form, {"Content-Type": "application/x-www-form-urlencoded"})
    return answer.status_code, "<SendMessageResult>" in answer.text, aws.bodies(url)


@check("A queue may be made again with the same settings.", True)
def _(aws: Aws) -> Any:
    make = {"QueueName": aws.name("queue"), "Attributes": {"DelaySeconds": "1"}}
    return aws.sqs.create_queue(**make)["QueueUrl"] == aws.sqs.create_queue(**make)["QueueUrl"]


@check("A queue that is there with other settings is refused.", "QueueAlreadyExists")
def _(aws: Aws) -> Any:
    name = aws.name("queue")
    aws.sqs.create_queue(QueueName=name, Attributes={"DelaySeconds": "1"})
    return code_of(lambda: aws.sqs.create_queue(QueueName=name, Attributes={"DelaySeconds": "2"}))


@check(
    "A name with other characters than letters, digits, - and _ is refused.",
    "InvalidParameterValue",
)
def _(aws: Aws) -> Any:
    return code_of(lambda: aws.sqs.create_queue(QueueName="a.b"))


@check("A name of more than 80 characters is refused.", "InvalidParameterValue")
def _(aws: Aws) -> Any:
    return code_of(lambda: aws.sqs.create_queue(QueueName="a" * 81))


@check("A retention of less than 60 seconds is refused.", "InvalidAttributeValue", moto=Differs(""))
def _(aws: Aws) -> Any:
    return code_of(lambda: aws.queue(MessageRetentionPeriod="59"))


@check("A delay of more than 15 minutes is refused.", "InvalidAttributeValue", moto=Differs(""))
def _(aws: Aws) -> Any:
    return code_of(lambda: aws.queue(DelaySeconds="901"))


@check(
    "A setting that SQS does not know is refused.",
    "InvalidAttributeName",
    moto=Differs(""),
)
def _(aws: Aws) -> Any:
    return code_of(lambda: aws.queue(Color="red"))


@check("Settings that are not given have AWS's defaults.", ("345600", "30", "0", "0"))
def _(aws: Aws) -> Any:
    found = aws.sqs.get_queue_attributes(QueueUrl=aws.queue(), AttributeNames=["All"])["Attributes"]
    names = ("MessageRetentionPeriod", "VisibilityTimeout", "DelaySeconds", "ReceiveMessageWaitTimeSeconds")
    return tuple(found[name] for name in names)


@check("A queue's setting is changed.", "7")
def _(aws: Aws) -> Any:
    url = aws.queue()
    aws.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "7"})
    names = ["VisibilityTimeout"]
    return aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]["VisibilityTimeout"]


@check("A key of KMS is kept with the queue.", "alias/mine")
def _(aws: Aws) -> Any:
    url = aws.queue(KmsMasterKeyId="alias/mine")
    return aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["KmsMasterKeyId"]


@check("Tags are kept.", {"team": "orders"})
def _(aws: Aws) -> Any:
    url = aws.queue()
    aws.sqs.tag_queue(QueueUrl=url, Tags={"team": "orders"})
    return aws.sqs.list_queue_tags(QueueUrl=url)["Tags"]


@check("Queues are listed by the beginning of their names, in pages.", (3, 2))
def _(aws: Aws) -> Any:
    prefix = aws.name("listed")
    for number in range(3):
        aws.sqs.create_queue(QueueName=f"{prefix}-{number}")
    pages = aws.sqs.get_paginator("list_queues").paginate(QueueNamePrefix=prefix, PaginationConfig={"PageSize": 2})
    found = [page.get("QueueUrls", []) for page in pages]
    return len({url for page in found for url in page}), len(found)


@check("A purged queue is empty, messages in flight included.", ["0", "0", "0"])
def _(aws: Aws) -> Any:
    url = aws.queue()
    for body in "ab":
        aws.send(url, body)
    aws.receive(url, MaxNumberOfMessages=1)
    aws.sqs.purge_queue(QueueUrl=url)
    return aws.counts(url)


@check("No message is lost, or given to two receivers, with eight senders and four receivers.", True, moto=VARIES)
def _(aws: Aws) -> Any:
    url = aws.queue()
    at_once(lambda number: aws.send(url, str(number)), range(200))

    def drain(_: int) -> list[str]:
        found: list[str] = []
        while messages := aws.receive(url):
            for message in messages:
                aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found += [message["Body"] for message in messages]
        return found

    received = [body for bodies in at_once(drain, range(4)) for body in bodies]
    return sorted(received, key=int) == [str(number) for number in range(200)]


def _send_in_group(aws: Aws, url: str, body: str, group: str = "a", **more: str) -> dict[str, Any]:
    return aws.send(url, body, MessageGroupId=group, **more)


@check("Groups of a FIFO queue keep their order.", (["0", "2", "4", "6", "8"], ["1", "3", "5", "7", "9"]))
def _(aws: Aws) -> Any:
    url = aws.queue(".fifo", ContentBasedDeduplication="true")
    for number in range(10):
        _send_in_group(aws, url, str(number), f"group-{number % 2}")
    found: list[str] = []
    while messages := aws.receive(url, MaxNumberOfMessages=1):
        found += [message["Body"] for message in messages]
        aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=messages[0]["ReceiptHandle"])
    return tuple([body for body in found if int(body) % 2 == parity] for parity in (0, 1))


@check("A group waits for its message in flight.", (["one"], []))
def _(aws: Aws) -> Any:
    url = aws.queue(".fifo", ContentBasedDeduplication="true")
    for body in ("one", "two"):
        _send_in_group(aws, url, body)
    return aws.bodies(url, MaxNumberOfMessages=1), aws.bodies(url, MaxNumberOfMessages=1)


@check("Another group does not wait.", ["a1", "b1"])
def _(aws: Aws) -> Any:
    url = aws.queue(".fifo", ContentBasedDeduplication="true")
    for body in ("a1", "a2", "b1"):
        _send_in_group(aws, url, body, body[0])
    return [body for _ in range(2) for body in aws.bodies(url, MaxNumberOfMessages=1)]


@check(
    "A FIFO queue takes a deduplication id once, and answers the second with the first's id.",
    (["one"], True),
    moto=Differs((["one"], False)),
)
def _(aws: Aws) -> Any:
    url = aws.queue(".fifo")
    ids = [_send_in_group(aws, url, body, MessageDeduplicationId="x")["MessageId"] for body in ("one", "again")]
    return aws.bodies(url), ids[0] == ids[1]


@check(
    "Content is deduplicated where the queue says so, also after the message was deleted.",
    (["one"], []),
    moto=Differs((["one"], ["one"])),
)
def _(aws: Aws) -> Any:
    url = aws.queue(".fifo", ContentBasedDeduplication="true")
    _send_in_group(aws, url, "one")
    [message] = aws.receive(url)
    aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    _send_in_group(aws, url, "one")
    return [message["Body"]], aws.bodies(url)


@check("With the scope messageGroup, two groups may have one deduplication id.", ["a", "b"], moto=Differs(["a"]))
def _(aws: Aws) -> Any:
    scope = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    url = aws.queue(".fifo", **scope)
    for group in "ab":
        _send_in_group(aws, url, group, group, MessageDeduplicationId="x")
    return sorted(aws.bodies(url))


@check(
    "Messages of a FIFO queue have growing sequence numbers of 20 digits.",
    (True, True),
    moto=Differs("error KeyError"),
)
def _(aws: Aws) -> Any:
    url = aws.queue(".fifo", ContentBasedDeduplication="true")
    first, second = (_send_in_group(aws, url, body)["SequenceNumber"] for body in "ab")
    return len(first) == 20, int(first) < int(second)


@check("A message without a group is refused by a FIFO queue.", "MissingParameter")
def _(aws: Aws) -> Any:
    url = aws.queue(".fifo")
    return code_of(lambda: aws.send(url, MessageDeduplicationId="x"))


@check("A message without a deduplication id is refused by a FIFO queue.", "InvalidParameterValue")
def _(aws: Aws) -> Any:
    url = aws.queue(".fifo")
    return code_of(lambda: _send_in_group(aws, url, "one"))


@check("A message's own delay is refused by a FIFO queue.", "InvalidParameterValue")
def _(aws: Aws) -> Any:
    url = aws.queue(".fifo", ContentBasedDeduplication="true")
    return code_of(lambda: aws.send(url, MessageGroupId="a", DelaySeconds=1))


@check("A FIFO queue whose name does not end in .fifo is refused.", "InvalidParameterValue")
def _(aws: Aws) -> Any:
    return code_of(lambda: aws.sqs.create_queue(QueueName=aws.name("queue"), Attributes={"FifoQueue": "true"}))


@check("A group is taken by a standard queue.", ["one"])
def _(aws: Aws) -> Any:
    url = aws.queue()
    aws.send(url, MessageGroupId="a")
    return aws.bodies(url)
