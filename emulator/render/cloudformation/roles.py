"""The execution role, with which ECS starts the task, and the task role, which the containers have.

Each names what the task needs and nothing else. Where a name is known only in AWS (a secret by the name of an export),
the statement has Copilot's condition on tags instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from emulator.ecs.references import (
    ImageReference,
    ImportReference,
    Join,
    ParameterReference,
    PseudoReference,
    ResourceReference,
    Value,
)
from emulator.ecs.service import Service
from emulator.ecs.task_definition import ContainerDefinition, Secret
from emulator.model import make
from emulator.render.cloudformation.foundations import copilot_roles
from emulator.render.cloudformation.foundations.copilot_roles import tagged
from emulator.render.cloudformation.intrinsics import (
    GetAtt,
    Ref,
    Sub,
    arn,
    as_sub_text,
    join,
    select,
    split,
    sub_variables,
)
from emulator.render.cloudformation.messaging import topic_id
from emulator.render.cloudformation.options import StackOptions
from emulator.render.cloudformation.policies import add_role, policy, statement
from emulator.render.cloudformation.task_definition import LOG_GROUP
from emulator.render.cloudformation.template import Properties, Template
from emulator.render.cloudformation.values import Values

TASKS = "ecs-tasks.amazonaws.com"

_VARIABLE = r"\$\{[^}]+\}"
_PART = rf"(?:{_VARIABLE}|[^:])"
"""A character between the colons of an ARN, or what a `!Sub` puts there."""
_ECR = re.compile(
    rf"(?P<account>\d{{12}}|{_VARIABLE})\.dkr[.-]ecr(?:-fips)?\.(?P<region>(?:{_VARIABLE}|[a-z0-9-])+)"
    rf"\.(?:{_VARIABLE}|[a-z.]+)/(?P<name>(?:{_VARIABLE}|[^:@])+)"
)
_PARAMETER_ARN = re.compile(rf"arn:{_PART}+:ssm:")
_SECRET_ARN = re.compile(rf"arn:{_PART}+:secretsmanager:{_PART}*:{_PART}*:secret:{_PART}+")
_SECRET_REFERENCE = re.compile(rf"({_VARIABLE})(?::|$)")
"""What refers to a secret as a whole, before the key, stage and version of it."""
_WITH_RANDOM_END = re.compile(rf"(?:-\w{{6}}|{_VARIABLE})$")
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
    groups = _log_groups(service, values)
    yield policy("WriteLogs", [statement(["logs:CreateLogStream", "logs:PutLogEvents"], groups)])
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
                # Of the bucket that each is in.
                statement("s3:GetBucketLocation", [select(0, split("/", file)) for file in files]),
            ],
        )


def _log_groups(service: Service, values: Values) -> list[object]:
    """The ARNs of the log groups that the containers write to, each once, after the stack's own: the proxy of Service
    Connect writes there, whatever they do."""
    found: list[object] = [GetAtt(LOG_GROUP, "Arn")]
    for container in service.task_definition.container_definitions:
        logging = container.log_configuration
        if logging is None or logging.log_driver != "awslogs":
            continue
        region = logging.options.get("awslogs-region", make(PseudoReference, name="AWS::Region"))
        group = logging.options.get("awslogs-group", "")
        own = isinstance(group, ResourceReference) and (group.name, group.attribute) == (LOG_GROUP, "")
        if (own or group in ("", service.log_group.name)) and _is_own(region):
            continue
        account = make(PseudoReference, name="AWS::AccountId")
        partition = make(PseudoReference, name="AWS::Partition")
        parts = ("arn:", partition, ":logs:", region, ":", account, ":log-group:", group, ":*")
        it = values.node(make(Join, parts=parts))
        if it not in found:
            found.append(it)
    return found


def _is_own(region: Value) -> bool:
    """Whether a region is that of the stack."""
    return isinstance(region, PseudoReference) and region.name == "AWS::Region"


def _repositories(template: Template, service: Service, values: Values, account: str | None) -> list[object]:
    """The ARNs of the ECR repositories that images come from, each once, in order. `account`: that of what is built,
    unless its address is known; None is the stack's own."""
    found: list[object] = []
    usual = f"{service.app}/{service.name}"
    for container in service.task_definition.container_definitions:
        image = container.image
        built = isinstance(image, ImageReference)
        address = Sub(values.address(image)) if isinstance(image, ImageReference) else _text(image, values)
        parts = _ECR.match(address.text)
        if built and (parts is None or parts["name"] == usual):
            template.parameter("ImageRepository", "ECR repository of the images that are built.", default=usual)
            owner = parts["account"] if parts else account or "${AWS::AccountId}"
            where = f"{parts['region'] if parts else '${AWS::Region}'}:{owner}:repository/${{ImageRepository}}"
        elif parts:
            where = f"{parts['region']}:{parts['account']}:repository/{parts['name']}"
        elif _is_anywhere(address.text):
            where = "*:*:repository/*"
        else:
            continue
        repository = _resource(Sub(f"arn:${{AWS::Partition}}:ecr:{where}", address.variables))
        if repository not in found:
            found.append(repository)
    return found


