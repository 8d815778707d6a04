"""A scheduled job: an EventBridge rule that starts a state machine, which runs the task. Source: Copilot, partials
`eventrule.yml`, `state-machine.yml` and `state-machine-definition.json.yml`."""

from __future__ import annotations

import json

from emulator.ecs.job import JobSchedule
from emulator.ecs.service import Service
from emulator.render.cloudformation.foundations.foundation import Foundation
from emulator.render.cloudformation.intrinsics import Fn, GetAtt, Ref, Sub, arn, join
from emulator.render.cloudformation.options import StackOptions
from emulator.render.cloudformation.policies import add_role, policy, statement
from emulator.render.cloudformation.task_definition import LOG_GROUP
from emulator.render.cloudformation.template import Properties, Template
from emulator.render.cloudformation.values import Values

_RETRY_INTERVAL = 10
_BACKOFF = 1.5
_BETWEEN = '","'
"""Between the items of a list that is put into the text of the definition."""


def add_job(
    template: Template,
    service: Service,
    schedule: JobSchedule,
    foundation: Foundation,
    values: Values,
    options: StackOptions,
) -> None:
    """Adds rule, state machine and their roles."""
    expression = template.parameter(
        "Schedule", "When the job runs: rate(…) or cron(…) of EventBridge.", default=schedule.expression
    )
    template.resource(
        "Rule",
        "AWS::Events::Rule",
        {
            "ScheduleExpression": expression,
            "State": "ENABLED" if schedule.enabled else "DISABLED",
            "Targets": [{"Id": "statemachine", "Arn": Ref("StateMachine"), "RoleArn": GetAtt("RuleRole", "Arn")}],
        },
        comment="Starts the job at its times",
        position=service.positions.get("on.schedule"),
    )
    start = policy("EventRulePolicy", [statement("states:StartExecution", Ref("StateMachine"))])
    add_role(template, "RuleRole", "events.amazonaws.com", [start], boundary=options.permissions_boundary)
    _state_machine(template, service, schedule, foundation, values)
    add_role(
        template,
        "StateMachineRole",
        "states.amazonaws.com",
        [policy("StateMachine", _statements(foundation))],
        boundary=options.permissions_boundary,
    )


def _state_machine(
    template: Template, service: Service, schedule: JobSchedule, foundation: Foundation, values: Values
) -> None:
    groups = [
        *foundation.security_groups(everywhere=True),
        *(values.node(group) for group in service.network.security_groups),
    ]
    template.resource(
        "StateMachine",
        "AWS::StepFunctions::StateMachine",
        {
            "StateMachineName": f"{service.app}-{service.environment}-{service.name}",
            "RoleArn": GetAtt("StateMachineRole", "Arn"),
            "LoggingConfiguration": {
                "Destinations": [{"CloudWatchLogsLogGroup": {"LogGroupArn": GetAtt(LOG_GROUP, "Arn")}}],
                "IncludeExecutionData": True,
                "Level": "ALL",
            },
            "DefinitionString": Sub(
                json.dumps(_definition(schedule, service.network.assign_public_ip), indent=2),
                {
                    "Cluster": foundation.cluster(),
                    "Subnets": Fn("Join", [_BETWEEN, foundation.subnets()]),
                    "SecurityGroups": join(_BETWEEN, groups),
                },
            ),
        },
        comment="Runs the task, again where it fails",
    )


def _definition(schedule: JobSchedule, public: bool) -> Properties:
    run: Properties = {
        "Type": "Task",
        "Resource": "arn:${AWS::Partition}:states:::ecs:runTask.sync",
        "Parameters": {
            "LaunchType": "FARGATE",
            "PlatformVersion": "LATEST",
            "Cluster": "${Cluster}",
            "TaskDefinition": "${TaskDefinition}",
            "PropagateTags": "TASK_DEFINITION",
            "Group.$": "$$.Execution.Name",
            "NetworkConfiguration": {
                "AwsvpcConfiguration": {
                    "Subnets": ["${Subnets}"],
                    "AssignPublicIp": "ENABLED" if public else "DISABLED",
                    "SecurityGroups": ["${SecurityGroups}"],
                }
            },
        },
    }
    if schedule.retries is not None:
        run["Retry"] = [
            {
                "ErrorEquals": ["States.ALL"],
                "IntervalSeconds": _RETRY_INTERVAL,
                "MaxAttempts": schedule.retries,
                "BackoffRate": _BACKOFF,
            }
        ]
    run["End"] = True
    definition: Properties = {"Version": "1.0", "Comment": "One run of the job"}
    if schedule.timeout is not None:
        definition["TimeoutSeconds"] = schedule.timeout
    return {**definition, "StartAt": "Run Fargate Task", "States": {"Run Fargate Task": run}}


def _statements(foundation: Foundation) -> list[Properties]:
    cluster = foundation.cluster()
    in_cluster: Properties = {"ArnEquals": {"ecs:cluster": _in_cluster("cluster/${Cluster}", cluster)}}
    return [
        statement("iam:PassRole", [GetAtt("ExecutionRole", "Arn"), GetAtt("TaskRole", "Arn")]),
        statement("ecs:RunTask", Ref("TaskDefinition"), condition=in_cluster),
        statement(
            ["ecs:StopTask", "ecs:DescribeTasks"], _in_cluster("task/${Cluster}/*", cluster), condition=in_cluster
        ),
        # Log delivery and descriptions of log groups have no resources.
        statement(
            [
                "logs:CreateLogDelivery",
                "logs:GetLogDelivery",
                "logs:UpdateLogDelivery",
                "logs:DeleteLogDelivery",
                "logs:ListLogDeliveries",
                "logs:PutResourcePolicy",
                "logs:DescribeResourcePolicies",
                "logs:DescribeLogGroups",
            ],
            "*",
        ),
        statement(
            ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
            arn("events", "rule/StepFunctionsGetEventsForECSTaskRule"),
        ),
    ]


def _in_cluster(resource: str, cluster: object) -> object:
    """The ARN of an ECS resource whose name holds the cluster's."""
    if isinstance(cluster, Ref):
        return arn("ecs", resource.replace("${Cluster}", f"${{{cluster.name}}}"))
    return Sub(arn("ecs", resource).text, {"Cluster": cluster})
