"""The destinations of a log router, and what is told of those that nothing is called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from emulator.errors import UsageError
from emulator.events import Event, EventKind
from emulator.runtime.specs.log_destinations import Destination, destination_of, destinations_of, several
from emulator.runtime.specs.log_router import check_destinations
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.observed import observe
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import DEMO, desired_state, make_service

TAG = "web-firelens-0123"
CLOUDWATCH = {"Name": "cloudwatch", "region": "eu-west-1", "log_group_name": "/demo"}


def routed(options: Mapping[str, str] = CLOUDWATCH, /, **policies: Any) -> DesiredState:
    """A service whose container logs to CloudWatch, or with other `options`."""
    log = {"logDriver": "awsfirelens", "options": options}
    router = {"image": "router:1", "firelensConfiguration": {"type": "fluentbit", "options": {}}}
    state = desired_state(make_service({"hello": {"logConfiguration": log}, "firelens_log_router": router}))
    for desired in state.services.values():
        desired.options = desired.options.model_copy(update={"log_destinations": policies})
    return state


def aws(**named: str) -> Destination:
    return Destination("web", "cloudwatch_logs", "local-aws", (), tuple(named.items()))


@pytest.mark.parametrize(
    ("match", "takes"),
    [
        ([("Match", "*")], True),
        ([("Match", "web-firelens*")], True),
        ([("match", "web-firelens-0123")], True),
        ([("Match", "web")], False),
        ([("Match", "other*")], False),
        ([("Match_Regex", "firelens-\\d+$")], True),
        ([("Match_Regex", "^firelens")], False),
        ([], False),
    ],
)
def test_tags_are_matched_as_fluent_bit_does(match: list[tuple[str, str]], takes: bool) -> None:
    assert Destination("web", "http", "capture", tuple(match)).takes(TAG) is takes


@pytest.mark.parametrize(
    ("destination", "holds"),
    [
        (aws(log_group_name="/demo", log_stream_name="fixed"), True),
        (aws(log_group_name="/demo", log_stream_name="other"), False),
        (aws(log_group_name="/demo", log_stream_prefix="fix"), True),
        (aws(log_group_name="/demo", log_stream_prefix="copilot/"), False),
        (aws(log_group_name="/aws/$(ecs_cluster)", log_stream_prefix="${PREFIX}"), True),
        (aws(log_group_name="/other"), False),
        (Destination("web", "http", "capture"), False),
    ],
)
def test_a_stream_in_cloudwatch_logs_is_of_the_output_that_names_it(destination: Destination, holds: bool) -> None:
    assert destination.holds("/demo", "fixed") is holds


def test_a_record_is_of_the_output_whose_file_it_stands_in() -> None:
    outputs = [Destination("web", "cloudwatch", "capture"), aws(log_group_name="/demo")]
    assert destination_of({"stream": "web"}, outputs) is outputs[0]
    assert destination_of({"stream": "any", "group": "/demo"}, outputs) is outputs[1]
    assert destination_of({"stream": "output-9"}, outputs).name == "output-9"
    assert destination_of({"stream": "any", "group": "/old"}, outputs).name == "/old"


def test_outputs_of_containers_alone_are_not_several_for_one_record() -> None:
    web, worker, own = (Destination(name, "http", "capture") for name in ("web", "worker", "output-1"))
    assert not several({web, worker})
    assert several({web, own})
    assert not several({own})


def test_the_routers_container_tells_its_destinations(bench: Bench) -> None:
    bench.start(routed())
    [task] = observe(bench.engine, DEMO).tasks.values()
    [found] = destinations_of(task)
    assert (str(found), found.policy, found.countable) == ("hello (cloudwatch)", "capture", True)
    assert found.takes(f"hello-firelens-{task.id}")


class TestUnknownDestinations:
    def test_one_that_the_command_line_names_is_an_error_with_the_nearest_one(self) -> None:
        with pytest.raises(UsageError, match="no log destination is called cloudwach") as caught:
            check_destinations(routed(cloudwach="live"), lambda event: None, {"cloudwach"})
        assert "did you mean cloudwatch?" in caught.value.hint

    def test_one_that_settings_name_may_be_another_services(self) -> None:
        events: list[Event] = []
        check_destinations(routed(other="live"), events.append)
        assert [event.kind for event in events] == [EventKind.WARNING]

    @pytest.mark.parametrize("name", ["hello", "cloudwatch", "*"])
    def test_containers_and_plugins_are_known(self, name: str) -> None:
        events: list[Event] = []
        check_destinations(routed(**{name: "capture"}), events.append, {name})
        assert events == []


@pytest.mark.parametrize("options", [{}, {"exclude-pattern": "GET /health"}])
def test_a_router_without_an_output_is_said_to_drop_everything(options: dict[str, str]) -> None:
    events: list[Event] = []
    check_destinations(routed(options), events.append)
    [told] = events
    assert (told.kind, told.subject) == (EventKind.WARNING, "hello")
    assert "has no output" in told.message
