"""Lines of shell for each verb, from names alone. They can be copied as they stand; texts are quoted."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from emulator.ecs.service import Service

JOB = "Scheduled Job"


@dataclass(frozen=True, slots=True)
class Names:
    """An application, one of its environments, and a workload of it; what a verb does not need is empty."""

    app: str
    environment: str = ""
    workload: str = ""

    @property
    def environment_stack(self) -> str:
        return f"{self.app}-{self.environment}"

    @property
    def stack(self) -> str:
        """The workload's stack. Source: Copilot, `NameForWorkload`: cut to 128 characters."""
        return f"{self.app}-{self.environment}-{self.workload}"[:128]

    @property
    def tags(self) -> dict[str, str]:
        given = {"application": self.app, "environment": self.environment, "service": self.workload}
        return {f"copilot-{key}": value for key, value in given.items() if value}


def resource(stack: str, id: str) -> str:
    """A word that stands for the physical id of a stack's resource."""
    return (
        f"$(aws cloudformation describe-stack-resource --stack-name {shlex.quote(stack)} --logical-resource-id {id}"
        " --query StackResourceDetail.PhysicalResourceId --output text)"
    )


def bucket_of(stack: str) -> list[str]:
    """Sets `region`, and `bucket` as `bucket` does, unless the shell has it already: an environment's account need not
    be the application's, which alone has the stack set."""
    found = bucket("$app")
    return [
        found[0],
        'if [ -z "${bucket:-}" ]; then',
        app_of(stack),
        f'{found[1]} || {{ echo "the application is in another account: run copilot-local aws app show --run there,'
        ' and give its bucket: bucket=NAME before these lines" >&2; exit 1; }',
        *found[2:],
        "fi",
    ]


def bucket(app: str) -> list[str]:
    """Sets `region`, and `bucket` to the bucket that Copilot keeps templates and files in there. `app` is a word of the
    shell. Source: Copilot, its stack set `<app>-infrastructure` and the output PipelineBucket of each instance."""
    return [
        "region=${AWS_REGION:-$(aws configure get region)}",
        f'artifacts=$(aws cloudformation list-stack-instances --stack-set-name "{app}-infrastructure"'
        " --query \"Summaries[?Region=='$region'].StackId | [0]\" --output text)",
        'bucket=$(aws cloudformation describe-stacks --stack-name "$artifacts"'
        " --query \"Stacks[0].Outputs[?OutputKey=='PipelineBucket'].OutputValue\" --output text)",
    ]


def app_of(stack: str) -> str:
    """Sets `app` to the application that one of Copilot's stacks belongs to."""
    return (
        f"app=$(aws cloudformation describe-stacks --stack-name {shlex.quote(stack)}"
        " --query \"Stacks[0].Tags[?Key=='copilot-application'].Value | [0]\" --output text)"
    )


def cluster(names: Names) -> str:
    return f"cluster={resource(names.environment_stack, 'Cluster')}"


def service(names: Names) -> list[str]:
    """Sets `cluster` and `service`, which have no fixed names."""
    return [cluster(names), f"service={resource(names.stack, 'Service')}"]


def task(query: str = "taskArns[0]") -> str:
    return (
        'task=$(aws ecs list-tasks --cluster "$cluster" --service-name "$service" --desired-status RUNNING'
        f' --query "{query}" --output text)'
    )


def svc_exec(names: Names, container: str, command: str, task_id: str = "") -> list[str]:
    query = f"taskArns[?contains(@, '/{task_id}')] | [0]" if task_id else "taskArns[0]"
    return [
        *service(names),
        task(query),
        f'aws ecs execute-command --cluster "$cluster" --task "$task" --container {shlex.quote(container)}'
        f" --interactive --command {shlex.quote(command)}",
    ]


def logs(names: Names, *, container: str = "", task_id: str = "", since: str = "", follow: bool = False) -> list[str]:
    """Source: Copilot, its log group and streams: `/copilot/<app>-<env>-<name>`, `copilot/<container>/<task>`."""
    words = [f"aws logs tail {shlex.quote(f'/copilot/{names.stack}')}"]
    words += [f"--since {shlex.quote(since)}"] if since else []
    if container:
        words.append(f"--log-stream-name-prefix {shlex.quote(f'copilot/{container}/{task_id}')}")
    words += ["--follow"] if follow else []
    return [" ".join(words)]


