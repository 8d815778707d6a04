"""What Copilot deployed before the rehearsal: its own expected stacks where they are here, else stacks in its manner.

The latter are what the product renders, given back what it leaves out: conditions by the lists of workloads, custom
resources with their functions and roles, Copilot's parameters.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.stacks.deployed import Json
from tests.unit.render import environment_parity, golden

APP, ENV = "my-app", "dev"
ENVIRONMENT = f"{APP}-{ENV}"
DOMAIN = "example.com"
LISTS = ("ALBWorkloads", "InternalALBWorkloads", "EFSWorkloads", "NATWorkloads", "Aliases", "AppRunnerPrivateWorkloads")
WORKLOADS = ("fe", "dogworker", "job")
EXPECTED = environment_parity.GOLDEN.is_dir() and golden.GOLDEN.is_dir()
_GOLDEN = {
    "fe": ("svc-nlb-manifest.yml", "svc-nlb-dev"),
    "dogworker": ("worker-manifest.yml", "worker-test"),
    "job": ("job-manifest.yml", "job-test"),
}
_MANIFESTS = {
    "fe": "name: fe\ntype: Load Balanced Web Service\nimage: {location: nginx, port: 80}\nhttp: {path: /}\n",
    "dogworker": "name: dogworker\ntype: Worker Service\nimage: {location: nginx}\n"
    "subscribe: {topics: [{name: barks, service: job}]}\n",
    "job": "name: job\ntype: Backend Service\nimage: {location: nginx}\npublish: {topics: [{name: barks}]}\n"
    "storage: {volumes: {data: {path: /data, efs: true}}}\n",
}
_DESCRIPTIONS = {
    "fe": "CloudFormation template that represents a load balanced web service on Amazon ECS.",
    "dogworker": "CloudFormation template that represents a worker service on Amazon ECS.",
    "job": "CloudFormation template that represents a backend service on Amazon ECS.",
}
_OF_BALANCER = (
    "PublicLoadBalancer",
    "PublicHTTP",
    "HTTPListener",
    "HTTPSListener",
    "DefaultHTTPTargetGroup",
    "EnvironmentHTTP",
    "ELBAccessLogsBucketPolicy",
)
_OF_FILES = ("FileSystem", "EFSSecurityGroup", "MountTarget", "ManagedFileSystem")


@dataclass(frozen=True)
class Source:
    """Manifests by workload, the environment's under its own name; templates by stack, made once the manifests are in
    a workspace by a command line's `run`; parameters and answers of custom resources by workload."""

    manifests: dict[str, str]
    template: Callable[[str, Callable[[str], str]], str]
    parameters: Callable[[str], dict[str, str]]


def expected() -> Source:
    """Copilot's own."""
    text = environment_parity.golden_text(environment_parity.Case("default-access-log-config", everything=True))
    environment = text.replace("demo-test", ENVIRONMENT).replace("test.demo", f"{ENV}.{APP}")
    environment = environment.replace("name: test", f"name: {ENV}")

    def template(name: str, run: Callable[[str], str]) -> str:
        del run
        if name == ENV:
            return environment
        text = (golden.GOLDEN / f"{_GOLDEN[name][1]}.stack.yml").read_text()
        return text.replace(f"{APP}-test", ENVIRONMENT).replace(f"test.{APP}", f"{ENV}.{APP}")

    def parameters(name: str) -> dict[str, str]:
        found: dict[str, str] = json.loads((golden.GOLDEN / f"{_GOLDEN[name][1]}.params.json").read_text())[
            "Parameters"
        ]
        return found | {"EnvName": ENV}

    manifests = {name: (golden.GOLDEN / file).read_text() for name, (file, _) in _GOLDEN.items()}
    manifests = {
        name: it if f"  {ENV}:" in it else it.replace("  test:", f"  {ENV}:") for name, it in manifests.items()
    }
    metadata: Any = golden.read_template(environment)["Metadata"]
    return Source({ENV: metadata["Manifest"], **manifests}, template, parameters)


