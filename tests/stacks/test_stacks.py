"""Every template that we render, tried: by CloudFormation's own schemas, and created as a stack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
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
from tests.stacks.conftest import Account
from tests.stacks.linting import REGION, findings
from tests.unit.render.features import FEATURES
from tests.unit.render.golden import ABSENT, CASES, GOLDEN, golden_service, read_template

EXAMPLES = Path(__file__).parents[2] / "examples"
UNPREPARED = "fresh-clone"
"""An example that lacks values on purpose: nothing of it renders before they are filled in."""
MODES = {"own": False, "copilot": True}
KEPT_BY_MOTO = {"family", "containerDefinitions", "volumes", "memory"}
"""What moto's task definition keeps of the resource's properties (of volumes, not their file systems)."""


def cases() -> Iterator[Any]:
    for mode in MODES:
        for name in FEATURES:
            yield pytest.param("feature", name, mode, id=f"{name}-{mode}")
        for manifest in sorted(EXAMPLES.glob("*/copilot/*/manifest.yml")):
            if manifest.parts[-4] == UNPREPARED:
                continue
            name = f"{manifest.parts[-4]}/{manifest.parts[-2]}"
            yield pytest.param("example", name, mode, id=f"example-{name}-{mode}")
        for name in CASES:
            absent = pytest.mark.skipif(not GOLDEN.is_dir(), reason=ABSENT)
            yield pytest.param("golden", name, mode, id=f"golden-{name}-{mode}", marks=absent)


def service_of(kind: str, name: str, folder: Path) -> tuple[Service, StackOptions]:
    if kind == "feature":
        return FEATURES[name].service(folder), FEATURES[name].stack_options()
    if kind == "golden":
        return golden_service(CASES[name]), StackOptions()
    app, workload = name.split("/")
    manifest = EXAMPLES / app / "copilot" / workload / "manifest.yml"
    loaded = load(manifest, environment="test", variables={}, app=app, strict=False)
    texts = [SourceText(file.name, file.read_text()) for file in sorted((manifest.parent / "addons").glob("*.yml"))]
    addons = merge_addons(texts)
    around = Surroundings(addons=addon_outputs(addons), addon_template=addons)
    service = compile_service(
        loaded.manifest, app=app, environment="test", position=loaded.position, surroundings=around
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
        assert [str(it) for it in findings(text)] == []


@pytest.mark.parametrize(("kind", "name", "mode"), list(cases()))
def test_stack_is_created_with_the_task_definition_of_render_taskdef(
    kind: str, name: str, mode: str, tmp_path: Path, account: Account
) -> None:
    service, options = service_of(kind, name, tmp_path)
    template: dict[str, Any] = read_template(render_stack(service, _with_mode(options, mode)))
    parameters = {key: account.value(key) for key, it in template.get("Parameters", {}).items() if "Default" not in it}
    account.export(sorted(set(_imports(template))))
    known = for_moto(template, account)
    created = account.create(known, parameters)
    made = {key for key, it in known["Resources"].items() if "Condition" not in it}
    assert made <= set(created)
    client = account.client("ecs")
    [arn] = client.list_task_definitions()["taskDefinitionArns"]
    read_back = client.describe_task_definition(taskDefinition=arn)["taskDefinition"]
    expected = render_task_definition(service, _values(account, created, service, parameters, template))
    for key in KEPT_BY_MOTO & set(expected):
        wanted = _lower(_without_efs(expected[key]))
        assert _lower(_like(read_back[key], wanted)) == wanted


def _lower(value: object) -> object:
    """moto lowers the first letter of every key, those of maps that are the user's included."""
    if isinstance(value, dict):
        return {key.lower(): _lower(item) for key, item in value.items()}
    return [_lower(item) for item in value] if isinstance(value, list) else value


def _without_efs(value: object) -> object:
    if isinstance(value, list):
        return [_without_efs(item) for item in value]
    return {k: v for k, v in value.items() if k != "efsVolumeConfiguration"} if isinstance(value, dict) else value


