"""What programs do with AWS: an SDK, and a few steps that many checks begin with."""

from __future__ import annotations

import itertools
import json
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

import botocore.session
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

REGION = "us-east-1"
DEADLINE = 30
"""Seconds for one HTTP request."""
SECONDS = 20.0
"""For what AWS does after it has answered."""
Item = TypeVar("Item")
Result = TypeVar("Result")
_numbers = itertools.count()
_RUN = uuid.uuid4().hex[:8]


class Aws:
    """Clients of botocore by service. `url` is the endpoint's; None is AWS's own names."""

    def __init__(self, url: str | None) -> None:
        self._url = url

    def __getattr__(self, service: str) -> Any:
        return _client(service.replace("_", "-"), self._url)

    def name(self, kind: str = "thing") -> str:
        """A name that nothing else has."""
        return f"{kind}-{_RUN}-{next(_numbers)}"

    def queue(self, ending: str = "", **attributes: str) -> str:
        """The URL of a new queue. `ending`: `.fifo`, or nothing."""
        if ending:
            attributes["FifoQueue"] = "true"
        return str(self.sqs.create_queue(QueueName=self.name("queue") + ending, Attributes=attributes)["QueueUrl"])

    def queue_arn(self, url: str) -> str:
        answer = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])

    def send(self, url: str, body: str = "one", **more: Any) -> dict[str, Any]:
        return dict(self.sqs.send_message(QueueUrl=url, MessageBody=body, **more))

    def receive(self, url: str, **more: Any) -> list[dict[str, Any]]:
        arguments = {"QueueUrl": url, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"], **more}
        return list(self.sqs.receive_message(**arguments).get("Messages", []))

    def bodies(self, url: str, **more: Any) -> list[str]:
        return [message["Body"] for message in self.receive(url, **more)]

    def counts(self, url: str) -> list[str]:
        """How many messages wait, are in flight and are delayed."""
        names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return [found[name] for name in names]

    def topic(self, ending: str = "") -> str:
        """The ARN of a new topic."""
        fifo = {"FifoTopic": "true"} if ending else {}
        return str(self.sns.create_topic(Name=self.name("topic") + ending, Attributes=fifo)["TopicArn"])

    def subscribed(self, topic: str = "", queue: str = "", **attributes: str) -> tuple[str, str]:
        """The ARN of a new topic, and the URL of a queue that is subscribed to it; by the endings of their names."""
        arn, url = self.topic(topic), self.queue(queue)
        self.sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=self.queue_arn(url), Attributes=attributes)
        return arn, url

    def messages(self, url: str) -> list[str]:
        """The messages in SNS's envelopes in a queue, sorted."""
        return sorted(str(json.loads(body)["Message"]) for body in self.bodies(url))

    def table(self, *attributes: str, **more: Any) -> str:
        """The name of a new table with the key `id`. `attributes`: further keys as `name:type`."""
        name = self.name("table")
        keys = [attribute.split(":") for attribute in ("id:S", *attributes)]
        self.dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=more.pop("keys", [{"AttributeName": "id", "KeyType": "HASH"}]),
            AttributeDefinitions=[{"AttributeName": one, "AttributeType": kind} for one, kind in keys],
            **more,
        )
        return name

    def bucket(self) -> str:
        """The name of a new bucket."""
        name = self.name("bucket")
        self.s3.create_bucket(Bucket=name)
        return name

    def url_of(
        self, bucket: str, method: str = "get_object", seconds: int = 60, *, version: str = "s3v4", **more: Any
    ) -> str:
        """A presigned URL of the object `a`. `version`: of the signature; boto3 makes `s3` where none is asked for."""
        parameters = {"Bucket": bucket, "Key": "a", **more}
        return str(_signer(self._url, version).generate_presigned_url(method, Params=parameters, ExpiresIn=seconds))

    def post_to(self, bucket: str) -> dict[str, Any]:
        """URL and fields of a form that uploads the object `a`."""
        return dict(_signer(self._url).generate_presigned_post(bucket, "a"))

    def signed(self, service: str, url: str, body: str, headers: dict[str, str], method: str = "POST") -> Any:
        """The answer to a request that is made by hand."""
        request = AWSRequest(method, url, data=body, headers=headers)
        SigV4Auth(Credentials("test", "test"), service, REGION).add_auth(request)
        return requests.request(method, url, data=body, headers=dict(request.headers), timeout=DEADLINE)


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


def http(method: str, url: str, **more: Any) -> Any:
    """The answer to a request of a program without keys."""
    return requests.request(method, url, timeout=DEADLINE, **more)


@cache
def _client(service: str, url: str | None) -> Any:
    return _make(service, url, Config(s3={"addressing_style": "path"}, retries=_ONCE, max_pool_connections=20))


@cache
def _signer(url: str | None, version: str = "s3v4") -> Any:
    return _make("s3", url, Config(s3={"addressing_style": "path"}, signature_version=version, retries=_ONCE))


_ONCE = {"max_attempts": 1}


def _make(service: str, url: str | None, config: Config) -> Any:
    return _session().create_client(service, REGION, endpoint_url=url, config=config)


@cache
def _session() -> Any:
    """One for all, which reads each service's model once."""
    session = botocore.session.Session()
    session.set_credentials("test", "test")
    return session


def until(look: Callable[[], Any]) -> Any:
    """What `look` gives as soon as that is something, or what it gives at the end."""
    end = time.monotonic() + SECONDS
    while not (found := look()) and time.monotonic() < end:
        time.sleep(0.02)
    return found
