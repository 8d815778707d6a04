"""Topics as programs use them."""

from __future__ import annotations

import json
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from tests.unit.aws.contract.checks import Checks, Differs
from tests.unit.aws.contract.programs import Aws, code_of

check = Checks("SNS", "sns")
_FIELDS = ["Message", "MessageId", "Signature", "SignatureVersion", "SigningCertURL", "Timestamp", "TopicArn", "Type"]


def attribute(value: Any) -> dict[str, str]:
    if isinstance(value, list):
        return {"DataType": "String.Array", "StringValue": json.dumps(value)}
    return {"DataType": "String" if isinstance(value, str) else "Number", "StringValue": str(value)}


@check("The body in a queue is the envelope, with subject and attributes.", ("hello", "s", "new", True, []))
def _(aws: Aws) -> Any:
    topic, url = aws.subscribed()
    aws.sns.publish(TopicArn=topic, Message="hello", Subject="s", MessageAttributes={"kind": attribute("new")})
    [body] = aws.bodies(url)
    envelope = json.loads(body)
    missing = [name for name in [*_FIELDS, "UnsubscribeURL"] if name not in envelope]
    kind = envelope["MessageAttributes"]["kind"]["Value"]
    return envelope["Message"], envelope["Subject"], kind, envelope["TopicArn"] == topic, missing


@check("Raw delivery gives message and attributes as they are.", ("hello", "new"))
def _(aws: Aws) -> Any:
    topic, url = aws.subscribed(RawMessageDelivery="true")
    aws.sns.publish(TopicArn=topic, Message="hello", MessageAttributes={"kind": attribute("new")})
    [message] = aws.receive(url)
    return message["Body"], message["MessageAttributes"]["kind"]["StringValue"]


@check("A message may have a text for each protocol.", ["for queues"])
def _(aws: Aws) -> Any:
    topic, url = aws.subscribed()
    texts = json.dumps({"default": "for all", "sqs": "for queues"})
    aws.sns.publish(TopicArn=topic, Message=texts, MessageStructure="json")
    return aws.messages(url)


def _passing(aws: Aws, policy: list[Any], *values: Any) -> list[str]:
    """The messages, by the numbers of their attribute's value, that a filter lets through."""
    topic, url = aws.subscribed(FilterPolicy=json.dumps({"kind": policy}))
    for number, value in enumerate(values):
        attributes = {"other": attribute("x")} if value is None else {"kind": attribute(value)}
        aws.sns.publish(TopicArn=topic, Message=str(number), MessageAttributes=attributes)
    return aws.messages(url)


@check("A filter takes one of several values.", ["1"])
def _(aws: Aws) -> Any:
    return _passing(aws, ["a", "b"], "c", "b")


@check("Filter: prefix.", ["1"])
def _(aws: Aws) -> Any:
    return _passing(aws, [{"prefix": "or"}], "border", "order")


@check("Filter: suffix.", ["1"])
def _(aws: Aws) -> Any:
    return _passing(aws, [{"suffix": ".png"}], "a.jpg", "a.png")


@check("Filter: anything-but, with values and with a prefix.", (["1"], ["1"]))
def _(aws: Aws) -> Any:
    return _passing(aws, [{"anything-but": ["a"]}], "a", "b"), _passing(
        aws, [{"anything-but": {"prefix": "a"}}], "ab", "b"
    )


@check("Filter: equals-ignore-case.", ["1"], moto=Differs([]))
def _(aws: Aws) -> Any:
    return _passing(aws, [{"equals-ignore-case": "NEW"}], "old", "new")


@check("Filter: wildcard.", ["1"], moto=Differs("error InvalidParameter"))
def _(aws: Aws) -> Any:
    return _passing(aws, [{"wildcard": "a*z"}], "abc", "abcz")


@check("Filter: numeric, a range and an equal number.", (["1"], ["1"]))
def _(aws: Aws) -> Any:
    return _passing(aws, [{"numeric": [">", 5, "<=", 10]}], 5, 10), _passing(aws, [{"numeric": ["=", 3]}], 4, 3.0)


@check("Filter: cidr.", ["1"], moto=Differs("error InvalidParameter"))
def _(aws: Aws) -> Any:
    return _passing(aws, [{"cidr": "10.0.0.0/8"}], "11.1.2.3", "10.1.2.3")


@check("A filter looks for one of an attribute's many values.", ["1"])
def _(aws: Aws) -> Any:
    return _passing(aws, ["x"], ["y"], ["x", "y"])


