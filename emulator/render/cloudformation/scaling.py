"""How the number of tasks follows the load. Source: Copilot, partial `autoscaling.yml`.

Copilot measures the backlog of queues with a Lambda function that writes a metric; here CloudWatch computes the same
number from metrics that are there: messages in the queue by running tasks. (The ECS developer guide counts running
tasks as the samples of CPUUtilization in a minute.)
"""

from __future__ import annotations

from emulator.ecs.deployment import ScalingPolicy
from emulator.ecs.service import Service
from emulator.render.cloudformation.ecs_service import number
from emulator.render.cloudformation.foundations.foundation import Foundation
from emulator.render.cloudformation.intrinsics import GetAtt, Ref, join
from emulator.render.cloudformation.load_balancing import target_group_id
from emulator.render.cloudformation.template import Properties, Template

_PREDEFINED = {"cpu": "ECSServiceAverageCPUUtilization", "memory": "ECSServiceAverageMemoryUtilization"}
_OF_THE_LOAD_BALANCER = {
    "requests": ("ALBSumRequestCountPerTarget", "RequestCountPerTarget", "Sum"),
    "response-time": ("ALBAverageResponseTime", "TargetResponseTime", "Average"),
}


def add_scaling(template: Template, service: Service, foundation: Foundation) -> None:
    """Adds the bounds and a policy for each metric."""
    scaling = service.scaling
    if scaling is None:
        return
    template.resource(
        "AutoScalingTarget",
        "AWS::ApplicationAutoScaling::ScalableTarget",
        {
            "ServiceNamespace": "ecs",
            "ScalableDimension": "ecs:service:DesiredCount",
            "ResourceId": join("/", ["service", foundation.cluster(), GetAtt("Service", "Name")]),
            "MinCapacity": scaling.min_capacity,
            "MaxCapacity": scaling.max_capacity,
        },
        comment="How many tasks there may be",
        position=service.positions.get("count"),
    )
    for policy in scaling.policies:
        if policy.metric == "queue-delay":
            for queue in service.queues:
                _policy(template, service, policy, queue.resource, _backlog(foundation, queue.resource))
        elif policy.metric in _PREDEFINED:
            name = _PREDEFINED[policy.metric]
            _policy(template, service, policy, name, {"PredefinedMetricSpecification": {"PredefinedMetricType": name}})
        else:
            name, metric, statistic = _OF_THE_LOAD_BALANCER[policy.metric]
            specification = _load_balancer_metric(foundation, metric, statistic)
            _policy(template, service, policy, name, {"CustomizedMetricSpecification": specification})


def _policy(template: Template, service: Service, policy: ScalingPolicy, name: str, specification: Properties) -> None:
    queue = policy.metric == "queue-delay"
    full: object = f"{service.name}-{name}-ScalingPolicy"
    if queue:
        full = join("-", [service.name, "BacklogPerTask", GetAtt(name, "QueueName")])
    template.resource(
        f"AutoScalingPolicy{name}",
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        {
            "PolicyName": full,
            "PolicyType": "TargetTrackingScaling",
            "ScalingTargetId": Ref("AutoScalingTarget"),
            "TargetTrackingScalingPolicyConfiguration": {
                **specification,
                "TargetValue": number(policy.target_value),
                "ScaleInCooldown": policy.scale_in_cooldown,
                "ScaleOutCooldown": policy.scale_out_cooldown,
            },
        },
        comment="Messages per task" if queue else "Scaling",
        position=policy.position,
    )


def _load_balancer_metric(foundation: Foundation, metric: str, statistic: str) -> Properties:
    group = target_group_id("default", foundation)
    return {
        "Namespace": "AWS/ApplicationELB",
        "MetricName": metric,
        "Statistic": statistic,
        "Dimensions": [
            {"Name": "LoadBalancer", "Value": foundation.load_balancer("LoadBalancerFullName")},
            {"Name": "TargetGroup", "Value": GetAtt(group, "TargetGroupFullName")},
        ],
    }


def _backlog(foundation: Foundation, queue: str) -> Properties:
    """Messages in a queue by running tasks, as metric math."""
    messages = _metric(
        "messages",
        "AWS/SQS",
        "ApproximateNumberOfMessagesVisible",
        [{"Name": "QueueName", "Value": GetAtt(queue, "QueueName")}],
        "Average",
    )
    tasks = _metric(
        "tasks",
        "AWS/ECS",
        "CPUUtilization",
        [
            {"Name": "ClusterName", "Value": foundation.cluster()},
            {"Name": "ServiceName", "Value": GetAtt("Service", "Name")},
        ],
        "SampleCount",
    )
    backlog = {
        "Id": "backlog",
        "Label": "Messages per running task",
        "Expression": "messages / FILL(tasks, 1)",
        "ReturnData": True,
    }
    return {"CustomizedMetricSpecification": {"Metrics": [messages, tasks, backlog]}}


def _metric(name: str, namespace: str, metric: str, dimensions: list[Properties], statistic: str) -> Properties:
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {"Namespace": namespace, "MetricName": metric, "Dimensions": dimensions},
            "Stat": statistic,
        },
        "ReturnData": False,
    }
