"""Tables as programs use them."""

from __future__ import annotations

from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from tests.unit.aws.contract.checks import VARIES, Checks, Differs
from tests.unit.aws.contract.programs import Aws, at_once, code_of

check = Checks("DynamoDB", "table")
NEW = "attribute_not_exists(id)"
_WRONG = "ValidationException"


def item(id: str, **more: Any) -> dict[str, Any]:
    return {"id": {"S": id}, **more}


def number(value: Any) -> dict[str, str]:
    return {"N": str(value)}


def _put(aws: Aws, table: str, id: str = "a", **more: Any) -> None:
    aws.dynamodb.put_item(TableName=table, Item=item(id, **more))


def _read(aws: Aws, table: str, id: str = "a") -> dict[str, Any]:
    return dict(aws.dynamodb.get_item(TableName=table, Key=item(id), ConsistentRead=True).get("Item", {}))


def _update(aws: Aws, table: str, expression: str, values: dict[str, Any] | None = None, **more: Any) -> Any:
    given = {"ExpressionAttributeValues": values} if values else {}
    return aws.dynamodb.update_item(TableName=table, Key=item("a"), UpdateExpression=expression, **given, **more)


@check(
    "A condition that does not hold gives the old item.", ("ConditionalCheckFailedException", item("a", n=number(1)))
)
def _(aws: Aws) -> Any:
    table = aws.table()
    _put(aws, table, n=number(1))
    more = {"ConditionExpression": NEW, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    try:
        aws.dynamodb.put_item(TableName=table, Item=item("a"), **more)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response.get("Item")


@check("Of ten conditional puts at once one wins.", ["", *["ConditionalCheckFailedException"] * 9], moto=VARIES)
def _(aws: Aws) -> Any:
    table = aws.table()
    put = {"TableName": table, "Item": item("a"), "ConditionExpression": NEW}
    return sorted(at_once(lambda _: code_of(lambda: aws.dynamodb.put_item(**put)), range(10)))


@check("A counter counts every one of 100 updates at once.", number(100), moto=VARIES)
def _(aws: Aws) -> Any:
    table = aws.table()
    at_once(lambda _: _update(aws, table, "ADD hits :one", {":one": number(1)}), range(100))
    return _read(aws, table)["hits"]


@check("A number keeps its 38 digits.", number("1" * 38))
def _(aws: Aws) -> Any:
    table = aws.table()
    _put(aws, table, n=number("1" * 38))
    return _read(aws, table)["n"]


@check("A number of more than 38 digits is refused.", "ValidationException", moto=Differs(""))
def _(aws: Aws) -> Any:
    table = aws.table()
    return code_of(lambda: _put(aws, table, n=number("1" * 39)))


@check("Sets, lists, maps, binary, null and booleans come back as they were.", True)
def _(aws: Aws) -> Any:
    table = aws.table()
    whole = item("a", s={"SS": ["x"]}, l={"L": [number(1), {"M": {"k": {"NULL": True}}}]}, b={"B": b"\x00"})
    whole |= {"t": {"BOOL": True}, "bs": {"BS": [b"\x01"]}, "e": {"S": ""}}
    aws.dynamodb.put_item(TableName=table, Item=whole)
    return _read(aws, table) == whole


def _transaction(aws: Aws, table: str, *ids: str, **more: Any) -> Any:
    puts = [{"Put": {"TableName": table, "Item": item(id), "ConditionExpression": NEW}} for id in ids]
    return aws.dynamodb.transact_write_items(TransactItems=puts, **more)


@check("A transaction is whole or not at all, and says why.", (["None", "ConditionalCheckFailed"], {}))
def _(aws: Aws) -> Any:
    table = aws.table()
    _put(aws, table)
    try:
        _transaction(aws, table, "b", "a")
    except ClientError as error:
        reasons = [reason["Code"] for reason in error.response["CancellationReasons"]]
        return reasons, _read(aws, table, "b")


@check("A transaction with the same token is done once.", "", moto=Differs("TransactionCanceledException"))
def _(aws: Aws) -> Any:
    table, token = aws.table(), aws.name("token")
    _transaction(aws, table, "a", ClientRequestToken=token)
    return code_of(lambda: _transaction(aws, table, "a", ClientRequestToken=token))


@check("Another transaction with the same token is refused.", "IdempotentParameterMismatchException", moto=Differs(""))
def _(aws: Aws) -> Any:
    table, token = aws.table(), aws.name("token")
    _transaction(aws, table, "a", ClientRequestToken=token)
    return code_of(lambda: _transaction(aws, table, "b", ClientRequestToken=token))


@check("A transaction that names one item twice is refused.", "ValidationException")
def _(aws: Aws) -> Any:
    table = aws.table()
    return code_of(lambda: _transaction(aws, table, "a", "a"))


@check("A transaction reads several items.", [item("a"), {}])
def _(aws: Aws) -> Any:
    table = aws.table()
    _put(aws, table)
    gets = [{"Get": {"TableName": table, "Key": item(id)}} for id in "ab"]
    return [one.get("Item", {}) for one in aws.dynamodb.transact_get_items(TransactItems=gets)["Responses"]]


def _indexed(aws: Aws) -> str:
    """A table with five items by kind and day."""
    index = {
        "IndexName": "by-day",
        "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}, {"AttributeName": "day", "KeyType": "RANGE"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    table = aws.table("kind:S", "day:N", GlobalSecondaryIndexes=[index])
    for day in (3, 1, 12, 2, 4):
        _put(aws, table, f"i{day}", kind={"S": "k"}, day=number(day), other={"S": "x"})
    return table


def _query(aws: Aws, table: str, condition: str, values: dict[str, Any], **more: Any) -> dict[str, Any]:
    arguments = {"IndexName": "by-day", "KeyConditionExpression": condition, "ExpressionAttributeValues": values}
    return dict(aws.dynamodb.query(TableName=table, **arguments, **more))


@check("An index is in the order of its numbers, and in pages.", (["12", "4", "3", "2", "1"], 3))
def _(aws: Aws) -> Any:
    pages = aws.dynamodb.get_paginator("query").paginate(
        TableName=_indexed(aws),
        IndexName="by-day",
        KeyConditionExpression="kind = :k",
        ExpressionAttributeValues={":k": {"S": "k"}},
        ScanIndexForward=False,
        PaginationConfig={"PageSize": 2},
    )
    found = [page["Items"] for page in pages]
    return [one["day"]["N"] for page in found for one in page], len([page for page in found if page])


@check("An index of keys has the keys alone.", {"id", "kind", "day"})
def _(aws: Aws) -> Any:
    found = _query(aws, _indexed(aws), "kind = :k", {":k": {"S": "k"}})["Items"]
    return {name for one in found for name in one}


@check("An index is asked for a range.", ["2", "3", "4"])
def _(aws: Aws) -> Any:
    values = {":k": {"S": "k"}, ":a": number(2), ":b": number(4)}
    found = _query(
        aws, _indexed(aws), "kind = :k AND #d BETWEEN :a AND :b", values, ExpressionAttributeNames={"#d": "day"}
    )
    return [one["day"]["N"] for one in found["Items"]]


@check("A filter counts what it looked at beside what it found.", (1, 5))
def _(aws: Aws) -> Any:
    table, values = _indexed(aws), {":i": {"S": "i12"}}
    found = aws.dynamodb.scan(TableName=table, FilterExpression="id = :i", ExpressionAttributeValues=values)
    return found["Count"], found["ScannedCount"]


@check("A strongly consistent read of a global index is refused.", "ValidationException")
def _(aws: Aws) -> Any:
    table = _indexed(aws)
    return code_of(lambda: _query(aws, table, "kind = :k", {":k": {"S": "k"}}, ConsistentRead=True))


@check("A key of an index with another type is refused.", "ValidationException", moto=Differs(""))
def _(aws: Aws) -> Any:
    table = _indexed(aws)
    return code_of(lambda: _put(aws, table, kind={"S": "k"}, day={"S": "monday"}))


@check("A sort key is found by its beginning.", ["order#1", "order#2"])
def _(aws: Aws) -> Any:
    keys = [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "sort", "KeyType": "RANGE"}]
    table = aws.table("sort:S", keys=keys)
    for sort in ("user#1", "order#2", "order#1"):
        _put(aws, table, sort={"S": sort})
    found = aws.dynamodb.query(
        TableName=table,
        KeyConditionExpression="id = :i AND begins_with(sort, :s)",
        ExpressionAttributeValues={":i": {"S": "a"}, ":s": {"S": "order#"}},
    )
    return [one["sort"]["S"] for one in found["Items"]]


@check("Segments of a parallel scan have every item once.", [str(n) for n in range(9)])
def _(aws: Aws) -> Any:
    table = aws.table()
    for n in range(9):
        _put(aws, table, str(n))
    scans = [aws.dynamodb.scan(TableName=table, Segment=n, TotalSegments=3)["Items"] for n in range(3)]
    return sorted(one["id"]["S"] for found in scans for one in found)


@check("An update sets, adds, removes and appends, and returns what it changed.", True)
def _(aws: Aws) -> Any:
    table = aws.table()
    _put(aws, table, n=number(1), was={"S": "x"}, list={"L": [number(1)]}, tags={"SS": ["a", "b"]})
    values = {":l": {"L": [number(2)]}, ":n": number(2), ":t": {"SS": ["b"]}, ":z": number(0)}
    expression = "SET #l = list_append(#l, :l), hits = if_not_exists(hits, :z) ADD n :n REMOVE was DELETE tags :t"
    changed = _update(
        aws, table, expression, values, ReturnValues="UPDATED_NEW", ExpressionAttributeNames={"#l": "list"}
    )["Attributes"]
    return changed == {"list": {"L": [number(1), number(2)]}, "hits": number(0), "n": number(3), "tags": {"SS": ["a"]}}


@check("An update reaches into maps and lists.", {"M": {"rows": {"L": [number(1), number(9)]}}})
def _(aws: Aws) -> Any:
    table = aws.table()
    _put(aws, table, doc={"M": {"rows": {"L": [number(1), number(2)]}}})
    names = {"#d": "doc", "#r": "rows"}
    _update(aws, table, "SET #d.#r[1] = :v", {":v": number(9)}, ExpressionAttributeNames=names)
    return _read(aws, table)["doc"]


@check("Reserved words in an expression are refused.", "ValidationException")
def _(aws: Aws) -> Any:
    table = aws.table()
    return code_of(lambda: _update(aws, table, "SET first = :s, size = :s", {":s": number(1)}))


@check("A value that the expression does not use is refused.", "ValidationException")
def _(aws: Aws) -> Any:
    table = aws.table()
    return code_of(lambda: _update(aws, table, "SET a = :a", {":a": number(1), ":b": number(1)}))


@check("A value that the expression uses and is not given is refused.", "ValidationException")
def _(aws: Aws) -> Any:
    table = aws.table()
    return code_of(lambda: _update(aws, table, "SET a = :a, b = :b", {":a": number(1)}))


@check("An update of the key itself is refused.", "ValidationException")
def _(aws: Aws) -> Any:
    table = aws.table()
    return code_of(lambda: _update(aws, table, "SET id = :a", {":a": {"S": "b"}}))


@check("An item without its key is refused.", "ValidationException")
def _(aws: Aws) -> Any:
    table = aws.table()
    return code_of(lambda: aws.dynamodb.put_item(TableName=table, Item={"n": number(1)}))


@check("An empty key is refused.", "ValidationException")
def _(aws: Aws) -> Any:
    table = aws.table()
    return code_of(lambda: _put(aws, table, ""))


@check("An item of more than 400 KB is refused.", "ValidationException")
def _(aws: Aws) -> Any:
    table = aws.table()
    return code_of(lambda: _put(aws, table, text={"S": "x" * (400 * 1024)}))


@check("A batch of 25 is written, and read again.", 25)
def _(aws: Aws) -> Any:
    table, ids = aws.table(), [str(n) for n in range(25)]
    puts = [{"PutRequest": {"Item": item(id)}} for id in ids]
    aws.dynamodb.batch_write_item(RequestItems={table: puts})
    keys = {table: {"Keys": [item(id) for id in ids]}}
    return len(aws.dynamodb.batch_get_item(RequestItems=keys)["Responses"][table])


@check("A batch of 26 is refused.", "ValidationException", moto=Differs(""))
def _(aws: Aws) -> Any:
    table = aws.table()
    puts = [{"PutRequest": {"Item": item(str(n))}} for n in range(26)]
    return code_of(lambda: aws.dynamodb.batch_write_item(RequestItems={table: puts}))


@check("A table that is not there has AWS's code.", "ResourceNotFoundException")
def _(aws: Aws) -> Any:
    return code_of(lambda: _put(aws, aws.name("nothing")))


@check("A table that is there already is refused.", "ResourceInUseException")
def _(aws: Aws) -> Any:
    again = {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST"}
    types = [{"AttributeName": "id", "AttributeType": "S"}]
    table = aws.table()
    return code_of(lambda: aws.dynamodb.create_table(TableName=table, AttributeDefinitions=types, **again))


@check(
    "A stream has each change with the item before and after it.",
    [("INSERT", "", "1"), ("MODIFY", "1", "2"), ("REMOVE", "2", "")],
)
def _(aws: Aws) -> Any:
    table = aws.table(StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})
    for value in (1, 2):
        _put(aws, table, n=number(value))
    aws.dynamodb.delete_item(TableName=table, Key=item("a"))
    arn = aws.dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    streams = aws.dynamodbstreams
    [shard] = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    where = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    iterator = streams.get_shard_iterator(**where)["ShardIterator"]
    records = streams.get_records(ShardIterator=iterator)["Records"]
    images = [(one["dynamodb"].get("OldImage", {}), one["dynamodb"].get("NewImage", {})) for one in records]
    values = [tuple(image.get("n", {"N": ""})["N"] for image in pair) for pair in images]
    return [(one["eventName"], *pair) for one, pair in zip(records, values, strict=True)]


@check("The attribute of time to live is kept.", ("ENABLED", "until"))
def _(aws: Aws) -> Any:
    table, setting = aws.table(), {"Enabled": True, "AttributeName": "until"}
    aws.dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=setting)
    found = aws.dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    return found["TimeToLiveStatus"], found["AttributeName"]


