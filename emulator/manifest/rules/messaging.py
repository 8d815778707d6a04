"""Rules for topics, queues, deployments, jobs and overrides."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from emulator.manifest.rules.at import At
from emulator.manifest.schema.notations.values import format_duration
from emulator.manifest.yaml.nodes import Mapping
from emulator.spelling import suggestion

if TYPE_CHECKING:
    from emulator.manifest.schema.deployment import Deployment, Observability, TaskDefinitionOverride
    from emulator.manifest.schema.network import Placement, SecurityGroups
    from emulator.manifest.schema.publish import Publish, Topic
    from emulator.manifest.schema.scheduled_job import ScheduledJob
    from emulator.manifest.schema.subscribe import DeadLetter, FifoQueue, Queue, Subscribe, TopicSubscription
    from emulator.model import JsonValue

_TOPIC: Final = r"[a-zA-Z0-9_-]*"
_SERVICE: Final = r"[a-z](?!.*--)[a-z0-9-]*[a-z0-9]"
_SCOPES: Final = ("messageGroup", "queue")
_LIMITS: Final = ("perMessageGroupId", "perQueue")
_STRATEGIES: Final = ("default", "recreate")
_MOST_GROUPS: Final = 5
_SEGMENT: Final = r"[a-zA-Z0-9_-]+(?:\[(?:\d+|-)\])?"


def topic(topic: Topic, at: At) -> None:
    _topic_name(topic.name, at)


def publish(publish: Publish, at: At) -> None:
    suffixed = [f"{topic.name}.fifo" if topic.fifo is not None else topic.name for topic in publish.topics]
    _collisions([(name, _safe(name)) for name in suffixed], at)


def _collisions(names: list[tuple[str, str]], at: At) -> None:
    """Reports topics whose resources have the name of those of one before: CloudFormation has letters and digits."""
    seen: dict[str, str] = {}
    for number, (name, id) in enumerate(names):
        if id in seen:
            same = seen[id] == name
            message = f"{name} is there already" if same else f"{name} and {seen[id]} have one name in CloudFormation"
            hint = "remove one of the two" if same else "rename one of them"
            at.add("CL137", message, "topics", number, "name", hint=hint, copilot_accepts=True)
        seen.setdefault(id, name)


def _safe(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9]", "", name)


def _topic_name(name: str, at: At) -> None:
    if not name:
        at.add("CL106", "the name is empty", "name")
    elif not re.fullmatch(_TOPIC, name):
        hint = "write it without .fifo and set fifo: true" if name.endswith(".fifo") else ""
        at.add("CL136", f"{name!r} may only hold letters, digits, - and _", "name", hint=hint)


def subscription(subscription: TopicSubscription, at: At) -> None:
    _topic_name(subscription.name, at)
    if not subscription.service:
        at.add("CL106", "the service is empty", "service")
    elif not re.fullmatch(_SERVICE, subscription.service):
        message = f"{subscription.service!r} is not a service's name"
        hint = "lower-case letters, digits and single hyphens, a letter first"
        at.add("CL136", message, "service", hint=hint)
    if subscription.filter_policy:
        _filter_policy(subscription.filter_policy, at)


def _filter_policy(policy: dict[str, JsonValue], at: At) -> None:
    """Copilot hands the policy on, and SNS refuses the subscription while the stack is deployed."""
    from emulator.limits.filter_policies import MATCHES, MOST_KEYS, is_condition, unknown_matches

    if len(policy) > MOST_KEYS:
        message = f"{len(policy)} keys are too many; SNS refuses the policy"
        at.add("CL137", message, "filter_policy", hint=f"it takes {MOST_KEYS}", copilot_accepts=True)
    for key, value in policy.items():
        if not is_condition(value):
            message = f"{key} is no list of what matches; SNS refuses the policy"
            hint = f"write {key}: [{value}]" if isinstance(value, str) else "write a list"
            at.add("CL137", message, "filter_policy", key, hint=hint, copilot_accepts=True)
        for name in unknown_matches(key, value):
            message = f"{name} is no kind of match; SNS refuses the policy"
            hint = suggestion(name, MATCHES) or f"there are {', '.join(MATCHES)}"
            at.add("CL137", message, "filter_policy", key, hint=hint, copilot_accepts=True)


def subscribe(subscribe: Subscribe, at: At) -> None:
    """Copilot makes the queue of a worker without topics with SQS's defaults."""
    names = []
    for topic in subscribe.topics:
        own = topic.queue or subscribe.queue
        fifo = "fifo" if own is not None and own.fifo is not None else ""
        shown = f"topic {topic.name} of {topic.service}"
        names.append((shown, f"{_safe(topic.service or '')}{_safe(topic.name)}{fifo}"))
    _collisions(names, at)
    queue = at.node.get("queue")
    if subscribe.queue is not None and not subscribe.topics and isinstance(queue, Mapping) and queue.entries:
        message = (
            "has no effect without topics: Copilot makes the queue with SQS's defaults, without a dead-letter queue"
        )
        at.add("CL109", message, "queue", hint="subscribe to a topic, or remove it", copilot_accepts=True)


