"""Addons that become resources of a stack mean what they mean as a stack of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator.errors import InputError
from emulator.render.cloudformation.addons import addons_template
from emulator.render.cloudformation.stack import render_stack
from tests.unit.render.features import FEATURES, Feature
from tests.unit.render.golden import read_template

GIVEN = "Parameters:\n  App: {Type: String}\n  Env: {Type: String}\n  Name: {Type: String}\n"
QUEUE = "Resources:\n  Queue: {Type: AWS::SQS::Queue}\n"


def inlined(addons: str, folder: Path, **options: Any) -> dict[str, Any]:
    feature = Feature(FEATURES["plain"].manifest, addons=addons)
    return read_template(render_stack(feature.service(folder), feature.stack_options(addons="inline", **options)))


@pytest.mark.parametrize(
    "definition",
    [
        {"Type": "String", "Default": "changeme", "NoEcho": True},
        {"Type": "String", "Default": "abcdefgh", "MinLength": 8, "MaxLength": 64, "AllowedPattern": "[a-z]+"},
        {"Type": "String", "Default": "a", "ConstraintDescription": "Small letters only.", "AllowedValues": ["a", "b"]},
        {"Type": "Number", "Default": 2, "MinValue": 1, "MaxValue": 4, "AllowedValues": [1, 2, 4]},
        {"Type": "Number", "Default": 0.5},
        {"Type": "String", "Default": ""},
    ],
)
def test_a_parameter_keeps_what_is_said_of_it(definition: dict[str, Any], tmp_path: Path) -> None:
    parameters = inlined(f"{GIVEN}  Value: {definition}\n{QUEUE}", tmp_path)["Parameters"]
    assert parameters["Value"] == {"Description": "Of an addon.", **definition}


def test_settings_give_a_parameter_its_value(tmp_path: Path) -> None:
    addons = f"{GIVEN}  Size: {{Type: Number, Default: 1}}\n{QUEUE}"
    assert inlined(addons, tmp_path, defaults={"Size": "2"})["Parameters"]["Size"]["Default"] == "2"


EXPORT = """\
Outputs:
  Group:
    Value: !GetAtt Queue.Arn
    Export: {Name: !Sub '${App}-${Env}-${Name}-queue'}
  Alone:
    Condition: IsProduction
    Description: Only there.
    Value: !Ref Queue
    Export: {Name: own-queue}
  Wired: {Value: !Ref Queue}
"""


def test_other_stacks_may_import_what_addons_export(tmp_path: Path) -> None:
    conditions = "Conditions: {IsProduction: !Equals [!Ref Env, prod]}\n"
    outputs = inlined(GIVEN + conditions + QUEUE + EXPORT, tmp_path)["Outputs"]
    assert outputs["Group"] == {
        "Description": "Of an addon.",
        "Value": {"Fn::GetAtt": ["Queue", "Arn"]},
        "Export": {"Name": "demo-test-web-queue"},
    }
    assert outputs["Alone"] == {
        "Description": "Only there.",
        "Condition": "IsProduction",
        "Value": {"Ref": "Queue"},
        "Export": {"Name": "own-queue"},
    }
    assert "Wired" not in outputs


def test_an_export_of_what_is_not_there_is_refused_at_its_line(tmp_path: Path) -> None:
    text = GIVEN + QUEUE + "Outputs:\n  Id:\n    Value: !Ref Queue\n    Export: {Name: !Sub '${Other}-id'}\n"
    with pytest.raises(InputError, match=r"table.yml:8:\d+: output Id refers to Other"):
        inlined(text, tmp_path)


MACRO = {"Name": "AWS::Include", "Parameters": {"Location": "s3://bucket/more.yml"}}


def test_macros_stay_where_they_are(tmp_path: Path) -> None:
    addons = f"Transform: {MACRO}\n{GIVEN}Resources: {{'Fn::Transform': {MACRO}}}\n"
    found = inlined(addons, tmp_path)
    assert (found["Transform"], found["Resources"]["Fn::Transform"]) == ([MACRO], MACRO)
    nested = addons_template(Feature(FEATURES["plain"].manifest, addons=addons).service(tmp_path).addons, "", ())
    assert nested is not None
    assert (nested["Transform"], nested["Resources"]) == ([MACRO], {"Fn::Transform": MACRO})
