"""Copilot's own expected stacks, and templates evaluated as CloudFormation would, as far as the inputs say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from emulator.compiler import Surroundings, compile_service
from emulator.ecs.service import Service
from emulator.manifest import load

GOLDEN = Path(__file__).parents[3].parent / "shared" / "copilot-golden"
ABSENT = "Copilot's expected stacks are not here"
REGION = "us-west-2"
ACCOUNT = "123456789123"
IMPORTED = (
    "arn:aws:elasticloadbalancing:us-west-2:1234567890:loadbalancer/app/demo-t-Publi-MqfbfMJgLPZ0/5ea280ee3a7eff37"
)

PSEUDO = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}


@dataclass(frozen=True)
class Case:
    """One manifest with the stack that Copilot makes of it in an environment."""

    manifest: str
    stack: str
    parameters: str
    environment: str | None = None
    domain: str | None = None
    """The application's domain."""

    @property
    def environment_name(self) -> str:
        return self.environment or "my-env"


CASES = {
    "svc-test": Case("svc-manifest.yml", "svc-test.stack.yml", "svc-test.params.json", "test"),
    "svc-staging": Case("svc-manifest.yml", "svc-staging.stack.yml", "svc-staging.params.json", "staging"),
    "svc-prod": Case("svc-manifest.yml", "svc-prod.stack.yml", "svc-prod.params.json", "prod"),
    "svc-grpc-test": Case("svc-grpc-manifest.yml", "svc-grpc-test.stack.yml", "svc-grpc-test.params.json", "test"),
    "svc-nlb-test": Case(
        "svc-nlb-manifest.yml", "svc-nlb-test.stack.yml", "svc-nlb-test.params.json", "test", "example.com"
    ),
    "svc-nlb-dev": Case(
        "svc-nlb-manifest.yml", "svc-nlb-dev.stack.yml", "svc-nlb-dev.params.json", "dev", "example.com"
    ),
    "worker-test": Case("worker-manifest.yml", "worker-test.stack.yml", "worker-test.params.json", "test"),
    "job-test": Case("job-manifest.yml", "job-test.stack.yml", "job-test.params.json", "test"),
    "simple": Case("backend/simple-manifest.yml", "backend/simple-template.yml", "backend/simple-params.json"),
    "simple-without-port": Case(
        "backend/simple-manifest-without-port-config.yml",
        "backend/simple-template-without-port-config.yml",
        "backend/simple-params-without-port-config.json",
    ),
    "http-only-path": Case(
        "backend/http-only-path-manifest.yml",
        "backend/http-only-path-template.yml",
        "backend/http-only-path-params.json",
    ),
    "http-full-config": Case(
        "backend/http-full-config-manifest.yml",
        "backend/http-full-config-template.yml",
        "backend/http-full-config-params.json",
    ),
}


def golden_service(case: Case) -> Service:
    """The case's manifest, compiled with what Copilot's own test gave it: a certificate of the public load balancer, or
    the application's domain."""
    path = GOLDEN / case.manifest
    loaded = load(path, environment=case.environment, variables={"TAG": "cicdtest"}, app="my-app", strict=False)
    surroundings = Surroundings(https=case.environment is not None, domain=case.domain)
    return compile_service(
        loaded.manifest,
        app="my-app",
        environment=case.environment_name,
        position=loaded.position,
        path=path.name,
        surroundings=surroundings,
    )


def golden_template(case: Case) -> dict[str, object]:
    """Copilot's template, functions in the long form."""
    return read_template((GOLDEN / case.stack).read_text())


def golden_parameters(case: Case) -> dict[str, str]:
    """The values that Copilot gives its template's parameters."""
    content = json.loads((GOLDEN / case.parameters).read_text())
    found: dict[str, str] = content["Parameters"]
    return found


class Loader(yaml.CSafeLoader):
    """Reads short-form tags as the long form."""


def _tagged(loader: Loader, suffix: str, node: yaml.Node) -> object:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        text = loader.construct_scalar(node)
        return {name: str(text).split(".", 1) if suffix == "GetAtt" else text}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


yaml.add_multi_constructor("!", _tagged, Loader)


def read_template(text: str) -> dict[str, object]:
    """A template's text as plain data."""
    found = yaml.load(text, Loader)
    assert isinstance(found, dict)
    return found


_GONE = object()


@dataclass
class Evaluation:
    """Evaluates functions: parameters and pseudo parameters by `values`, conditions by `conditions`; anything that only
    a deployed stack knows becomes `${name}` or `${name.attribute}`, or what `names` says in its place."""

    values: Mapping[str, str]
    names: Mapping[str, str] = field(default_factory=dict)
    conditions: Mapping[str, bool] = field(default_factory=dict)

    def of(self, value: object) -> object:
        """A value evaluated; numbers and booleans as text, as CloudFormation takes either."""
        found = self._of(value)
        return None if found is _GONE else found

    def _of(self, value: object) -> object:
        if isinstance(value, list):
            return [found for item in value if (found := self._of(item)) is not _GONE]
        if not isinstance(value, dict):
            return _text(value)
        if len(value) == 1:
            [(name, argument)] = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._function(name.removeprefix("Fn::"), argument)
        return {key: found for key, item in value.items() if (found := self._of(item)) is not _GONE}

    def _function(self, name: str, argument: object) -> object:
        if name == "Ref":
            return _GONE if argument == "AWS::NoValue" else self._named(str(argument))
        if name == "GetAtt":
            return self._named(argument if isinstance(argument, str) else ".".join(argument))  # type: ignore[arg-type]
        if name == "ImportValue":
            return self._named(str(self._of(argument)))
        if name == "Sub":
            return self._substituted(argument)
        if name == "GetAZs":
            return ["${AZ1}", "${AZ2}", "${AZ3}"]
        if name == "FindInMap":
            return "${FindInMap}"
        assert isinstance(argument, list), name
        if name == "Join":
            parts = self._of(argument[1])
            return argument[0].join(parts) if isinstance(parts, list) else f"{parts}"
        if name == "If":
            return self._of(argument[1] if self.conditions.get(argument[0], False) else argument[2])
        if name == "Split":
            found = self._of(argument[1])
            assert isinstance(found, str)
            return found.split(argument[0])
        if name == "Select":
            items = self._of(argument[1])
            if items == ["${Service}"]:  # the name at the end of a service's ARN
                return "${Service.Name}"
            assert isinstance(items, list)
            index = int(argument[0])
            return items[index] if index < len(items) else f"{items}[{index}]"
        raise AssertionError(f"what is Fn::{name}?")

    def _named(self, name: str) -> str:
        found = {**PSEUDO, **self.values, **self.names}.get(name)
        return f"${{{name}}}" if found is None else found

    def _substituted(self, argument: object) -> str:
        text, own = argument if isinstance(argument, list) else (argument, {})
        assert isinstance(text, str)
        for name, value in own.items():
            text = text.replace(f"${{{name}}}", str(self._of(value)))
        for name, known in {**PSEUDO, **self.values, **self.names}.items():
            text = text.replace(f"${{{name}}}", known)
        return text.replace("${!", "${")


def _text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value
