"""Addons: when they are made, what of them is refused, and where their outputs go."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.ecs.addons.model import Addons
from emulator.ecs.references import AddonReference, ImportReference
from emulator.ecs.service import Service
from emulator.ecs.task_definition import KeyValuePair, Secret
from emulator.errors import Position, Unsupported
from emulator.events import Event, discard
from emulator.model import JsonValue, make
from emulator.runtime.lifecycle.provide import with_answer, with_placeholders
from emulator.runtime.listeners.port_choice import AskedPorts, with_ports
from emulator.runtime.planning.local_aws import plan_endpoint
from emulator.runtime.secrets.missing_values import missing_values
from emulator.runtime.secrets.wanted import Finder
from emulator.runtime.specs.aws.endpoint import aws_spec
from emulator.runtime.specs.aws.resources import aws_request
from emulator.runtime.specs.aws.stacks import refuse_unmakeable
from emulator.runtime.specs.task import TaskFactory
from emulator.runtime.state.desired import DesiredState, Private
from emulator.runtime.state.observed import Observed
from emulator.runtime.state.operations import Plan
from tests.unit.runtime.world import ROOT, desired_state, make_service

TABLE = {"Type": "AWS::DynamoDB::Table"}
POLICY = {"Type": "AWS::IAM::ManagedPolicy"}
ARN = "arn:aws:secretsmanager:us-east-1:000000000000:secret:word-AbCdEf"
ANSWER: dict[str, Any] = {
    "stacks": {
        "demo-test-hello-AddonsStack": {
            "outputs": {
                "TableName": {"value": "things", "secret": False},
                "Url": {"value": "pg://me:word@host", "secret": True},
                "Word": {"value": ARN, "secret": False},
            },
            "exports": {"shared-Table": "things"},
        }
    },
    "secret_values": {ARN: '{"password": "word"}'},
    "warnings": [{"position": "things.yml:3", "text": "no metric is watched"}],
}


def addons(resources: dict[str, Any], *outputs: str, **more: Any) -> Addons:
    sections = {"Resources": resources, "Outputs": {name: {"Value": name} for name in outputs}}
    return make(Addons, sections=sections, **more)


def with_addons(found: Addons) -> Service:
    service = make_service()
    [container] = service.task_definition.container_definitions
    environment = [
        make(KeyValuePair, name=name.upper(), value=make(AddonReference, name=name)) for name in ("TableName", "Url")
    ]
    environment.append(make(KeyValuePair, name="SHARED", value=make(ImportReference, name="shared-Table")))
    secrets = [make(Secret, name="WORD", value_from=make(AddonReference, name="Word"))]
    container = container.model_copy(update={"environment": environment, "secrets": secrets})
    definition = service.task_definition.model_copy(update={"container_definitions": [container]})
    return service.model_copy(update={"addons": found, "task_definition": definition})


def importing(state: DesiredState) -> DesiredState:
    """The state, in which the export that the service names is one that a stack here makes."""
    state.services["hello"].options.imports = ("shared-Table",)
    return state


THINGS = addons({"Table": TABLE}, "TableName", "Url", "Word")


def placed(state: DesiredState) -> DesiredState:
    return with_ports(state, AskedPorts(), Observed([]), frozenset())


@pytest.mark.parametrize(
    ("found", "values", "wanted"),
    [
        (addons({"Table": TABLE}, "TableName"), {}, True),
        (addons({"Table": TABLE}), {}, True),
        (addons({"Table": TABLE}, "TableName"), {"TableName": "given"}, False),
        (addons({"Policy": POLICY}, "PolicyArn"), {}, False),
        (addons({}), {}, False),
    ],
)
def test_what_has_to_be_made_starts_the_endpoint(found: Addons, values: dict[str, str], wanted: bool) -> None:
    state = desired_state(make_service().model_copy(update={"addons": found}))
    state.services["hello"].options.values = values
    assert (aws_spec(placed(state)) is not None) is wanted


def test_outputs_that_will_be_made_are_not_missing() -> None:
    service = with_addons(THINGS)
    assert [one.name for one in missing_values(service, {}, "us-east-1", "local")] == ["shared-Table"]
    assert {one.name for one in missing_values(service, {}, "us-east-1", "none")} == {
        "TableName",
        "Url",
        "shared-Table",
    }
    assert list(Finder({}, "us-east-1", "local").variables(service)) == []
    assert [one.variable for one in Finder({}, "us-east-1", "none").variables(service)] == ["WORD"]


class TestAnswer:
    @pytest.fixture
    def events(self) -> list[Event]:
        return []

    @pytest.fixture
    def given(self, events: list[Event]) -> tuple[DesiredState, Private]:
        return with_answer(importing(placed(desired_state(with_addons(THINGS)))), Private(), ANSWER, events.append)

    def variables(self, given: tuple[DesiredState, Private]) -> dict[str, str]:
        state, private = given
        [member] = TaskFactory(state, private, ROOT).task(state.services["hello"], "t" * 32).members
        return dict(member.spec.environment)

    def test_outputs_and_exports_are_variables(self, given: tuple[DesiredState, Private]) -> None:
        found = self.variables(given)
        assert (found["TABLENAME"], found["SHARED"]) == ("things", "things")

    def test_what_is_secret_reaches_the_container_and_no_state(self, given: tuple[DesiredState, Private]) -> None:
        found = self.variables(given)
        assert (found["URL"], found["WORD"]) == ("pg://me:word@host", '{"password": "word"}')
        assert "word@host" not in given[0].model_dump_json()
        assert '{"password"' not in given[0].model_dump_json()
        assert given[0].services["hello"].private_names == {"hello": ["URL", "WORD"]}

    def test_the_endpoint_is_needed_as_before_though_all_is_known_now(self) -> None:
        """Else nothing would start it again when it ends."""
        state = placed(desired_state(with_addons(addons({"Table": TABLE}, "TableName"))))
        after, _ = with_answer(state, Private(), ANSWER, discard)
        assert aws_spec(after) == aws_spec(state)
        assert aws_spec(after) is not None

    def test_a_value_of_ones_own_wins(self) -> None:
        state = importing(placed(desired_state(with_addons(THINGS))))
        state.services["hello"].options.values = {"TableName": "mine", "Url": "http://mine"}
        found = self.variables(with_answer(state, Private(), ANSWER, discard))
        assert (found["TABLENAME"], found["URL"]) == ("mine", "http://mine")

    def test_a_secret_of_ones_own_wins(self) -> None:
        own = Private(services={"hello": {"hello": {"WORD": "mine"}}})
        state = importing(placed(desired_state(with_addons(THINGS))))
        assert self.variables(with_answer(state, own, ANSWER, discard))["WORD"] == "mine"

    def test_its_warnings_are_told(self, given: tuple[DesiredState, Private], events: list[Event]) -> None:
        assert [event.message for event in events] == ["no metric is watched (things.yml:3)"]

    def test_an_export_that_is_secret_reaches_no_state(self) -> None:
        stack = {
            "outputs": {"Url": {"value": "pg://me:word@host", "secret": True}},
            "exports": {"shared-Table": "pg://me:word@host"},
        }
        state = importing(placed(desired_state(with_addons(THINGS))))
        given = with_answer(state, Private(), {"stacks": {**ANSWER["stacks"], "other": stack}}, discard)
        assert self.variables(given)["SHARED"] == "pg://me:word@host"
        assert "word@host" not in given[0].model_dump_json()

    def test_exports_that_it_does_not_name_are_none_of_its_own(self) -> None:
        state, _ = with_answer(placed(desired_state(with_addons(THINGS))), Private(), ANSWER, discard)
        assert "shared-Table" not in state.services["hello"].options.outputs


def test_a_plan_that_is_only_printed_has_names_for_values() -> None:
    state = with_placeholders(placed(desired_state(with_addons(THINGS))))
    assert state.services["hello"].options.outputs["TableName"] == "<TableName>"


def test_the_plan_says_what_is_made() -> None:
    state = placed(desired_state(with_addons(THINGS)))
    plan = Plan()
    plan_endpoint(plan, state, Observed([]), None)
    assert "demo-test-hello-AddonsStack: Table (AWS::DynamoDB::Table)" in str(plan)


def test_the_request_has_the_stack_with_its_parameters() -> None:
    declared = {name: {"Type": "String"} for name in ("App", "Vpc", "Group")}
    sections: Any = {"Resources": {"Table": TABLE}, "Parameters": declared}
    found = make(
        Addons,
        sections=sections,
        parameters={"Vpc": {"Ref": "VPC"}, "Group": {"Fn::GetAtt": ["ServiceSecurityGroup", "GroupId"]}, "Size": 3},
        positions={"Resources.Table": Position("things.yml", 4, 3)},
    )
    state = placed(desired_state(make_service().model_copy(update={"addons": found})))
    request: dict[str, Any] = aws_request(state)
    [stack] = request["stacks"]
    assert stack["name"] == "demo-test-hello-AddonsStack"
    assert stack["positions"] == {"Resources.Table": "things.yml:4:3"}
    assert stack["parameters"] == {
        "App": "demo",
        "Env": "test",
        "Name": "hello",
        "Vpc": {"Ref": "VPC"},
        "Group": {"Fn::GetAtt": ["ServiceSecurityGroup", "GroupId"]},
        "Size": 3,
    }
    assert (request["app"], request["env"]) == ("demo", "test")


@pytest.mark.parametrize("type", ["AWS::OpenSearchService::Domain", "AWS::Made::Up"])
def test_what_nothing_here_stands_for_is_refused_with_its_place(type: str) -> None:
    found = addons({"Search": {"Type": type}}, positions={"Resources.Search": Position("search.yml", 7)})
    with pytest.raises(Unsupported, match=f"hello: Search is a {type}") as caught:
        refuse_unmakeable("hello", found, {}, discard)
    assert str(caught.value.position) == "search.yml:7"
    assert "[values]" in caught.value.hint


def test_a_macro_in_place_of_resources_is_refused_and_one_around_them_said() -> None:
    macro: dict[str, JsonValue] = {"Name": "AWS::Include", "Parameters": {"Location": "s3://bucket/more.yml"}}
    found = addons({"Fn::Transform": macro}, positions={"Resources.Fn::Transform": Position("a.yml", 2)})
    with pytest.raises(Unsupported, match="hello: AWS::Include brings resources that are not known here") as caught:
        refuse_unmakeable("hello", found, {}, discard)
    assert str(caught.value.position) == "a.yml:2"
    events: list[Event] = []
    around = make(Addons, transforms=["AWS::LanguageExtensions", macro, "OurOwnMacro"])
    refuse_unmakeable("hello", around, {}, events.append)
    assert [event.message for event in events] == [
        "the addons' transform AWS::Include is not applied here",
        "the addons' transform OurOwnMacro is not applied here",
    ]


def test_what_is_a_name_and_no_more_is_said() -> None:
    found = addons({"Watch": {"Type": "AWS::CloudWatch::Alarm"}}, positions={"Resources.Watch": Position("a.yml", 2)})
    events: list[Event] = []
    refuse_unmakeable("hello", found, {}, events.append)
    assert [event.message for event in events] == ["Watch is a name: no metric is watched (a.yml:2)"]
