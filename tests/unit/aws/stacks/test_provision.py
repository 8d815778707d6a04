"""The whole of a request: stacks together, what the user gave, and errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.aws.stacks.problems import StackError
from tests.unit.aws.stacks.asking import Endpoint, stack

EXPORTING = """\
Resources:
  Jobs: {Type: 'AWS::SQS::Queue'}
  Login:
    Type: AWS::SecretsManager::Secret
    Properties: {GenerateSecretString: {SecretStringTemplate: '{"username": "u"}', GenerateStringKey: password}}
Outputs:
  Url: {Value: !Ref Jobs, Export: {Name: !Sub '${App}-${Env}-Jobs'}}
  Connection:
    Value: !Sub 'amqp://{{resolve:secretsmanager:${Login}:SecretString:username}}@host'
    Export: {Name: !Sub '${App}-${Env}-Connection'}
"""
IMPORTING = """\
Resources:
  Copy:
    Type: AWS::SSM::Parameter
    Properties: {Name: /copy, Type: String, Value: {'Fn::ImportValue': !Sub '${App}-${Env}-Jobs'}}
Outputs:
  Url: {Value: !GetAtt Copy.Value}
  Connection: {Value: {'Fn::ImportValue': !Sub '${App}-${Env}-Connection'}}
"""


def test_a_stack_imports_what_another_exports_whichever_comes_first(endpoint: Endpoint) -> None:
    answer = endpoint.provision(stack(IMPORTING, "worker"), stack(EXPORTING, "api"))
    worker, api = answer["stacks"]["worker"], answer["stacks"]["api"]
    assert worker["outputs"]["Url"] == api["outputs"]["Url"]
    assert api["exports"] == {
        "demo-test-Jobs": api["outputs"]["Url"]["value"],
        "demo-test-Connection": "amqp://u@host",
    }
    assert worker["outputs"]["Connection"] == {"value": "amqp://u@host", "secret": True}


def test_the_users_own_secrets_and_parameters_are_there_for_templates_and_programs(endpoint: Endpoint) -> None:
    text = """\
Resources: {}
Outputs:
  Key: {Value: '{{resolve:secretsmanager:stripe:SecretString:key}}'}
  Level: {Value: '{{resolve:ssm:/demo/level:1}}'}
"""
    outputs = endpoint.outputs(text, secrets={"stripe": '{"key": "k"}'}, parameters={"/demo/level": "debug"})
    assert outputs == {"Key": "k", "Level": "debug"}
    parameter = endpoint.call("ssm", "GetParameter", Name="/demo/level", WithDecryption=True)["Parameter"]
    assert (parameter["Type"], parameter["Value"]) == ("SecureString", "debug")


def test_a_changed_secret_of_the_user_is_changed_on_the_endpoint(endpoint: Endpoint) -> None:
    arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:stripe-AbCdEf"
    endpoint.provision(secrets={arn: "old"})
    endpoint.provision(secrets={arn: "new"})
    assert endpoint.secret("stripe") == "new"


def test_a_parameter_whose_name_aws_refuses_is_left_out_with_a_warning(endpoint: Endpoint) -> None:
    [warning] = endpoint.provision(parameters={"/aws/mine": "x"})["warnings"]
    assert "/aws/mine begins with aws or ssm" in warning["text"]


def test_a_secret_that_a_program_changed_keeps_its_value(endpoint: Endpoint) -> None:
    endpoint.provision(stack(EXPORTING, "api"))
    [login] = endpoint.call("secretsmanager", "ListSecrets")["SecretList"]
    endpoint.call("secretsmanager", "PutSecretValue", SecretId=login["ARN"], SecretString='{"username": "other"}')
    outputs = endpoint.provision(stack(EXPORTING, "api"))["stacks"]["api"]["outputs"]
    assert outputs["Connection"]["value"] == "amqp://other@host"


def test_a_table_whose_keys_changed_is_refused_by_name(endpoint: Endpoint) -> None:
    def table(key: str) -> dict[str, Any]:
        return stack(
            "Resources:\n  T:\n    Type: AWS::DynamoDB::Table\n    Properties:\n      TableName: orders\n"
            f"      KeySchema: [{{AttributeName: {key}, KeyType: HASH}}]\n"
            f"      AttributeDefinitions: [{{AttributeName: {key}, AttributeType: S}}]\n"
        )

    endpoint.provision(table("id"))
    endpoint.call("dynamodb", "PutItem", TableName="orders", Item={"id": {"S": "1"}})
    with pytest.raises(StackError, match="the table orders has other keys than the template"):
        endpoint.provision(table("number"))
    assert endpoint.call("dynamodb", "Scan", TableName="orders")["Count"] == 1


def test_a_table_gets_the_index_and_time_to_live_that_its_template_gained(endpoint: Endpoint) -> None:
    head = """\
Resources:
  T:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: orders
      KeySchema: [{AttributeName: id, KeyType: HASH}]
