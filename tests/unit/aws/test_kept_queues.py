"""What the endpoint kept, once it runs again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import botocore.session

from tests.unit.aws.conftest import endpoint


def client(url: str) -> Any:
    session = botocore.session.Session()
    session.set_credentials("local", "local")
    return session.create_client("sqs", region_name="us-east-1", endpoint_url=url)


def test_queues_have_the_urls_of_the_port_that_it_has_now(tmp_path: Path) -> None:
    with endpoint(tmp_path, 4566) as url:
        sqs = client(url)
        before = sqs.create_queue(QueueName="orders")["QueueUrl"]
        sqs.send_message(QueueUrl=before, MessageBody="kept")
    with endpoint(tmp_path, 4571) as url:
        sqs = client(url)
        [now] = sqs.list_queues()["QueueUrls"]
        assert before == "http://127.0.0.1:4566/000000000000/orders"
        assert now == "http://127.0.0.1:4571/000000000000/orders"
        assert sqs.get_queue_url(QueueName="orders")["QueueUrl"] == now
        assert sqs.create_queue(QueueName="orders")["QueueUrl"] == now
        [message] = sqs.receive_message(QueueUrl=now)["Messages"]
        assert message["Body"] == "kept"
        assert sqs.list_queues()["QueueUrls"] == [now]
