"""Takes orders: a price from DynamoDB, the order into PostgreSQL, a receipt into S3, and the news to SNS."""

from __future__ import annotations

import json
import os
import signal
import ssl
import sys
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pg8000.dbapi
import redis
from tracing import onward, serving

PORT = 8080
TOPICS = json.loads(os.environ["COPILOT_SNS_TOPIC_ARNS"])
DATABASE = json.loads(os.environ["ORDERS_SECRET"])
CACHE_SECONDS = 60

dynamodb, s3, sns = boto3.client("dynamodb"), boto3.client("s3"), boto3.client("sns")
cache = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)


def connect() -> pg8000.dbapi.Connection:
    """Over TLS, as RDS wants it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return pg8000.dbapi.connect(
        user=DATABASE["username"],
        password=DATABASE["password"],
        host=DATABASE["host"],
        port=int(DATABASE["port"]),
        database=DATABASE["dbname"],
        ssl_context=context,
    )


def ask(statement: str, *values: object) -> list[list[object]]:
    connection = connect()
    try:
        cursor = connection.cursor()
        cursor.execute(statement, values)
        rows = [list(row) for row in cursor.fetchall()] if cursor.description else []
        connection.commit()
        return rows
    finally:
        connection.close()


def place(order: dict[str, str]) -> tuple[int, dict[str, object]]:
    item, kind, region = order["item"], order.get("kind", "paid"), order.get("region", "eu")
    found = dynamodb.get_item(TableName=os.environ["PRICES_NAME"], Key={"item": {"S": item}})
    if "Item" not in found:
        return 404, {"error": f"no price for {item}"}
    price = int(found["Item"]["price"]["N"])
    id = str(uuid.uuid4())
    ask("INSERT INTO orders (id, item, price, state) VALUES (%s, %s, %s, 'placed')", id, item, price)
    receipt = f"{item}: {price}\n"
    s3.put_object(Bucket=os.environ["RECEIPTS_NAME"], Key=f"{id}.txt", Body=receipt.encode())
    message = json.dumps({"id": id, "item": item})
    sns.publish(TopicArn=TOPICS["placed"], Message=message, MessageAttributes=attributes(kind=kind, **onward()))
    sns.publish(
        TopicArn=TOPICS["ledger.fifo"],
        Message=message,
        MessageGroupId="ledger",
        MessageDeduplicationId=id,
        MessageAttributes=attributes(region=region, **onward()),
    )
    return 201, {"id": id, "item": item, "price": price}


def attributes(**values: str) -> dict[str, dict[str, str]]:
    return {name: {"DataType": "String", "StringValue": value} for name, value in values.items()}


def show(id: str) -> tuple[int, dict[str, object]]:
    if kept := cache.get(f"order:{id}"):
        return 200, {**json.loads(kept), "cached": True}
    rows = ask("SELECT item, price, state FROM orders WHERE id = %s", id)
    if not rows:
        return 404, {"error": f"no order {id}"}
    order = dict(zip(("item", "price", "state"), rows[0], strict=True))
    cache.set(f"order:{id}", json.dumps(order), ex=CACHE_SECONDS)
    return 200, {**order, "cached": False}


def ship(id: str) -> tuple[int, dict[str, object]]:
    ask("UPDATE orders SET state = 'shipped' WHERE id = %s", id)
    cache.delete(f"order:{id}")
    return 200, {"id": id}


def report() -> tuple[int, dict[str, object]]:
    [[total, shipped]] = ask("SELECT count(*), count(*) FILTER (WHERE state = 'shipped') FROM orders")
    return 200, {"orders": total, "shipped": shipped}


def order_in(body: bytes) -> dict[str, str]:
    """The order that a request brings; empty where it is none."""
    try:
        order = json.loads(body)
    except ValueError:
        return {}
    return order if isinstance(order, dict) and isinstance(order.get("item"), str) else {}


def is_id(text: str) -> bool:
    """Whether an order may have this id: PostgreSQL refuses to look for another one."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


class Api(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        with serving("GET", self.path, self.headers) as self.span:
            self.get()

    def do_POST(self) -> None:
        with serving("POST", self.path, self.headers) as self.span:
            self.post()

    def get(self) -> None:
        match self.path.strip("/").split("/"):
            case ["report"]:
                self.answer(*report())
            case ["orders", id] if is_id(id):
                self.answer(*show(id))
            case _:
                self.answer(404, {"error": "not found"})

    def post(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        match self.path.strip("/").split("/"):
            case ["orders"]:
                order = order_in(body)
                self.answer(*(place(order) if order else (400, {"error": "an order is JSON with an item"})))
            case ["orders", id, "shipped"] if is_id(id):
                self.answer(*ship(id))
            case _:
                self.answer(404, {"error": "not found"})

    def answer(self, status: int, content: dict[str, object]) -> None:
        data = json.dumps(content).encode()
        self.span.set_attribute("http.response.status_code", status)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *values: object) -> None:
        print(format % values, flush=True)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
ThreadingHTTPServer(("", PORT), Api).serve_forever()