def _is_anywhere(image: str) -> bool:
    """Whether only AWS knows which registry an image is in."""
    registry, slash, _ = image.partition("/")
    return "${" in registry if slash else image.startswith("${")


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
    for value in secrets:
        if isinstance(value, ImportReference | ParameterReference):
            unknown = True
        elif parameter := _parameter(value, values):
            parameters += [parameter] if parameter not in parameters else []
        else:
            manager += [it for it in _secret_resources(value, values) if it not in manager]
    for value in credentials:  # of Secrets Manager always, by ARN or by name
        manager += [it for it in _secret_resources(value, values) if it not in manager]
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


def _parameter(value: Value, values: Values) -> object | None:
    """The ARN of a parameter of SSM, given by its ARN or by its name; None for a secret of Secrets Manager."""
    given = _text(value, values)
    if _PARAMETER_ARN.match(given.text):
        return _resource(given)
    if given.text.startswith("arn:") or _SECRET_REFERENCE.match(given.text):
        return None
    return _resource(Sub(arn("ssm", f"parameter/{given.text.removeprefix('/')}").text, given.variables))


def _secret_resources(value: Value, values: Values) -> list[object]:
    """What a statement names for a secret of Secrets Manager, given by its ARN or, in the registry's credentials, by
    its name. With the random end or without it: ECS takes both."""
    given = _text(value, values)
    if reference := _SECRET_REFERENCE.match(given.text):
        return [_resource(Sub(reference[1], given.variables))]
    if given.text.startswith("arn:"):
        whole = _SECRET_ARN.match(given.text)
        name = whole[0] if whole else given.text
    else:
        name = arn("secretsmanager", f"secret:{given.text}").text
    found = [Sub(name + _RANDOM_END, given.variables)]
    if _WITH_RANDOM_END.search(name):
        found.insert(0, Sub(name, given.variables))
    return [_resource(it) for it in found]


def _text(value: Value, values: Values) -> Sub:
    """A value as the text of a `!Sub`."""
    node = values.node(value)
    if isinstance(node, Sub):
        return node
    written = as_sub_text(node)
    return Sub("${Value1}", {"Value1": node}) if written is None else Sub(written)


def _resource(it: Sub) -> object:
    """A text as a statement names it: without variables that it does not have, and plain where nothing is left open."""
    names = sub_variables(it.text)
    if not names:
        return it.text.replace("${!", "${")
    if it.text != f"${{{names[0]}}}":
        return Sub(it.text, {name: it.variables[name] for name in names if name in it.variables})
    if names[0] in it.variables:
        return it.variables[names[0]]
    resource, _, attribute = names[0].partition(".")
    return GetAtt(resource, attribute) if attribute else Ref(resource)


def _task_policies(service: Service, values: Values, options: StackOptions) -> Iterator[Properties]:
    yield policy("DenyIAM", [statement("iam:*", "*", effect="Deny")])
    copilots = options.in_copilot_environment and copilot_roles.is_patched(service, copilot_roles.TASK_ROLE)
    if service.execute_command and copilots:
        yield copilot_roles.execute_command_policy()
    elif service.execute_command:
        groups = _log_groups(service, values)
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
                statement(["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"], groups),
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
        if not isinstance(efs.file_system_id, str | ImportReference):  # the one that Copilot manages
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


def _file_system_arn(system: object) -> object:
    if isinstance(system, str):
        return arn("elasticfilesystem", f"file-system/{system}")
    if isinstance(system, Ref):
        return arn("elasticfilesystem", f"file-system/${{{system.name}}}")
    return join("/", [arn("elasticfilesystem", "file-system"), system])
