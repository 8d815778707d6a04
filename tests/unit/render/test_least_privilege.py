"""Roles of rendered stacks name what they are for: nothing is a wildcard that has a name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
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


OWN = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "111122223333",
    "LogGroup": "/copilot/demo-test-web",
}
OTHERS = "nginx:1.27"
PLAIN = "name: web\ntype: Backend Service\nimage: {location: %s, port: 80}\nsidecars: {side: {image: 'nginx:1.27'}}\n"


def overridden(path: str, value: str, folder: Path) -> dict[str, Any]:
    """The stack of a service of which an override sets one value of the task definition."""
    text = PLAIN % OTHERS + f"taskdef_overrides: [{{path: '{path}', value: {value}}}]\n"
    return read_template(render_stack(Feature(text).service(folder), Feature(text).stack_options()))


def may(template: dict[str, Any], action: str, resource: str, role: str = "ExecutionRole") -> bool:
    """Whether a role of the stack has the right, in an account and region of its own."""
    return any(
        fnmatchcase(resource, deployed(named))
        for where, statement in statements(template)
        if where.startswith(role) and action in as_list(statement["Action"]) and "Condition" not in statement
        for named in as_list(statement["Resource"])
    )


def deployed(named: Any) -> str:
    """A text of a template as CloudFormation evaluates it, where only `OWN` is asked for; an attribute by its name."""
    if isinstance(named, dict) and "Fn::GetAtt" in named:
        return ".".join(named["Fn::GetAtt"])
    text = named["Fn::Sub"] if isinstance(named, dict) and "Fn::Sub" in named else named
    return re.sub(r"\$\{([\w:]+)\}", lambda found: OWN[found[1]], text) if isinstance(text, str) else str(text)


@pytest.mark.parametrize("container", [0, 1])
@pytest.mark.parametrize(
    ("option", "value", "group"),
    [
        ("awslogs-group", "/other/group", "eu-west-1:111122223333:log-group:/other/group"),
        ("awslogs-group", "!Sub '/${AWS::Region}/group'", "eu-west-1:111122223333:log-group:/eu-west-1/group"),
        ("awslogs-region", "us-east-1", "us-east-1:111122223333:log-group:/copilot/demo-test-web"),
    ],
)
def test_tasks_may_write_to_the_log_groups_that_overrides_name(
    container: int, option: str, value: str, group: str, tmp_path: Path
) -> None:
    path = f"ContainerDefinitions[{container}].LogConfiguration.Options.{option}"
    template = overridden(path, value, tmp_path)
    stream = f"arn:aws:logs:{group}:log-stream:copilot/web/1"
    assert may(template, "logs:CreateLogStream", stream)
    assert may(template, "logs:PutLogEvents", stream)
    assert not may(template, "logs:PutLogEvents", stream.replace("log-group:/", "log-group:/not"))
    # The proxy of Service Connect writes there.
    assert may(template, "logs:PutLogEvents", "LogGroup.Arn")


def test_a_session_is_logged_where_its_container_logs(tmp_path: Path) -> None:
    text = PLAIN % OTHERS + (
        "exec: true\ntaskdef_overrides:\n"
        "  - {path: 'ContainerDefinitions[0].LogConfiguration.Options.awslogs-group', value: /other/group}\n"
    )
    template = read_template(render_stack(Feature(text).service(tmp_path), Feature(text).stack_options()))
    stream = "arn:aws:logs:eu-west-1:111122223333:log-group:/other/group:log-stream:execute"
    assert may(template, "logs:PutLogEvents", stream, "TaskRole/ExecuteCommand")


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        ("123456789012.dkr.ecr.us-west-2.amazonaws.com/team/api:1", "us-west-2:123456789012:repository/team/api"),
        ("123456789012.dkr-ecr.us-west-2.on.aws/team/api:1", "us-west-2:123456789012:repository/team/api"),
        ("123456789012.dkr.ecr-fips.us-east-1.amazonaws.com/api@sha256:1", "us-east-1:123456789012:repository/api"),
        (
            "!Sub '${AWS::AccountId}.dkr.ecr.${AWS::Region}.amazonaws.com/team/side:2'",
            "eu-west-1:111122223333:repository/team/side",
        ),
        (
            "!Sub '${AWS::AccountId}.dkr.ecr.eu-west-3.${AWS::URLSuffix}/${AWS::Region}/side:2'",
            "eu-west-3:111122223333:repository/eu-west-1/side",
        ),
    ],
)
def test_tasks_may_pull_from_the_repository_that_an_image_names(image: str, repository: str, tmp_path: Path) -> None:
    template = overridden("ContainerDefinitions[1].Image", image, tmp_path)
    for action in ("BatchGetImage", "GetDownloadUrlForLayer", "BatchCheckLayerAvailability"):
        assert may(template, f"ecr:{action}", f"arn:aws:ecr:{repository}"), image
    assert not may(template, "ecr:BatchGetImage", f"arn:aws:ecr:{repository}-other")
    assert may(template, "ecr:GetAuthorizationToken", "*")


def test_an_image_of_which_the_registry_is_known_only_in_aws_may_come_from_any(tmp_path: Path) -> None:
    template = overridden("ContainerDefinitions[1].Image", "!ImportValue side-image", tmp_path)
    assert may(template, "ecr:BatchGetImage", "arn:aws:ecr:eu-west-3:123456789012:repository/any")


SECRETS = "secretsmanager:eu-west-1:111122223333:secret:"


@pytest.mark.parametrize(
    ("value", "action", "resource"),
    [
        ("/o/p", "ssm:GetParameters", "ssm:eu-west-1:111122223333:parameter/o/p"),
        ("arn:aws:ssm:eu-west-3:1:parameter/o/p", "ssm:GetParameters", "ssm:eu-west-3:1:parameter/o/p"),
        (
            "!Sub 'arn:aws:ssm:${AWS::Region}:${AWS::AccountId}:parameter/o/p'",
            "ssm:GetParameters",
            "ssm:eu-west-1:111122223333:parameter/o/p",
        ),
        ("!Sub '/${AWS::Region}/p'", "ssm:GetParameters", "ssm:eu-west-1:111122223333:parameter/eu-west-1/p"),
        *(
            (f"!Sub 'arn:aws:secretsmanager:${{AWS::Region}}:${{AWS::AccountId}}:secret:{name}'",
             "secretsmanager:GetSecretValue", SECRETS + named)
            for name, named in (
                ("foo-AbCdEf:key::", "foo-AbCdEf"),
                ("foo", "foo-AbCdEf"),
                ("${AWS::Region}-foo", "eu-west-1-foo-AbCdEf"),
                ("db/${AWS::Region}/main", "db/eu-west-1/main-AbCdEf"),
            )
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("container", [0, 1])
def test_tasks_may_read_the_secret_that_an_override_names(
    container: int, value: str, action: str, resource: str, tmp_path: Path
) -> None:
    given = f"[{{Name: S, ValueFrom: {value}}}]"
    template = overridden(f"ContainerDefinitions[{container}].Secrets", given, tmp_path)
    assert may(template, action, f"arn:aws:{resource}")
    for other in ("ssm:GetParameters", "secretsmanager:GetSecretValue"):
        assert not may(template, other, "arn:aws:" + SECRETS + "another-AbCdEf")
        assert not may(template, other, "arn:aws:ssm:eu-west-1:111122223333:parameter/another")


@pytest.mark.parametrize("given", ["!Sub '${Value}:key::'", "!Ref Value"])
def test_a_secret_of_the_stack_is_read_by_its_arn(given: str, tmp_path: Path) -> None:
    text = PLAIN % OTHERS + (
        f"taskdef_overrides: [{{path: 'ContainerDefinitions[0].Secrets', value: [{{Name: S, ValueFrom: {given}}}]}}]\n"
    )
    feature = Feature(text, addons="Value:\n  Type: AWS::SecretsManager::Secret\n")
    template = read_template(render_stack(feature.service(tmp_path), feature.stack_options(addons="inline")))
    assert may(template, "secretsmanager:GetSecretValue", str({"Ref": "Value"}))


def test_the_registrys_credentials_are_a_secret_by_name_too(tmp_path: Path) -> None:
    text = PLAIN % "registry.example.com/web"
    text = text.replace("port: 80}", "port: 80, credentials: my-registry-secret}")
    template = read_template(render_stack(Feature(text).service(tmp_path), Feature(text).stack_options()))
    assert may(template, "secretsmanager:GetSecretValue", f"arn:aws:{SECRETS}my-registry-secret-AbCdEf")
    assert not [it for _, it in statements(template) if "ssm:GetParameters" in as_list(it["Action"])]
