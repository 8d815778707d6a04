"""Overrides of environments and pipelines: what they change in rendered stacks, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.render.golden import read_template

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Run

WEB = "name: hello\ntype: Load Balanced Web Service\nimage: {location: hello, port: 80}\nhttp: {path: /}\n"
WORKER = "name: hello\ntype: Worker Service\nimage: {location: hello}\n"
FILE = "copilot/environments/overrides/cfn.patches.yml"
INSIGHTS = "/Resources/Cluster/Properties/ClusterSettings/0/Value"
PLACES = pytest.mark.parametrize("place", [(), ("--in-place",)], ids=["new", "in place"])


@pytest.fixture
def root(workspace: Path) -> Path:
    """A workspace with one service and the environments `test` and `prod`; the working directory."""
    (workspace / "copilot" / "hello" / "manifest.yml").write_text(WEB)
    for name in ("test", "prod"):
        file = workspace / "copilot" / "environments" / name / "manifest.yml"
        file.parent.mkdir(parents=True)
        file.write_text(f"name: {name}\ntype: Environment\n")
    return workspace


@pytest.fixture
def patch(root: Path) -> Callable[..., None]:
    """Writes patches of environments: `(op, path, value)` for each."""

    def write(*rows: tuple[str, str, str], file: str = FILE) -> None:
        found = root / file
        found.parent.mkdir(parents=True, exist_ok=True)
        found.write_text("".join(f"- op: {op}\n  path: {path}\n  value: {value}\n" for op, path, value in rows))

    return write


Patch = Callable[..., None]


def rendered(run: Run, *options: str) -> dict[str, Any]:
    ended = run("render", "environment", "-e", "test", *options)
    assert ended.code == 0, ended.err
    found: dict[str, Any] = read_template(ended.out)
    return found


@PLACES
def test_a_patch_changes_the_rendered_stack(run: Run, patch: Patch, place: tuple[str, ...]) -> None:
    patch(
        ("replace", INSIGHTS, "enabled"),
        ("add", "/Resources/Topic", "{Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref EnvironmentName}}"),
    )
    ended = run("validate", "--copilot")
    assert ended.code == 0, ended.out
    resources = rendered(run, *place)["Resources"]
    assert resources["Cluster"]["Properties"]["ClusterSettings"][0]["Value"] == "enabled"
    shown = resources["Topic"]["Properties"]["DisplayName"]
    assert shown == ({"Ref": "EnvironmentName"} if place else "test")


WRONG = {
    "an operation": (("bogus", INSIGHTS, "x"), f"{FILE}:1:7: unsupported operation 'bogus'"),
    "a path": (("replace", "/Resources/Clustr/Properties/x", "x"), f"{FILE}:1:3: /Resources/Clustr/Properties/x"),
    "a section": (("add", "/Resorces", "{}"), f"{FILE}:1:3: /Resorces is no section"),
    "a reference": (("add", "/Resources/Cluster/Properties/Tags", "!Ref Nope"), f"{FILE}:1:3: Cluster refers to Nope"),
    "a whole": (("replace", "/Resources", "{}"), f"{FILE}:2:9: /Resources as a whole cannot be patched"),
}


@PLACES
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_patch_is_found_and_refused(run: Run, patch: Patch, name: str, place: tuple[str, ...]) -> None:
    row, message = WRONG[name]
    patch(row)
    checked = run("validate", "--all-envs")
    assert (checked.code, f"error[CL143]: {message}" in checked.out) == (1, True), checked.out
    assert checked.out.count("CL143") == 1, checked.out
    ended = run("render", "environment", "-e", "test", *place)
    assert (ended.code, ended.out) == (1, "")
    assert f"error: {message}" in ended.err


def test_patches_of_another_name_are_found_and_refused(run: Run, patch: Patch) -> None:
    patch(("replace", INSIGHTS, "enabled"), file=FILE.replace(".yml", ".yaml"))
    assert "copilot/environments/overrides holds no cfn.patches.yml" in run("validate").out
    assert run("render", "environment", "-e", "test").code == 1


@PLACES
def test_programs_in_the_cdk_are_told_of_and_refused(run: Run, root: Path, place: tuple[str, ...]) -> None:
    folder = root / "copilot" / "environments" / "overrides"
    folder.mkdir()
    (folder / "cdk.json").write_text("{}")
    checked = run("validate")
    assert checked.code == 0
    assert f"warning[CL143]: what the AWS CDK changes in {folder} is not read" in checked.out
    ended = run("render", "environment", "-e", "test", *place)
    assert (ended.code, ended.out) == (1, "")
    assert f"{folder} holds overrides in the AWS CDK, which are programs" in ended.err


@PLACES
def test_a_patch_of_what_no_service_needs_is_left_out_and_told_of(
    run: Run, root: Path, patch: Patch, place: tuple[str, ...]
) -> None:
    """Copilot's template has a load balancer always, with a condition; and all environments share the patches."""
    patch(("replace", "/Resources/PublicLoadBalancer/Properties/Type", "x"), ("replace", INSIGHTS, "enabled"))
    assert rendered(run, *place)["Resources"]["PublicLoadBalancer"]["Properties"]["Type"] == "x"
    (root / "copilot" / "hello" / "manifest.yml").write_text(WORKER)
    assert run("validate").code == 0
    found = rendered(run, *place)["Resources"]
    assert found["Cluster"]["Properties"]["ClusterSettings"][0]["Value"] == "enabled"
    assert "PublicLoadBalancer" not in found
    told = run("render", "environment", "-e", "test", *place).err
    assert f"{FILE}:1" in told
    assert "test has no PublicLoadBalancer, which no service needs" in told


