"""The execution role, with which ECS starts the task, and the task role, which the containers have.

Each names what the task needs and nothing else. Where a name is known only in AWS (a secret by the name of an export),
the statement has Copilot's condition on tags instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from emulator.ecs.references import ImageReference, ImportReference, Join, Value
from emulator.ecs.service import Service
from emulator.ecs.task_definition import ContainerDefinition, EfsVolumeConfiguration, Secret
from emulator.render.cloudformation.foundations import copilot_roles
from emulator.render.cloudformation.foundations.copilot_roles import tagged
from emulator.render.cloudformation.intrinsics import GetAtt, Ref, Sub, arn, join, select, split
from emulator.render.cloudformation.messaging import topic_id
from emulator.render.cloudformation.options import StackOptions
from emulator.render.cloudformation.policies import add_role, policy, statement
from emulator.render.cloudformation.task_definition import LOG_GROUP
from emulator.render.cloudformation.template import Properties, Template
from emulator.render.cloudformation.values import Values

TASKS = "ecs-tasks.amazonaws.com"

_ECR = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(?P<name>[^:@]+)")
_SECRET_ARN = re.compile(r"(arn:[^:]+:secretsmanager:[^:]+:[^:]+:secret:[^:]+)")
_TRACE_ACTIONS = [
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:GetSamplingStatisticSummaries",
]
_RANDOM_END = "-??????"
"""Secrets Manager ends the ARN of a secret with six characters that its name does not tell."""


def add_roles(template: Template, service: Service, values: Values, options: StackOptions) -> None:
    """Adds both roles. In Copilot's environment, one that a patch changes has Copilot's policies, in its order: the
    patch counts on them."""
    copilots = options.in_copilot_environment and copilot_roles.is_patched(service, copilot_roles.EXECUTION_ROLE)
    policies = (
        copilot_roles.execution_policies(template, service, values)
        if copilots
        else _execution_policies(template, service, values, options.app_account)
    )
    add_role(
        template,
        "ExecutionRole",
        TASKS,
        list(policies),
        managed=copilot_roles.MANAGED_POLICIES if copilots else (),
        boundary=options.permissions_boundary,
        comment="What ECS may do to start the task: pull its images, read its secrets, write its logs.",
    )
    add_role(
        template,
        "TaskRole",
        TASKS,
        list(_task_policies(service, values, options)),
        managed=[values.node(reference) for reference in service.task_role_policies],
        boundary=options.permissions_boundary,
        comment="What the containers themselves may do; addons with a managed policy add to it.",
    )


def _execution_policies(
    template: Template, service: Service, values: Values, account: str | None
) -> Iterator[Properties]:
    yield policy("WriteLogs", [statement(["logs:CreateLogStream", "logs:PutLogEvents"], [GetAtt(LOG_GROUP, "Arn")])])
    if repositories := _repositories(template, service, values, account):
        yield policy(
            "PullImages",
            [
                statement("ecr:GetAuthorizationToken", "*"),  # has no resources
                statement(
                    ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], repositories
                ),
            ],
        )
    if statements := list(_secret_statements(service, values)):
        yield policy("ReadSecrets", statements)
    files = [
        values.node(file.value, container.name)
        for container in service.task_definition.container_definitions
        for file in container.environment_files
    ]
    if files:
        yield policy(
            "ReadEnvironmentFiles",
            [
                statement("s3:GetObject", files),
                statement("s3:GetBucketLocation", [_bucket(file) for file in files]),
            ],
        )


def _repositories(template: Template, service: Service, values: Values, account: str | None) -> list[object]:
    """The ARNs of the ECR repositories that images come from, each once, in order. `account`: that of what is built,
    unless its address is known; None is the stack's own."""
    found: list[object] = []
    usual = f"{service.app}/{service.name}"
    for container in service.task_definition.container_definitions:
        image: object = container.image
        built = isinstance(image, ImageReference)
        parts = _ECR.match(values.address(image) if isinstance(image, ImageReference) else str(image))
        if built and (parts is None or parts["name"] == usual):
            template.parameter("ImageRepository", "ECR repository of the images that are built.", default=usual)
            owner = parts["account"] if parts else account or "${AWS::AccountId}"
            where = f"{parts['region'] if parts else '${AWS::Region}'}:{owner}:repository/${{ImageRepository}}"
        elif parts:
            where = f"{parts['region']}:{parts['account']}:repository/{parts['name']}"
        else:
            continue
        repository = Sub(f"arn:${{AWS::Partition}}:ecr:{where}")
        if repository not in found:
            found.append(repository)
    return found


def _secret_statements(service: Service, values: Values) -> Iterator[Properties]:
    containers = service.task_definition.container_definitions
    secrets = [secret.value_from for container in containers for secret in _secrets(container)]
    credentials = [
        container.repository_credentials.credentials_parameter
        for container in containers
        if container.repository_credentials is not None
    ]
    parameters: list[object] = []
    manager: list[object] = []
    unknown = False
    for value in [*secrets, *credentials]:
        if isinstance(value, ImportReference):
            unknown = True
            continue
        is_parameter, resources = _secret_resources(value, values)
        target = parameters if is_parameter else manager
        target += [resource for resource in resources if resource not in target]
    if parameters:
        yield statement("ssm:GetParameters", parameters)
    if manager:
        yield statement("secretsmanager:GetSecretValue", manager)
    if unknown:
        yield statement("ssm:GetParameters", [arn("ssm", "parameter/*")], condition=tagged("ssm:ResourceTag", service))
        yield statement(
            "secretsmanager:GetSecretValue",
            [arn("secretsmanager", "secret:*")],
            condition=tagged("secretsmanager:ResourceTag", service),
        )
    if parameters or manager or unknown:
        yield statement(
            "kms:Decrypt",
            [arn("kms", "key/*")],
            condition=tagged("aws:ResourceTag", service),
            sid="DecryptTaggedKMSKey",
        )


