"""Stacks evaluated: order, conditions, parameters, imports between stacks, secrets."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.aws.stacks.evaluator import Warned
from emulator.aws.stacks.problems import StackError
from emulator.aws.stacks.values import Secret
from tests.unit.aws.stacks.evaluating import Stores, evaluated, template, world

X = {"Type": "X"}


def uses(*names: str) -> dict[str, Any]:
    return {"Type": "X", "Properties": {"Uses": [{"Ref": name} for name in names]}}


def test_resources_are_made_once_each_after_what_they_depend_on() -> None:
    resources = {"A": uses("B", "C"), "B": {**uses("C"), "DependsOn": "D"}, "C": X, "D": X}
    _, factory = world(template({"Resources": resources}))
    assert factory.order == ["D", "C", "B", "A"]


def test_a_resource_whose_condition_does_not_hold_is_not_made() -> None:
    sections = {
        "Parameters": {"Env": {"Type": "String"}},
        "Conditions": {"IsProd": {"Fn::Equals": [{"Ref": "Env"}, "prod"]}},
        "Resources": {"A": {"Type": "X", "Condition": "IsProd"}, "B": {"Type": "X", "DependsOn": ["A"]}},
        "Outputs": {"A": {"Condition": "IsProd", "Value": {"Ref": "A"}}, "B": {"Value": {"Ref": "B"}}},
    }
    world_, factory = world(template(sections, parameters={"Env": "test"}))
    assert factory.order == ["B"]
    assert world_.stacks["stack"].output_names() == ["B"]
    _, factory = world(template(sections, parameters={"Env": "prod"}))
    assert factory.order == ["A", "B"]


def test_a_reference_to_a_resource_that_is_not_made_says_so() -> None:
    sections = {
        "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}},
        "Resources": {"A": {"Type": "X", "Condition": "Never"}, "B": uses("A")},
    }
    with pytest.raises(StackError, match="A is not made, since its condition does not hold"):
        world(template(sections))


def test_a_circle_names_its_way() -> None:
    with pytest.raises(StackError, match=r"stack\.A → stack\.B → stack\.C → stack\.A"):
        world(template({"Resources": {"A": uses("B"), "B": uses("C"), "C": uses("A")}}))


def test_conditions_in_a_circle_are_an_error() -> None:
    conditions = {"P": {"Condition": "Q"}, "Q": {"Condition": "P"}}
    with pytest.raises(StackError, match="depend on each other"):
        world(template({"Conditions": conditions, "Resources": {"A": {"Type": "X", "Condition": "P"}}}))


def test_an_import_makes_the_other_stack_first() -> None:
    worker = template(
        {"Resources": {"W": {"Type": "X", "Properties": {"Table": {"Fn::ImportValue": "demo-test-Table"}}}}}, "worker"
    )
    api = template(
        {
            "Parameters": {"App": {"Type": "String"}},
            "Resources": {"T": X},
            "Outputs": {"Table": {"Value": {"Ref": "T"}, "Export": {"Name": {"Fn::Sub": "${App}-test-Table"}}}},
        },
        "api",
        parameters={"App": "demo"},
    )
    _, factory = world(worker, api)
    assert factory.order == ["T", "W"]
    assert factory.properties("W") == {"Table": "<T>"}


def test_stacks_that_import_from_each_other_in_a_circle_are_an_error() -> None:
    def importing(name: str, other: str) -> Any:
        resources = {"R": {"Type": "X", "Properties": {"From": {"Fn::ImportValue": other}}}}
        return template(
            {"Resources": resources, "Outputs": {"O": {"Value": {"Ref": "R"}, "Export": {"Name": name}}}}, name
        )

    with pytest.raises(StackError, match=r"a\.R → b\.R → a\.Outputs\.O|a\.R → b\.R → .*a\.R"):
        world(importing("a", "b"), importing("b", "a"))


@pytest.mark.parametrize(
    "text",
    [
        "{{resolve:secretsmanager:db:SecretString:password}}",
        "{{resolve:secretsmanager:db::password}}",
        "{{resolve:secretsmanager:db:SecretString:password::}}",
    ],
)
def test_a_dynamic_reference_is_looked_up(text: str) -> None:
    assert evaluated(text, stores=Stores({"db:password": "pass"})) == "pass"


def test_a_secret_is_named_by_its_arn_too() -> None:
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf"
    stores = Stores({arn: "whole", f"{arn}:user": "me"})
    assert evaluated(f"{{{{resolve:secretsmanager:{arn}}}}}", stores=stores) == "whole"
    assert evaluated(f"{{{{resolve:secretsmanager:{arn}:SecretString:user}}}}", stores=stores) == "me"


def test_an_output_with_a_secret_in_it_is_secret() -> None:
    sections = {
        "Resources": {"Db": X},
        "Outputs": {
            "Url": {"Value": {"Fn::Sub": "pg://{{resolve:secretsmanager:${Db}:SecretString:user}}@${Db.Arn}"}},
            "Arn": {"Value": {"Fn::GetAtt": "Db.Arn"}},
            "Plain": {"Value": "{{resolve:ssm:/plain}}"},
        },
    }
    made, _ = world(template(sections), stores=Stores({"<Db>:user": "me"}, {"/plain": "p"}))
    stack = made.stacks["stack"]
    assert stack.output("Url") == "pg://me@arn:Db"
    assert {name: isinstance(stack.output(name), Secret) for name in stack.output_names()} == {
        "Url": True,
        "Arn": False,
        "Plain": True,
    }


def test_text_made_with_a_hidden_parameter_is_secret() -> None:
    sections = {
        "Parameters": {"Token": {"Type": "String", "NoEcho": True, "Default": "t"}},
        "Resources": {},
        "Outputs": {"Header": {"Value": {"Fn::Join": [" ", ["Bearer", {"Ref": "Token"}]]}}},
    }
    made, _ = world(template(sections))
    assert isinstance(made.stacks["stack"].output("Header"), Secret)


@pytest.mark.parametrize(
    ("definition", "given", "expected"),
    [
        ({"Type": "String", "Default": False, "AllowedValues": [True, False]}, None, "false"),
        ({"Type": "Number", "Default": 1}, "2.5", "2.5"),
        ({"Type": "List<Number>"}, "1, 2", ["1", "2"]),
        ({"Type": "CommaDelimitedList", "AllowedValues": ["a", "b"], "AllowedPattern": "[a-z]"}, "a, b", ["a", "b"]),
        ({"Type": "String", "AllowedPattern": "[a-z]+", "MinLength": "1", "MaxLength": 3}, "abc", "abc"),
        ({"Type": "Number", "MinValue": 1, "MaxValue": "2.5"}, "2.5", "2.5"),
        ({"Type": "AWS::SSM::Parameter::Value<String>", "AllowedPattern": "[0-9]", "MaxLength": 1}, "/key", "stored"),
        ({"Type": "List<AWS::EC2::Subnet::Id>"}, ["a", "b"], ["a", "b"]),
        ({"Type": "AWS::EC2::VPC::Id"}, "vpc-1", "vpc-1"),
        ({"Type": "AWS::SSM::Parameter::Value<String>"}, "/key", "stored"),
        ({"Type": "AWS::SSM::Parameter::Value<List<String>>"}, "/list", ["x", "y"]),
    ],
    ids=str,
)
def test_a_parameter_has_a_value_of_its_type(definition: dict[str, Any], given: Any, expected: Any) -> None:
    sections = {
        "Parameters": {"P": definition},
        "Resources": {"R": {"Type": "X", "Properties": {"Value": {"Ref": "P"}}}},
    }
    stores = Stores(parameters={"/key": "stored", "/list": "x,y"})
    _, factory = world(template(sections, parameters={} if given is None else {"P": given}), stores=stores)
    assert factory.properties("R") == {"Value": expected}


@pytest.mark.parametrize(
    ("given", "start"),
    [
        ({"Ref": "VPC"}, "vpc-"),
        ({"Ref": "PrivateSubnet1"}, "subnet-"),
        ({"Fn::GetAtt": ["ServiceSecurityGroup", "GroupId"]}, "sg-"),
        ({"Fn::Join": [",", [{"Ref": "PublicSubnet1"}, {"Ref": "PublicSubnet2"}]]}, "subnet-"),
        ({"Fn::Sub": "${WorkloadName}-team"}, "api-team"),
        ({"Ref": "AWS::Region"}, "eu-west-1"),
    ],
    ids=str,
)
def test_a_parameter_may_refer_to_the_stack_around_it(given: Any, start: str) -> None:
    sections = {
        "Parameters": {"Name": {"Type": "String"}, "P": {"Type": "String"}},
        "Resources": {"R": {"Type": "X", "Properties": {"Value": {"Ref": "P"}}}},
    }
    _, factory = world(template(sections, parameters={"Name": "api", "P": given}))
    assert factory.properties("R")["Value"].startswith(start)


@pytest.mark.parametrize(
    ("definition", "given", "message"),
    [
        ({"Type": "String"}, None, "the parameter P has no value"),
        ({"Type": "String", "AllowedValues": ["a", "b"]}, "c", "which is none of a, b"),
        ({"Type": "CommaDelimitedList", "AllowedValues": ["a", "b"]}, "a,c", 'is "c", which is none of a, b'),
        ({"Type": "String", "AllowedPattern": "[0-9]+"}, "12x", 'is "12x", which does not match [0-9]+'),
        ({"Type": "String", "AllowedPattern": "\\d+", "Default": "\u0661"}, None, "which does not match \\d+"),
        ({"Type": "CommaDelimitedList", "AllowedPattern": "[0-9]"}, "1, a", 'is "a", which does not match [0-9]'),
        ({"Type": "String", "MinLength": "2"}, "x", "which has fewer than 2 characters"),
        ({"Type": "String", "MaxLength": 2, "Default": "abc"}, None, "which has more than 2 characters"),
        ({"Type": "Number", "MinValue": 1}, "0.5", "which is less than 1"),
        ({"Type": "Number", "MaxValue": 10}, "11", "which is more than 10"),
        ({"Type": "Number", "MaxValue": "ten"}, "11", 'MaxValue is "ten", which is no number'),
        ({"Type": "String", "NoEcho": True, "MaxLength": 2}, "abc", "the parameter P has more than 2 characters"),
        ({"Type": "Number"}, "many", "is a Number"),
        ({"Type": "String"}, {"Fn::If": ["IsProd", "a", "b"]}, "known only in a deployed stack"),
        ({"Type": "AWS::SSM::Parameter::Value<String>"}, "/none", "there is no parameter /none here"),
    ],
    ids=str,
)
def test_a_parameter_without_a_fitting_value_is_an_error(definition: dict[str, Any], given: Any, message: str) -> None:
    sections = {"Parameters": {"P": definition}, "Resources": {"R": uses("P")}}
    parameters = {} if given is None else {"P": given}
    with pytest.raises(StackError) as error:
        world(template(sections, parameters=parameters, positions={"Parameters.P": "addons/a.yml:3"}))
    assert message in error.value.message
    assert error.value.as_json().items() >= {"subject": "Parameters.P", "position": "addons/a.yml:3"}.items()


def test_the_templates_own_words_are_told_with_a_value_that_it_does_not_allow() -> None:
    definition = {"Type": "String", "AllowedPattern": "[0-9]+", "ConstraintDescription": "digits alone"}
    with pytest.raises(StackError) as error:
        world(template({"Parameters": {"P": definition}, "Resources": {"R": uses("P")}}, parameters={"P": "x"}))
    assert error.value.hint == "the template says: digits alone"


@pytest.mark.parametrize("given", [{"Ref": "Certificate"}, {"Fn::GetAtt": ["HostedZone", "Id"]}], ids=str)
def test_what_only_a_deployed_stack_knows_is_not_held_against_a_pattern(given: Any) -> None:
    definition = {"Type": "String", "AllowedPattern": "arn:aws:acm:.*", "AllowedValues": ["arn:aws:acm:x"]}
    sections = {"Parameters": {"P": definition}, "Resources": {"R": uses("P")}}
    _, factory = world(template(sections, parameters={"P": given}))
    assert factory.order == ["R"]


@pytest.mark.parametrize("pattern", [r"\p{Alpha}+", "[a-z&&[^x]]+", r"(?<word>\w+)"])
def test_a_pattern_that_only_java_reads_is_not_checked_and_that_is_told(pattern: str) -> None:
    definition = {"Type": "String", "AllowedPattern": pattern}
    sections = {"Parameters": {"P": definition}, "Resources": {"R": uses("P")}}
    made, _ = world(template(sections, parameters={"P": "word"}, positions={"Parameters.P": "addons/a.yml:3"}))
    message = f"stack: AllowedPattern of the parameter P is not checked here: only Java reads {pattern}"
    assert made.warnings == [Warned("addons/a.yml:3", message)]


def test_an_attribute_of_what_is_not_made_is_a_placeholder_and_said_so() -> None:
    resources = {"C": {"Type": "Custom::Thing"}, "R": {"Type": "X", "Properties": {"V": {"Fn::GetAtt": "C.Id"}}}}
    made, factory = world(template({"Resources": resources}, positions={"Resources.R": "a.yml:9"}))
    assert factory.properties("R") == {"V": "placeholder-C-Id"}
    assert made.warnings == [Warned("a.yml:9", "stack: C.Id is a placeholder: nothing makes Custom::Thing here")]


def test_an_included_file_is_left_out_and_said_so() -> None:
    include = {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "s3://b/k"}}}
    made, factory = world(template({"Resources": {"R": {"Type": "X", "Properties": {"A": 1, **include}}}}))
    assert factory.properties("R") == {"A": 1}
    [warning] = made.warnings
    assert "AWS::Include is left out" in warning.text


def test_given_values_take_the_place_of_a_resource() -> None:
    sections = {
        "Resources": {"Search": {"Type": "AWS::OpenSearchService::Domain"}},
        "Outputs": {"Url": {"Value": {"Fn::Sub": "http://${Search.DomainEndpoint}"}}},
    }
    made, factory = world(template(sections, values={"Search.DomainEndpoint": "127.0.0.1:9200"}))
    assert factory.made == []
    assert made.stacks["stack"].output("Url") == "http://127.0.0.1:9200"