@check("Filter: exists, and exists not.", (["0"], ["1"]))
def _(aws: Aws) -> Any:
    return _passing(aws, [{"exists": True}], "x", None), _passing(aws, [{"exists": False}], "x", None)


@check("All attributes of a filter have to match, and one of those under $or.", (["both"], ["a", "b"]))
def _(aws: Aws) -> Any:
    found = []
    for policy in ({"a": ["1"], "b": ["1"]}, {"$or": [{"a": ["1"], "c": ["1"]}, {"b": ["1"], "c": ["1"]}]}):
        topic, url = aws.subscribed(FilterPolicy=json.dumps(policy))
        sent = {"a": ("a",), "b": ("b",), "both": ("a", "b")} if "a" in policy else {"a": "ac", "b": "bc", "c": "c"}
        for name, present in sent.items():
            attributes = {one: attribute("1") for one in present}
            aws.sns.publish(TopicArn=topic, Message=name, MessageAttributes=attributes)
        found.append(aws.messages(url))
    return tuple(found)


@check("A filter may look into the body.", ["new"])
def _(aws: Aws) -> Any:
    topic, url = aws.subscribed(FilterPolicy='{"order": {"state": ["new"]}}', FilterPolicyScope="MessageBody")
    for state in ("old", "new"):
        aws.sns.publish(TopicArn=topic, Message=json.dumps({"order": {"state": state}}))
    return [json.loads(message)["order"]["state"] for message in aws.messages(url)]


@check(
    "A filter for null lets null through.",
    ['{"kind": null}'],
    moto=Differs([]),
)
def _(aws: Aws) -> Any:
    topic, url = aws.subscribed(FilterPolicy='{"kind": [null]}', FilterPolicyScope="MessageBody")
    for message in ('{"kind": null}', '{"kind": "x"}'):
        aws.sns.publish(TopicArn=topic, Message=message)
    return aws.messages(url)


@check(
    "A filter policy whose value is no list is refused.",
    "InvalidParameter",
)
def _(aws: Aws) -> Any:
    return code_of(lambda: aws.subscribed(FilterPolicy='{"kind": "not a list"}'))


@check(
    "A filter policy that is no JSON is refused.",
    "InvalidParameter",
    moto=Differs("error JSONDecodeError"),
)
def _(aws: Aws) -> Any:
    return code_of(lambda: aws.subscribed(FilterPolicy="{kind"))


@check("A batch is published.", (5, ["0", "1", "2", "3", "4"]))
def _(aws: Aws) -> Any:
    topic, url = aws.subscribed()
    entries = [{"Id": str(number), "Message": str(number)} for number in range(5)]
    count = len(aws.sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)["Successful"])
    return count, aws.messages(url)


@check("A batch of eleven is refused.", "TooManyEntriesInBatchRequest")
def _(aws: Aws) -> Any:
    topic, entries = aws.topic(), [{"Id": str(number), "Message": "x"} for number in range(11)]
    return code_of(lambda: aws.sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries))


@check("A FIFO topic passes its deduplication id to a FIFO queue that has no deduplication by content.", ["one"])
def _(aws: Aws) -> Any:
    topic, url = aws.subscribed(".fifo", ".fifo")
    for message in ("one", "again"):
        aws.sns.publish(TopicArn=topic, Message=message, MessageGroupId="a", MessageDeduplicationId="x")
    return aws.messages(url)


@check(
    "A FIFO topic's message without a group is refused.",
    "InvalidParameter",
    moto=Differs("MissingParameter"),
)
def _(aws: Aws) -> Any:
    topic = aws.topic(".fifo")
    return code_of(lambda: aws.sns.publish(TopicArn=topic, Message="x", MessageDeduplicationId="x"))


@check("A FIFO queue is refused by a standard topic.", "InvalidParameter")
def _(aws: Aws) -> Any:
    return code_of(lambda: aws.subscribed("", ".fifo"))


@check(
    "What a subscription cannot deliver goes to its dead letters.",
    ["lost"],
    moto=Differs("error AWS.SimpleQueueService.NonExistentQueue"),
)
def _(aws: Aws) -> Any:
    dead = aws.queue()
    policy = json.dumps({"deadLetterTargetArn": aws.queue_arn(dead)})
    topic, url = aws.subscribed(RedrivePolicy=policy)
    aws.sqs.delete_queue(QueueUrl=url)
    aws.sns.publish(TopicArn=topic, Message="lost")
    return aws.messages(dead)