def test_a_patch_of_copilots_own_roles_is_a_warning(run: Run, patch: Patch) -> None:
    patch(("add", "/Resources/EnvironmentManagerRole/Properties/Path", "/x/"))
    checked = run("validate")
    assert checked.code == 0
    assert f"warning[CL143]: {FILE}:1:3: /Resources/EnvironmentManagerRole/Properties/Path" in checked.out


def test_a_wrong_patch_is_found_though_a_service_is_wrong_too(run: Run, root: Path, patch: Patch) -> None:
    (root / "copilot" / "hello" / "manifest.yml").write_text("name: hello\ntype: Load Balanced Web Service\n")
    patch(("replace", "/Resources/Clustr/Properties/x", "x"))
    assert "error[CL143]" in run("validate").out


def test_a_wrong_patch_of_a_pipeline_is_found(run: Run, patch: Patch) -> None:
    file = "copilot/pipelines/release/overrides/cfn.patches.yml"
    patch(("bogus", "/Resources/Pipeline/Properties/Name", "x"), file=file)
    checked = run("validate")
    assert (checked.code, f"error[CL143]: {file}:1:7: unsupported operation 'bogus'" in checked.out) == (1, True)


def test_a_condition_of_copilots_is_a_warning_and_one_of_a_patch_is_none(run: Run, patch: Patch) -> None:
    topic = "{Type: AWS::SNS::Topic, Condition: CreateALB}"
    patch(("add", "/Resources/Topic", topic))
    ended = run("validate")
    said = f"warning[CL143]: {FILE}:1:3: /Resources/Topic names the condition CreateALB of Copilot's own template"
    assert (ended.code, said in ended.out) == (0, True), ended.out
    refused = run("render", "environment", "-e", "test")
    assert refused.code == 1
    assert f"{FILE}:1:3: Topic refers to the condition CreateALB" in refused.err
    is_here = ("add", "/Conditions/IsHere", "!Equals [!Ref AWS::Region, eu-west-1]")
    both = ("add", "/Conditions/Both", "!And [!Condition IsHere, !Not [!Condition IsHere]]")
    patch(is_here, both, ("add", "/Resources/Topic", topic.replace("CreateALB", "Both")))
    ended = run("validate")
    assert (ended.code, "CL143" in ended.out) == (0, False), ended.out
    assert rendered(run)["Resources"]["Topic"]["Condition"] == "Both"
