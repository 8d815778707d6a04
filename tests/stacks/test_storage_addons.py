"""What `copilot storage init` leaves beside a workload, rendered: clean by CloudFormation's schemas, and created."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator.compiler import compile_service
from emulator.compiler.addons import SourceText, addon_outputs, merge_addons
from emulator.compiler.context import Surroundings
from emulator.ecs.service import Service
from emulator.manifest import load
from emulator.render.cloudformation.addons import nested_template
from emulator.render.cloudformation.options import StackOptions
from emulator.render.cloudformation.stack import render_stack
from emulator.render.cloudformation.writer import to_yaml
from tests.stacks.conftest import Account
from tests.stacks.linting import findings
from tests.stacks.test_stacks import _imports, for_moto
from tests.unit.render.golden import read_template
from tests.unit.render.storage_addons import AURORA_PARAMETERS, STORAGE

MANIFEST = """\
name: api
type: Load Balanced Web Service
image: {location: nginx:1.27, port: 80}
http: {path: /}
"""
MODES = {
    "own": StackOptions(),
    "nested": StackOptions(addons="nested"),
    "copilot": StackOptions(in_copilot_environment=True),
    "copilot-inline": StackOptions(in_copilot_environment=True, addons="inline"),
}


def service_with(names: list[str], folder: Path) -> Service:
    """The workload with these addons, for app `demo`, environment `test`."""
    (folder / "manifest.yml").write_text(MANIFEST)
    loaded = load(folder / "manifest.yml", environment="test", variables={}, app="demo")
    texts = [SourceText(f"addons/{name}.yml", STORAGE[name]) for name in names]
    parameters = SourceText("addons/addons.parameters.yml", AURORA_PARAMETERS) if "aurora" in names else None
    addons = merge_addons(texts, parameters)
    around = Surroundings(addons=addon_outputs(addons), addon_template=addons)
    return compile_service(
        loaded.manifest, app="demo", environment="test", position=loaded.position, surroundings=around
    )


SETS = [*([name] for name in STORAGE), list(STORAGE)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("names", SETS, ids="+".join)
def test_rendered_stacks_have_no_error(names: list[str], mode: str, tmp_path: Path) -> None:
    service = service_with(names, tmp_path)
    texts = [render_stack(service, MODES[mode])]
    if MODES[mode].nested_addons:
        nested = nested_template(service)
        assert nested is not None
        texts.append(to_yaml(nested))
    for text in texts:
        assert [str(it) for it in findings(text) if it.rule.startswith("E")] == []
        assert "${ " not in text


@pytest.mark.parametrize("names", SETS, ids="+".join)
def test_a_stack_with_them_is_created(names: list[str], tmp_path: Path, account: Account) -> None:
    template: dict[str, Any] = read_template(render_stack(service_with(names, tmp_path), StackOptions()))
    parameters = {key: account.value(key) for key, it in template.get("Parameters", {}).items() if "Default" not in it}
    account.export(sorted(set(_imports(template))))
    known = for_moto(template, account)
    if writer := known["Resources"].get("dataDBWriterInstance"):
        writer["Properties"]["EngineVersion"] = "16.4"  # moto does not take the cluster's
    created = account.create(known, parameters)
    assert {key for key, it in known["Resources"].items() if "Condition" not in it} <= set(created)


def test_alone_the_environments_exports_are_the_stacks_own_inputs(tmp_path: Path) -> None:
    template: dict[str, Any] = read_template(render_stack(service_with(list(STORAGE), tmp_path), StackOptions()))
    resources = template["Resources"]
    assert resources["dataDBSubnetGroup"]["Properties"]["SubnetIds"] == {"Ref": "PrivateSubnets"}
    assert resources["dataSecurityGroup"]["Properties"]["VpcId"] == {"Ref": "VpcId"}
    source = resources["databaseIngress"]["Properties"]["SourceSecurityGroupId"]
    assert source == {"Fn::GetAtt": ["ServiceSecurityGroup", "GroupId"]}
    assert template["Parameters"]["PrivateSubnets"]["Type"] == "List<AWS::EC2::Subnet::Id>"
    # What the environment's own addons export is not the stack's to make.
    assert sorted(set(_imports(template))) == ["demo-test-dataDBClusterSecurityGroup", "demo-test-sharedBucketARN"]


def test_outputs_are_wired_as_copilot_wires_them(tmp_path: Path) -> None:
    service = service_with(list(STORAGE), tmp_path)
    template: dict[str, Any] = read_template(render_stack(service, StackOptions()))
    resources = template["Resources"]
    [container] = resources["TaskDefinition"]["Properties"]["ContainerDefinitions"]
    variables = {pair["Name"]: pair["Value"] for pair in container["Environment"]}
    assert variables["PHOTOS_NAME"] == {"Ref": "photosBucket"}
    assert variables["ORDERS_NAME"] == {"Ref": "orders"}
    assert variables["DATA_SECURITY_GROUP"] == {"Ref": "dataSecurityGroup"}
    assert container["Secrets"] == [{"Name": "DATA_SECRET", "ValueFrom": {"Ref": "dataAuroraSecret"}}]
    managed = resources["TaskRole"]["Properties"]["ManagedPolicyArns"]
    assert managed == [{"Ref": f"{name}AccessPolicy"} for name in ("orders", "photos", "shared")]
    network = resources["Service"]["Properties"]["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert {"Ref": "dataSecurityGroup"} in network["SecurityGroups"]
    statements = resources["photosBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statements[0]["Resource"] == [{"Fn::Sub": "${photosBucket.Arn}/*"}, {"Fn::Sub": "${photosBucket.Arn}"}]
    tags = resources["dataSecurityGroup"]["Properties"]["Tags"]
    assert tags[1] == {"Key": "Owner", "Value": "api-team"}
