"""Every template that we render, tried: by CloudFormation's own schemas, and created as a stack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs
from pydantic import BaseModel

from emulator.compiler import compile_service
from emulator.compiler.addons import SourceText, addon_outputs, merge_addons
from emulator.compiler.context import Surroundings
from emulator.ecs.references import REFERENCE_TYPES, ImportReference, value_name
from emulator.ecs.service import Service
from emulator.manifest import load
from emulator.render.cloudformation.addons import nested_template
from emulator.render.cloudformation.options import StackOptions
from emulator.render.cloudformation.stack import render_stack
from emulator.render.cloudformation.writer import to_yaml
from emulator.render.task_definition import render_task_definition
from tests.stacks.conftest import REGION, Account
from tests.unit.render.features import FEATURES
from tests.unit.render.golden import ABSENT, CASES, GOLDEN, golden_service, read_template

EXAMPLES = Path(__file__).parents[2] / "examples"
MODES = {"own": False, "copilot": True}
UNKNOWN_TO_MOTO = (
    "AWS::ServiceDiscovery::Service",
    "AWS::ServiceDiscovery::PrivateDnsNamespace",
    "AWS::SecretsManager::Secret",
    "AWS::CloudFormation::Stack",
)
"""Left out before a stack is created, a text in the place of references to them. (Nested stacks moto knows, from S3
only.)"""


def cases() -> Iterator[Any]:
    for mode in MODES:
        for name in FEATURES:
            yield pytest.param("feature", name, mode, id=f"{name}-{mode}")
        for example in sorted(folder.name for folder in EXAMPLES.iterdir()):
            yield pytest.param("example", example, mode, id=f"example-{example}-{mode}")
        for name in CASES:
            absent = pytest.mark.skipif(not GOLDEN.is_dir(), reason=ABSENT)
            yield pytest.param("golden", name, mode, id=f"golden-{name}-{mode}", marks=absent)


def service_of(kind: str, name: str, folder: Path) -> tuple[Service, StackOptions]:
    if kind == "feature":
        return FEATURES[name].service(folder), FEATURES[name].stack_options()
    if kind == "golden":
        return golden_service(CASES[name]), StackOptions()
    [manifest] = (EXAMPLES / name / "copilot").glob("*/manifest.yml")
    loaded = load(manifest, environment="test", variables={}, app=name, strict=False)
    texts = [SourceText(file.name, file.read_text()) for file in sorted((manifest.parent / "addons").glob("*.yml"))]
    addons = merge_addons(texts)
    around = Surroundings(addons=addon_outputs(addons), addon_template=addons)
    service = compile_service(
        loaded.manifest, app=name, environment="test", position=loaded.position, surroundings=around
    )
    return service, StackOptions()


@pytest.mark.parametrize(("kind", "name", "mode"), list(cases()))
def test_template_is_clean(kind: str, name: str, mode: str, tmp_path: Path) -> None:
    service, options = service_of(kind, name, tmp_path)
    texts = [render_stack(service, _with_mode(options, mode))]
    nested = nested_template(service)
    if nested is not None:
        texts.append(to_yaml(nested))
    for text in texts:
        findings = lint(text, config=ManualArgs(regions=[REGION]))
        assert [f"{it.rule.id} {it.message} (line {it.linenumber})" for it in findings] == []


@pytest.mark.parametrize(("kind", "name", "mode"), list(cases()))
def test_stack_is_created_with_the_task_definition_of_render_taskdef(
    kind: str, name: str, mode: str, tmp_path: Path, account: Account
) -> None:
    service, options = service_of(kind, name, tmp_path)
    template = read_template(render_stack(service, _with_mode(options, mode)))
    parameters = {
        key: account.value(key)
        for key, it in template.get("Parameters", {}).items()
        if "Default" not in it  # type: ignore[attr-defined]
    }
    account.export(sorted(set(_imports(template))))
    known = _for_moto(template)
    created = account.create(known, parameters)
    made = {key for key, it in known["Resources"].items() if "Condition" not in it}
    assert made <= set(created)
    client = account.client("ecs")
    [arn] = client.list_task_definitions()["taskDefinitionArns"]
    read_back = client.describe_task_definition(taskDefinition=arn)["taskDefinition"]
    expected = render_task_definition(service, _values(account, created, service, parameters))
    assert {key: read_back[key] for key in expected} == expected


def _with_mode(options: StackOptions, mode: str) -> StackOptions:
    return replace(options, in_copilot_environment=MODES[mode])


def _values(account: Account, created: dict[str, str], service: Service, parameters: dict[str, str]) -> dict[str, str]:
    """What the stack made of every reference in the task definition, by the names of `render taskdef`."""
    roles = {
        f"{name}.Arn": account.client("iam").get_role(RoleName=created[name])["Role"]["Arn"]
        for name in ("ExecutionRole", "TaskRole")
    }
    balancers = account.client("elbv2").describe_load_balancers()["LoadBalancers"]
    own = next((it["DNSName"] for it in balancers if it["LoadBalancerName"] != "shared"), "shared.example.com")
    definition = service.task_definition
    values = {
        "AWS::Region": REGION,
        "AWS::AccountId": "123456789012",
        "PublicLoadBalancer.DNSName": own,
        "InternalLoadBalancer.DNSName": own,
        "LoadBalancerDNSName": "shared.example.com",
        "ManagedFileSystem": account.value("FileSystemId"),
        "AppName": service.app,
        **roles,
        **created,
    }
    for container in definition.container_definitions:
        if container.name in service.builds:
            main = container.name == service.main_container
            parameter = "ContainerImage" if main else f"ContainerImageFor{container.name}"
            values[f"image:{container.name}"] = parameters[parameter]
        for file in container.environment_files:
            values[value_name(file.value)] = account.value("EnvFileARN")  # type: ignore[arg-type]
    for reference in _references(definition):
        if isinstance(reference, ImportReference):
            values[reference.name] = account.value(reference.name)
    return values


def _references(model: object) -> Iterator[object]:
    if isinstance(model, REFERENCE_TYPES):
        yield model
    elif isinstance(model, BaseModel):
        for name in type(model).model_fields:
            yield from _references(getattr(model, name))
    elif isinstance(model, dict):
        for item in model.values():
            yield from _references(item)
    elif isinstance(model, list):
        for item in model:
            yield from _references(item)


def _imports(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if "Fn::ImportValue" in value:
            yield value["Fn::ImportValue"]
        for item in value.values():
            yield from _imports(item)
    elif isinstance(value, list):
        for item in value:
            yield from _imports(item)


def _for_moto(template: dict[str, Any]) -> dict[str, Any]:
    """The template without what moto does not know, with a text in the place of references to it; queues that moto
    would give a name that FIFO queues may not have are named."""
    unknown = {key for key, it in template["Resources"].items() if it["Type"] in UNKNOWN_TO_MOTO}
    resources = {key: it for key, it in template["Resources"].items() if key not in unknown}
    for key, it in resources.items():
        if it["Type"] == "AWS::SQS::Queue" and it["Properties"].get("FifoQueue"):
            it["Properties"]["QueueName"] = f"{key}.fifo"
    outputs = {key: it for key, it in template.get("Outputs", {}).items() if "Namespace" not in key}
    found = _without({**template, "Resources": resources, "Outputs": outputs}, unknown)
    assert isinstance(found, dict)
    return found


def _without(value: object, unknown: set[str]) -> object:
    if isinstance(value, list):
        return [_without(item, unknown) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("Ref") in unknown:
        return f"text-for-{value['Ref']}"
    attribute = value.get("Fn::GetAtt")
    if isinstance(attribute, str):
        attribute = attribute.split(".")
    # moto makes access points and does not tell their ARN.
    if attribute and (attribute[0] in unknown or attribute[0] == "AccessPoint"):
        return f"text-for-{attribute[0]}"
    return {key: _without(item, unknown) for key, item in value.items()}