@check("An HTTP subscriber is asked to confirm.", ("SubscriptionConfirmation", True), moto=Differs("error IndexError"))
def _(aws: Aws) -> Any:
    asked: list[dict[str, Any]] = []

    class Subscriber(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing on the terminal."""

    with HTTPServer(("127.0.0.1", 0), Subscriber) as server:
        server.timeout = 5
        serving = threading.Thread(target=server.handle_request)
        serving.start()
        url = f"http://127.0.0.1:{server.server_port}/"
        aws.sns.subscribe(TopicArn=aws.topic(), Protocol="http", Endpoint=url)
        serving.join()
    return asked[0]["Type"], "Token" in asked[0]


@check("A topic may be made again, and has one ARN.", True)
def _(aws: Aws) -> Any:
    name = aws.name("topic")
    return aws.sns.create_topic(Name=name)["TopicArn"] == aws.sns.create_topic(Name=name)["TopicArn"]


@check("A queue that subscribes again has the same subscription, and gets a message once.", (True, ["one"]))
def _(aws: Aws) -> Any:
    topic, url = aws.subscribed()
    again = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": aws.queue_arn(url), "ReturnSubscriptionArn": True}
    arns = {aws.sns.subscribe(**again)["SubscriptionArn"] for _ in range(2)}
    aws.sns.publish(TopicArn=topic, Message="one")
    return len(arns) == 1, aws.messages(url)


@check("A subscription that ended delivers nothing.", [])
def _(aws: Aws) -> Any:
    topic, url = aws.subscribed()
    [subscription] = aws.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    aws.sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
    aws.sns.publish(TopicArn=topic, Message="one")
    return aws.messages(url)


@check("A filter that is changed counts from then on.", ["second"])
def _(aws: Aws) -> Any:
    topic, url = aws.subscribed(FilterPolicy='{"kind": ["a"]}')
    [subscription] = aws.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    arn = subscription["SubscriptionArn"]
    for name in ("first", "second"):
        aws.sns.publish(TopicArn=topic, Message=name, MessageAttributes={"kind": attribute("b")})
        aws.sns.set_subscription_attributes(
            SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue='{"kind": ["b"]}'
        )
    return aws.messages(url)


@check("A topic that is not there has AWS's code.", "NotFound")
def _(aws: Aws) -> Any:
    arn = aws.topic() + "-not"
    return code_of(lambda: aws.sns.publish(TopicArn=arn, Message="x"))


@check("A message of more than 256 KiB is refused.", "InvalidParameter")
def _(aws: Aws) -> Any:
    topic = aws.topic()
    return code_of(lambda: aws.sns.publish(TopicArn=topic, Message="x" * (256 * 1024 + 1)))


@check("An empty message is refused.", "InvalidParameter", moto=Differs(""))
def _(aws: Aws) -> Any:
    topic = aws.topic()
    return code_of(lambda: aws.sns.publish(TopicArn=topic, Message=""))


@check("An attribute that is no number is refused as one.", "ParameterValueInvalid", moto=Differs("InvalidParameter"))
def _(aws: Aws) -> Any:
    topic, _ = aws.subscribed()
    wrong = {"price": {"DataType": "Number", "StringValue": "ten"}}
    return code_of(lambda: aws.sns.publish(TopicArn=topic, Message="x", MessageAttributes=wrong))


@check("A filter that SNS does not know, and one of more than five keys, are refused.", ["InvalidParameter"] * 3)
def _(aws: Aws) -> Any:
    topic, _ = aws.subscribed()
    [one] = aws.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    wrong = (
        {"a": [{"starts-with": "x"}]},
        {"$or": [{"a": [{"like": "x"}]}]},
        {str(number): ["x"] for number in range(6)},
    )
    put = partial(
        aws.sns.set_subscription_attributes, SubscriptionArn=one["SubscriptionArn"], AttributeName="FilterPolicy"
    )
    return [code_of(partial(put, AttributeValue=json.dumps(policy))) for policy in wrong]


@check(
    "A long subject, and texts of protocols without one for all others, are refused.",
    ["InvalidParameter"] * 2,
    moto=Differs(["InvalidParameter", ""]),
)
def _(aws: Aws) -> Any:
    topic, _ = aws.subscribed()
    wrong = ({"Subject": "s" * 101, "Message": "x"}, {"MessageStructure": "json", "Message": '{"sqs": "x"}'})
    return [code_of(partial(aws.sns.publish, TopicArn=topic, **given)) for given in wrong]
