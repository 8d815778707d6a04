"""Outputs of addons whose condition does not hold in an environment: the service's stack asks for them all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run

MANIFEST = "name: hello\ntype: Backend Service\nimage: {location: hello, port: 80}\n"
ADDON = """\
Parameters:
  App: {{Type: String}}
  Env: {{Type: String}}
  Name: {{Type: String}}
  Size: {{{size}}}
Mappings: {{Sizes: {{test: {{Size: small}}, prod: {{Size: big}}}}}}
Conditions:
  IsProd: !Equals [!Ref Env, prod]
  IsBig: {big}
Resources:
  Queue: {{Type: AWS::SQS::Queue, Condition: IsBig}}
Outputs:
  Url:
    Condition: IsBig
    Value: !Ref Queue
"""
SAID = "error[CL142]: copilot/hello/addons/a.yml:13:3: the output Url is not there in test, where IsBig does not hold"


@pytest.fixture(autouse=True)
def hello(workspace: Path) -> None:
    """A service whose manifest has no finding."""
    (workspace / "copilot" / "hello" / "manifest.yml").write_text(MANIFEST)
    (workspace / "copilot" / "hello" / "addons").mkdir()


def output(workspace: Path, run: Run, big: str, size: str = "Type: String, Default: small", given: str = "") -> str:
    folder = workspace / "copilot" / "hello" / "addons"
    (folder / "a.yml").write_text(ADDON.format(big=big, size=size))
    if given:
        (folder / "addons.parameters.yml").write_text(f"Parameters: {{Size: {given}}}\n")
    return run("validate", "--new-env").out


@pytest.mark.parametrize(
    "big",
    [
        "!Equals [!Ref Env, prod]",
        "!And [!Condition IsProd, !Equals [!Ref App, shop]]",
        "!Not [!Not [!Condition IsProd]]",
        "!Equals [!Ref Size, big]",
        "!Equals [!FindInMap [Sizes, !Ref Env, Size], big]",
        "!Equals [!Sub '${Env}-${Name}', prod-hello]",
    ],
)
def test_one_that_is_not_there_is_found(workspace: Path, run: Run, big: str) -> None:
    found = output(workspace, run, big)
    assert SAID in found
    assert "!If [IsBig, …, '']" in found


def test_a_given_parameter_counts(workspace: Path, run: Run) -> None:
    assert SAID in output(workspace, run, "!Equals [!Ref Size, small]", given="large")
    assert "CL142" not in output(workspace, run, "!Equals [!Ref Size, large]", given="large")


@pytest.mark.parametrize(
    ("big", "size", "given"),
    [
        ("!Equals [!Ref Env, test]", "Type: String, Default: small", ""),
        ("!Equals [!Ref Size, big]", "Type: String", "!Ref WorkloadName"),
        ("!Equals [!Ref Size, big]", "Type: 'AWS::SSM::Parameter::Value<String>', Default: /a/b", ""),
        ("!Equals [!Ref 'AWS::Region', cn-north-1]", "Type: String, Default: small", ""),
    ],
)
def test_one_that_is_there_or_of_which_nothing_is_known_is_no_finding(
    workspace: Path, run: Run, big: str, size: str, given: str
) -> None:
    assert "CL142" not in output(workspace, run, big, size, given)


def test_conditions_that_need_each_other_are_no_hang(workspace: Path, run: Run) -> None:
    assert "Traceback" not in output(workspace, run, "!Not [!Condition IsBig]")
