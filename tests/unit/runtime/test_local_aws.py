"""The local AWS endpoint: who needs it, where it is reached, and what has to be in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from emulator.ecs.messaging import Queue, Subscription, Topic
from emulator.ecs.references import ResourceReference
from emulator.ecs.service import Service
from emulator.engine.interface import Container, ContainerState
from emulator.model import make
from emulator.runtime.listeners import free_port
from emulator.runtime.listeners.port_choice import DEFAULT_AWS_PORT, AskedPorts, with_ports
from emulator.runtime.listeners.references import resolve
from emulator.runtime.planning.local_aws import plan_endpoint
from emulator.runtime.specs.aws.endpoint import PLAIN_PORT, aws_spec
from emulator.runtime.specs.aws.resources import aws_request
from emulator.runtime.specs.task import TaskFactory
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredState, Private
from emulator.runtime.state.observed import Observed, sort_containers
from emulator.runtime.state.operations import Plan
from tests.unit.runtime.world import AGENT, PAUSE, ROOT, World, desired_state, firelens, make_service

ACCOUNT = "000000000000"
URL = f"http://127.0.0.1:{DEFAULT_AWS_PORT}"


@pytest.fixture(autouse=True)
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every port is free, whatever runs on this machine."""
    monkeypatch.setattr(free_port, "is_free", lambda port, *, udp=False: True)


def api(**fields: Any) -> Service:
    topics = [make(Topic, name="orders"), make(Topic, name="bills.fifo", fifo=True, content_based_deduplication=True)]
    return make_service(name="api", type="Backend Service").model_copy(update={"topics": topics, **fields})


def worker(**fields: Any) -> Service:
    queues = [
        make(Queue, resource="EventsQueue", retention=60, dead_letter_tries=3),
        make(Queue, resource="apibillsfifoEventsQueue", fifo=True, deduplication_scope="messageGroup"),
    ]
    subscriptions = [
        make(Subscription, service="api", topic="orders", queue="EventsQueue", filter_policy={"kind": ["big"]}),
        make(Subscription, service="api", topic="bills.fifo", queue="apibillsfifoEventsQueue"),
        make(Subscription, service="other", topic="news", queue="EventsQueue"),
    ]
    update = {"queues": queues, "subscriptions": subscriptions, **fields}
    return make_service(name="worker", type="Worker Service").model_copy(update=update)


def placed(state: DesiredState, observed: Observed | None = None, **asked: int) -> DesiredState:
    return with_ports(state, AskedPorts(**asked), observed or Observed([]), frozenset())  # type: ignore[arg-type]


def variables(state: DesiredState, service: str) -> dict[str, str]:
    [member] = TaskFactory(state, Private(), ROOT).task(state.services[service], "t" * 32).members
    return dict(member.spec.environment)


def test_where_nothing_needs_it_nothing_is_there() -> None:
    state = placed(desired_state(make_service()))
    assert (aws_spec(state), state.aws_port) == (None, 0)
    task = TaskFactory(state, Private(), ROOT).task(state.services["hello"], "t" * 32)
    assert task.pause.image == PAUSE
    assert not [name for name in task.members[0].spec.environment if name.startswith("AWS_ENDPOINT")]


def test_a_service_without_tasks_needs_none() -> None:
    assert aws_spec(placed(desired_state(worker(desired_count=0)))) is None


def test_one_that_is_switched_off_is_not_started() -> None:
    state = desired_state(worker())
    state.services["worker"].options.aws = "none"
    assert aws_spec(placed(state)) is None


def test_it_is_published_where_tasks_reach_it() -> None:
    state = placed(desired_state(worker()), aws=4999)
    spec = aws_spec(state)
    assert spec is not None
    [port] = spec.ports
    assert (port.container_port, port.host_port, port.host_ip) == (PLAIN_PORT, 4999, "127.0.0.1")
    assert spec.labels[names.AWS_PORT] == "4999"
    assert spec.command is not None
    assert json.loads(spec.command[0])["public_port"] == 4999


