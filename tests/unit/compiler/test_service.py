"""What surrounds the task: scaling, replacement, names, networks, messages, schedules."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from emulator.compiler import AddonOutputs, Surroundings
from emulator.ecs.deployment import CapacityProvider
from emulator.ecs.references import AddonReference, ImportReference
from emulator.ecs.service import Service
from emulator.model import from_plain

Compile = Callable[..., Service]
WEB = "name: web\ntype: Load Balanced Web Service\nimage: {location: web, port: 80}\nhttp: {path: /}\n"
BACKEND = "name: web\ntype: Backend Service\nimage: {location: web, port: 80}\n"
WORKER = "name: web\ntype: Worker Service\nimage: {location: web}\n"
JOB = 'name: job\ntype: Scheduled Job\nimage: {location: job}\non: {schedule: "0 12 * * MON"}\n'


def test_a_fixed_number_of_tasks(compile: Compile) -> None:
    service = compile(f"{WEB}count: 3")
    assert (service.desired_count, service.scaling, service.capacity_providers) == (3, None, [])


def test_scaling_with_cooldowns_of_its_own_and_in_general(compile: Compile) -> None:
    text = f"""{WEB}count:
  range: 2-10
  cooldown: {{in: 30s}}
  cpu_percentage: {{value: 70, cooldown: {{out: 2m30s}}}}
  memory_percentage: 80
  requests: 1000
  response_time: 1500ms
"""
    service = compile(text)
    assert service.desired_count == 2
    assert service.scaling is not None
    assert (service.scaling.min_capacity, service.scaling.max_capacity) == (2, 10)
    found = [(p.metric, p.target_value, p.scale_in_cooldown, p.scale_out_cooldown) for p in service.scaling.policies]
    assert found == [
        ("cpu", 70, 30, 150),
        ("memory", 80, 30, 60),
        ("requests", 1000, 30, 60),
        ("response-time", 1.5, 30, 60),
    ]


def test_queue_delay_is_a_backlog_for_each_task(compile: Compile) -> None:
    delay = "{acceptable_latency: 15m, msg_processing_time: 1s}"
    scaling = compile(f"{WORKER}count: {{range: 1-10, queue_delay: {delay}}}").scaling
    assert scaling is not None
    assert [(policy.metric, policy.target_value) for policy in scaling.policies] == [("queue-delay", 900)]


@pytest.mark.parametrize(
    ("count", "providers"),
    [
        ("{spot: 5}", [("FARGATE_SPOT", 1, None)]),
        (
            "{range: {min: 1, max: 9, spot_from: 6}, cpu_percentage: 70}",
            [("FARGATE_SPOT", 1, None), ("FARGATE", 0, 5)],
        ),
        ("{range: 1-9, cpu_percentage: 70}", []),
        (
            "{range: {min: 0, max: 5, spot_from: 0}, cpu_percentage: 70}",
            [("FARGATE_SPOT", 1, None), ("FARGATE", 0, 0)],
        ),
        ("{range: {min: 3, max: 5, spot_from: 0}, cpu_percentage: 70}", [("FARGATE_SPOT", 1, None)]),
    ],
)
def test_capacity(compile: Compile, count: str, providers: list[tuple[str, int, int | None]]) -> None:
    expected = [
        from_plain(CapacityProvider, {"capacity_provider": name, "weight": weight, "base": base})
        for name, weight, base in providers
    ]
    assert compile(f"{WEB}count: {count}").capacity_providers == expected


def test_replacement(compile: Compile) -> None:
    usual = compile(WEB).deployment
    assert (usual.minimum_healthy_percent, usual.maximum_percent, usual.rollback_alarms) == (100, 200, None)
    service = compile(f"{WORKER}deployment: {{rolling: recreate, rollback_alarms: {{messages_delayed: 5}}}}")
    assert (service.deployment.minimum_healthy_percent, service.deployment.maximum_percent) == (0, 100)
    assert service.deployment.rollback_alarms is not None
    assert service.deployment.rollback_alarms.messages_delayed == 5


def test_service_connect_and_discovery(compile: Compile) -> None:
    service = compile(f"{WEB}network: {{connect: {{alias: api}}}}")
    assert service.discovery is not None
    assert (service.discovery.name, service.discovery.namespace, service.discovery.port) == (
        "web",
        "test.demo.local",
        80,
    )
    assert service.connect is not None
    assert (service.connect.port_name, service.connect.port, service.connect.dns_name) == ("target", 80, "api")
    assert service.connect.discovery_name == "web-sc"
    assert compile(WEB).connect is None


def test_a_worker_is_a_client_only(compile: Compile) -> None:
    service = compile(f"{WORKER}network: {{connect: true}}")
    assert service.discovery is None
    assert service.connect is not None
    assert service.connect.port_name is None


def test_network(compile: Compile) -> None:
    usual = compile(WEB).network
    assert usual.assign_public_ip
    assert usual.environment_security_group
    text = f"""{WEB}network:
  vpc:
    placement: {{subnets: [subnet-1]}}
    security_groups: {{deny_default: true, groups: [sg-1, {{from_cfn: Group}}]}}
