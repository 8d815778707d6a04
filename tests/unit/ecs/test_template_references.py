"""References of templates that CloudFormation refuses."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.ecs.addons.references import WrongReference, wrong_references


def wrong(**sections: Any) -> list[WrongReference]:
    return list(wrong_references(sections, "it does not have"))


def messages(**sections: Any) -> list[str]:
    return [one.message for one in wrong(**sections)]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"Ref": "Gone"}, "Gone"),
        ({"Fn::GetAtt": ["Gone", "Arn"]}, "Gone.Arn"),
        ({"Fn::GetAtt": "Gone.Outputs.Name"}, "Gone.Outputs.Name"),
        ({"Fn::Sub": "${!Kept}-${ Gone.Arn }"}, "Gone.Arn"),
        ({"Fn::Sub": ["${Own}${Gone}", {"Own": {"Ref": "AWS::Region"}}]}, "Gone"),
        ({"Fn::If": ["Gone", 1, 2]}, "the condition Gone"),
        ([{"Fn::FindInMap": ["Gone", "a", "b"]}], "the mapping Gone"),
    ],
)
@pytest.mark.parametrize(("section", "shown"), [("Resources", "A"), ("Outputs", "output A")])
def test_what_a_value_refers_to_is_there(value: Any, said: str, section: str, shown: str) -> None:
    sections = {"Resources": {"A": {"Type": "T"}}} | {section: {"A": {"Type": "T", "Value": value}}}
    [found] = wrong(**sections)
    assert found.message == f"{shown} refers to {said}, which it does not have"
    assert found.places == (
        (section, "A", said.removeprefix("the condition ").removeprefix("the mapping ").split(".")[0]),
    )


def test_what_is_there_may_be_referred_to() -> None:
    assert not messages(
        Parameters={"P": {"Type": "String"}},
        Mappings={"M": {}},
        Conditions={"C": {"Fn::Equals": [{"Ref": "P"}, "x"]}, "D": {"Fn::Not": [{"Condition": "C"}]}},
        Resources={
            "A": {"Type": "T", "Condition": "C", "DependsOn": "B"},
            "B": {"Type": "T", "Properties": {"X": {"Fn::If": ["D", {"Ref": "AWS::NoValue"}, {"Ref": "P"}]}}},
            "C": {"Type": "T", "DependsOn": ["A", "B"], "Properties": {"X": {"Fn::FindInMap": ["M", "a", "b"]}}},
            "Role": {"Type": "T", "Properties": {"Condition": {"StringEquals": {"a": "b"}}}},
        },
        Outputs={"O": {"Value": {"Ref": "A"}, "Condition": "C"}},
    )


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"Resources": {"A": {"DependsOn": "Gone"}}}, "A depends on Gone"),
        ({"Resources": {"A": {}, "B": {"DependsOn": ["A", "Gone"]}}}, "B depends on Gone"),
        ({"Resources": {"A": {"Condition": "Gone"}}}, "A refers to the condition Gone"),
        ({"Resources": {}, "Outputs": {"O": {"Condition": "Gone"}}}, "output O refers to the condition Gone"),
        ({"Conditions": {"C": {"Fn::Not": [{"Condition": "Gone"}]}}}, "condition C refers to the condition Gone"),
        ({"Conditions": {"C": {"Fn::Equals": [{"Ref": "Gone"}, 1]}}}, "condition C refers to Gone"),
    ],
)
def test_what_is_to_come_before_and_conditions_are_there(sections: dict[str, Any], said: str) -> None:
    assert messages(**sections) == [f"{said}, which it does not have"]


@pytest.mark.parametrize(
    ("needs", "circle"),
    [
        ({"A": "A"}, "A → A"),
        ({"A": "B", "B": "A"}, "A → B → A"),
        ({"Z": "A", "A": "B", "B": "C", "C": "A"}, "A → B → C → A"),
        ({"A": "B", "B": "", "C": "D", "D": "C"}, "C → D → C"),
    ],
)
def test_resources_that_need_each_other_are_one_circle(needs: dict[str, str], circle: str) -> None:
    resources = {name: {"P": {"Ref": other}} if other else {"P": 1} for name, other in needs.items()}
    assert messages(Resources=resources) == [f"resources need each other: {circle}; CloudFormation refuses a circle"]


def test_a_macro_may_bring_what_is_missing() -> None:
    resources = {"A": {"P": {"Ref": "Gone"}}}
    assert not messages(Resources=resources, Transform=["AWS::Serverless-2016-10-31"])
    assert not messages(Resources=resources | {"Fn::Transform": {"Name": "AWS::Include"}})
    assert messages(Resources=resources, Transform=[])
