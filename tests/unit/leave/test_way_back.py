"""What stayed in AWS, and Copilot's template that comes back: physical names that would meet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.leave.test_protect import SHARED
from tests.unit.render.golden import read_template

SERVICES = sorted((SHARED / "copilot-golden").glob("*.stack.yml"))
ENVIRONMENTS = sorted((SHARED / "copilot-environments").glob("*.yml"))


def fixed_names(file: Path) -> set[str]:
    """Functions, roles and custom resources of a template, which leave with it, that have a name of their own."""
    resources: Any = read_template(file.read_text())["Resources"]
    return {
        id
        for id, it in resources.items()
        if it["Type"] in ("AWS::Lambda::Function", "AWS::IAM::Role") or it["Type"].startswith("Custom::")
        if {"FunctionName", "RoleName"} & set(it.get("Properties", {}))
    }


@pytest.mark.parametrize("file", SERVICES, ids=lambda file: file.name)
def test_nothing_of_a_service_collides(file: Path) -> None:
    assert fixed_names(file) == set()


@pytest.mark.parametrize("file", ENVIRONMENTS, ids=lambda file: file.name)
def test_two_roles_of_an_environment_do(file: Path) -> None:
    assert fixed_names(file) == {"CloudformationExecutionRole", "EnvironmentManagerRole"}
