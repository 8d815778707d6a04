"""Buckets as programs use them."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from botocore.exceptions import ClientError

from tests.unit.aws.contract.checks import VARIES, Checks, Differs
from tests.unit.aws.contract.programs import Aws, at_once, code_of, http, until

check = Checks("S3", "s3")
PART = 5 << 20
"""Bytes of the smallest part of an upload but the last."""


def _put(aws: Aws, bucket: str, key: str = "a", body: bytes = b"x", **more: Any) -> dict[str, Any]:
    return dict(aws.s3.put_object(Bucket=bucket, Key=key, Body=body, **more))


def _get(aws: Aws, bucket: str, key: str = "a", **more: Any) -> bytes:
    return bytes(aws.s3.get_object(Bucket=bucket, Key=key, **more)["Body"].read())


@check("An object has its content type and metadata.", (b"x", "text/plain", {"by": "me"}))
def _(aws: Aws) -> Any:
    bucket = aws.bucket()
    _put(aws, bucket, ContentType="text/plain", Metadata={"by": "me"})
    found = aws.s3.get_object(Bucket=bucket, Key="a")
    return found["Body"].read(), found["ContentType"], found["Metadata"]


@check("The ETag is the MD5 of the content.", True)
def _(aws: Aws) -> Any:
    tag = _put(aws, aws.bucket())["ETag"]
    return bool(tag == f'"{hashlib.md5(b"x", usedforsecurity=False).hexdigest()}"')


@check("A key may have blanks, signs and letters of every language.", [b"0", b"1", b"2", b"3"])
def _(aws: Aws) -> Any:
    bucket, keys = aws.bucket(), ["a b/c.txt", "a+b&c=d", "ü/日本", "100%/x;y"]
    for number, key in enumerate(keys):
        _put(aws, bucket, key, str(number).encode())
    return [_get(aws, bucket, key) for key in keys]


@check("A key may be the path of another service.", [b"x"] * 6)
def _(aws: Aws) -> Any:
    bucket = aws.bucket()
    keys = ["v2", "health", "2015-03-31/functions", "environments/a.txt", "_ministack/health", "metrics/a"]
    for key in keys:
        _put(aws, bucket, key)
    return [_get(aws, bucket, key) for key in keys]


@check("A part of an object is read.", (b"cde", "bytes 2-4/6", 206))
def _(aws: Aws) -> Any:
    bucket = aws.bucket()
    _put(aws, bucket, body=b"abcdef")
    found = aws.s3.get_object(Bucket=bucket, Key="a", Range="bytes=2-4")
    return found["Body"].read(), found["ContentRange"], found["ResponseMetadata"]["HTTPStatusCode"]


@check("A range beyond the object is refused.", "InvalidRange")
def _(aws: Aws) -> Any:
    bucket = aws.bucket()
    _put(aws, bucket)
    return code_of(lambda: _get(aws, bucket, Range="bytes=5-9"))


@check("An object that is there is not overwritten with If-None-Match: *.", ("PreconditionFailed", b"x"))
def _(aws: Aws) -> Any:
    bucket = aws.bucket()
    _put(aws, bucket)
    return code_of(lambda: _put(aws, bucket, body=b"y", IfNoneMatch="*")), _get(aws, bucket)


@check("An object that did not change is answered with 304.", "304")
def _(aws: Aws) -> Any:
    bucket = aws.bucket()
    tag = _put(aws, bucket)["ETag"]
    return code_of(lambda: _get(aws, bucket, IfNoneMatch=tag))


@check("Many objects are deleted at once, those that are not there included.", (["a", "b"], 0))
def _(aws: Aws) -> Any:
    bucket = aws.bucket()
    _put(aws, bucket)
    answer = aws.s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in "ab"]})
    return sorted(one["Key"] for one in answer["Deleted"]), aws.s3.list_objects_v2(Bucket=bucket)["KeyCount"]


@check("A copy may have metadata of its own.", (b"x", {"by": "you"}))
def _(aws: Aws) -> Any:
    bucket = aws.bucket()
    _put(aws, bucket, Metadata={"by": "me"})
    source = {"Bucket": bucket, "Key": "a"}
    more = {"MetadataDirective": "REPLACE", "Metadata": {"by": "you"}}
    aws.s3.copy_object(Bucket=bucket, Key="b", CopySource=source, **more)
    found = aws.s3.get_object(Bucket=bucket, Key="b")
    return found["Body"].read(), found["Metadata"]


@check("Keys are listed by prefix and in pages.", (["a/1", "a/2", "a/3"], 2))
def _(aws: Aws) -> Any:
    bucket = aws.bucket()
    for key in ("a/1", "a/2", "a/3", "b/1"):
        _put(aws, bucket, key)
    pages = aws.s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix="a/", PaginationConfig={"PageSize": 2}
    )
    found = [page["Contents"] for page in pages]
    return [one["Key"] for page in found for one in page], len(found)


@check("A delimiter makes folders.", (["a/", "b/"], ["top"]))
def _(aws: Aws) -> Any:
    bucket = aws.bucket()
    for key in ("a/1", "a/2", "b/1", "top"):
        _put(aws, bucket, key)
    found = aws.s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    return [one["Prefix"] for one in found["CommonPrefixes"]], [one["Key"] for one in found["Contents"]]


def _upload(aws: Aws, bucket: str, *contents: bytes) -> dict[str, Any]:
    """What completes an upload of parts."""
    upload = aws.s3.create_multipart_upload(Bucket=bucket, Key="a")["UploadId"]
    where = {"Bucket": bucket, "Key": "a", "UploadId": upload}
    tags = [aws.s3.upload_part(**where, PartNumber=n, Body=body)["ETag"] for n, body in enumerate(contents, 1)]
    parts = [{"PartNumber": n, "ETag": tag} for n, tag in enumerate(tags, 1)]
    return {**where, "MultipartUpload": {"Parts": parts}}


@check("A large object comes in parts, and its ETag says how many.", (PART + 1, "-2"))
def _(aws: Aws) -> Any:
    bucket = aws.bucket()
    tag = aws.s3.complete_multipart_upload(**_upload(aws, bucket, b"a" * PART, b"b"))["ETag"]
    return aws.s3.head_object(Bucket=bucket, Key="a")["ContentLength"], tag.strip('"')[-2:]


@check("A part of less than 5 MiB that is not the last is refused.", "EntityTooSmall")
def _(aws: Aws) -> Any:
    complete = _upload(aws, aws.bucket(), b"a", b"b")
    return code_of(lambda: aws.s3.complete_multipart_upload(**complete))


@check("A part with a wrong ETag is refused.", "InvalidPart")
def _(aws: Aws) -> Any:
    complete = _upload(aws, aws.bucket(), b"a")
    complete["MultipartUpload"]["Parts"][0]["ETag"] = '"00000000000000000000000000000000"'
    return code_of(lambda: aws.s3.complete_multipart_upload(**complete))


@check("An upload that was given up is not there.", "NoSuchUpload", moto=Differs("error KeyError"))
def _(aws: Aws) -> Any:
    complete = _upload(aws, aws.bucket(), b"a")
    where = {name: value for name, value in complete.items() if name != "MultipartUpload"}
    aws.s3.abort_multipart_upload(**where)
    return code_of(lambda: aws.s3.complete_multipart_upload(**complete))


@check("Presigned URLs write and read for programs without keys.", (200, b"x"))
def _(aws: Aws) -> Any:
    bucket = aws.bucket()
    put = http("PUT", aws.url_of(bucket, "put_object"), data=b"x")
    return put.status_code, http("GET", aws.url_of(bucket)).content


@check("A presigned URL sets headers of its answer.", 'attachment; filename="a.txt"')
def _(aws: Aws) -> Any:
    bucket, wanted = aws.bucket(), 'attachment; filename="a.txt"'
    _put(aws, bucket)
    return http("GET", aws.url_of(bucket, ResponseContentDisposition=wanted)).headers.get("Content-Disposition")


@check("A presigned form uploads.", (204, b"x"))
def _(aws: Aws) -> Any:
    bucket = aws.bucket()
    form = aws.post_to(bucket)
    answer = http("POST", form["url"], data=form["fields"], files={"file": b"x"})
    return answer.status_code, _get(aws, bucket)


@check("A presigned URL whose path was changed is refused.", 403, moto=Differs(200))
def _(aws: Aws) -> Any:
    bucket = aws.bucket()
    _put(aws, bucket, "b")
    return http("GET", aws.url_of(bucket).replace("/a?", "/b?")).status_code


@check("An expired presigned URL is refused.", 403, moto=Differs(200))
def _(aws: Aws) -> Any:
    bucket = aws.bucket()
    _put(aws, bucket)
    then = datetime.now(UTC) - timedelta(minutes=2)
    with patch("botocore.auth.get_current_datetime", lambda: then):
        url = aws.url_of(bucket)
    return http("GET", url).status_code


@check("An upload with curl's content type keeps its bytes.", b"a=b", moto=Differs(b""))
def _(aws: Aws) -> Any:
    bucket = aws.bucket()
    http("PUT", aws.url_of(bucket, "put_object"), data=b"a=b", headers={"Content-Type": _FORM})
    return _get(aws, bucket)


_FORM = "application/x-www-form-urlencoded"


@check("Versions of an object are kept, and a deletion hides it.", ("NoSuchKey", b"1", b"2"))
def _(aws: Aws) -> Any:
    bucket = aws.bucket()
    aws.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    versions = [_put(aws, bucket, body=body)["VersionId"] for body in (b"1", b"2")]
    aws.s3.delete_object(Bucket=bucket, Key="a")
    found = [_get(aws, bucket, VersionId=version) for version in versions]
    return code_of(lambda: _get(aws, bucket)), *found


@check("A deletion that is deleted shows the object again.", b"x")
def _(aws: Aws) -> Any:
    bucket = aws.bucket()
    aws.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    _put(aws, bucket)
    marker = aws.s3.delete_object(Bucket=bucket, Key="a")["VersionId"]
    aws.s3.delete_object(Bucket=bucket, Key="a", VersionId=marker)
    return _get(aws, bucket)


@check("A checksum is kept, and a wrong one is refused.", (True, "BadDigest"), moto=Differs((False, "")))
def _(aws: Aws) -> Any:
    bucket, right = aws.bucket(), base64.b64encode(hashlib.sha256(b"x").digest()).decode()
    _put(aws, bucket, ChecksumSHA256=right)
    kept = aws.s3.head_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED").get("ChecksumSHA256")
    wrong = base64.b64encode(hashlib.sha256(b"y").digest()).decode()
    return kept == right, code_of(lambda: _put(aws, bucket, ChecksumSHA256=wrong))


@check("An object that comes in chunks with a checksum at their end is whole.", b"x" * 100_000)
def _(aws: Aws) -> Any:
    bucket = aws.bucket()
    _put(aws, bucket, body=b"x" * 100_000, ChecksumAlgorithm="CRC32")
    return _get(aws, bucket)


def _cors(aws: Aws) -> str:
    bucket = aws.bucket()
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["https://shop.example"], "MaxAgeSeconds": 60}
    aws.s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    return bucket


@check(
    "A preflight request of an allowed origin gets that origin.",
    (200, "https://shop.example"),
    embedded=Differs((403, None), "pages of other origins are refused, see above"),
)
def _(aws: Aws) -> Any:
    headers = {"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"}
    answer = http("OPTIONS", aws.url_of(_cors(aws)), headers=headers)
    return answer.status_code, answer.headers.get("Access-Control-Allow-Origin")


@check("A preflight request of another origin is refused.", 403)
def _(aws: Aws) -> Any:
    headers = {"Origin": "https://other.example", "Access-Control-Request-Method": "GET"}
    return http("OPTIONS", aws.url_of(_cors(aws)), headers=headers).status_code


@check(
    "A new object is told to a queue, by the filter of its key.",
    [("ObjectCreated:Put", "in/a.png")],
    moto=Differs([("ObjectCreated:Put", "in%2Fa.png")]),
)
def _(aws: Aws) -> Any:
    bucket, url = aws.bucket(), aws.queue()
    rules = [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".png"}]
    target = {"QueueArn": aws.queue_arn(url), "Events": ["s3:ObjectCreated:*"]}
    configuration = {"QueueConfigurations": [{**target, "Filter": {"Key": {"FilterRules": rules}}}]}
    aws.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    for key in ("in/a.txt", "out/a.png", "in/a.png"):
        _put(aws, bucket, key)

    def told() -> list[tuple[str, str]]:
        records = [one for body in aws.bodies(url) for one in json.loads(body).get("Records", [])]
        return [(one["eventName"], one["s3"]["object"]["key"]) for one in records]

    return until(told)


@check("Tags of an object are kept.", [{"Key": "kind", "Value": "bill"}])
def _(aws: Aws) -> Any:
    bucket = aws.bucket()
    _put(aws, bucket, Tagging="kind=bill")
    return aws.s3.get_object_tagging(Bucket=bucket, Key="a")["TagSet"]


@check("A bucket and a key that are not there have AWS's codes; HEAD has 404.", ("NoSuchBucket", "NoSuchKey", "404"))
def _(aws: Aws) -> Any:
    bucket = aws.bucket()
    nothing = code_of(lambda: _get(aws, aws.name("nothing")))
    return nothing, code_of(lambda: _get(aws, bucket)), code_of(lambda: aws.s3.head_object(Bucket=bucket, Key="a"))


@check("A bucket with objects is not deleted.", "BucketNotEmpty")
def _(aws: Aws) -> Any:
    bucket = aws.bucket()
    _put(aws, bucket)
    return code_of(lambda: aws.s3.delete_bucket(Bucket=bucket))


@check("A bucket's name with capital letters is refused.", "InvalidBucketName", moto=Differs(""))
def _(aws: Aws) -> Any:
    request = {"Bucket": "Not-A-Bucket"}
    return code_of(lambda: aws.s3.create_bucket(**request))


@check("A key of more than 1024 bytes is refused.", "KeyTooLongError", moto=Differs(""))
def _(aws: Aws) -> Any:
    bucket = aws.bucket()
    return code_of(lambda: _put(aws, bucket, "k" * 1025))


@check("Of ten first writers at once one wins.", 1, moto=VARIES)
def _(aws: Aws) -> Any:
    bucket = aws.bucket()

    def write(number: int) -> bool:
        try:
            _put(aws, bucket, body=str(number).encode(), IfNoneMatch="*")
        except ClientError:
            return False
        return True

    return sum(at_once(write, range(10)))


@check(
    "A presigned URL of signature version 2, boto3's default, is taken, and refused once it expired.",
    (200, 403),
    moto=Differs((200, 200)),
)
def _(aws: Aws) -> Any:
    bucket = aws.bucket()
    _put(aws, bucket)
    urls = [aws.url_of(bucket, version="s3", seconds=seconds) for seconds in (60, -60)]
    return http("GET", urls[0]).status_code, http("GET", urls[1]).status_code
