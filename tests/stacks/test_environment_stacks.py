"""Stacks of environments, tried: by CloudFormation's own schemas, and created as a stack."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulator.ecs.environment.model import Environment, ManagedVpc, Needs, SecurityRule
from emulator.ecs.network import DnsAlias
from emulator.render.cloudformation.environment.context import EnvironmentOptions
from emulator.render.cloudformation.environment.stack import render_environment
from emulator.render.cloudformation.repositories import render_repositories
from tests.stacks.conftest import Account
from tests.stacks.linting import findings
from tests.stacks.test_stacks import known_to_moto
from tests.unit.render.environment_parity import ABSENT, CASES, GOLDEN, golden_environment
from tests.unit.render.golden import read_template

WAYS = {
    "new": EnvironmentOptions(),
    "in-place": EnvironmentOptions(in_place=True),
    "other-account": EnvironmentOptions(delegate=False, permissions_boundary="limits"),
}
ALIASES = ("a.test.demo.example.com", "b.demo.example.com", "www.example.com")
NOT_MADE_BY_MOTO = {"EnvironmentNameServers", "CloudFrontDistribution"}
"""It takes no list of records from an attribute, and no origin access control."""

pytestmark = pytest.mark.skipif(not GOLDEN.is_dir(), reason=ABSENT)


def with_aliases(found: Environment) -> Environment:
    aliases = tuple(DnsAlias(name=name) for name in ALIASES)
    return replace(found, needs=replace(found.needs, aliases=aliases)) if found.needs.public_balancer else found


@pytest.mark.parametrize(
    ("name", "way"), [(name, way) for name, case in CASES.items() for way in WAYS if case.everything or way == "new"]
)
def test_template_is_clean(name: str, way: str, tmp_path: Path) -> None:
    text, _ = render_environment(with_aliases(golden_environment(CASES[name], tmp_path)), WAYS[way])
    assert [str(it) for it in findings(text)] == []


STATED = replace(
    Environment(app="shop", name="prod"),
    vpc=ManagedVpc(zones=("us-west-2a", "us-west-2b")),
    ingress=(SecurityRule("-1", 0, 65535, "10.0.0.0/8"), SecurityRule("tcp", 80, 90, "10.0.0.0/8")),
    egress=(SecurityRule("udp", 53, 53, "0.0.0.0/0"),),
    needs=Needs(("web",), ("api",), ("web",), ("api",)),
)


@pytest.mark.parametrize("way", WAYS)
def test_what_a_manifest_states_is_clean(way: str) -> None:
    assert [str(it) for it in findings(render_environment(STATED, WAYS[way])[0])] == []


def test_repositories_are_clean_and_created(account: Account) -> None:
    text = render_repositories("shop", ["api-v2", "web"], ["123456789012"])
    assert [str(it) for it in findings(text)] == []
    account.create(read_template(text), {})
    repositories = account.client("ecr").describe_repositories()["repositories"]
    assert {it["repositoryName"] for it in repositories} == {"shop/api-v2", "shop/web"}


@pytest.mark.parametrize("name", [name for name in CASES if "importedvpc" not in name])
def test_stack_is_created_with_its_exports(name: str, tmp_path: Path, account: Account) -> None:
    template = read_template(render_environment(golden_environment(CASES[name], tmp_path), EnvironmentOptions())[0])
    resources: Any = template["Resources"]
    known_types = known_to_moto()
    absent = {key for key, it in resources.items() if it["Type"] not in known_types or key in NOT_MADE_BY_MOTO}
    if "HTTPSListener" in resources:
        resources["HTTPSListener"]["Properties"]["Certificates"] = [{"CertificateArn": account.value("CertificateArn")}]
    known: Any = without(template, absent)
    known["Outputs"] = {key: it for key, it in known["Outputs"].items() if it["Value"] != "text"}
    parameters = {key: account.value(key) for key in known.get("Parameters", {})}
    made = account.create(known, parameters)
    assert set(made) == set(resources) - absent
    exports = account.client("cloudformation").list_exports()["Exports"]
    assert {it["Name"] for it in exports} == {
        it["Export"]["Name"]["Fn::Sub"].replace("${AWS::StackName}", "service") for it in known["Outputs"].values()
    }


def without(value: Any, absent: set[str]) -> Any:
    """A template without some resources, with a text in the place of references to them."""
    if isinstance(value, list):
        return [without(item, absent) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("Ref") in absent or (value.get("Fn::GetAtt") or [None])[0] in absent:
        return "text"
    found = {key: without(item, absent) for key, item in value.items() if key not in absent}
    if "DependsOn" in found:
        depends = [found["DependsOn"]] if isinstance(found["DependsOn"], str) else found["DependsOn"]
        found["DependsOn"] = [item for item in depends if item not in absent]
    return found