@check("PartiQL inserts and selects.", [item("a", n=number(1))], moto=Differs("error TypeError"))
def _(aws: Aws) -> Any:
    table, run = aws.table(), aws.dynamodb.execute_statement
    run(Statement=f"INSERT INTO \"{table}\" VALUE {{'id': ?, 'n': ?}}", Parameters=[{"S": "a"}, number(1)])
    return run(Statement=f'SELECT * FROM "{table}" WHERE id = ?', Parameters=[{"S": "a"}])["Items"]


@check(
    "A query's filter may not name the keys that the query is by, and a scan's may.",
    ("ValidationException", "", ""),
    moto=Differs("error ValueError"),
)
def _(aws: Aws) -> Any:
    table, values = _indexed(aws), {":k": {"S": "k"}, ":d": number(0)}
    by_key = code_of(lambda: _query(aws, table, "kind = :k", values, FilterExpression="#d > :d", **_DAY))
    other = code_of(lambda: _query(aws, table, "kind = :k", {":k": {"S": "k"}}, FilterExpression="size(id) > size(a)"))
    scan = {"FilterExpression": "#d > :d", "ExpressionAttributeValues": {":d": number(0)}, **_DAY}
    return by_key, other, code_of(lambda: aws.dynamodb.scan(TableName=table, **scan))


