"""Policies of both roles as Copilot's own template has them, by name and in its order, for a stack in Copilot's
environment. Source: Copilot, partials `executionrole.yml` and `taskrole.yml`."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.ecs.names import logical_id
from emulator.ecs.service import Service
from emulator.ecs.task_definition import ContainerDefinition
from emulator.render.cloudformation.intrinsics import Ref, arn, aws_managed_policy, join, select, split
from emulator.render.cloudformation.policies import policy, statement
from emulator.render.cloudformation.template import Properties, Template
from emulator.render.cloudformation.values import Values

EXECUTION_ROLE = "ExecutionRole"
TASK_ROLE = "TaskRole"
MANAGED_POLICIES = [aws_managed_policy("service-role/AmazonECSTaskExecutionRolePolicy")]


def is_patched(service: Service, role: str) -> bool:
    """Whether a patch changes the properties of a role, other than by one more policy at the end: its path then counts
    on what Copilot's role has."""
    start = ["Resources", role, "Properties"]
    return any(
        patch.path[:3] == start and patch.path[3:] != ["Policies", "-"] and len(patch.path) > 3
        for patch in service.template_patches
    )


def execution_policies(template: Template, service: Service, values: Values) -> Iterator[Properties]:
    """Secrets and keys by Copilot's tags, then the environment file of each container that has one."""
    prefix = f"{service.app}-{service.environment}-{service.name}"
    artifacts = template.parameter(
        "ArtifactKeyARN",
        "KMS key of the application's artifacts. Find it with: aws cloudformation describe-stacks --stack-name "
        f"{prefix} --query \"Stacks[0].Parameters[?ParameterKey=='ArtifactKeyARN'].ParameterValue\" --output text",
    )
    yield policy(
        f"{prefix}SecretsPolicy",
        [
            statement(["ssm:GetParameters"], [arn("ssm", "parameter/*")], condition=tagged("ssm:ResourceTag", service)),
            statement(
                ["secretsmanager:GetSecretValue"],
                [arn("secretsmanager", "secret:*")],
                condition=tagged("secretsmanager:ResourceTag", service),
            ),
            statement(["kms:Decrypt"], [artifacts]),
            statement(
                ["kms:Decrypt"],
                [arn("kms", "key/*")],
                condition=tagged("aws:ResourceTag", service),
                sid="DecryptTaggedKMSKey",
            ),
        ],
    )
    for container in service.task_definition.container_definitions:
        for file in container.environment_files:
            object = values.node(file.value, container.name)
            yield policy(
                f"{prefix}{_file_policy(container, service)}",
                [
                    statement(["s3:GetObject"], [object]),
                    statement(["s3:GetBucketLocation"], [_bucket(object)]),
                ],
            )


def _file_policy(container: ContainerDefinition, service: Service) -> str:
    if container.name == service.main_container:
        return "GetEnvFilePolicy"
    if container.firelens_configuration is not None:
        return "GetLoggingEnvFilePolicy"
    return f"GetEnvFilePolicyFor{logical_id(container.name)}"


def _bucket(object: object) -> object:
    path = select(5, split(":", object))
    return join("", ["arn:", Ref("AWS::Partition"), ":s3:::", select(0, split("/", path))])


def execute_command_policy() -> Properties:
    """What ECS Exec needs, the session's log to any log group."""
    channels = ("CreateControlChannel", "OpenControlChannel", "CreateDataChannel", "OpenDataChannel")
    logs = ("CreateLogStream", "DescribeLogGroups", "DescribeLogStreams", "PutLogEvents")
    return policy(
        "ExecuteCommand",
        [
            statement([f"ssmmessages:{name}" for name in channels], "*"),
            statement([f"logs:{name}" for name in logs], "*"),
        ],
    )


def tracing_policy(trace_actions: list[str]) -> Properties:
    """What the collector may do: traces, and logs, which Copilot grants beside them."""
    logs = ("PutLogEvents", "CreateLogGroup", "CreateLogStream", "DescribeLogStreams", "DescribeLogGroups")
    return policy(
        "AWSDistroOpenTelemetryPolicy", [statement([*(f"logs:{name}" for name in logs), *trace_actions], "*")]
    )


def tagged(key: str, service: Service) -> Properties:
    """The condition that a resource has the tags of the application and the environment."""
    return {
        "StringEquals": {
            f"{key}/copilot-application": service.app,
            f"{key}/copilot-environment": service.environment,
        }
    }
