"""An order's way: PostgreSQL, the bucket, the worker, the ledger; and what becomes of one that fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from copilot_local.testing import Environment

Place = Callable[..., dict[str, Any]]


@pytest.fixture
def place(copilot_environment: Environment) -> Place:
    def post(item: str, **fields: str) -> dict[str, Any]:
        answer = copilot_environment.http.post("/orders", json={"item": item, **fields})
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    return post


def in_database(environment: Environment, order: dict[str, Any]) -> str:
    """What the api reads from PostgreSQL, unless it has the order in its cache."""
    state: str = environment.http.get(f"/orders/{order['id']}").json()["state"]
    return state


def test_an_order_arrives_in_postgresql_with_its_price_from_the_table(
    copilot_environment: Environment, place: Place
) -> None:
    order = place("teapot", kind="draft")
    assert order["price"] == 24
    found = copilot_environment.http.get(f"/orders/{order['id']}").json()
    assert found == {"item": "teapot", "price": 24, "state": "placed", "cached": False}


def test_every_test_begins_with_the_rows_of_the_seed(copilot_environment: Environment, place: Place) -> None:
    assert copilot_environment.http.get("/report").json() == {"orders": 1, "shipped": 1}
    place("teapot", kind="draft")
    assert copilot_environment.http.get("/report").json() == {"orders": 2, "shipped": 1}


def test_redis_keeps_what_was_asked_for(copilot_environment: Environment, place: Place) -> None:
    order = place("teapot", kind="draft")
    asked = [copilot_environment.http.get(f"/orders/{order['id']}").json()["cached"] for _ in range(2)]
    assert asked == [False, True]


def test_an_item_without_a_price_is_refused(copilot_environment: Environment) -> None:
    assert copilot_environment.http.post("/orders", json={"item": "unicorn"}).status_code == 404


def test_what_is_no_order_is_refused(copilot_environment: Environment) -> None:
    http = copilot_environment.http
    asked = [http.post("/orders", content=body).status_code for body in ("", "{", "[]", '{"item": 7}')]
    assert asked == [400] * 4
    asked = [http.get(f"/orders/{id}").status_code for id in ("seven", "0b5e2f0e-0000-4000-8000-000000000000")]
    assert asked == [404] * 2


def test_the_receipt_is_in_the_bucket(copilot_environment: Environment, place: Place) -> None:
    order = place("cup", kind="draft")
    s3 = copilot_environment.aws("s3")
    [bucket] = [one["Name"] for one in s3.list_buckets()["Buckets"]]
    receipt = s3.get_object(Bucket=bucket, Key=f"{order['id']}.txt")["Body"].read()
    assert receipt == b"cup: 3\n"


def test_the_worker_ships_what_is_paid(copilot_environment: Environment, place: Place) -> None:
    draft, paid = place("cup", kind="draft"), place("cup", kind="paid")
    copilot_environment.wait_for_log(f"shipped cup {paid['id']}", container="worker")
    assert in_database(copilot_environment, paid) == "shipped"
    assert in_database(copilot_environment, draft) == "placed"


def test_the_ledger_has_the_orders_of_its_region_in_their_order(copilot_environment: Environment, place: Place) -> None:
    since = copilot_environment.mark()
    orders = [place("cup", kind="draft", region=region) for region in ("eu", "us", "eu", "eu")]
    copilot_environment.wait_for_log(f"wrote cup {orders[-1]['id']}", container="worker", since=since)
    lines = [line.text for line in copilot_environment.logs("worker", since=since)]
    mine = {order["id"] for order in orders}
    written = [id for line in lines if line.startswith("wrote") and (id := line.split()[-1]) in mine]
    assert written == [orders[0]["id"], orders[2]["id"], orders[3]["id"]]


def test_a_poisoned_order_goes_to_the_dead_letters(copilot_environment: Environment, place: Place) -> None:
    order = place("poison")
    message = copilot_environment.wait_for_message("worker/placed", order["id"], dead=True)
    assert json.loads(message.text)["item"] == "poison"
    assert in_database(copilot_environment, order) == "placed"


def test_the_job_says_what_is_to_be_shipped(copilot_environment: Environment, place: Place) -> None:
    place("teapot", kind="draft")
    ended = copilot_environment.run_job("report")
    assert ended.exit_code == 0
    assert ended.lines[-1].endswith("to be shipped")


def test_one_order_is_one_trace_from_the_web_to_the_worker(copilot_environment: Environment, place: Place) -> None:
    order = place("cup")
    copilot_environment.wait_for_log(f"wrote cup {order['id']}", container="worker")
    trace = copilot_environment.wait_for_trace(services=["web", "api", "worker"], spans=6)
    spans = copilot_environment.spans(trace)
    assert {"POST /orders", "ship", "write"} <= {span["name"] for span in spans}
    assert [span["service"] for span in spans if not span["parent"]] == ["web"]
    assert not trace.lost_when_deployed
    copilot_environment.wait_for_routed_log(f"1-{trace.id[:8]}-{trace.id[8:]}", service="web")
