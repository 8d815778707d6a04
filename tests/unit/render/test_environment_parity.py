"""Our stacks of environments, compared with those that Copilot itself makes of the same manifests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emulator.render.cloudformation.environment.context import EnvironmentOptions
from emulator.render.cloudformation.environment.stack import render_environment
from tests.unit.render.environment_parity import (
    ABSENT,
    ACCEPTED,
    CASES,
    GOLDEN,
    MACHINERY,
    Row,
    additions,
    golden_environment,
    outputs,
    table,
)

DOCS = Path(__file__).parents[3] / "docs" / "reference" / "rendering.md"
MODES = pytest.mark.parametrize("in_place", [False, True], ids=["new", "in place"])
NAMES = pytest.mark.parametrize("name", CASES)
OF_COPILOT = {"EnvironmentManagerRoleARN", "CFNExecutionRoleARN", "EnabledFeatures", "LastForceDeployID",
              "PublicALBAccessible"}  # fmt: skip
"""Outputs that only Copilot reads."""

pytestmark = pytest.mark.skipif(not GOLDEN.is_dir(), reason=ABSENT)


@MODES
@NAMES
def test_no_resource_differs_from_copilots_but_for_a_written_reason(name: str, in_place: bool, tmp_path: Path) -> None:
    rows = table(name, CASES[name], tmp_path, in_place=in_place)
    assert [(row.resource, row.unexplained()) for row in rows if row.unexplained()] == []


def test_every_reason_is_needed(tmp_path: Path) -> None:
    rows = every_row(tmp_path)
    needed = {row.reason(path) for row in rows for path, *_ in row.differences}
    assert [entry for entry in ACCEPTED if entry not in needed] == []
    assert {row.resource for row in rows if row.replaced} == set(MACHINERY)


def every_row(folder: Path) -> list[Row]:
    return [row for name, case in CASES.items() for row in table(name, case, folder)]


@NAMES
def test_in_place_has_nothing_that_copilots_stack_has_not(name: str, tmp_path: Path) -> None:
    assert additions(CASES[name], tmp_path, in_place=True) == set()
    assert additions(CASES[name], tmp_path) <= {"EnvironmentNameServers"}


@NAMES
def test_outputs_and_exports_are_copilots(name: str, tmp_path: Path) -> None:
    theirs, ours = outputs(CASES[name], tmp_path, in_place=True)
    assert ours == theirs
    theirs, ours = outputs(CASES[name], tmp_path)
    assert ours == {key: it for key, it in theirs.items() if key not in OF_COPILOT}


@MODES
@NAMES
def test_no_function_no_condition(name: str, in_place: bool, tmp_path: Path) -> None:
    text, _ = render_environment(golden_environment(CASES[name], tmp_path), EnvironmentOptions(in_place=in_place))
    assert re.findall(r"AWS::Lambda|Custom::|Fn::If|!If|AWS::NoValue|^ +Condition: \w+$|^Conditions:", text, re.M) == []


def test_the_documentation_has_the_figures_and_the_reasons(tmp_path: Path) -> None:
    text = re.sub(r"\s+", " ", DOCS.read_text())
    for file in dict.fromkeys(case.file for case in CASES.values()):
        rows = [
            [row for row in table(name, case, tmp_path) if not row.replaced]
            for name, case in CASES.items()
            if case.file == file
        ]
        figures = " | ".join(f"{sum(not row.differences for row in one)} of {len(one)}" for one in rows)
        assert f"| {file} | {figures} |" in text
    for entry in ACCEPTED:
        assert entry.reason in text
    for resource, instead in MACHINERY.items():
        assert f"`{resource}`" in text
        if "as above" not in instead:
            assert instead in text
