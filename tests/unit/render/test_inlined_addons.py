"""Addons that become resources of a stack mean what they mean as a stack of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

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