def test_every_task_is_led_there_whether_it_has_a_queue_or_not() -> None:
    state = placed(desired_state(make_service(), worker()))
    for service in ("hello", "worker"):
        assert variables(state, service)["AWS_ENDPOINT_URL"] == URL
        assert "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" in variables(state, service)
        pause = TaskFactory(state, Private(), ROOT).task(state.services[service], "t" * 32).pause
        assert pause.image == AGENT
        assert pause.command is not None
        assert pause.command[2:] == (str(DEFAULT_AWS_PORT), "cl-demo-test-aws", service)


def test_a_task_that_comes_later_is_led_to_the_one_that_runs() -> None:
    """An `up` of one service changes nothing of another, and gives it what it had in an `up` of both."""
    both = placed(desired_state(make_service(), worker()))
    world = World(make_service())
    world.runs_aws(both)
    alone = placed(desired_state(make_service()), world.observed)
    assert alone.services["hello"].config_hash() == both.services["hello"].config_hash()
    merged = both.merged_with(alone)
    assert (merged.aws_port, merged.aws_image) == (both.aws_port, both.aws_image)


@pytest.mark.parametrize(("prepare", "replaced"), [(True, True), (False, False)])
def test_only_a_command_replaces_one_that_runs(prepare: bool, replaced: bool) -> None:
    """The agent acts for the state that it was given, and the command may have made the one of the next."""
    state = placed(desired_state(api()))
    spec = aws_spec(state)
    assert spec is not None
    labels = {name: value for name, value in spec.labels.items() if value} | {names.CONFIG_HASH: "another"}
    made = Container("a", spec.name, spec.image, ContainerState.RUNNING, "Up", labels, datetime.now(UTC))
    plan = Plan()
    plan_endpoint(plan, state, sort_containers([made]), None, prepare=prepare)
    assert ("remove" in str(plan)) is replaced
    assert ("stop container" in str(plan)) is replaced, "that one writes down what it holds"


def test_a_variable_of_the_manifest_wins() -> None:
    definition = {"environment": [{"name": "AWS_ENDPOINT_URL", "value": "http://own:1"}]}
    state = placed(desired_state(make_service({"hello": definition}), worker()))
    assert variables(state, "hello")["AWS_ENDPOINT_URL"] == "http://own:1"


def test_with_real_keys_only_what_is_here_is_led_here() -> None:
    state = desired_state(api(), worker(), make_service())
    for desired in state.services.values():
        desired.options.credentials = "profile"
    state = placed(state)
    found = {
        service: {name: value for name, value in variables(state, service).items() if "ENDPOINT_URL" in name}
        for service in state.services
    }
    assert found == {"api": {"AWS_ENDPOINT_URL_SNS": URL}, "worker": {"AWS_ENDPOINT_URL_SQS": URL}, "hello": {}}


@pytest.mark.parametrize("image", ["public.ecr.aws/xray/aws-xray-daemon:3", "amazon/aws-otel-collector"])
def test_what_a_collector_sends_is_not_for_it(image: str) -> None:
    state = placed(desired_state(make_service({"hello": {"image": image}}), worker()))
    assert "AWS_ENDPOINT_URL" not in variables(state, "hello")


def test_a_log_router_and_its_relay_stay_what_they_are() -> None:
    state = placed(desired_state(firelens(), worker()))
    [name] = set(state.services) - {"worker"}
    task = TaskFactory(state, Private(), ROOT).task(state.services[name], "t" * 32)
    router = next(member.spec for member in task.members if member.definition.name == "firelens_log_router")
    assert "AWS_ENDPOINT_URL" not in router.environment
    assert task.pause.command is not None
    script, _, port, host, service, socket, *_ = task.pause.command
    assert (port, host, service) == (str(DEFAULT_AWS_PORT), "cl-demo-test-aws", name)
    assert "log_relay" in script
    assert "aws_relay" in script
    assert socket.endswith(".sock")


