"""Taking over Copilot's environments, on paper: the change set that CloudFormation would make, protected and not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulator.ecs.environment.model import Needs
from emulator.leave.change_sets import read_change_sets
from emulator.leave.protect import protect
from emulator.leave.verdict import Level, Phase, Verdict, judge
from emulator.render.cloudformation.environment.context import EnvironmentOptions
from emulator.render.cloudformation.environment.stack import render_environment
from tests.unit.leave.test_change_sets import change, described, properties
from tests.unit.render.environment_parity import ABSENT, CASES, GOLDEN, conditions_of, golden_environment, golden_text
from tests.unit.render.golden import read_template

NAMES = [name for name, case in CASES.items() if case.everything]

pytestmark = pytest.mark.skipif(not GOLDEN.is_dir(), reason=ABSENT)


def takeover(name: str, folder: Path, *, protected: bool, needs: Needs | None = None) -> Verdict:
    """The verdict over the update of Copilot's stack by ours, which knows of these needs (None: of all there are)."""
    case = CASES[name]
    text = golden_text(case)
    environment = golden_environment(case, folder)
    ours = environment if needs is None else replace(environment, needs=needs)
    before: Any = read_template(protect(text, "deployed.yml").text if protected else text)["Resources"]
    after: Any = read_template(render_environment(ours, EnvironmentOptions(in_place=True))[0])["Resources"]
    conditions = conditions_of(environment)
    there = {key: it for key, it in before.items() if conditions.get(it.get("Condition"), "Condition" not in it)}
    changes = [
        change(key, it["Type"], "Remove", PolicyAction=it.get("DeletionPolicy", "Delete"))
        for key, it in there.items()
        if key not in after
    ]
    changes += [change(key, it["Type"], "Add") for key, it in after.items() if key not in there]
    changes += [
        change(key, it["Type"], **properties("Metadata"))
        for key, it in after.items()
        if key in there and it != there[key]
    ]
    [verdict] = judge(read_change_sets([("prod.json", json.dumps(described(*changes)))]), Phase.TAKEOVER)
    return verdict


@pytest.mark.parametrize("name", NAMES)
def test_a_protected_environment_is_taken_over_without_loss(name: str, tmp_path: Path) -> None:
    verdict = takeover(name, tmp_path, protected=True)
    assert verdict.passes
    assert verdict.of(Level.LOOK) == []
    assert not any(one.change.action == "Add" for one in verdict.judgements), "nothing is made anew"


@pytest.mark.parametrize("name", ["basic, everything needed", "default-access-log-config, everything needed"])
def test_one_that_is_not_protected_is_refused(name: str, tmp_path: Path) -> None:
    verdict = takeover(name, tmp_path, protected=False)
    refused = {one.change.id for one in verdict.of(Level.REFUSED)}
    assert {"HTTPSCert", "DelegateDNSAction", "CustomDomainAction"} <= refused
    assert ("ELBAccessLogsBucketCleanerAction" in refused) == ("access-log" in name)


def test_what_a_missing_service_needs_is_for_a_person_to_look_at(tmp_path: Path) -> None:
    verdict = takeover("basic, everything needed", tmp_path, protected=True, needs=Needs(("web",)))
    looked_at = {one.change.id for one in verdict.of(Level.LOOK)}
    assert {"FileSystem", "NatGateway1", "InternalLoadBalancer", "InternalHTTPListener"} <= looked_at
    assert "PublicLoadBalancer" not in looked_at