def rebuilt() -> Source:
    """In Copilot's manner."""
    manifest = f"name: {ENV}\ntype: Environment\nhttp:\n  public:\n    access_logs: true\n"

    def template(name: str, run: Callable[[str], str]) -> str:
        command = (
            f"environment -e {ENV} --in-place"
            if name == ENV
            else f"cloudformation -e {ENV} {name} --in-copilot-environment"
        )
        found: Any = golden.read_template(run(f"copilot-local render {command}"))
        return json.dumps(_environment(found) if name == ENV else _service(name, found), default=str)

    def parameters(name: str) -> dict[str, str]:
        values = {"AppName": APP, "EnvName": ENV, "WorkloadName": name, "TaskCount": "1"}
        return values | ({"RulePriority": "1", "RulePriorityOnHTTP": "1"} if name == "fe" else {})

    return Source({ENV: manifest, **_MANIFESTS}, template, parameters)


def _environment(template: Json) -> Json:
    resources: dict[str, Json] = template["Resources"]
    resources["HTTPSListener"]["Properties"]["Certificates"] = [{"CertificateArn": {"Ref": "HTTPSCert"}}]
    resources |= _custom("HTTPSCert", "Custom::CertificateValidationFunction", "CertificateValidationFunction")
    resources |= _custom("DelegateDNSAction", "Custom::DNSDelegationFunction", "DNSDelegationFunction")
    resources |= _custom("ELBAccessLogsBucketCleanerAction", "Custom::BucketCleanerFunction", "BucketCleanerFunction")
    del template["Parameters"]["HTTPSCertificateArn"]
    for key, it in (*resources.items(), *template["Outputs"].items()):
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            it.pop(policy, None)
        if key.startswith(_OF_BALANCER):
            it["Condition"] = "CreateALB"
        if key.startswith(_OF_FILES):
            it["Condition"] = "CreateEFS"
    conditions = {"CreateALB": "ALBWorkloads", "CreateEFS": "EFSWorkloads"}
    return {
        **template,
        "Description": "CloudFormation environment template for infrastructure shared among Copilot workloads.",
        "Conditions": {key: {"Fn::Not": [{"Fn::Equals": [{"Ref": it}, ""]}]} for key, it in conditions.items()},
    }


def _service(name: str, template: Json) -> Json:
    given = {key: {"Type": "String"} for key in ("AppName", "EnvName", "WorkloadName", "TaskCount")}
    template["Resources"] |= _custom("EnvControllerAction", "Custom::EnvControllerFunction", "EnvControllerFunction")
    for it in template["Resources"].values():
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            it.pop(policy, None)
    return {
        **template,
        "Description": _DESCRIPTIONS[name],
        "Parameters": given | template.get("Parameters", {}),
    }


_ROLES = {"BucketCleanerFunction": "ELBAccessLogsBucketCleanerRole", "EnvControllerFunction": "EnvControllerRole"}
"""Of functions that have a role of their own in Copilot's templates."""


def _custom(name: str, kind: str, function: str) -> dict[str, Json]:
    """A custom resource with its function and its role."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = _ROLES.get(function, "CustomResourceRole")
    code = {"Handler": "index.handler", "Runtime": "nodejs20.x", "Role": {"Fn::GetAtt": [role, "Arn"]}}
    return {
        name: {"Type": kind, "Properties": {"ServiceToken": {"Fn::GetAtt": [function, "Arn"]}}},
        function: {"Type": "AWS::Lambda::Function", "Properties": code},
        role: {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}},
        },
    }


def write_workspace(source: Source, folder: Path) -> None:
    """What the team has in its repository."""
    for name, text in source.manifests.items():
        file = folder / "copilot" / (Path("environments", ENV) if name == ENV else Path(name)) / "manifest.yml"
        file.parent.mkdir(parents=True)
        file.write_text(text)
    (folder / "copilot" / ".workspace").write_text(f"application: {APP}\n")
    (folder / "copilot-local.toml").write_text(f'[app]\ndomain = "{DOMAIN}"\n')