def _secrets(container: ContainerDefinition) -> list[Secret]:
    """What a container reads when it starts: its own secrets, and those that its log driver has."""
    logging = container.log_configuration
    return [*container.secrets, *(logging.secret_options if logging else [])]


def _secret_resources(value: Value, values: Values) -> tuple[bool, list[object]]:
    """Whether a secret is a parameter of SSM, and the resources that a statement names for it."""
    if isinstance(value, str):
        if not value.startswith("arn:"):
            return True, [arn("ssm", f"parameter/{value.removeprefix('/')}")]
        if ":ssm:" in value:
            return True, [value]
        whole = _SECRET_ARN.match(value)
        name = whole[1] if whole else value
        # With the random end or without it: both are ARNs that ECS takes.
        return False, [name, f"{name}{_RANDOM_END}"]
    if isinstance(value, Join):
        literal = next((part for part in value.parts if isinstance(part, str) and ":secret:" in part), "")
        return False, [arn("secretsmanager", f"secret:{_name_of(literal)}{_RANDOM_END}")] if literal else [
            values.node(value)
        ]
    return False, [values.node(value)]


def _name_of(text: str) -> str:
    """The secret's name in `:secret:name:key:stage:version` or `secret:name`."""
    return text.partition("secret:")[2].split(":")[0]


def _bucket(file: object) -> object:
    """The ARN of the bucket that an object's ARN is in."""
    return select(0, split("/", file))


def _task_policies(service: Service, values: Values, options: StackOptions) -> Iterator[Properties]:
    yield policy("DenyIAM", [statement("iam:*", "*", effect="Deny")])
    copilots = options.in_copilot_environment and copilot_roles.is_patched(service, copilot_roles.TASK_ROLE)
    if service.execute_command and copilots:
        yield copilot_roles.execute_command_policy()
    elif service.execute_command:
        log_group = GetAtt(LOG_GROUP, "Arn")
        yield policy(
            "ExecuteCommand",
            [
                statement(  # has no resources
                    [
                        "ssmmessages:CreateControlChannel",
                        "ssmmessages:OpenControlChannel",
                        "ssmmessages:CreateDataChannel",
                        "ssmmessages:OpenDataChannel",
                    ],
                    "*",
                ),
                statement("logs:DescribeLogGroups", "*"),  # has no resources
                statement(["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], [log_group]),
            ],
        )
    yield from _file_systems(service, values)
    if service.topics:
        topics = [Ref(topic_id(topic.name)) for topic in service.topics]
        yield policy("Publish2SNS", [statement("sns:Publish", topics)])
    if any(container.name == "aws-otel-collector" for container in service.task_definition.container_definitions):
        if options.in_copilot_environment:
            yield copilot_roles.tracing_policy(_TRACE_ACTIONS)
        else:
            yield policy("WriteTraces", [statement(_TRACE_ACTIONS, "*")])  # has no resources


def _file_systems(service: Service, values: Values) -> Iterator[Properties]:
    """Access to each file system; the one that Copilot manages through its access point only."""
    definition = service.task_definition
    main = definition.container(service.main_container)
    writable = {mount.source_volume for mount in main.mount_points if mount.read_only is False}
    number = 0
    for volume in sorted(definition.volumes, key=lambda volume: volume.name):
        efs = volume.efs_volume_configuration
        if efs is None:
            continue
        system = values.node(efs.file_system_id)
        if _is_managed(efs):
            yield policy(
                "GrantAccessCopilotManagedEFS",
                [
                    statement(
                        ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"],
                        [_file_system_arn(system)],
                        condition={"StringEquals": {"elasticfilesystem:AccessPointArn": GetAtt("AccessPoint", "Arn")}},
                    )
                ],
            )
            continue
        actions = ["elasticfilesystem:ClientMount"]
        if volume.name in writable:
            actions.append("elasticfilesystem:ClientWrite")
        point = efs.authorization_config.access_point_id if efs.authorization_config else None
        condition: Properties | None = None
        if isinstance(point, str):
            through = arn("elasticfilesystem", f"access-point/{point}")
            condition = {"StringEquals": {"elasticfilesystem:AccessPointArn": through}}
        yield policy(f"GrantEFSAccess{number}", [statement(actions, [_file_system_arn(system)], condition=condition)])
        number += 1


def _is_managed(efs: EfsVolumeConfiguration) -> bool:
    return not isinstance(efs.file_system_id, str | ImportReference)


def _file_system_arn(system: object) -> object:
    if isinstance(system, str):
        return arn("elasticfilesystem", f"file-system/{system}")
    if isinstance(system, Ref):
        return arn("elasticfilesystem", f"file-system/${{{system.name}}}")
    return join("/", [arn("elasticfilesystem", "file-system"), system])
