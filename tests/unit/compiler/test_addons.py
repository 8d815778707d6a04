from __future__ import annotations

import re
import textwrap
from typing import Any

import pytest

from emulator.compiler.addons import SourceText, addon_outputs, merge_addons
from emulator.compiler.values import snake_case
from emulator.ecs.addons.model import Addons
from emulator.errors import InputError

REQUIRED = "Parameters: {App: {Type: String}, Env: {Type: String}, Name: {Type: String}}\n"


def merged(*texts: str, parameters: str = "") -> Addons:
    sources = [SourceText(f"{number}.yml", textwrap.dedent(text)) for number, text in enumerate(texts)]
    found = merge_addons(sources, SourceText("addons.parameters.yml", parameters) if parameters else None)
    assert found is not None
    return found


def test_no_template_no_addons() -> None:
    assert merge_addons([]) is None
    with pytest.raises(InputError, match="no addon template"):
        merge_addons([], SourceText("addons.parameters.yml", "Parameters: {}"))


def test_templates_become_one_and_equal_parts_are_one() -> None:
    first = REQUIRED + "Resources: {A: {Type: T}}\nMappings: {M: {x: {k: 1}}}\nTransform: AWS::LanguageExtensions\n"
    second = REQUIRED + "Resources: {A: {Type: T}, B: {Type: T}}\nMappings: {M: {y: {k: 2}}}\nDescription: gone\n"
    found = merged(first, second)
    assert found.section("Resources") == {"A": {"Type": "T"}, "B": {"Type": "T"}}
    assert found.section("Mappings") == {"M": {"x": {"k": 1}, "y": {"k": 2}}}
    assert found.transforms == ["AWS::LanguageExtensions"]
    assert list(found.sections) == ["Parameters", "Mappings", "Resources"]


def test_mappings_that_differ_are_named() -> None:
    with pytest.raises(InputError, match=r'mapping "M\.x" defined in "0\.yml" at Ln 2, Col 12'):
        merged(REQUIRED + "Mappings: {M: {x: {k: 1}}}\n", REQUIRED + "Mappings: {M: {x: {k: 2}}}\n")


def test_unknown_section_is_named_with_its_line() -> None:
    with pytest.raises(InputError) as error:
        merged(REQUIRED + "Resource: {}\n")
    assert str(error.value.position) == "0.yml:2:1"


LOOP = "[T, [a, b], {'Topic${T}': {Type: AWS::SNS::Topic, Value: x}}]"


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (f"Resources: {{'Fn::ForEach::Topics': {LOOP}}}", "resource logical ID Fn::ForEach::Topics is a list"),
        (f"Resources: {{}}\nOutputs: {{'Fn::ForEach::Out': {LOOP}}}", "output Fn::ForEach::Out is a list"),
        ("Resources: {Topic: {Properties: {}}}", "resource logical ID Topic has no Type"),
        ("Resources: {Topic: }", "resource logical ID Topic has no Type"),
        ("Resources: {Topic: {Type: !Ref Kind}}", "resource logical ID Topic has a Type that is no text"),
        ("Resources: {}\nOutputs: {Topic: {Description: None.}}", "output Topic has no Value"),
        ("Resources: {}\nRules: {R: {Assertions: []}}", "Copilot leaves Rules out"),
    ],
)
def test_entries_that_are_none_are_refused(section: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as error:
        merged(REQUIRED + section + "\n")
    assert error.value.position is not None
    assert error.value.position.line == 1 + len(section.splitlines())


def test_a_parameter_without_a_type_is_refused() -> None:
    with pytest.raises(InputError, match="parameter logical ID Size has no Type"):
        merged(REQUIRED.replace("{App:", "{Size: {Default: 1}, App:") + "Resources: {}\n")


def test_a_transform_that_is_a_map_stays_one() -> None:
    include = "{Name: AWS::Include, Parameters: {Location: 's3://bucket/more.yml'}}"
    text = f"{REQUIRED}Transform: [AWS::LanguageExtensions, {include}]\nResources: {{'Fn::Transform': {include}}}\n"
    found = merged(text, text + "Outputs: {Out: {Value: !Ref OfTheMacro}}\n")
    whole = {"Name": "AWS::Include", "Parameters": {"Location": "s3://bucket/more.yml"}}
    assert found.transforms == ["AWS::LanguageExtensions", whole]
    assert found.section("Resources") == {"Fn::Transform": whole}


def test_outputs_by_what_becomes_of_them() -> None:
    outputs = addon_outputs(
        merged(
            REQUIRED
            + """\
Resources:
  Policy: {Type: AWS::IAM::ManagedPolicy}
  Secret: {Type: AWS::SecretsManager::Secret}
  Group: {Type: AWS::EC2::SecurityGroup}
  Table: {Type: AWS::DynamoDB::Table}
Outputs:
  PolicyArn: {Value: !Ref Policy}
  LongPolicy: {Value: {Ref: Policy}}
  Password: {Value: !Ref Secret}
  GroupId: {Value: !Ref Group}
  TableArn: {Value: !GetAtt Table.Arn}
  PolicyText: {Value: !Sub '${Policy}'}
"""
        )
    )
    assert outputs.policies == ("PolicyArn", "LongPolicy")
    assert outputs.secrets == ("Password",)
    assert outputs.security_groups == ("GroupId",)
    assert outputs.variables == ("GroupId", "TableArn", "PolicyText")


@pytest.mark.parametrize(
    ("name", "variable"),
    [("myDDBTable", "MY_DDB_TABLE"), ("my2ndDDBTable", "MY2ND_DDB_TABLE"), ("S3Bucket", "S3_BUCKET")],
)
def test_outputs_become_variables_of_copilots_spelling(name: str, variable: str) -> None:
    assert snake_case(name) == variable


def test_values_of_parameters_may_refer_to_the_stack() -> None:
    text = "Parameters: {App: {Type: String}, Env: {Type: String}, Name: {Type: String}, Service: {Type: String}}\n"
    found = merged(text, parameters="Parameters:\n  Service: !GetAtt Service.Name\n")
    assert found.parameters == {"Service": {"Fn::GetAtt": ["Service", "Name"]}}


def test_reserved_parameters_are_refused() -> None:
    with pytest.raises(InputError, match='"App", "Env" and "Name"'):
        merged(REQUIRED, parameters="Parameters:\n  App: x\n")


def test_the_published_fragment_is_a_template() -> None:
    published = "AdditionalResourcesPolicy:\n  Type: AWS::IAM::ManagedPolicy\n  Properties: {}\n"
    found = merged(published)
    assert addon_outputs(found).policies == ("AdditionalResourcesPolicyArn",)
    said: dict[str, Any] = {"Value": {"Ref": "AdditionalResourcesPolicy"}}
    assert found.section("Outputs") == {"AdditionalResourcesPolicyArn": said}
    own = merged(
        REQUIRED + "Resources: {AdditionalResourcesPolicy: {Type: AWS::IAM::ManagedPolicy}}\n"
        "Outputs: {Mine: {Value: !Ref AdditionalResourcesPolicy}}\n"
    )
    assert list(own.section("Outputs")) == ["Mine"]