"""
    network = compile(text, surroundings=Surroundings(addons=AddonOutputs(security_groups=("Db",)))).network
    assert (network.subnets, network.assign_public_ip, network.environment_security_group) == (
        ["subnet-1"],
        False,
        False,
    )
    plain, imported, addon = network.security_groups
    assert plain == "sg-1"
    assert isinstance(imported, ImportReference)
    assert addon == AddonReference(name="Db")
    private = compile(f"{WEB}network: {{vpc: {{placement: private}}}}").network
    assert not private.assign_public_ip


def test_load_balancers(compile: Compile) -> None:
    public = compile(WEB).load_balancer
    assert public is not None
    assert (public.scheme, public.imported) == ("internet-facing", None)
    imported = compile(WEB.replace("path: /", "path: /, alb: my-balancer")).load_balancer
    assert imported is not None
    assert imported.imported == "my-balancer"
    internal = compile(f"{BACKEND}http: {{path: /}}").load_balancer
    assert internal is not None
    assert internal.scheme == "internal"
    assert compile(BACKEND).load_balancer is None


def test_aliases_have_the_hosted_zone_of_their_rule(compile: Compile) -> None:
    text = WEB.replace("path: /", "path: /, alias: [a.com, b.com], hosted_zone: Z1")
    balancer = compile(text, surroundings=Surroundings(https=True)).load_balancer
    assert balancer is not None
    assert [(alias.name, alias.hosted_zone) for alias in balancer.aliases] == [("a.com", "Z1"), ("b.com", "Z1")]
    assert all(alias.position for alias in balancer.aliases)


def test_settings_of_a_queue_without_topics_are_not_looked_at(compile: Compile) -> None:
    text = f"{WORKER}subscribe: {{queue: {{delay: 9s, dead_letter: {{tries: 3}}}}}}\n"
    [queue] = compile(text, strict=False).queues
    assert (queue.resource, queue.dead_letter_tries, queue.delay) == ("EventsQueue", None, None)


def test_topics_and_queues(compile: Compile) -> None:
    text = f"""{WORKER}publish: {{topics: [{{name: out, fifo: {{content_based_deduplication: true}}}}]}}
subscribe:
  queue: {{retention: 96h, delay: 1s, timeout: 30s, dead_letter: {{tries: 5}}}}
  topics:
    - {{name: in, service: other, filter_policy: {{store: [a, b]}}}}
    - {{name: own, service: other, queue: {{fifo: {{high_throughput: true}}}}}}
"""
    service = compile(text)
    [topic] = service.topics
    assert (topic.name, topic.fifo, topic.content_based_deduplication) == ("out.fifo", True, True)
    common, own = service.queues
    assert (common.resource, common.retention, common.delay, common.visibility_timeout, common.dead_letter_tries) == (
        "EventsQueue",
        345600,
        1,
        30,
        5,
    )
    assert (own.resource, own.fifo, own.deduplication_scope, own.throughput_limit) == (
        "otherownfifoEventsQueue",
        True,
        "messageGroup",
        "perMessageGroupId",
    )
    assert [(found.topic, found.queue) for found in service.subscriptions] == [
        ("in", "EventsQueue"),
        ("own.fifo", "otherownfifoEventsQueue"),
    ]
    assert service.subscriptions[0].filter_policy == {"store": ["a", "b"]}


def test_a_job_has_a_schedule_and_no_service(compile: Compile) -> None:
    service = compile(f"{JOB}retries: 3\ntimeout: 1h\n")
    assert service.schedule is not None
    assert service.schedule.expression == "cron(0 12 ? * MON *)"
    assert (service.schedule.enabled, service.schedule.retries, service.schedule.timeout) == (True, 3, 3600)
    assert (service.discovery, service.connect, service.execute_command) == (None, None, False)
    assert compile(WEB).schedule is None


def test_a_managed_file_system_belongs_to_the_workload(compile: Compile) -> None:
    service = compile(f"{JOB}storage: {{volumes: {{data: {{path: /data, efs: true}}}}}}")
    assert service.managed_file_system is not None
    assert service.managed_file_system.path == "/job"
    assert service.managed_file_system.uid == service.managed_file_system.gid == 4225294584


def test_exec_and_policies(compile: Compile) -> None:
    service = compile(f"{WEB}exec: true", surroundings=Surroundings(addons=AddonOutputs(policies=("PolicyArn",))))
    assert service.execute_command
    assert service.task_role_policies == [AddonReference(name="PolicyArn")]