class TestQueues:
    def test_urls_hold_in_every_task_and_on_this_machine(self) -> None:
        state = placed(desired_state(worker()))
        desired = state.services["worker"]
        queue = f"{ACCOUNT}/demo-test-worker-EventsQueue"
        assert resolve(make(ResourceReference, name="EventsQueue"), desired) == f"{URL}/{queue}"
        fifo = make(ResourceReference, name="apibillsfifoEventsQueue")
        assert resolve(fifo, desired) == f"{URL}/{ACCOUNT}/demo-test-worker-apibillsfifoEventsQueue.fifo"
        arn = make(ResourceReference, name="EventsQueue", attribute="Arn")
        assert resolve(arn, desired) == f"arn:aws:sqs:us-east-1:{ACCOUNT}:demo-test-worker-EventsQueue"

    def test_a_value_that_is_given_wins(self) -> None:
        state = placed(desired_state(worker()))
        desired = state.services["worker"]
        desired.options.values = {"EventsQueue": "http://mine/queue"}
        assert resolve(make(ResourceReference, name="EventsQueue"), desired) == "http://mine/queue"

    def test_a_name_that_is_too_long_is_cut_and_stays_its_own(self) -> None:
        long = [make(Queue, resource="a" * 90 + suffix, fifo=True) for suffix in ("one", "two")]
        state = placed(desired_state(worker(queues=long, subscriptions=[])))
        found = [str(queue["name"]) for queue in aws_request(state)["queues"]]  # type: ignore[attr-defined]
        assert [len(name) for name in found] == [80, 80]
        assert len(set(found)) == 2
        assert all(name.endswith(".fifo") for name in found)


class TestRequest:
    def request(self) -> dict[str, Any]:
        return aws_request(placed(desired_state(api(), worker())))

    def test_topics_are_those_that_are_published_and_those_that_are_subscribed_to(self) -> None:
        found = {topic["name"]: topic["attributes"] for topic in self.request()["topics"]}
        assert found == {
            "demo-test-api-orders": {},
            "demo-test-api-bills.fifo": {"FifoTopic": "true", "ContentBasedDeduplication": "true"},
            "demo-test-other-news": {},
        }

    def test_only_the_service_that_publishes_a_topic_says_what_it_has(self) -> None:
        found = {topic["name"]: topic["published"] for topic in self.request()["topics"]}
        assert found == {
            "demo-test-api-orders": True,
            "demo-test-api-bills.fifo": True,
            "demo-test-other-news": False,
        }

    def test_queues_have_what_the_stack_gives_them(self) -> None:
        found = {queue["name"]: queue["attributes"] for queue in self.request()["queues"]}
        dead = "demo-test-worker-DeadLetterQueue"
        assert list(found) == [dead, "demo-test-worker-EventsQueue", "demo-test-worker-apibillsfifoEventsQueue.fifo"]
        assert found[dead] == {"MessageRetentionPeriod": "1209600"}
        events = found["demo-test-worker-EventsQueue"]
        redrive = json.loads(events.pop("RedrivePolicy"))
        assert events == {"MessageRetentionPeriod": "60"}
        assert redrive == {"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{dead}", "maxReceiveCount": 3}
        assert found["demo-test-worker-apibillsfifoEventsQueue.fifo"] == {
            "FifoQueue": "true",
            "DeduplicationScope": "messageGroup",
        }

    def test_subscriptions_have_their_filter(self) -> None:
        found = [(one["topic"], one["queue"], one["attributes"]) for one in self.request()["subscriptions"]]
        assert found == [
            ("demo-test-api-orders", "demo-test-worker-EventsQueue", {"FilterPolicy": '{"kind": ["big"]}'}),
            ("demo-test-api-bills.fifo", "demo-test-worker-apibillsfifoEventsQueue.fifo", {}),
            ("demo-test-other-news", "demo-test-worker-EventsQueue", {}),
        ]


def test_one_that_is_asked_for_starts_where_nothing_needs_it() -> None:
    state = desired_state(make_service())
    state.services["hello"].options.aws = "always"
    state = placed(state)
    assert aws_spec(state) is not None
    assert variables(state, "hello")["AWS_ENDPOINT_URL"] == URL
