"""Where the endpoint differs from AWS. A test here that fails tells that a new version behaves as AWS does:
move it to the others then."""

from __future__ import annotations

import json

from tests.unit.aws.contract.programs import Aws, code_of, message_of


def test_messages_are_not_moved_back_from_dead_letters(aws: Aws) -> None:
    source = aws.queue_arn(aws.queue("dead"))
    assert code_of(lambda: aws.sqs.start_message_move_task(SourceArn=source))


def test_sources_of_a_dead_letter_queue_are_not_listed(aws: Aws) -> None:
    url = aws.queue("dead")
    assert code_of(lambda: aws.sqs.list_dead_letter_source_queues(QueueUrl=url))


def test_a_wait_of_more_than_20_seconds_is_taken(aws: Aws) -> None:
    """AWS: InvalidParameterValue."""
    url = aws.queue()
    aws.sqs.send_message(QueueUrl=url, MessageBody="one")
    assert code_of(lambda: aws.receive(url, WaitTimeSeconds=21)) == ""


def test_an_old_receipt_handle_is_an_error(aws: Aws) -> None:
    """AWS: deleting again succeeds."""
    url = aws.queue()
    aws.sqs.send_message(QueueUrl=url, MessageBody="one")
    [old] = aws.receive(url, VisibilityTimeout=0)
    [new] = aws.receive(url)
    aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=new["ReceiptHandle"])
    assert code_of(lambda: aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=old["ReceiptHandle"]))


def test_a_filter_for_null_lets_nothing_through(aws: Aws) -> None:
    topic, url = aws.subscribed(FilterPolicy='{"kind": [null]}', FilterPolicyScope="MessageBody")
    aws.sns.publish(TopicArn=topic, Message='{"kind": null}')
    assert aws.bodies(url) == []


def test_a_filter_policy_that_is_none_is_taken(aws: Aws) -> None:
    """AWS: InvalidParameter."""
    assert code_of(lambda: aws.subscribed(FilterPolicy='{"kind": "not a list"}')) == ""


def test_a_fifo_queue_is_taken_by_a_standard_topic(aws: Aws) -> None:
    """AWS: InvalidParameter."""
    assert code_of(lambda: aws.subscribed("news", "jobs.fifo")) == ""


def test_a_subscription_has_no_dead_letters(aws: Aws) -> None:
    dead = aws.queue("dead")
    policy = json.dumps({"deadLetterTargetArn": aws.queue_arn(dead)})
    topic, url = aws.subscribed(RedrivePolicy=policy)
    aws.sqs.delete_queue(QueueUrl=url)
    aws.sns.publish(TopicArn=topic, Message="lost")
    assert [message_of(body) for body in aws.bodies(dead)] == []


def test_reserved_words_of_expressions_are_taken(aws: Aws) -> None:
    """AWS: ValidationException."""
    table = aws.table()

    def update() -> None:
        aws.dynamodb.update_item(
            TableName=table,
            Key={"id": {"S": "a"}},
            UpdateExpression="SET size = :s",
            ExpressionAttributeValues={":s": {"N": "1"}},
        )

    assert code_of(update) == ""


def test_small_parts_of_an_upload_are_taken(aws: Aws) -> None:
    """AWS: EntityTooSmall, below 5 MiB for all but the last."""
    aws.s3.create_bucket(Bucket="files")
    upload = aws.s3.create_multipart_upload(Bucket="files", Key="a")["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": aws.s3.upload_part(Bucket="files", Key="a", UploadId=upload, PartNumber=number, Body=b"x")["ETag"],
        }
        for number in (1, 2)
    ]
    complete = {"Bucket": "files", "Key": "a", "UploadId": upload, "MultipartUpload": {"Parts": parts}}
    assert code_of(lambda: aws.s3.complete_multipart_upload(**complete)) == ""
