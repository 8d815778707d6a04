"""Retain policies, added to templates as they stand."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from emulator.errors import InputError
from emulator.leave.protect import protect
from tests.unit.render.golden import read_template

SHARED = Path(__file__).parents[3].parent / "shared"
TEMPLATES = sorted(
    [
        *(SHARED / "copilot-environments").glob("*.yml"),
        *(SHARED / "copilot-golden").glob("*.stack.yml"),
        *(SHARED / "copilot-golden" / "backend").glob("*template*.yml"),
    ]
)
HEAD = "Description: CloudFormation environment template for infrastructure shared among Copilot workloads.\n"


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_copilots_templates_mean_the_same_but_for_their_policies(file: Path) -> None:
    text = file.read_text()
    made = protect(text, str(file))
    before, after = read_template(text), read_template(made.text)
    resources: Any = after["Resources"]
    assert {it.pop("DeletionPolicy") for it in resources.values()} == {"Retain"}
    assert {it.pop("UpdateReplacePolicy") for it in resources.values()} == {"Retain"}
    expected: Any = before["Resources"]
    for it in expected.values():
        it.pop("DeletionPolicy", None)
    assert after == before
    assert lines(made.text) == lines(text), "comments and short forms stay, line by line"


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if not re.fullmatch(r" +(Deletion|UpdateReplace)Policy: Retain", line)]


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
@pytest.mark.parametrize("indent", [None, 2, "\t"], ids=["one-line", "spaces", "tabs"])
def test_json_templates(file: Path, indent: Any) -> None:
    text = json.dumps(read_template(file.read_text()), indent=indent, default=str)
    made = protect(text, "deployed.json")
    before, after = json.loads(text), json.loads(made.text)
    for it in before["Resources"].values():
        it |= {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
    assert after == before


def test_twice_is_once() -> None:
    once = protect(HEAD + "Resources:\n  A:\n    Type: AWS::S3::Bucket\n", "a.yml")
    again = protect(once.text, "a.yml")
    assert (once.changed, again.changed, again.text) == (1, 0, once.text)


def test_every_manner_of_writing() -> None:
    text = HEAD + (
        "Resources:\n"
        "  # é stands for itself\n"
        "  Block: # beside\n"
        "      # above\n"
        "      Type: AWS::S3::Bucket # behind\n"
        "  Flow: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub '${A}'}}\n"
        "  Lines: {\n"
        '    "Type": "AWS::S3::Bucket"\n'
        "  }\n"
        "  Other:\n"
        "    DeletionPolicy: 'Delete' # was\n"
        "    Type: AWS::S3::Bucket\n"
        "    UpdateReplacePolicy: Snapshot\n"
        "  Anchored: &anchored\n"
        "    Type: AWS::S3::Bucket\n"
    )
    assert protect(text, "a.yml").text == HEAD + (
        "Resources:\n"
        "  # é stands for itself\n"
        "  Block: # beside\n"
        "      # above\n"
        "      DeletionPolicy: Retain\n"
        "      UpdateReplacePolicy: Retain\n"
        "      Type: AWS::S3::Bucket # behind\n"
        "  Flow: {DeletionPolicy: Retain, UpdateReplacePolicy: Retain, Type: AWS::S3::Bucket, "
        "Properties: {BucketName: !Sub '${A}'}}\n"
        "  Lines: {\n"
        '    "DeletionPolicy": "Retain",\n'
        '    "UpdateReplacePolicy": "Retain",\n'
        '    "Type": "AWS::S3::Bucket"\n'
        "  }\n"
        "  Other:\n"
        "    DeletionPolicy: 'Retain' # was\n"
        "    Type: AWS::S3::Bucket\n"
        "    UpdateReplacePolicy: Retain\n"
        "  Anchored: &anchored\n"
        "    DeletionPolicy: Retain\n"
        "    UpdateReplacePolicy: Retain\n"
        "    Type: AWS::S3::Bucket\n"
    )


def test_line_ends_of_windows_stay() -> None:
    text = (HEAD + "Resources:\n  A:\n    Type: AWS::S3::Bucket\n").replace("\n", "\r\n")
    made = protect(text, "a.yml").text
    assert made.count("\n") == made.count("\r\n") == 6


def test_nested_stacks_and_parameters_are_named() -> None:
    made = protect(
        HEAD + "Parameters:\n  App: {Type: String}\nResources:\n"
        "  AddonsStack:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: https://x/y.yml}\n"
        "  Other:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: !Ref Url}\n",
        "a.yml",
    )
    assert made.nested == (("AddonsStack", "https://x/y.yml"), ("Other", ""))
    assert made.parameters == ("App",)


@pytest.mark.parametrize(
    ("description", "kind"),
    [
        ("CloudFormation environment template for infrastructure shared among Copilot workloads.", "environment"),
        ("CloudFormation template that represents a load balanced web service on Amazon ECS.", "service"),
        ("CloudFormation template that represents a scheduled job on Amazon ECS.", "job"),
    ],
)
def test_kinds(description: str, kind: str) -> None:
    text = f"Description: {description}\nResources:\n  A: {{Type: AWS::S3::Bucket}}\n"
    assert protect(text, "a.yml").kind == kind


def test_addons_are_told_by_their_parameters() -> None:
    text = "Parameters: {App: {Type: String}, Env: {Type: String}}\nResources:\n  A: {Type: AWS::S3::Bucket}\n"
    assert protect(text, "a.yml").kind == "addons"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "Description: A bucket.\nResources:\n  A: {Type: AWS::S3::Bucket}\n",
            "a.yml:1:14: .*not a template of Copilot",
        ),
        (
            "Description: CloudFormation template that represents a dinosaur.\nResources:\n  A: {Type: X}\n",
            "a.yml:1:14: the kind of this stack is not known",
        ),
        ("Description: CodePipeline for shop\nResources:\n  A: {Type: X}\n", "a.yml:1:14: .*not a template of Copilot"),
        ("Resources:\n  A: {Type: AWS::S3::Bucket}\n", "a.yml:1:1: .*it has no description"),
        (" \n\n", "a.yml:1: .*the file is empty"),
        ("# nothing\n", "a.yml:1: this is no CloudFormation template"),
        ("- a\n", "a.yml:1: this is no CloudFormation template"),
        ('{"TemplateBody": "Resources: {}"}', "a.yml:1: this is no CloudFormation template"),
        ("name: web\ntype: Backend Service\n", "a.yml:1: this is no CloudFormation template"),
        ("a: [\n", "a.yml:2: this is no template"),
        ("", "a.yml:1: this is no CloudFormation template"),
        (HEAD + "Resources: {}\n", "a.yml:2:12: .*Resources is no map, or an empty one"),
        (HEAD + "Resources:\n  A: 1\n", "a.yml:3:6: .*A is no map"),
        (HEAD + "Resources:\n  A: {Properties: {}}\n", "a.yml:3:3: .*A has no Type"),
        (HEAD + "Resources:\n  A: &a {Type: X}\n  B: *a\n", "a.yml:4|written in another place"),
        (HEAD + "Resources:\n  A: {Type: X}\n  A: {Type: Y}\n", "a.yml:4:3: .*A is there twice"),
        (HEAD + "Resources:\n  A: {Type: X, Properties: {P: 1, P: 2}}\n", "a.yml:3:35: .*P is there twice"),
        (HEAD + HEAD + "Resources:\n  A: {Type: X}\n", "a.yml:2:1: .*Description is there twice"),
        (
            json.dumps({"Description": HEAD[13:-1], "Resources": 1}).replace("1", '{"A": {"Type": "X"}, "A": {}}'),
            "A is there twice",
        ),
        (HEAD + "Resources:\n\tA:\n\t\tType: X\n", "a.yml:3: this is no template"),
        (HEAD + "Metadata: &a [*a]\nResources:\n  A: {Type: X}\n", "a.yml:"),
        (HEAD + "Resources:\n  A:\n    Type: X\n    DeletionPolicy: [Retain]\n", "a.yml:5:21: .*no plain word"),
        (HEAD + "Resources:\n  A: {Type: X}\n---\nB: 1\n", "a.yml:4: this is no template"),
        (HEAD + "Resources:\n  A:\n    ? Type\n    : X\n", "do not begin their line"),
        (
            HEAD + "Metadata: &d Delete\nResources:\n  A:\n    Type: X\n    DeletionPolicy: *d\n",
            "without changing something else",
        ),
    ],
)
def test_what_cannot_be_protected(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        protect(text, "a.yml")
    assert caught.value.position is not None
