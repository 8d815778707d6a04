"""Calls judged by the roles that services have when they are deployed."""

from __future__ import annotations

from typing import Any

from emulator.aws.permissions.report import judged

ACCOUNT = "000000000000"
REQUEST = {"app": "demo", "env": "test", "account": ACCOUNT, "region": "us-east-1"}
ROLE = f"arn:aws:iam::{ACCOUNT}:role/demo-test-api-TaskRole"
TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/things"
MADE = {
    "demo-test-api-AddonsStack": {
        "Table": {"type": "AWS::DynamoDB::Table", "physical": "things", "attributes": {"Arn": TABLE}}
    }
}


def call(action: str, resource: str = TABLE, service: str = "api", calls: int = 1) -> dict[str, Any]:
    return {"service": service, "action": action, "resource": resource, "calls": calls, "refused": 0}


def stack(name: str, resources: dict[str, Any], outputs: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "template": {"Resources": resources, "Outputs": outputs or {}}, "parameters": {}, **more}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"PolicyDocument": {"Statement": list(statements)}}


def task_role(*statements: dict[str, Any], managed: Any = ()) -> dict[str, Any]:
    policies = [{"PolicyName": "Own", **document(*statements)}]
    return {"TaskRole": {"Type": "AWS::IAM::Role", "Properties": {"Policies": policies, "ManagedPolicyArns": managed}}}


def rows(calls: list[dict[str, Any]], *stacks: dict[str, Any], policies: Any = ()) -> list[tuple[str, str, str]]:
    addons = "demo-test-api-AddonsStack"
    names = [one["name"] for one in stacks]
    role = {
        "service": "api",
        "stack": "demo-test-api",
        "addons": addons if addons in names else "",
        "policies": policies,
        "arn": ROLE,
    }
    found = judged(calls, REQUEST, MADE, stacks, [role])
    return [(row["action"], row["verdict"], row["reason"]) for row in found]


def test_managed_policies_that_addons_put_out_are_the_roles() -> None:
    allowed = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": {"Fn::GetAtt": ["Table", "Arn"]}}
    resources = {
        "Table": {"Type": "AWS::DynamoDB::Table"},
        "Access": {"Type": "AWS::IAM::ManagedPolicy", "Properties": document(allowed)},
        "Unused": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": document({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}),
        },
    }
    addons = stack("demo-test-api-AddonsStack", resources, {"AccessArn": {"Value": {"Ref": "Access"}}})
    calls = [call("dynamodb:GetItem"), call("s3:GetObject", "arn:aws:s3:::b/k")]
    found = rows(calls, addons, stack("demo-test-api", task_role()), policies=["AccessArn"])
    assert found == [("s3:GetObject", "not allowed", ""), ("dynamodb:GetItem", "allowed", "addon Access")]


def test_a_statement_that_cannot_be_evaluated_is_said_where_it_decides() -> None:
    open_one = {"Effect": "Allow", "Action": "dynamodb:Get*", "Resource": {"Fn::GetAtt": ["Nothing", "Arn"]}}
    calls = [call("dynamodb:GetItem"), call("dynamodb:PutItem")]
    [missing, unknown] = rows(calls, stack("demo-test-api", task_role(open_one)))
    assert missing == ("dynamodb:PutItem", "not allowed", "")
    assert unknown[:2] == ("dynamodb:GetItem", "cannot say")
    assert "Nothing" in unknown[2]


def test_a_policy_of_aws_cannot_be_read() -> None:
    policies = ["arn:aws:iam::aws:policy/AmazonDynamoDBFullAccess"]
    [row] = rows([call("dynamodb:GetItem")], stack("demo-test-api", task_role(managed=policies)))
    assert row == ("dynamodb:GetItem", "cannot say", "AmazonDynamoDBFullAccess: a policy of AWS, which is not here")


def test_a_policy_of_a_resource_allows_the_role_that_it_names() -> None:
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"

    def policy(principal: Any) -> dict[str, Any]:
        statement = {"Effect": "Allow", "Principal": principal, "Action": "sqs:ReceiveMessage", "Resource": queue}
        return {"QueuePolicy": {"Type": "AWS::SQS::QueuePolicy", "Properties": document(statement)}}

    def verdict(principal: Any) -> str:
        one = stack("demo-test-api", {**task_role(), **policy(principal)}, values={"TaskRole.Arn": ROLE})
        [row] = rows([call("sqs:ReceiveMessage", queue)], one)
        return row[1]

    assert verdict({"AWS": [{"Fn::GetAtt": ["TaskRole", "Arn"]}]}) == "allowed"
    assert verdict("*") == "allowed"
    assert verdict({"AWS": ROLE.replace("api", "other")}) == "not allowed"
    assert verdict({"Service": "sns.amazonaws.com"}) == "not allowed"


def test_copilots_tags_are_known_of_what_stacks_made_and_of_nothing_else() -> None:
    tagged = {
        "Effect": "Allow",
        "Action": "dynamodb:*",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/copilot-application": "demo"}},
    }
    calls = [call("dynamodb:GetItem"), call("dynamodb:PutItem", TABLE.replace("things", "others"))]
    found = rows(calls, stack("demo-test-api", task_role(tagged)))
    assert [one[:2] for one in found] == [("dynamodb:PutItem", "cannot say"), ("dynamodb:GetItem", "allowed")]


def test_many_objects_of_one_bucket_are_one_row() -> None:
    calls = [call("s3:PutObject", f"arn:aws:s3:::files/{number}", calls=2) for number in range(5)]
    calls.append(call("s3:ListBucket", "arn:aws:s3:::files"))
    role = {"service": "api", "stack": "demo-test-api", "arn": ROLE}
    found = judged(calls, REQUEST, {}, [stack("demo-test-api", task_role())], [role])
    assert [(row["resource"], row["calls"]) for row in found] == [
        ("arn:aws:s3:::files", 1),
        ("arn:aws:s3:::files/*", 10),
    ]


def test_calls_of_services_that_are_not_asked_about_are_left_out() -> None:
    assert rows([call("dynamodb:GetItem", service="worker")], stack("demo-test-api", task_role())) == []
