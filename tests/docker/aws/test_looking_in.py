"""`queues`, `topics`, `tables` and `buckets`, and the same from tests, on what two services have."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.errors import InputError, TaskError
from emulator.testing import Environment
from tests.docker.aws.conftest import client, variables
from tests.docker.project import Project, Result, docker, wait_until

pytestmark = pytest.mark.docker


def listed(project: Project, *words: str) -> Any:
    return json.loads(project.run(*words, "--format", "json").ok().out)


def worker(project: Project) -> dict[str, Any]:
    [found] = [one for one in listed(project, "queues") if one["name"] == "worker"]
    assert isinstance(found, dict)
    return found


def url(project: Project, queue: str = "worker-EventsQueue") -> str:
    return str(client(project, "sqs").get_queue_url(QueueName=f"{project.app}-test-{queue}")["QueueUrl"])


def send(project: Project, text: str) -> None:
    """As a service does."""
    client(project, "sqs").send_message(QueueUrl=url(project), MessageBody=text)


def waiting(project: Project, queue: str = "worker-EventsQueue") -> int:
    """How many messages are in a queue, as a service is told."""
    name = "ApproximateNumberOfMessages"
    found = client(project, "sqs").get_queue_attributes(QueueUrl=url(project, queue), AttributeNames=[name])
    return int(found["Attributes"][name])


def test_a_message_is_published_seen_and_removed(shop: Project) -> None:
    shop.run("topics", "publish", "api/orders", '{"id": 7}', "--attribute", "size=big").ok()
    topics = json.loads(variables(shop)["COPILOT_SNS_TOPIC_ARNS"])
    small = {"size": {"DataType": "String", "StringValue": "small"}}
    client(shop, "sns").publish(TopicArn=topics["orders"], Message='{"id": 8}', MessageAttributes=small)
    [seen] = listed(shop, "queues", "peek", "worker")
    assert json.loads(json.loads(seen["body"])["Message"]) == {"id": 7}
    assert seen["received"] == 0, "looking is no receiving"
    assert worker(shop)["visible"] == 1
    assert shop.run("queues", "purge", "worker").ok().out.startswith("1 message removed")
    assert waiting(shop) == 0


def test_dead_letters_come_back(shop: Project) -> None:
    send(shop, "poison")
    for _ in range(3):  # it is tried twice
        client(shop, "sqs").receive_message(QueueUrl=url(shop), VisibilityTimeout=0)
    assert worker(shop)["dead_letters"] == 1
    assert [one["body"] for one in listed(shop, "queues", "peek", "worker", "--dead")] == ["poison"]
    assert "1 message moved" in shop.run("queues", "redrive", "worker").ok().out
    assert shop.run("queues", "peek", "worker").ok().out.endswith(")  poison\n")


def test_a_long_message_is_read_from_a_file(shop: Project) -> None:
    shop.write("long.txt", "x" * 200_000)
    shop.run("queues", "send", "worker", f"@{shop.folder / 'long.txt'}").ok()
    assert [len(one["body"]) for one in listed(shop, "queues", "peek", "worker")] == [200_000]


def test_a_queue_of_one_topic_has_the_topics_name(shop: Project) -> None:
    shop.run("topics", "publish", "bills", "bill", "--group", "g1").ok()
    [seen] = listed(shop, "queues", "peek", "worker/bills")
    assert (json.loads(seen["body"])["Message"], seen["group"]) == ("bill", "g1")


def test_tables_and_buckets_are_shown_by_their_logical_ids(shop: Project) -> None:
    own = variables(shop)
    client(shop, "dynamodb").put_item(TableName=own["THINGS_NAME"], Item={"id": {"S": "1"}, "n": {"N": "2"}})
    client(shop, "s3").put_object(Bucket=own["FILES_NAME"], Key="a.txt", Body=b"1234")
    tables, buckets = by_name(listed(shop, "tables")), by_name(listed(shop, "buckets"))
    assert {name: row["items"] for name, row in tables.items()} == {"Table": 0, "api/Things": 1, "worker/Counts": 0}
    assert {name: row["objects"] for name, row in buckets.items()} == {"api/Files": 1, "worker/Files": 0}
    found = (tables["api/Things"]["table"], buckets["api/Files"]["bucket"])
    assert found == (own["THINGS_NAME"], own["FILES_NAME"])
    assert shop.run("tables", "items", "Things").ok().out == '{"id": "1", "n": 2}\n'
    assert "a.txt" in shop.run("buckets", "objects", "api/Files").ok().out


def by_name(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in rows}


def refused(done: Result) -> str:
    assert done.code == 1
    assert "Traceback" not in done.err
    return done.err


def test_a_wrong_name_is_told_what_there_is(everything: Project) -> None:
    assert "did you mean worker?" in refused(everything.run("queues", "peek", "wroker"))
    assert "there is no table Thing " in refused(everything.run("tables", "items", "Thing"))
    assert "did you mean api/orders?" in refused(everything.run("topics", "publish", "api/order", "x"))


def test_where_no_endpoint_runs_it_says_so(everything: Project) -> None:
    assert "no local AWS endpoint is running" in refused(everything.run("queues", "--app", "none-such"))


@pytest.fixture(scope="module")
def environment(everything: Project) -> Iterator[Environment]:
    """The same, for tests."""
    with Environment(everything.folder, instance=everything.app, reuse=True) as found:
        yield found


def test_a_test_has_a_client_and_waits_for_messages(shop: Project, environment: Environment) -> None:
    [arn] = [
        one["TopicArn"] for one in environment.aws("sns").list_topics()["Topics"] if "api-orders" in one["TopicArn"]
    ]
    attributes = {"size": {"DataType": "String", "StringValue": "big"}}
    publish = environment.aws("sns").publish
    given = [{"TopicArn": arn, "Message": json.dumps({"id": id}), "MessageAttributes": attributes} for id in range(2)]
    threading.Timer(0.2, publish, kwargs=given[0]).start()
    assert environment.wait_for_message("worker", '"id": 0').json() == {"id": 0}
    publish(**given[1])
    found = environment.wait_for_message("worker", lambda message: message.json()["id"] == 1)
    assert (found.received, found.visible) == (0, True)
    assert environment.aws("sns") is environment.aws("sns")


def test_a_client_is_not_led_elsewhere(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("AWS_PROFILE", "none-such"), ("HTTP_PROXY", "http://127.0.0.1:1"), ("AWS_REGION", "mars")):
        monkeypatch.setenv(name, value)
    assert environment.aws("kms").list_keys()["Keys"] == []


def test_a_message_that_does_not_come_is_an_error_with_those_that_did(shop: Project, environment: Environment) -> None:
    send(shop, "another")
    with pytest.raises(TaskError, match=r"no message that matches 'wanted' is in worker within 0\.5 s(.|\n)*another"):
        environment.wait_for_message("worker", "wanted", 0.5)
    with pytest.raises(InputError, match="no queue wroker"):
        environment.wait_for_message("wroker", timeout=5)


def test_what_it_holds_survives_its_sudden_end_and_a_reset_empties_it_before_and_after(
    shop: Project, environment: Environment
) -> None:
    table = variables(shop)["THINGS_NAME"]

    def put(word: str) -> None:
        environment.aws("dynamodb").put_item(TableName=table, Item={"id": {"S": word}})
        send(shop, word)

    def held() -> tuple[int, int]:
        """Items in the table, and messages that wait."""
        return int(environment.aws("dynamodb").scan(TableName=table)["Count"]), waiting(shop)

    put("emptied")
    environment.reset()
    assert held() == (0, 0)
    put("outlives")
    wait_until(lambda: written(shop, "outlives"), "the snapshot")
    before = started(shop)
    docker("kill", shop.container("aws"))
    wait_until(lambda: started(shop) not in ("", before), "the endpoint again")
    wait_until(lambda: shop.run("queues").code == 0, "its answer")
    shop.run("queues", "send", "worker", "later").ok()
    assert held() == (1, 2)
    environment.reset()
    assert held() == (0, 0)


def written(project: Project, word: str) -> bool:
    """Whether it is in the endpoint's snapshots of queues and of tables."""
    files = [f"/copilot-local/data/state/{name}.json" for name in ("sqs", "dynamodb")]
    found = docker("exec", project.container("aws"), "grep", "-l", word, *files, check=False)
    return found.split() == files


def started(project: Project) -> str:
    """When the endpoint that runs was started; empty where none does."""
    name = project.container("aws")
    return docker("inspect", "-f", "{{.State.StartedAt}}", name, check=False) if name else ""
