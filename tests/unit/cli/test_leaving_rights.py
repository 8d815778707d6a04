"""The page about rights has every action that the printed lines need."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run
from tests.unit.cli.test_copilot_verbs import calls
from tests.unit.cli.test_leave import ADDONS_OF_API, TEMPLATE, WITH_ADDONS
from tests.unit.render.pipelines import write_workspace

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "leaving-rights.md"
SERVICES = {"elbv2": "elasticloadbalancing"}
"""IAM's names, where the AWS command line has others."""
ACTIONS = {
    "cloudformation deploy": (
        "DescribeStacks", "CreateChangeSet", "DescribeChangeSet", "ExecuteChangeSet", "GetTemplateSummary"
    ),
    "cloudformation wait": ("DescribeStacks", "DescribeChangeSet"),
    "ecr get-login-password": ("GetAuthorizationToken",),
    "s3 cp": ("PutObject",),
}  # fmt: skip
"""Commands that are no operation of the API."""
FREE = ("configure get", "sts get-caller-identity")


def actions(text: str) -> set[str]:
    """The actions of IAM that lines of shell need, but those of pushing an image."""
    found = set()
    for service, operation, *_ in calls(text):
        command = f"{service} {operation}"
        usual = ("".join(word.capitalize() for word in operation.split("-")),)
        if command not in FREE:
            found |= {f"{SERVICES.get(service, service)}:{name}" for name in ACTIONS.get(command, usual)}
    return found


def allowed(page: str) -> set[str]:
    """Every action that a table of the page names: `service:Action`, or `service:` and the actions after it."""
    found, service = set(), ""
    for name in re.findall(r"`([^`]+)`", "\n".join(line for line in page.splitlines() if line.startswith("| "))):
        head, colon, action = name.partition(":")
        service = head if colon else service
        found.add(f"{service}:{action if colon else name}")
    return found


@pytest.fixture
def printed(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What every verb prints that the page is about."""
    monkeypatch.chdir(write_workspace(tmp_path / "shop"))
    before = {"Stacks": [{"StackName": "shop-prod-api", "Parameters": [], "Tags": []}]}
    files = {
        "addons.yml": ADDONS_OF_API,
        "parent.yml": WITH_ADDONS,
        "x.before.json": json.dumps(before),
        "t.yml": TEMPLATE,
    }
    for name, text in files.items():
        Path(name).write_text(text.replace("  AppName: {Type: String}\n", "") if name == "t.yml" else text)
    names = ("-n", "web", "-e", "prod")
    said = [
        run("aws", "svc", "deploy", *names, "--take-over"),
        run("aws", "svc", "deploy", *names),
        run("aws", "svc", "status", *names),
        run("aws", "app", "show"),
        run("aws", "env", "show", "-e", "prod"),
        run("leave", "protect", "addons.yml", "--stack", "shop-prod-api"),
        run("leave", "protect", "parent.yml", "--stack", "shop-prod-api"),
        run("leave", "back", "x.before.json", "--template", "t.yml"),
    ]
    assert [one.code for one in said] == [0] * len(said), [one.err for one in said]
    return "\n".join(one.out + one.err for one in said)


def test_the_page_has_every_right_that_the_lines_need(printed: str) -> None:
    needed = actions(printed)
    assert {"cloudformation:CreateChangeSet", "elasticloadbalancing:DescribeRules", "s3:PutObject"} <= needed
    assert "ecr:GetAuthorizationToken" in needed
    assert needed - allowed(PAGE.read_text(encoding="utf-8")) == set()