_DAY: dict[str, Any] = {"ExpressionAttributeNames": {"#d": "day"}}


@check("All attributes are not read by a global index that has not all of them.", "ValidationException")
def _(aws: Aws) -> Any:
    table = _indexed(aws)
    return code_of(lambda: _query(aws, table, "kind = :k", {":k": {"S": "k"}}, Select="ALL_ATTRIBUTES"))


@check("An update that changes one place twice is refused, and one of places side by side is not.", (*[_WRONG] * 3, ""))
def _(aws: Aws) -> Any:
    table, one = aws.table(), {":a": number(1)}
    _put(aws, table, m={"M": {"l": {"L": []}}})
    twice = ("SET a = :a, a = :a", "SET m.l = :a REMOVE m", "SET a = :a SET b = :a")
    beside = "SET m.l = list_append(if_not_exists(m.l, :l), :l), m.k = :l, b = :l REMOVE c, d"
    both = [code_of(partial(_update, aws, table, text, one)) for text in twice]
    return *both, code_of(lambda: _update(aws, table, beside, {":l": {"L": [number(1)]}}))


@check("What is no assignment is refused, in a transaction too, and a sum with a text.", [_WRONG] * 3)
def _(aws: Aws) -> Any:
    table, one = aws.table(), {":a": number(1)}
    update = {"UpdateExpression": "SET a == :a", "ExpressionAttributeValues": one, "Key": item("a"), "TableName": table}
    calls = [
        lambda: _update(aws, table, "SET a == :a", one),
        lambda: _update(aws, table, "SET a = a + :a", {":a": {"S": "1"}}),
    ]
    return [
        *map(code_of, calls),
        code_of(lambda: aws.dynamodb.transact_write_items(TransactItems=[{"Update": update}])),
    ]


@check(
    "Keys are compared with the operators of keys alone, and != is none at all.",
    ([_WRONG] * 3, ""),
    moto=Differs("error AssertionError"),
)
def _(aws: Aws) -> Any:
    table, values = _indexed(aws), {":in": {"S": "k"}, ":d": number(1)}
    wrong = ("#k = :in OR #d = :d", "#k = :in AND #d <> :d", "#k = :in AND #d != :d")
    names = {"ExpressionAttributeNames": {"#k": "kind", "#d": "day"}}
    codes = [code_of(partial(_query, aws, table, text, values, **names)) for text in wrong]
    return codes, code_of(lambda: _query(aws, table, "#k = :in AND #d > :d", values, **names))