def _like(value: object, expected: object) -> object:
    """What was read back, without the keys that ECS fills in and we did not write."""
    if isinstance(value, dict) and isinstance(expected, dict):
        wanted = {key.lower(): item for key, item in expected.items()}
        return {key: _like(item, wanted[key.lower()]) for key, item in value.items() if key.lower() in wanted}
    if isinstance(value, list) and isinstance(expected, list) and len(value) == len(expected):
        return [_like(one, other) for one, other in zip(value, expected, strict=True)]
    return value


def _with_mode(options: StackOptions, mode: str) -> StackOptions:
    return replace(options, in_copilot_environment=MODES[mode])


def _values(
    account: Account, created: dict[str, str], service: Service, parameters: dict[str, str], template: dict[str, Any]
) -> dict[str, str]:
    """What the stack made of every reference in the task definition, by the names of `render taskdef`."""
    roles = {
        f"{name}.Arn": account.client("iam").get_role(RoleName=created[name])["Role"]["Arn"]
        for name in ("ExecutionRole", "TaskRole")
    }
    balancers = account.client("elbv2").describe_load_balancers()["LoadBalancers"]
    own = next(
        (
            it["DNSName"]
            for it in balancers
            if it["LoadBalancerArn"] in (created.get("PublicLoadBalancer"), created.get("InternalLoadBalancer"))
        ),
        "shared.example.com",
    )
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
        # outputs of the addons
        "TableName": created.get("Table", "text-for-AddonsStack"),
        "TableArn": f"arn:aws:dynamodb:{REGION}:123456789012:table/{created.get('Table')}",
        "DBPassword": "text-for-Password",
    }
    outputs: dict[str, Any] = dict(service.addons.section("Outputs")) if service.addons else {}
    for name, output in outputs.items():
        if isinstance(output["Value"], dict) and isinstance(made := output["Value"].get("Ref"), str):
            values[name] = created.get(made, f"text-for-{made}")
    if "AddonsStack" in template["Resources"]:
        values |= dict.fromkeys(("TableName", "TableArn", "DBPassword", *outputs), "text-for-AddonsStack")
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


def known_to_moto() -> set[str]:
    """What is of another type is left out before a stack is created, with a text in the place of references to it.

    Nested stacks moto takes from S3 only.
    """
    from moto.cloudformation.parsing import get_model_map

    return set(get_model_map()) - {"AWS::CloudFormation::Stack"}


def for_moto(template: dict[str, Any], account: Account) -> dict[str, Any]:
    """The template without what moto does not know, with a text in the place of references to it; queues that moto
    would give a name that FIFO queues may not have are named; records go into the zone that is there, and
    listeners have the certificate that is there. moto takes no listeners of a network load balancer, and no instances
    of an Aurora cluster."""
    known = known_to_moto()
    unknown = {
        key
        for key, it in template["Resources"].items()
        if it["Type"] not in known
        or (it["Type"] == "AWS::RDS::DBInstance" and "DBClusterIdentifier" in it["Properties"])
        or (it["Type"].endswith("::Listener") and it["Properties"]["Protocol"] not in ("HTTP", "HTTPS"))
    }
    resources = {key: it for key, it in template["Resources"].items() if key not in unknown}
    for key, it in resources.items():
        if it["Type"] == "AWS::SQS::Queue" and it["Properties"].get("FifoQueue"):
            it["Properties"]["QueueName"] = f"{key}.fifo"
        if "Certificates" in it["Properties"]:
            it["Properties"]["Certificates"] = [{"CertificateArn": account.value("CertificateArn")}]
        if it["Type"] == "AWS::Route53::RecordSetGroup":
            it["Properties"]["HostedZoneId"] = account.value("HostedZoneId")
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
    # moto makes access points and does not tell their ARN.
    if attribute and (attribute[0] in unknown or attribute[0] == "AccessPoint"):
        return f"text-for-{attribute[0]}"
    return {key: _without(item, unknown) for key, item in value.items()}
