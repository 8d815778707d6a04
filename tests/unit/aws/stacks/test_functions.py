"""CloudFormation's intrinsic functions."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.aws.stacks.problems import StackError
from tests.unit.aws.stacks.evaluating import evaluated

PARAMETERS = {
    "Name": {"Type": "String", "Default": "api"},
    "On": {"Type": "String", "Default": True},
    "Count": {"Type": "Number", "Default": 3},
    "Zones": {"Type": "CommaDelimitedList", "Default": "a, b,c"},
}
CONDITIONS = {
    "IsOn": {"Fn::Equals": [{"Ref": "On"}, "true"]},
    "IsOff": {"Fn::Not": [{"Condition": "IsOn"}]},
    "Both": {"Fn::And": [{"Condition": "IsOn"}, {"Condition": "IsOff"}]},
    "Either": {"Fn::Or": [{"Condition": "IsOn"}, {"Condition": "IsOff"}]},
}
MAPPINGS = {"Sizes": {"test": {"Min": 1}, "prod": {"Min": 4}}}


def value_of(value: Any) -> Any:
    return evaluated(value, Parameters=PARAMETERS, Conditions=CONDITIONS, Mappings=MAPPINGS)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "Name"}, "api"),
        ({"Ref": "On"}, "true"),
        ({"Ref": "Zones"}, ["a", "b", "c"]),
        ({"Ref": "Other"}, "<Other>"),
        ({"Ref": "AWS::Region"}, "eu-west-1"),
        ({"Ref": "AWS::AccountId"}, "123456789012"),
        ({"Ref": "AWS::StackName"}, "stack"),
        ({"Ref": "AWS::URLSuffix"}, "amazonaws.com"),
        ({"Fn::GetAtt": ["Other", "Arn"]}, "arn:Other"),
        ({"Fn::GetAtt": "Other.Endpoint.Port"}, "5432"),
        ({"Fn::Sub": "${Name}-${ Other.Arn }-${Count}-${On}"}, "api-arn:Other-3-true"),
        ({"Fn::Sub": "${!Literal} ${AWS::Partition} $Name $${Name}"}, "${Literal} aws $Name $api"),
        ({"Fn::Sub": ["${a}/${ Name }", {"a": {"Ref": "Other"}}]}, "<Other>/api"),
        ({"Fn::Sub": ["${Name}", {"Name": "own"}]}, "own"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Count"}, True]]}, "a-3-true"),
        ({"Fn::Join": [",", {"Ref": "Zones"}]}, "a,b,c"),
        ({"Fn::Split": [",", "a,b"]}, ["a", "b"]),
        ({"Fn::Select": ["1", {"Fn::Split": [".", "a.b"]}]}, "b"),
        ({"Fn::Select": [0, {"Fn::GetAZs": {"Ref": "AWS::Region"}}]}, "eu-west-1a"),
        ({"Fn::GetAZs": ""}, ["eu-west-1a", "eu-west-1b", "eu-west-1c"]),
        ({"Fn::FindInMap": ["Sizes", "prod", "Min"]}, 4),
        ({"Fn::FindInMap": ["Sizes", "none", "Min", {"DefaultValue": 9}]}, 9),
        ({"Fn::ImportValue": {"Fn::Sub": "demo-VpcId"}}, "vpc-1"),
        ({"Fn::If": ["IsOn", "yes", {"Ref": "NotThere"}]}, "yes"),
        ({"Fn::If": ["Both", "yes", "no"]}, "no"),
        ({"Fn::If": ["Either", "yes", "no"]}, "yes"),
        ({"a": {"Fn::If": ["IsOff", "yes", {"Ref": "AWS::NoValue"}]}, "b": 1}, {"b": 1}),
        (["a", {"Ref": "AWS::NoValue"}], ["a"]),
        ({"Ref": "AWS::NoValue"}, "(absent)"),
        ({"Fn::Base64": "hi"}, "aGk="),
        ({"Fn::Cidr": ["10.0.0.0/16", 2, 8]}, ["10.0.0.0/24", "10.0.1.0/24"]),
        ({"Fn::ToJsonString": {"a": {"Ref": "Name"}}}, '{"a":"api"}'),
        ({"Fn::Length": {"Ref": "Zones"}}, 3),
    ],
    ids=str,
)
def test_a_function_gives(value: Any, expected: Any) -> None:
    assert value_of(value) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"Ref": "Nowhere"}, "Nowhere is neither a parameter nor a resource"),
        ({"Ref": "AWS::Nothing"}, "AWS::Nothing is no pseudo parameter"),
        ({"Fn::GetAtt": ["Other", "Nothing"]}, "Other (X) has no attribute Nothing here; it has Arn, Endpoint.Port"),
        ({"Fn::Sub": "${Zones}"}, "is no text"),
        ({"Fn::FindInMap": ["Sizes", "local", "Min"]}, "the mapping Sizes has no key local; it has test, prod"),
        ({"Fn::FindInMap": ["Sizes", "test", "Max"]}, "the mapping Sizes.test has no key Max; it has Min"),
        ({"Fn::FindInMap": ["Nothing", "a", "b"]}, "Nothing is no mapping"),
        ({"Fn::Select": [3, ["a"]]}, "asks for item 3 of 1"),
        ({"Fn::Select": ["²", ["a"]]}, "asks for item ² of 1"),
        ({"Fn::Split": ["", "a,b"]}, "Fn::Split has no text to split at"),
        ({"Fn::Join": ["-"]}, "Fn::Join takes a list of 2"),
        ({"Fn::ImportValue": "nothing"}, "nothing here exports nothing"),
        ({"Fn::If": ["Nothing", 1, 2]}, "Nothing is no condition"),
        ({"Fn::ForEach::All": ["X", ["a"], {}]}, "Fn::ForEach::All is not known here"),
    ],
    ids=str,
)
def test_what_a_function_cannot_give_is_an_error_of_the_resource(value: Any, message: str) -> None:
    with pytest.raises(StackError) as error:
        value_of(value)
    assert message in error.value.message
    assert error.value.subject == "Resources.It"
    assert error.value.hint
