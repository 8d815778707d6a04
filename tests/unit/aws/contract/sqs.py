"""Queues as programs use them."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from functools import partial
from typing import Any

from tests.unit.aws.contract.checks import VARIES, Checks, Differs
from tests.unit.aws.contract.programs import Aws, at_once, code_of

_WRONG = "InvalidParameterValue"
check = Checks("SQS", "sqs")
TEXT = {"DataType": "String", "StringValue": "new"}


@check("A message comes with its body, its attributes and the MD5 of its body.", ("one", "new", True))
def _(aws: Aws) -> Any:
    url = aws.queue()
    aws.send(url, MessageAttributes={"kind": TEXT})
    [message] = aws.receive(url)
    digest = hashlib.md5(b"one", usedforsecurity=False).hexdigest()
    return message["Body"], message["MessageAttributes"]["kind"]["StringValue"], message["MD5OfBody"] == digest


@check("A binary attribute keeps its bytes.", b"\x00\xff")
def _(aws: Aws) -> Any:
    url = aws.queue()
    aws.send(url, MessageAttributes={"raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}})
    return aws.receive(url)[0]["MessageAttributes"]["raw"]["BinaryValue"]


@check("A deleted message does not come again.", [])
def _(aws: Aws) -> Any:
    url = aws.queue()
    aws.send(url)
    [message] = aws.receive(url, VisibilityTimeout=0)
    aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return aws.bodies(url)


@check("A received message is hidden; visibility 0 shows it again.", ([], ["one"]))
def _(aws: Aws) -> Any:
    url = aws.queue()
    aws.send(url)
    [message] = aws.receive(url)
    hidden = aws.bodies(url)
    aws.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    return hidden, aws.bodies(url)


@check("A long poll ends with a message whose visibility timeout ends meanwhile.", ["one"])
def _(aws: Aws) -> Any:
    url = aws.queue(VisibilityTimeout="1")
    aws.send(url)
    aws.receive(url)
    return aws.bodies(url, WaitTimeSeconds=20)


@check("A long poll ends with the message that comes meanwhile.", ["late"])
def _(aws: Aws) -> Any:
    url = aws.queue()
    found: list[str] = []
    poll = threading.Thread(target=lambda: found.extend(aws.bodies(url, WaitTimeSeconds=20)), daemon=True)
    poll.start()
    aws.send(url, "late")
    poll.join(timeout=19)
    return found


@check("A long poll of an empty queue waits for its time.", ([], True))
def _(aws: Aws) -> Any:
    url = aws.queue(ReceiveMessageWaitTimeSeconds="1")
    began = time.monotonic()
    return aws.bodies(url), time.monotonic() - began > 0.9


@check("Thirty long polls at once get one message each.", [1] * 30, moto=VARIES)
def _(aws: Aws) -> Any:
    url = aws.queue()
    for _ in range(3):
        aws.sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": "x"} for n in range(10)])
    poll = {"MaxNumberOfMessages": 1, "WaitTimeSeconds": 10}
    return at_once(lambda _: len(aws.receive(url, **poll)), range(30), threads=15)


@check("A queue's delay holds a message back, and a long poll ends with it.", ([], ["later"]))
def _(aws: Aws) -> Any:
    url = aws.queue(DelaySeconds="3")
    aws.send(url, "later")
    return aws.bodies(url), aws.bodies(url, WaitTimeSeconds=20)


@check("A message's own delay wins over the queue's.", (["now"], ["1", "0", "1"]))
def _(aws: Aws) -> Any:
    url = aws.queue(DelaySeconds="900")
    aws.send(url, "now", DelaySeconds=0)
    aws.send(url, "later")
    counts = aws.counts(url)
    return aws.bodies(url), counts


@check("Attributes count what waits, is in flight and is delayed.", ["1", "1", "1"])
def _(aws: Aws) -> Any:
    url = aws.queue()
    aws.send(url, "a")
    aws.send(url, "b")
    aws.send(url, "c", DelaySeconds=900)
    aws.receive(url, MaxNumberOfMessages=1)
    return aws.counts(url)


@check("A batch of ten is taken.", 10)
def _(aws: Aws) -> Any:
    entries = [{"Id": str(number), "MessageBody": "x"} for number in range(10)]
    return len(aws.sqs.send_message_batch(QueueUrl=aws.queue(), Entries=entries)["Successful"])


@check("A batch of eleven is refused.", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest")
def _(aws: Aws) -> Any:
    url, entries = aws.queue(), [{"Id": str(number), "MessageBody": "x"} for number in range(11)]
    return code_of(lambda: aws.sqs.send_message_batch(QueueUrl=url, Entries=entries))


@check("An empty batch is refused.", "AWS.SimpleQueueService.EmptyBatchRequest")
def _(aws: Aws) -> Any:
    url = aws.queue()
    return code_of(lambda: aws.sqs.send_message_batch(QueueUrl=url, Entries=[]))


@check("A batch with one id twice is refused.", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct")
def _(aws: Aws) -> Any:
    url, entries = aws.queue(), [{"Id": "1", "MessageBody": body} for body in "ab"]
    return code_of(lambda: aws.sqs.send_message_batch(QueueUrl=url, Entries=entries))


@check("A batch of deletions says which entry failed.", (["good"], ["bad"]))
def _(aws: Aws) -> Any:
    url = aws.queue()
    aws.send(url)
    handles = {"good": aws.receive(url)[0]["ReceiptHandle"], "bad": "no handle"}
    entries = [{"Id": id, "ReceiptHandle": handle} for id, handle in handles.items()]
    answer = aws.sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    return [one["Id"] for one in answer.get("Successful", [])], [one["Id"] for one in answer.get("Failed", [])]


@check("The visibility of many messages is changed in a batch.", ["a", "b"])
def _(aws: Aws) -> Any:
    url = aws.queue()
    for body in "ab":
        aws.send(url, body)
    handles = [message["ReceiptHandle"] for _ in "ab" for message in aws.receive(url)]
    entries = [{"Id": str(n), "ReceiptHandle": one, "VisibilityTimeout": 0} for n, one in enumerate(handles)]
    aws.sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)
    return sorted(aws.bodies(url))


@check("A body that is longer than the queue's maximum is refused.", "InvalidParameterValue")
def _(aws: Aws) -> Any:
    url = aws.queue(MaximumMessageSize="1024")
    return code_of(lambda: aws.send(url, "x" * 1025))


@check("Control characters in a body are refused.", "InvalidMessageContents", moto=Differs(""))
def _(aws: Aws) -> Any:
    url = aws.queue()
    return code_of(lambda: aws.send(url, "a\x00b"))


@check(
    "An attribute with an unknown type is refused.",
    "InvalidParameterValue",
)
def _(aws: Aws) -> Any:
    url, wrong = aws.queue(), {"DataType": "Date", "StringValue": "today"}
    return code_of(lambda: aws.send(url, MessageAttributes={"kind": wrong}))


@check(
    "An attribute with an empty value is refused.",
    "InvalidParameterValue",
    moto=Differs(""),
)
def _(aws: Aws) -> Any:
    url, wrong = aws.queue(), {"DataType": "String", "StringValue": ""}
    return code_of(lambda: aws.send(url, MessageAttributes={"kind": wrong}))


@check("A message counts how often it was received.", ["1", "2"])
def _(aws: Aws) -> Any:
    url, names = aws.queue(), ["ApproximateReceiveCount"]
    aws.send(url)
    found = [aws.receive(url, VisibilityTimeout=0, MessageSystemAttributeNames=names)[0] for _ in range(2)]
    return [message["Attributes"]["ApproximateReceiveCount"] for message in found]


@check("The header of X-Ray goes with a message.", "Root=1-5759e988-bd862e3fe1be46a994272793")
def _(aws: Aws) -> Any:
    url, header = aws.queue(), "Root=1-5759e988-bd862e3fe1be46a994272793"
    aws.send(url, MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": header}})
    return aws.receive(url, MessageSystemAttributeNames=["All"])[0]["Attributes"]["AWSTraceHeader"]


def _dead(aws: Aws, count: int | str, ending: str = "") -> tuple[str, str]:
    """A queue, and the queue of its dead letters."""
    dead = aws.queue(ending)
    policy = json.dumps({"deadLetterTargetArn": aws.queue_arn(dead), "maxReceiveCount": count})
    return aws.queue(ending, RedrivePolicy=policy), dead


@check("A message goes to the dead letters after its last receipt.", ([["bad"], ["bad"], []], ["bad"]))
def _(aws: Aws) -> Any:
    url, dead = _dead(aws, 2)
    aws.send(url, "bad")
    return [aws.bodies(url, VisibilityTimeout=0) for _ in range(3)], aws.bodies(dead)


@check("The number of receipts may be text.", ([["bad"], []], ["bad"]))
def _(aws: Aws) -> Any:
    url, dead = _dead(aws, "1")
    aws.send(url, "bad")
    return [aws.bodies(url, VisibilityTimeout=0) for _ in range(2)], aws.bodies(dead)


@check("A dead letter keeps its id, and says what queue it comes from.", (True, True), moto=Differs((True, False)))
def _(aws: Aws) -> Any:
    url, dead = _dead(aws, 1)
    sent = aws.send(url)["MessageId"]
    for _ in range(2):
        aws.receive(url, VisibilityTimeout=0)
    [letter] = aws.receive(dead, MessageSystemAttributeNames=["All"])
    source = letter["Attributes"].get("DeadLetterQueueSourceArn")
    return letter["MessageId"] == sent, source == aws.queue_arn(url)


@check(
    "Dead letters are moved back by StartMessageMoveTask.",
    ["bad"],
    moto=Differs("error NotImplementedError"),
)
def _(aws: Aws) -> Any:
    url, dead = _dead(aws, 1)
    aws.send(url, "bad")
    for _ in range(2):
        aws.receive(url, VisibilityTimeout=0)
    aws.sqs.start_message_move_task(SourceArn=aws.queue_arn(dead))
    return aws.bodies(url, WaitTimeSeconds=20)


@check(
    "The sources of a dead-letter queue are listed.",
    True,
)
def _(aws: Aws) -> Any:
    url, dead = _dead(aws, 1)
    return aws.sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]


@check("A wait of more than 20 seconds is refused.", "InvalidParameterValue")
def _(aws: Aws) -> Any:
    url = aws.queue()
    aws.send(url)
    return code_of(lambda: aws.receive(url, WaitTimeSeconds=21))


@check("More than ten messages at once are refused.", "InvalidParameterValue")
def _(aws: Aws) -> Any:
    url = aws.queue()
    return code_of(lambda: aws.receive(url, MaxNumberOfMessages=11))


@check(
    "A deletion with an older receipt handle succeeds.",
    "",
)
def _(aws: Aws) -> Any:
    url = aws.queue()
    aws.send(url)
    [old] = aws.receive(url, VisibilityTimeout=0)
    [new] = aws.receive(url)
    aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=new["ReceiptHandle"])
    return code_of(lambda: aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=old["ReceiptHandle"]))


@check("What is no receipt handle is refused.", "ReceiptHandleIsInvalid")
def _(aws: Aws) -> Any:
    url = aws.queue()
    return code_of(lambda: aws.sqs.delete_message(QueueUrl=url, ReceiptHandle="no handle"))


@check("A batch of deletions takes an older receipt handle.", ["old"])
def _(aws: Aws) -> Any:
    url = aws.queue()
    aws.send(url)
    [old] = aws.receive(url, VisibilityTimeout=0)
    aws.receive(url)
    entries = [{"Id": "old", "ReceiptHandle": old["ReceiptHandle"]}]
    answer = aws.sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    return [one["Id"] for one in answer.get("Successful", [])]


@check(
    "Dead letters are moved to another queue where the call names one, and the move is listed.",
    (["bad"], 1),
    moto=Differs("error NotImplementedError"),
)
def _(aws: Aws) -> Any:
    (url, dead), other = _dead(aws, 1), aws.queue()
    aws.send(url, "bad")
    for _ in range(2):
        aws.receive(url, VisibilityTimeout=0)
    source = aws.queue_arn(dead)
    aws.sqs.start_message_move_task(SourceArn=source, DestinationArn=aws.queue_arn(other))
    bodies = aws.bodies(other, WaitTimeSeconds=20)
    [move] = aws.sqs.list_message_move_tasks(SourceArn=source)["Results"]
    return bodies, move["ApproximateNumberOfMessagesMoved"]


@check(
    "Nothing is moved out of a queue that no other has for its dead letters.",
    "InvalidParameterValue",
    moto=Differs("error NotImplementedError"),
)
def _(aws: Aws) -> Any:
    source = aws.queue_arn(aws.queue())
    return code_of(lambda: aws.sqs.start_message_move_task(SourceArn=source))


@check("A message's own delay of more than 15 minutes is refused, in a batch too.", ("InvalidParameterValue", ["1"]))
def _(aws: Aws) -> Any:
    url, entry = aws.queue(), {"Id": "1", "MessageBody": "x", "DelaySeconds": 901}
    alone = code_of(lambda: aws.send(url, DelaySeconds=901))
    return alone, [one["Id"] for one in aws.sqs.send_message_batch(QueueUrl=url, Entries=[entry]).get("Failed", [])]


@check(
    "More than ten attributes, and a number that is none, are refused.",
    ["InvalidParameterValue"] * 2,
    moto=Differs(["", ""]),
)
def _(aws: Aws) -> Any:
    url, text = aws.queue(), {"DataType": "String", "StringValue": "x"}
    wrong = ({f"a{number}": text for number in range(11)}, {"a": {"DataType": "Number", "StringValue": "ten"}})
    return [code_of(partial(aws.send, url, MessageAttributes=given)) for given in wrong]


@check(
    "A message is hidden for twelve hours at most.", ["InvalidParameterValue"] * 3, moto=Differs([_WRONG, "", _WRONG])
)
def _(aws: Aws) -> Any:
    url = aws.queue()
    aws.send(url)
    handle = aws.receive(url)[0]["ReceiptHandle"]
    hide = partial(aws.sqs.change_message_visibility, QueueUrl=url, ReceiptHandle=handle)
    receive = partial(aws.sqs.receive_message, QueueUrl=url, VisibilityTimeout=43_201)
    return [
        code_of(partial(hide, VisibilityTimeout=43_201)),
        code_of(partial(hide, VisibilityTimeout=-1)),
        code_of(receive),
    ]


@check(
    "An attribute's name has letters, digits and - _ . alone, and none of AWS's.",
    (["InvalidParameterValue"] * 3, ""),
    moto=Differs((["InvalidParameterValue", "", ""], "")),
)
def _(aws: Aws) -> Any:
    url, text = aws.queue(), {"DataType": "String", "StringValue": "x"}
    codes = [code_of(partial(aws.send, url, MessageAttributes={name: text})) for name in ("a b", "AWS.x", "a..b")]
    return codes, code_of(lambda: aws.send(url, MessageAttributes={"a.b-c_D9": text}))