def svc_status(names: Names) -> list[str]:
    return [
        *service(names),
        'aws ecs describe-services --cluster "$cluster" --services "$service" --query'
        " 'services[0].{status: status, desired: desiredCount, running: runningCount, pending: pendingCount,"
        " deployments: deployments[].{status: rolloutState, reason: rolloutStateReason, task: taskDefinition}}'",
        'tasks=$(aws ecs list-tasks --cluster "$cluster" --service-name "$service"'
        " --query 'taskArns[]' --output text)",
        '[ -z "$tasks" ] || aws ecs describe-tasks --cluster "$cluster" --tasks $tasks --query'
        " 'tasks[].{task: taskArn, status: lastStatus, health: healthStatus, started: startedAt}'",
        'for group in $(aws ecs describe-services --cluster "$cluster" --services "$service" --query'
        " 'services[0].loadBalancers[].targetGroupArn' --output text); do"
        ' aws elbv2 describe-target-health --target-group-arn "$group"; done',
        f"aws cloudwatch describe-alarms --alarm-name-prefix {names.stack}",
    ]


def set_count(names: Names, found: Service, count: int) -> list[str]:
    """Pauses a service (0) or resumes it. Scaling, where there is any, is suspended meanwhile: it would start tasks."""
    lines = service(names)
    if found.scaling is not None:
        suspended = str(count == 0).lower()
        kinds = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
        states = ",".join(f"{kind}={suspended}" for kind in kinds)
        lines.append(
            "aws application-autoscaling register-scalable-target --service-namespace ecs --scalable-dimension"
            ' ecs:service:DesiredCount --resource-id "service/${cluster##*/}/${service##*/}"'
            f" --suspended-state {states}"
        )
    return [
        *lines,
        f'aws ecs update-service --cluster "$cluster" --service "$service" --desired-count {count}'
        " --query service.desiredCount",
        'aws ecs wait services-stable --cluster "$cluster" --services "$service"',
    ]


def force(names: Names) -> list[str]:
    """The tasks anew, of the task definition that is deployed."""
    return [
        *service(names),
        'aws ecs update-service --cluster "$cluster" --service "$service" --force-new-deployment'
        " --query 'service.deployments[0].id'",
        'aws ecs wait services-stable --cluster "$cluster" --services "$service"',
    ]


def workloads(names: Names, *, jobs: bool) -> list[str]:
    """Source: Copilot, internal/pkg/config: one parameter each, below the application's."""
    found = f"contains(Value, '{JOB}')"
    # In single quotes: an exclamation mark would be history to a shell that a person types in.
    query = shlex.quote(f"Parameters[?{found if jobs else f'!{found}'}].Value")
    path = f"/copilot/applications/{names.app}/components/"
    return [f"aws ssm get-parameters-by-path --path {path} --query {query} --output text"]


def under(path: str) -> list[str]:
    return [f"aws ssm get-parameters-by-path --path {path} --query 'Parameters[].Name' --output text"]


def application(app: str) -> list[str]:
    """What Copilot stored of an application, its domain among it, and the name of its bucket in the region."""
    return [
        f"aws ssm get-parameter --name /copilot/applications/{app} --query Parameter.Value --output text",
        *bucket(app),
        'echo "bucket in $region: $bucket"',
    ]


def environment(names: Names) -> list[str]:
    """What Copilot stored of an environment; version, parameters and outputs of its stack; what that exports."""
    stack = f"--stack-name {shlex.quote(names.environment_stack)}"
    path = f"/copilot/applications/{names.app}/environments/{names.environment}"
    exports = f"\"Exports[?starts_with(Name, '{names.environment_stack}-')].[Name,Value]\""
    elsewhere = f"{path} is not in this account: it is in the one of the application"
    return [
        f'aws ssm get-parameter --name {path} --query Parameter.Value --output text || echo "{elsewhere}" >&2',
        f"aws cloudformation get-template-summary {stack} --query Metadata --output text",
        f"aws cloudformation describe-stacks {stack} --query 'Stacks[0].[StackStatus,Parameters,Outputs]'",
        f"aws cloudformation list-exports --query {exports} --output table",
    ]


def stack_resources(stack: str) -> list[str]:
    return [
        f"aws cloudformation list-stack-resources --stack-name {shlex.quote(stack)} --query"
        " 'StackResourceSummaries[].[LogicalResourceId, ResourceType, PhysicalResourceId]' --output table"
    ]


def job_run(names: Names) -> list[str]:
    return [f'aws stepfunctions start-execution --state-machine-arn "{resource(names.stack, "StateMachine")}"']