def queue(queue: Queue, at: At) -> None:
    """SQS's limits, which Copilot leaves to the deployment."""
    limits = (
        ("retention", queue.retention, timedelta(minutes=1), timedelta(days=14)),
        ("delay", queue.delay, timedelta(0), timedelta(minutes=15)),
        ("timeout", queue.timeout, timedelta(0), timedelta(hours=12)),
    )
    for name, value, lowest, highest in limits:
        if value is not None and not lowest <= value <= highest:
            message = f"{name} is {format_duration(value)}; SQS takes "
            message += f"{format_duration(lowest)} to {format_duration(highest)}"
            at.add("CL137", message, name, copilot_accepts=True)


def dead_letter(block: DeadLetter, at: At) -> None:
    if block.tries is not None and not 1 <= block.tries <= 1000:
        at.add("CL137", f"tries is {block.tries}; SQS takes 1 to 1000", "tries", copilot_accepts=True)


def fifo_queue(fifo: FifoQueue, at: At) -> None:
    """Copilot: `FIFOAdvanceConfig.validate`."""
    for name in ("throughput_limit", "deduplication_scope"):
        if fifo.high_throughput is not None and getattr(fifo, name) is not None:
            at.add("CL120", f"high_throughput sets {name} itself", name, hint="give one of the two")
    if fifo.deduplication_scope is not None and fifo.deduplication_scope not in _SCOPES:
        at.add_choice(fifo.deduplication_scope, _SCOPES, "deduplication_scope")
    if fifo.throughput_limit is not None and fifo.throughput_limit not in _LIMITS:
        at.add_choice(fifo.throughput_limit, _LIMITS, "throughput_limit")
    if fifo.throughput_limit == "perMessageGroupId" and fifo.deduplication_scope == "queue":
        message = "deduplication_scope queue needs throughput_limit perQueue"
        at.add("CL137", message, "throughput_limit")


def deployment(deployment: Deployment, at: At) -> None:
    if deployment.rolling is not None and deployment.rolling.lower() not in _STRATEGIES:
        at.add_choice(deployment.rolling, _STRATEGIES, "rolling")


def observability(observability: Observability, at: At) -> None:
    """Copilot compares upper-case and leaves anything else out without a word."""
    if observability.tracing is not None and observability.tracing.lower() != "awsxray":
        message = f"{observability.tracing!r} is not a tracing vendor; Copilot ignores it"
        at.add("CL107", message, "tracing", hint="awsxray is the only one", copilot_accepts=True)


def placement(placement: Placement, at: At) -> None:
    if placement.access is not None and placement.access not in ("public", "private"):
        hint = suggestion(placement.access, ("public", "private"))
        at.add("CL107", f"{placement.access!r} is not public or private", hint=hint)


def security_groups(groups: SecurityGroups, at: At) -> None:
    """ECS's limit for a task; Copilot adds the environment's own group."""
    own = 0 if groups.deny_default else 1
    if len(groups.groups) + own > _MOST_GROUPS:
        message = f"{len(groups.groups)} security groups{' and that of the environment' if own else ''}; "
        message += f"a task has {_MOST_GROUPS} at most"
        at.add("CL154", message, "groups", copilot_accepts=True)


def override(rule: TaskDefinitionOverride, at: At) -> None:
    """Copilot: `OverrideRule.validate`, and the path's grammar in internal/pkg/template/override."""
    if rule.path == "Family" or re.fullmatch(r"ContainerDefinitions\[\d+\]\.Name", rule.path):
        at.add("CL138", f"{rule.path} cannot be overridden", "path", hint="names hold the task together")
        return
    for segment in rule.path.split("."):
        if not re.fullmatch(_SEGMENT, segment):
            message = f"{segment!r} is not a step of a path"
            at.add("CL138", message, "path", hint="a name, a name with an index [0], or a name with [-] to append")
            return
    if "value" not in at.node.entries:
        at.add("CL106", "the override has no value", hint="give value", copilot_accepts=True)


def job(job: ScheduledJob, at: At) -> None:
    """Copilot checks these when it renders (`stateMachineOpts`)."""
    if job.retries is not None and job.retries < 0:
        at.add("CL139", "retries cannot be negative", "retries")
    if job.timeout is not None:
        if job.timeout < timedelta(seconds=1):
            at.add("CL139", "the timeout must be at least one second", "timeout")
        elif job.timeout % timedelta(seconds=1):
            at.add("CL139", "the timeout must be whole seconds", "timeout")
    if job.exec is not None:
        at.add("CL109", "a job has no exec; Copilot leaves it out", "exec", hint="remove it", copilot_accepts=True)
    if job.network.connect is not None:
        message = "a job has no Service Connect; Copilot leaves it out"
        at.add("CL109", message, "network", "connect", hint="remove it", copilot_accepts=True)
