"""What the endpoint holds from the start: once, all of it or nothing, and again after a reset."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulator.aws.contents import seed as seeding
from emulator.aws.contents.names import World
from emulator.aws.contents.seed import Misplaced, reset, seed
from emulator.aws.stacks.clients import Clients

THINGS: dict[str, Any] = {
    "kind": "table",
    "name": "api/Things",
    "position": "toml:2",
    "entries": [
        {"position": f"things.json:{n}", "item": {"id": {"S": f"{n}"}, "raw": {"B": "AA=="}}} for n in range(30)
    ],
}
EVENTS = {
    "kind": "queue",
    "name": "worker",
    "position": "toml:3",
    "entries": [{"position": "events.jsonl:1", "body": "first"}, {"position": "events.jsonl:2", "body": "second"}],
}
FILES = {"kind": "bucket", "name": "api/Files", "position": "toml:4", "objects": [{"key": "a/b.json", "file": "0/0"}]}
PARAMETERS = {
    "kind": "parameters",
    "name": "parameters",
    "position": "toml:5",
    "entries": [{"position": "ssm.env:1", "parameter": "/a/b", "value": "text"}],
}
SECRET = {"kind": "secret", "name": "shop/mail", "position": "toml:6", "value": '{"host": "mail"}'}
WRONG = {"position": "things.json:99", "item": {"no": {"S": "key"}}}


@pytest.fixture
def world(empty: str, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(seeding, "write_down", lambda url: None)  # a path of our own server
    clients = Clients(empty, "us-east-1")
    clients.call("sqs", "CreateQueue", QueueName="events.fifo", Attributes={"FifoQueue": "true"})
    clients.call("s3", "CreateBucket", Bucket="files")
    clients.call(
        "dynamodb",
        "CreateTable",
        TableName="things",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    names = {"tables": {"api/Things": "things"}, "buckets": {"api/Files": "files"}, "queues": {"worker": "events.fifo"}}
    return World(clients, empty, "us-east-1", names)


class Planted:
    """A seed that lies in the endpoint's container."""

    def __init__(self, folder: Path, world: World) -> None:
        self.folder, self.notes, self.world = folder, folder / "notes.json", world

    def write(self, *targets: dict[str, Any]) -> None:
        (self.folder / "0").mkdir(exist_ok=True)
        (self.folder / "0/0").write_bytes(b"{}")
        (self.folder / "seed.json").write_text(json.dumps({"targets": targets}))

    def seed(self, *targets: dict[str, Any]) -> dict[str, list[str]]:
        self.write(*targets)
        return seed(self.world, self.folder, self.notes)

    def held(self) -> tuple[int, int, int, int]:
        """Items, messages, objects, parameters."""
        call = self.world.clients.call
        url = call("sqs", "GetQueueUrl", QueueName="events.fifo")["QueueUrl"]
        attributes = call("sqs", "GetQueueAttributes", QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return (
            call("dynamodb", "Scan", TableName="things")["Count"],
            int(attributes["ApproximateNumberOfMessages"]),
            len(call("s3", "ListObjectsV2", Bucket="files").get("Contents", [])),
            len(call("ssm", "DescribeParameters")["Parameters"]),
        )


@pytest.fixture
def planted(tmp_path: Path, world: World) -> Planted:
    return Planted(tmp_path, world)


def test_everything_is_put_in_once(planted: Planted) -> None:
    found = planted.seed(THINGS, EVENTS, FILES, PARAMETERS)
    assert found == {"seeded": ["api/Things", "worker", "api/Files", "parameters"], "left": []}
    assert planted.held() == (30, 2, 1, 1)
    planted.world.clients.call("dynamodb", "DeleteItem", TableName="things", Key={"id": {"S": "1"}})
    assert planted.seed(THINGS, EVENTS, FILES, PARAMETERS) == {"seeded": [], "left": []}
    assert planted.held() == (29, 2, 1, 1), "what a service deleted stays deleted"


def test_values_are_what_was_written(planted: Planted) -> None:
    planted.seed(THINGS, FILES, PARAMETERS)
    call = planted.world.clients.call
    assert call("dynamodb", "GetItem", TableName="things", Key={"id": {"S": "1"}})["Item"]["raw"] == {"B": b"\x00"}
    file = call("s3", "GetObject", Bucket="files", Key="a/b.json")
    assert (file["Body"].read(), file["ContentType"]) == (b"{}", "application/json")
    assert call("ssm", "GetParameter", Name="/a/b")["Parameter"]["Value"] == "text"


def test_a_secret_is_made_once_and_stays_in_a_reset(planted: Planted) -> None:
    call = planted.world.clients.call

    def value() -> str:
        return str(call("secretsmanager", "GetSecretValue", SecretId="shop/mail")["SecretString"])

    assert planted.seed(SECRET)["seeded"] == ["shop/mail"]
    assert value() == SECRET["value"]
    call("secretsmanager", "PutSecretValue", SecretId="shop/mail", SecretString="changed")
    assert planted.seed(SECRET, EVENTS)["seeded"] == ["worker"]
    reset(planted.world, planted.folder)
    assert value() == "changed"


def test_a_secret_of_the_users_own_is_left(planted: Planted) -> None:
    planted.world.clients.call("secretsmanager", "CreateSecret", Name="shop/mail", SecretString="mine")
    assert planted.seed(SECRET)["left"] == ["shop/mail"]


def test_where_another_entry_is_wrong_no_secret_is_left_behind(planted: Planted) -> None:
    with pytest.raises(Misplaced):
        planted.seed(SECRET, {**THINGS, "entries": [WRONG]})
    assert planted.seed(SECRET)["seeded"] == ["shop/mail"]


def test_a_target_that_comes_later_is_seeded_then(planted: Planted) -> None:
    planted.seed(THINGS)
    assert planted.seed(THINGS, EVENTS)["seeded"] == ["worker"]


def test_what_holds_something_is_left_as_it_is(planted: Planted) -> None:
    planted.world.clients.call("dynamodb", "PutItem", TableName="things", Item={"id": {"S": "mine"}})
    assert planted.seed(THINGS, EVENTS) == {"seeded": ["worker"], "left": ["api/Things"]}
    assert planted.held()[0] == 1
    assert planted.seed(THINGS, EVENTS)["left"] == [], "said once"


@pytest.mark.parametrize(
    ("wrong", "position"),
    [
        ({**THINGS, "entries": [*THINGS["entries"], WRONG]}, "things.json:99"),
        ({**THINGS, "name": "api/Thing"}, "toml:2"),
        ({**EVENTS, "entries": [*EVENTS["entries"], {"position": "events.jsonl:3", "body": "\x01"}]}, "events.jsonl:3"),
        ({**PARAMETERS, "entries": [{"position": "ssm.env:9", "parameter": "/aws/x", "value": "1"}]}, "ssm.env:9"),
    ],
)
def test_what_is_wrong_is_an_error_with_its_place_and_nothing_is_there(
    planted: Planted, wrong: dict[str, Any], position: str
) -> None:
    others = [one for one in (FILES, EVENTS, THINGS, PARAMETERS) if one["kind"] != wrong["kind"]]
    with pytest.raises(Misplaced) as raised:
        planted.seed(*others, wrong)
    assert raised.value.position == position
    assert planted.held() == (0, 0, 0, 0)
    planted.seed(*others)
    assert sum(planted.held()) > 0


def test_a_run_that_was_cut_off_is_begun_anew(planted: Planted) -> None:
    planted.world.clients.call("dynamodb", "PutItem", TableName="things", Item={"id": {"S": "half"}})
    planted.notes.write_text(json.dumps({"done": [], "doing": ["table api/Things"]}))
    assert planted.seed(THINGS)["seeded"] == ["api/Things"]
    assert planted.held()[0] == 30


def test_a_reset_brings_the_seed_back(planted: Planted) -> None:
    planted.seed(THINGS, EVENTS, FILES, PARAMETERS)
    call = planted.world.clients.call
    call("dynamodb", "PutItem", TableName="things", Item={"id": {"S": "more"}})
    call("s3", "DeleteObject", Bucket="files", Key="a/b.json")
    call("ssm", "PutParameter", Name="/a/b", Value="changed", Type="String", Overwrite=True)
    reset(planted.world, planted.folder)
    assert planted.held() == (30, 2, 1, 1)
    assert call("ssm", "GetParameter", Name="/a/b")["Parameter"]["Value"] == "text"


def test_another_endpoint_notes_itself_what_was_seeded(planted: Planted) -> None:
    """It may be started anew, and empty then, without this machine's volume: then the seed is put in again."""
    planted.world = replace(planted.world, other="http://other:4566", place="demo/test")
    assert planted.seed(EVENTS)["seeded"] == ["worker"]
    assert planted.seed(EVENTS) == {"seeded": [], "left": []}
    assert not planted.notes.exists()
    call = planted.world.clients.call
    call("ssm", "DeleteParameter", Name="/copilot-local/demo/test/seeded")
    call("sqs", "PurgeQueue", QueueUrl=call("sqs", "ListQueues")["QueueUrls"][0])
    assert planted.seed(EVENTS)["seeded"] == ["worker"]