def task_run(names: Names, found: Service, command: Sequence[str], *, count: int = 1, container: str = "") -> list[str]:
    """One task of a workload's own task definition, with another command, in the network that the workload's own tasks
    have where it is deployed. Ends with the code of the container."""
    name = container or found.main_container
    overrides = {"containerOverrides": [{"name": name, "command": list(command)}]}
    tasks = 'aws ecs describe-tasks --cluster "$cluster" --tasks $task --query'
    running = shlex.quote('length(tasks[?lastStatus!=`"STOPPED"`])')
    # In a list of its own, so that a code that is not there counts too: the container did not start.
    codes = shlex.quote(f'tasks[].containers[?name==`"{name}"`][].[exitCode]')
    return [
        *(_network_of_job(names) if found.type == JOB else _network_of_service(names)),
        'task=$(aws ecs run-task --cluster "$cluster" --launch-type FARGATE'
        f" --task-definition {shlex.quote(found.task_definition.family)} --count {count}"
        ' --network-configuration "$network"'
        f" --overrides {shlex.quote(json.dumps(overrides))} --query 'tasks[].taskArn' --output text)",
        # `aws ecs wait tasks-stopped` gives up after ten minutes.
        f'while left=$({tasks} {running} --output text) && [ "$left" != 0 ]; do sleep 6; done',
        f"{tasks} 'tasks[].{{reason: stoppedReason, containers: containers[].{{name: name, code: exitCode}}}}'",
        f"codes=$({tasks} {codes} --output text)",
        '(for code in ${codes:-None}; do [ "$code" = 0 ] || exit "${code/None/1}"; done)',
    ]


def _network_of_service(names: Names) -> list[str]:
    """Sets `cluster`, and `network` to subnets and security groups of the service's tasks."""
    return [
        *service(names),
        'network=$(aws ecs describe-services --cluster "$cluster" --services "$service"'
        " --query 'services[0].networkConfiguration' --output json)",
    ]


def _network_of_job(names: Names) -> list[str]:
    """The same for the tasks of a job, as the definition of its state machine has it."""
    machine = resource(names.stack, "StateMachine")
    return [
        cluster(names),
        f'definition=$(aws stepfunctions describe-state-machine --state-machine-arn "{machine}"'
        " --query definition --output text | tr -d ' \\n\"')",
        "subnets=$(sed -E 's/.*Subnets:\\[([^]]*)\\].*/\\1/' <<< \"$definition\")",
        "groups=$(sed -E 's/.*SecurityGroups:\\[([^]]*)\\].*/\\1/' <<< \"$definition\")",
        "public=$(sed -E 's/.*AssignPublicIp:([A-Z]*).*/\\1/' <<< \"$definition\")",
        'network="awsvpcConfiguration={subnets=[$subnets],securityGroups=[$groups],assignPublicIp=$public}"',
    ]


def secret_init(app: str, environments: Sequence[str], name: str, *, overwrite: bool) -> list[str]:
    """A secret for each environment, asked for, and given to the command by its input: it stands in no command line.

    Source: Copilot, `secret init`: SSM parameters `/copilot/<app>/<env>/secrets/<name>` with two tags, by which the
    roles of services may read them."""
    lines = []
    for environment in environments:
        parameter = f"/copilot/{app}/{environment}/secrets/{name}"
        tags = f"Key=copilot-application,Value={app} Key=copilot-environment,Value={environment}"
        put = f"aws ssm put-parameter --name {parameter} --type SecureString --value file:///dev/stdin"
        lines.append(f"read -rsp {shlex.quote(f'{name} in {environment}: ')} value && echo")
        if overwrite:  # which does not go with tags
            lines.append(f'printf %s "$value" | {put} --overwrite')
            lines.append(
                f"aws ssm add-tags-to-resource --resource-type Parameter --resource-id {parameter} --tags {tags}"
            )
        else:
            lines.append(f'printf %s "$value" | {put} --tags {tags}')
    return [*lines, "unset value"]


def pipelines(app: str) -> list[str]:
    return [
        "aws resourcegroupstaggingapi get-resources --resource-type-filters codepipeline:pipeline"
        f" --tag-filters Key=copilot-application,Values={app} --query 'ResourceTagMappingList[].ResourceARN'"
    ]


def pipeline_state(app: str, name: str) -> list[str]:
    word = resource(f"pipeline-{app}-{name}", "Pipeline")
    query = "stageStates[].{stage: stageName, status: latestExecution.status}"
    return [f"aws codepipeline get-pipeline-state --name \"{word}\" --query '{query}' --output table"]