"""
    first = head + "      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]\n"
    second = head + (
        "      AttributeDefinitions:\n"
        "        - {AttributeName: id, AttributeType: S}\n"
        "        - {AttributeName: day, AttributeType: S}\n"
        "      GlobalSecondaryIndexes:\n"
        "        - IndexName: day\n"
        "          KeySchema: [{AttributeName: day, KeyType: HASH}]\n"
        "          Projection: {ProjectionType: ALL}\n"
        "          ProvisionedThroughput: {ReadCapacityUnits: '1', WriteCapacityUnits: '1'}\n"
        "      TimeToLiveSpecification: {AttributeName: end, Enabled: 'true'}\n"
    )
    endpoint.provision(stack(first))
    endpoint.provision(stack(second))
    endpoint.provision(stack(second))
    table = endpoint.call("dynamodb", "DescribeTable", TableName="orders")["Table"]
    assert [index["IndexName"] for index in table["GlobalSecondaryIndexes"]] == ["day"]
    ttl = endpoint.call("dynamodb", "DescribeTimeToLive", TableName="orders")["TimeToLiveDescription"]
    assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "end")


def test_objects_in_a_bucket_are_told_to_its_queue(endpoint: Endpoint) -> None:
    text = """\
Resources:
  Jobs: {Type: 'AWS::SQS::Queue'}
  Files:
    Type: AWS::S3::Bucket
    Properties:
      CorsConfiguration: {CorsRules: [{AllowedMethods: [GET], AllowedOrigins: ['*'], MaxAge: '60'}]}
      NotificationConfiguration:
        QueueConfigurations:
          - Event: s3:ObjectCreated:*
            Queue: !GetAtt Jobs.Arn
            Filter: {S3Key: {Rules: [{Name: prefix, Value: in/}]}}
Outputs:
  Files: {Value: !Ref Files}
  Jobs: {Value: !Ref Jobs}
"""
    outputs = endpoint.outputs(text)
    for key in ("in/a", "out/b"):
        endpoint.call("s3", "PutObject", Bucket=outputs["Files"], Key=key, Body=b"x")
    asked = {"QueueUrl": outputs["Jobs"], "MaxNumberOfMessages": 10, "WaitTimeSeconds": 20}
    records: list[Any] = []
    while not records:  # the first message may be the one that tells of the setting
        messages = endpoint.call("sqs", "ReceiveMessage", **asked)["Messages"]
        records = [one for message in messages for one in json.loads(message["Body"]).get("Records", [])]
    assert [record["s3"]["object"]["key"] for record in records] == ["in/a"]
    [rule] = endpoint.call("s3", "GetBucketCors", Bucket=outputs["Files"])["CORSRules"]
    assert rule["MaxAgeSeconds"] == 60


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Resources: {R: {Type: 'AWS::RDS::DBCluster'}}", "no container was planned for R"),
        ("Resources: {R: {Type: 'AWS::SSM::Parameter', Properties: {Name: /p}}}", "the parameter has no Value"),
        (
            "Resources: {R: {Type: 'AWS::SSM::Parameter', Properties: {Name: aws-p, Value: v}}}",
            "begins with aws or ssm",
        ),
        ("Resources: {R: {Type: 'AWS::SNS::Subscription', Properties: {Protocol: sqs}}}", "has no TopicArn"),
        (
            "Resources: {R: {Type: 'AWS::SQS::Queue', Properties: {QueueName: q, FifoQueue: true}}}",
            "does not end with .fifo",
        ),
        (
            "Resources: {R: {Type: 'AWS::SQS::Queue', Properties: {VisibilityTimeout: 99999999}}}",
            "the local endpoint refused it: InvalidAttributeValue",
        ),
        (
            "Resources: {R: {Type: 'AWS::SecretsManager::Secret', Properties: {SecretString: "
            "'{{resolve:secretsmanager:none}}'}}}",
            "there is no secret none here",
        ),
        (
            "Resources: {R: {Type: 'AWS::SecretsManager::SecretTargetAttachment', Properties: {TargetId: nothing}}}",
            "TargetId nothing is no database",
        ),
    ],
    ids=str,
)
def test_an_error_names_stack_resource_and_place(endpoint: Endpoint, text: str, message: str) -> None:
    with pytest.raises(StackError) as error:
        endpoint.provision(stack(text, "demo"))
    assert message in error.value.message
    assert error.value.as_json().items() >= {"stack": "demo", "subject": "Resources.R"}.items()
    assert error.value.position.startswith("addons/storage.yml:")
    assert error.value.hint


def test_the_answer_tells_of_everything_that_was_made(endpoint: Endpoint) -> None:
    answer = endpoint.provision(stack(EXPORTING, "api"))
    assert set(answer) == {"stacks", "queues", "topics", "databases", "warnings"}
    assert json.loads(json.dumps(answer)) == answer
