"""The task definition, compared with the one in the stack that Copilot itself makes of the same manifest.

Both sides become RegisterTaskDefinition's JSON. What is taken as equal, and why:
- Copilot writes the names of application, environment and workload as references to parameters, we as text;
- it makes an environment file of every container conditional, we write those that are there;
- it leaves `essential` and the options' types to CloudFormation, we write what ECS then has.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from emulator.compiler import Surroundings, compile_service
from emulator.manifest import load
from emulator.render.task_definition import render_task_definition

GOLDEN = Path(__file__).parents[3].parent / "shared" / "copilot-golden"
CASES = {
    "svc-test": ("svc-manifest.yml", "svc-test.stack.yml", "test"),
    "svc-staging": ("svc-manifest.yml", "svc-staging.stack.yml", "staging"),
    "svc-prod": ("svc-manifest.yml", "svc-prod.stack.yml", "prod"),
    "svc-grpc-test": ("svc-grpc-manifest.yml", "svc-grpc-test.stack.yml", "test"),
    "worker-test": ("worker-manifest.yml", "worker-test.stack.yml", "test"),
    "job-test": ("job-manifest.yml", "job-test.stack.yml", "test"),
    "simple": ("backend/simple-manifest.yml", "backend/simple-template.yml", None),
    "simple-without-port": (
        "backend/simple-manifest-without-port-config.yml",
        "backend/simple-template-without-port-config.yml",
        None,
    ),
    "http-only-path": ("backend/http-only-path-manifest.yml", "backend/http-only-path-template.yml", None),
    "http-full-config": ("backend/http-full-config-manifest.yml", "backend/http-full-config-template.yml", None),
}
VALUES = {
    "AWS::Region": "us-west-2",
    "AWS::AccountId": "123456789123",
    "LoadBalancerDNSName": "mockImportALBDNSName",
}
NAMES = {
    "EnvControllerAction.PublicLoadBalancerDNSName": "PublicLoadBalancer.DNSName",
    "EnvControllerAction.InternalLoadBalancerDNSName": "InternalLoadBalancer.DNSName",
    "EnvControllerAction.ManagedFileSystemID": "ManagedFileSystem",
}
"""Copilot's names for what has another name here."""
API_NAMES = {"EFSVolumeConfiguration": "efsVolumeConfiguration", "FilesystemId": "fileSystemId", "IAM": "iam"}

pytestmark = pytest.mark.skipif(not GOLDEN.is_dir(), reason="Copilot's expected stacks are not here")


class Loader(yaml.SafeLoader):
    """Reads short-form tags as the long form."""


def _tagged(loader: Loader, suffix: str, node: yaml.Node) -> object:
    name = suffix if suffix == "Ref" else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


yaml.add_multi_constructor("!", _tagged, Loader)


class Golden:
    """A stack of Copilot's, with its functions evaluated as far as the deployment's inputs say."""

    def __init__(self, name: str, parameters: dict[str, str]) -> None:
        text = (GOLDEN / name).read_text()
        self.resources = yaml.load(text, Loader)["Resources"]
        self._parameters = parameters

    def task_definition(self) -> dict[str, object]:
        found = self._evaluate(self.resources["TaskDefinition"]["Properties"])
        assert isinstance(found, dict)
        return {_api_name(key): _api(value, key) for key, value in found.items()}

    def _evaluate(self, value: object) -> object:
        if isinstance(value, list):
            return [found for item in value if (found := self._evaluate(item)) is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            if name == "Ref":
                return None if argument == "AWS::NoValue" else self._named(argument)
            if name == "Fn::GetAtt":
                return f"${{{NAMES.get(argument, argument)}}}"
            if name == "Fn::ImportValue":
                return f"${{{argument}}}"
            if name == "Fn::Join":
                separator, parts = argument
                return separator.join(str(self._evaluate(part)) for part in parts)
            if name == "Fn::If":
                return None  # no environment file was uploaded
            if name == "Fn::Sub":
                return self._substituted(argument)
        return {key: self._evaluate(item) for key, item in value.items()}

    def _named(self, name: str) -> str:
        return self._parameters.get(name, f"${{{NAMES.get(name, name)}}}")

    def _substituted(self, argument: object) -> str:
        text, own = argument if isinstance(argument, list) else (argument, {})
        assert isinstance(text, str)
        for name, value in own.items():
            text = text.replace(f"${{{name}}}", str(self._evaluate(value)))
        for name, known in self._parameters.items():
            text = text.replace(f"${{{name}}}", known)
        return text


def _api_name(name: str) -> str:
    return API_NAMES.get(name, name[:1].lower() + name[1:])


def _api(value: object, key: str) -> object:
    if isinstance(value, dict):
        if key in ("Options", "DockerLabels"):
            return {name: "true" if item is True else str(item) for name, item in value.items()}
        return {_api_name(name): _api(item, name) for name, item in value.items()}
    return [_api(item, "") for item in value] if isinstance(value, list) else value


def _comparable(document: dict[str, object]) -> dict[str, object]:
    """What both sides write in their own way, made one: order of keys is of no meaning, order of lists is."""
    containers = document["containerDefinitions"]
    assert isinstance(containers, list)
    for container in containers:
        container.setdefault("essential", True)
        container.pop("environmentFiles", None)
        if container["logConfiguration"]["logDriver"] == "awsfirelens":
            container["logConfiguration"].setdefault("options", {})
    return document


def _cases() -> Iterator[object]:
    for name, case in CASES.items():
        yield pytest.param(*case, id=name)


@pytest.mark.parametrize(("manifest", "stack", "environment"), list(_cases()))
def test_task_definition_is_copilots(manifest: str, stack: str, environment: str | None) -> None:
    loaded = load(GOLDEN / manifest, environment=environment, variables={"TAG": "cicdtest"}, app="my-app", strict=False)
    name = environment or "my-env"
    service = compile_service(
        loaded.manifest, app="my-app", environment=name, surroundings=Surroundings(https=environment is not None)
    )
    values = {f"image:{container}": "image" for container in service.builds}
    workload = loaded.manifest.name
    golden = Golden(
        stack,
        {
            "AppName": "my-app",
            "EnvName": name,
            "WorkloadName": workload,
            "ContainerImage": "image" if service.builds else str(service.task_definition.container(workload).image),
            "TaskCPU": str(loaded.manifest.cpu),
            "TaskMemory": str(loaded.manifest.memory),
            "LogGroup": f"/copilot/my-app-{name}-{workload}",
            "AWS::Region": "us-west-2",
            "AWS::AccountId": "123456789123",
            "AWS::Partition": "aws",
        },
    )
    ours = render_task_definition(service, {**VALUES, **values}, placeholders=True)
    assert _comparable(ours) == _comparable(golden.task_definition())
