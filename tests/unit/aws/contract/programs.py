"""What programs do with AWS: an SDK, and a few steps that many tests begin with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "us-east-1"
Item = TypeVar("Item")
Result = TypeVar("Result")


class Aws:
    """Clients of botocore by service."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __getattr__(self, service: str) -> Any:
        return _client(service.replace("_", "-"), self._url)

    def queue(self, name: str = "jobs", **attributes: str) -> str:
        """The URL of a new queue."""
        if name.endswith(".fifo"):
            attributes["FifoQueue"] = "true"
        return str(self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])

    def queue_arn(self, url: str) -> str:
        answer = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])

    def receive(self, url: str, **more: Any) -> list[dict[str, Any]]:
        arguments = {"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"], **more}
        return list(self.sqs.receive_message(**arguments).get("Messages", []))

    def bodies(self, url: str, **more: Any) -> list[str]:
        return [message["Body"] for message in self.receive(url, **more)]

    def subscribed(self, topic: str = "news", queue: str = "jobs", **attributes: str) -> tuple[str, str]:
        """The ARN of a new topic, and the URL of a queue that is subscribed to it."""
        fifo = {"FifoTopic": "true"} if topic.endswith(".fifo") else {}
        arn = str(self.sns.create_topic(Name=topic, Attributes=fifo)["TopicArn"])
        url = self.queue(queue)
        self.sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=self.queue_arn(url), Attributes=attributes)
        return arn, url

    def table(self, name: str = "items", **more: Any) -> str:
        """The name of a new table with the key `id`."""
        self.dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}, *more.pop("attributes", [])],
            **more,
        )
        return name


def code_of(call: Callable[[], Any]) -> str:
    """AWS's code of the error that a call ends with; empty where it succeeds."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def at_once(act: Callable[[Item], Result], items: Iterable[Item], threads: int = 8) -> list[Result]:
    """The results of many calls at the same time."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(act, items))


def message_of(body: str) -> str:
    """The message in SNS's envelope."""
    return str(json.loads(body)["Message"])


@cache
def _client(service: str, url: str) -> Any:
    session = botocore.session.Session()
    session.set_credentials("test", "test")
    config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}, max_pool_connections=20)
    return session.create_client(service, REGION, endpoint_url=url, config=config)
