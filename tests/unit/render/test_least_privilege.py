"""Roles of rendered stacks name what they are for: nothing is a wildcard that has a name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.render.cloudformation.stack import render_stack
from tests.unit.render.features import FEATURES, Feature
from tests.unit.render.golden import read_template

WITHOUT_RESOURCES = {
    "ecr:GetAuthorizationToken",
    "iam:*",  # denied
    "logs:DescribeLogGroups",
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenDataChannel",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:GetSamplingStatisticSummaries",
}
"""Actions for which IAM knows no resource: `*` is all there is."""


def statements(template: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, resource in template["Resources"].items():
        for policy in resource["Properties"].get("Policies", []) if resource["Type"] == "AWS::IAM::Role" else []:
            for statement in policy["PolicyDocument"]["Statement"]:
                yield f"{name}/{policy['PolicyName']}", statement


def stack(name: str, folder: Path) -> dict[str, Any]:
    feature = FEATURES[name]
    return read_template(render_stack(feature.service(folder), feature.stack_options()))


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("name", FEATURES)
def test_no_wildcard_where_a_name_is_known(name: str, tmp_path: Path) -> None:
    if name == "overrides":
        pytest.skip("has a statement of the user's own")
    for where, statement in statements(stack(name, tmp_path)):
        for resource in as_list(statement["Resource"]):
            if resource == "*":
                assert set(as_list(statement["Action"])) <= WITHOUT_RESOURCES, where
                continue
            text = str(resource)
            # What Secrets Manager adds to a name; tasks of one cluster; what only a tag tells.
            named = text.replace("-??????", "").replace("task/${ClusterName}/*", "")
            assert "*" not in named or "Condition" in statement, f"{where}: {text}"


def test_secrets_are_read_by_name_and_an_exported_one_by_its_tags(tmp_path: Path) -> None:
    template = stack("firelens", tmp_path)
    found = {
        (action, str(resource))
        for where, statement in statements(template)
        if where == "ExecutionRole/ReadSecrets"
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }
    parameter = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter"
    secret = "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret"
    whole = "arn:aws:secretsmanager:us-west-2:123456789012:secret"
    assert found == {
        ("ssm:GetParameters", str({"Fn::Sub": f"{parameter}/web/named"})),
        ("ssm:GetParameters", str({"Fn::Sub": f"{parameter}/web/key"})),
        ("ssm:GetParameters", "arn:aws:ssm:us-west-2:123456789012:parameter/other"),
        ("secretsmanager:GetSecretValue", str({"Fn::Sub": f"{secret}:db/password-??????"})),
        ("secretsmanager:GetSecretValue", f"{whole}:whole-AbCdEf"),
        ("secretsmanager:GetSecretValue", f"{whole}:whole-AbCdEf-??????"),
        ("secretsmanager:GetSecretValue", f"{whole}:registry-AbCdEf"),
        ("secretsmanager:GetSecretValue", f"{whole}:registry-AbCdEf-??????"),
        ("ssm:GetParameters", str({"Fn::Sub": f"{parameter}/*"})),
        ("secretsmanager:GetSecretValue", str({"Fn::Sub": f"{secret}:*"})),
        ("kms:Decrypt", str({"Fn::Sub": "arn:${AWS::Partition}:kms:${AWS::Region}:${AWS::AccountId}:key/*"})),
    }


def test_only_what_is_built_or_in_ecr_is_pulled_with_permissions(tmp_path: Path) -> None:
    def pulls(name: str) -> list[Any]:
        found = [it for where, it in statements(stack(name, tmp_path)) if where == "ExecutionRole/PullImages"]
        return [resource for statement in found for resource in as_list(statement["Resource"])]

    repository = "arn:${AWS::Partition}:ecr:"
    assert pulls("plain") == [
        "*",
        {"Fn::Sub": repository + "${AWS::Region}:${AWS::AccountId}:repository/${ImageRepository}"},
    ]
    assert pulls("backend-internal") == ["*", {"Fn::Sub": repository + "us-west-2:123456789012:repository/team/api"}]
    assert pulls("backend-alone") == []


def test_a_permissions_boundary_bounds_every_role(tmp_path: Path) -> None:
    resources = stack("permissions-boundary", tmp_path)["Resources"].values()
    roles = [it["Properties"] for it in resources if it["Type"] == "AWS::IAM::Role"]
    assert roles
    wanted = {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/team-boundary"}
    assert [role["PermissionsBoundary"] for role in roles] == [wanted] * len(roles)


def test_the_published_policy_attaches_without_an_output(tmp_path: Path) -> None:
    published = """\
AdditionalResourcesPolicy:
  Type: AWS::IAM::ManagedPolicy
  Properties:
    PolicyDocument: {Version: 2012-10-17, Statement: [{Effect: Allow, Action: logs:CreateLogGroup, Resource: '*'}]}
"""
    feature = Feature(FEATURES["plain"].manifest, addons=published)
    wanted = {
        "inline": {"Ref": "AdditionalResourcesPolicy"},
        "nested": {"Fn::GetAtt": ["AddonsStack", "Outputs.AdditionalResourcesPolicyArn"]},
    }
    for addons, attached in wanted.items():
        template = read_template(render_stack(feature.service(tmp_path), feature.stack_options(addons=addons)))
        resources: Any = template["Resources"]
        assert resources["TaskRole"]["Properties"]["ManagedPolicyArns"] == [attached]
