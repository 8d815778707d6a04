"""Tables, buckets, secrets, parameters and keys as programs use them."""

from __future__ import annotations

import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.aws.contract.programs import Aws, at_once, code_of


def item(id: str, **more: Any) -> dict[str, Any]:
    return {"id": {"S": id}, **more}


def test_a_condition_that_does_not_hold_gives_the_old_item(aws: Aws) -> None:
    table = aws.table()
    aws.dynamodb.put_item(TableName=table, Item=item("a", n={"N": "1"}))
    with pytest.raises(ClientError) as error:
        aws.dynamodb.put_item(
            TableName=table,
            Item=item("a"),
            ConditionExpression="attribute_not_exists(id)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert error.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert error.value.response["Item"] == item("a", n={"N": "1"})


def test_of_ten_conditional_puts_one_wins(aws: Aws) -> None:
    table = aws.table()

    def put(number: int) -> str:
        return code_of(
            lambda: aws.dynamodb.put_item(
                TableName=table, Item=item("a"), ConditionExpression="attribute_not_exists(id)"
            )
        )

    assert sorted(at_once(put, range(10))) == ["", *["ConditionalCheckFailedException"] * 9]


def test_a_counter_counts_every_update(aws: Aws) -> None:
    table = aws.table()

    def add(_: int) -> None:
        aws.dynamodb.update_item(
            TableName=table,
            Key=item("a"),
            UpdateExpression="ADD #count :one",
            ExpressionAttributeNames={"#count": "count"},
            ExpressionAttributeValues={":one": {"N": "1"}},
        )

    at_once(add, range(100))
    assert aws.dynamodb.get_item(TableName=table, Key=item("a"))["Item"]["count"] == {"N": "100"}


def test_a_number_keeps_its_38_digits(aws: Aws) -> None:
    table, digits = aws.table(), "12345678901234567890123456789012345678"
    aws.dynamodb.put_item(TableName=table, Item=item("a", n={"N": digits}))
    assert aws.dynamodb.get_item(TableName=table, Key=item("a"))["Item"]["n"] == {"N": digits}


def test_a_transaction_is_whole_or_not_at_all_and_says_why(aws: Aws) -> None:
    table = aws.table()
    aws.dynamodb.put_item(TableName=table, Item=item("a"))
    puts = [
        {"Put": {"TableName": table, "Item": item("b")}},
        {"Put": {"TableName": table, "Item": item("a"), "ConditionExpression": "attribute_not_exists(id)"}},
    ]
    with pytest.raises(ClientError) as error:
        aws.dynamodb.transact_write_items(TransactItems=puts)
    reasons = [reason["Code"] for reason in error.value.response["CancellationReasons"]]
    assert reasons == ["None", "ConditionalCheckFailed"]
    assert "Item" not in aws.dynamodb.get_item(TableName=table, Key=item("b"))


def test_an_index_is_in_order_and_in_pages(aws: Aws) -> None:
    index = {
        "IndexName": "by-day",
        "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}, {"AttributeName": "day", "KeyType": "RANGE"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    attributes = [
        {"AttributeName": "kind", "AttributeType": "S"},
        {"AttributeName": "day", "AttributeType": "N"},
    ]
    table = aws.table(attributes=attributes, GlobalSecondaryIndexes=[index])
    for day in (3, 1, 12, 2, 4):
        more = {"kind": {"S": "k"}, "day": {"N": str(day)}, "other": {"S": "x"}}
        aws.dynamodb.put_item(TableName=table, Item=item(f"i{day}", **more))
    pages = aws.dynamodb.get_paginator("query").paginate(
        TableName=table,
        IndexName="by-day",
        KeyConditionExpression="kind = :k",
        ExpressionAttributeValues={":k": {"S": "k"}},
        ScanIndexForward=False,
        PaginationConfig={"PageSize": 2},
    )
    found = [one for page in pages for one in page["Items"]]
    assert [one["day"]["N"] for one in found] == ["12", "4", "3", "2", "1"]
    assert {name for one in found for name in one} == {"id", "kind", "day"}


def test_an_object_has_its_content_type_and_metadata(aws: Aws) -> None:
    aws.s3.create_bucket(Bucket="files")
    aws.s3.put_object(Bucket="files", Key="a/b c.txt", Body=b"x", ContentType="text/plain", Metadata={"by": "me"})
    found = aws.s3.get_object(Bucket="files", Key="a/b c.txt")
    assert (found["Body"].read(), found["ContentType"], found["Metadata"]) == (b"x", "text/plain", {"by": "me"})


@pytest.mark.parametrize("key", ["v2", "health", "2015-03-31/functions", "environments/a.txt", "_ministack/health"])
def test_a_key_may_be_called_as_a_path_of_another_service(aws: Aws, key: str) -> None:
    aws.s3.create_bucket(Bucket="files")
    aws.s3.put_object(Bucket="files", Key=key, Body=b"x")
    assert aws.s3.get_object(Bucket="files", Key=key)["Body"].read() == b"x"


def test_a_large_object_comes_in_parts(aws: Aws) -> None:
    aws.s3.create_bucket(Bucket="files")
    upload = aws.s3.create_multipart_upload(Bucket="files", Key="big")["UploadId"]
    parts = []
    for number, content in ((1, b"a" * (5 << 20)), (2, b"b")):
        answer = aws.s3.upload_part(Bucket="files", Key="big", UploadId=upload, PartNumber=number, Body=content)
        parts.append({"PartNumber": number, "ETag": answer["ETag"]})
    aws.s3.complete_multipart_upload(Bucket="files", Key="big", UploadId=upload, MultipartUpload={"Parts": parts})
    assert aws.s3.head_object(Bucket="files", Key="big")["ContentLength"] == (5 << 20) + 1


def test_a_presigned_url_is_for_programs_without_keys(aws: Aws) -> None:
    aws.s3.create_bucket(Bucket="files")
    url = {
        method: aws.s3.generate_presigned_url(method, Params={"Bucket": "files", "Key": "a"})
        for method in ("put_object", "get_object")
    }
    with urllib.request.urlopen(urllib.request.Request(url["put_object"], b"x", method="PUT")):
        pass
    with urllib.request.urlopen(url["get_object"]) as answer:
        assert answer.read() == b"x"


def test_versions_of_an_object_are_kept(aws: Aws) -> None:
    aws.s3.create_bucket(Bucket="files")
    aws.s3.put_bucket_versioning(Bucket="files", VersioningConfiguration={"Status": "Enabled"})
    first, _ = (aws.s3.put_object(Bucket="files", Key="a", Body=body)["VersionId"] for body in (b"1", b"2"))
    aws.s3.delete_object(Bucket="files", Key="a")
    assert code_of(lambda: aws.s3.get_object(Bucket="files", Key="a")) == "NoSuchKey"
    assert aws.s3.get_object(Bucket="files", Key="a", VersionId=first)["Body"].read() == b"1"


def test_keys_are_listed_by_prefix_and_in_pages(aws: Aws) -> None:
    aws.s3.create_bucket(Bucket="files")
    for key in ("a/1", "a/2", "a/3", "b/1"):
        aws.s3.put_object(Bucket="files", Key=key, Body=b"")
    pages = aws.s3.get_paginator("list_objects_v2").paginate(
        Bucket="files", Prefix="a/", PaginationConfig={"PageSize": 2}
    )
    assert [one["Key"] for page in pages for one in page["Contents"]] == ["a/1", "a/2", "a/3"]
    folders = aws.s3.list_objects_v2(Bucket="files", Delimiter="/")["CommonPrefixes"]
    assert [folder["Prefix"] for folder in folders] == ["a/", "b/"]


def test_parameters_are_read_by_path(aws: Aws) -> None:
    for name, value in (("/app/a", "1"), ("/app/b/c", "2"), ("/other", "3")):
        aws.ssm.put_parameter(Name=name, Value=value, Type="SecureString")
    found = aws.ssm.get_parameters_by_path(Path="/app", Recursive=True, WithDecryption=True)["Parameters"]
    assert {one["Name"]: one["Value"] for one in found} == {"/app/a": "1", "/app/b/c": "2"}


def test_a_secret_has_stages(aws: Aws) -> None:
    aws.secretsmanager.create_secret(Name="s", SecretString="old")
    aws.secretsmanager.put_secret_value(SecretId="s", SecretString="new")
    read = aws.secretsmanager.get_secret_value
    assert read(SecretId="s")["SecretString"] == "new"
    assert read(SecretId="s", VersionStage="AWSPREVIOUS")["SecretString"] == "old"


def test_a_key_decrypts_in_its_context_alone(aws: Aws) -> None:
    key = aws.kms.create_key()["KeyMetadata"]["KeyId"]
    blob = aws.kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"for": "me"})["CiphertextBlob"]
    assert aws.kms.decrypt(CiphertextBlob=blob, EncryptionContext={"for": "me"})["Plaintext"] == b"x"
    code = code_of(lambda: aws.kms.decrypt(CiphertextBlob=blob, EncryptionContext={"for": "you"}))
    assert code == "InvalidCiphertextException"


def test_a_caller_has_the_endpoints_account(aws: Aws) -> None:
    assert aws.sts.get_caller_identity()["Account"] == "000000000000"
