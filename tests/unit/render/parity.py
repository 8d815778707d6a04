"""Our stack in an environment that Copilot made, compared with Copilot's own, resource by resource."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from emulator.render.cloudformation.stack import StackOptions, render_stack
from tests.unit.render.golden import (
    Case,
    Evaluation,
    golden_parameters,
    golden_service,
    golden_template,
    read_template,
)


@dataclass(frozen=True)
class Accepted:
    """A difference that is meant: patterns of the resource's logical id and the property's path, and why."""

    resource: str
    path: str
    reason: str


ACCEPTED = (
    Accepted("Service", "DesiredCount", "left out where the count scales, in place of the custom resource"),
    Accepted("AutoScalingTarget", "RoleARN", "ECS scales with Application Auto Scaling's service-linked role"),
    Accepted("AutoScalingRole", "", "as above: nothing needs the role"),
    Accepted(
        "AutoScalingPolicy*EventsQueue",
        "TargetTrackingScalingPolicyConfiguration.CustomizedMetricSpecification*",
        "the backlog per task is metric math, in place of a Lambda function that writes a metric",
    ),
    Accepted(
        "ExecutionRole",
        "Policies*",
        "tighter: its own log group, and the log groups, repositories, secrets and files that the containers name",
    ),
    Accepted("ExecutionRole", "ManagedPolicyArns", "as above, in place of a policy for every log group and image"),
    Accepted(
        "TaskRole",
        "Policies.ExecuteCommand.*",
        "tighter: writes the session's log only to log groups of the containers",
    ),
    Accepted("StateMachineRole", "*Resource*", "tighter: stops and describes tasks of its cluster only"),
    Accepted(
        "EnvironmentSecurityGroupIngressFromImportedALB1", "", "one security group, a parameter; Copilot looks all up"
    ),
)

MACHINERY = (
    "EnvController*",
    "RulePriority*",
    "*PriorityAction",
    "DynamicDesiredCount*",
    "BacklogPerTask*",
    "PermissionToInvokeBacklogPerTaskCalculatorLambda",
    "NLBCertValidator*",
    "NLBCustomDomain*",
)
"""Copilot's custom resources with their functions and roles: parameters take their place."""

WORDS = ("AlarmDescription", "Comment")
"""Properties for people, in our own words."""

NAMES = {
    "${EnvControllerAction.EnvironmentSecurityGroup}": "${my-app-test-EnvironmentSecurityGroup}",
    "EnvControllerAction.InternalWorkloadsHostedZoneName": "my-env.my-app.internal",
    "NLBCertValidatorAction": "${NLBCertificateArn}",
    "mockImportALBName": "app/demo-t-Publi-MqfbfMJgLPZ0/5ea280ee3a7eff37",
}


@dataclass(frozen=True)
class Row:
    """How one of Copilot's resources came out: paths that differ, each with Copilot's value and ours."""

    case: str
    resource: str
    type: str
    differences: tuple[tuple[str, object, object], ...] = ()
    replaced: bool = False

    @property
    def equal(self) -> bool:
        return not self.replaced and not self.differences

    def unexplained(self) -> list[tuple[str, object, object]]:
        """The differences that no entry of `ACCEPTED` covers."""
        return [it for it in self.differences if not any(_covers(entry, self.resource, it[0]) for entry in ACCEPTED)]

    def reasons(self) -> list[Accepted]:
        """The entries of `ACCEPTED` that are needed."""
        found = [
            next((entry for entry in ACCEPTED if _covers(entry, self.resource, path)), None)
            for path, *_ in self.differences
        ]
        return [entry for entry in found if entry is not None]


def _covers(entry: Accepted, resource: str, path: str) -> bool:
    return fnmatchcase(resource, entry.resource) and fnmatchcase(path, entry.path)


def additions(case: Case) -> set[str]:
    """Resources of ours that Copilot's stack has not."""
    ours = read_template(render_stack(golden_service(case), StackOptions(in_copilot_environment=True)))["Resources"]
    assert isinstance(ours, dict)
    theirs = golden_template(case)["Resources"]
    assert isinstance(theirs, dict)
    return set(ours) - set(theirs)


def table(name: str, case: Case) -> list[Row]:
    """Every resource of Copilot's stack, in its order."""
    service = golden_service(case)
    template = read_template(render_stack(service, StackOptions(in_copilot_environment=True)))
    ours, theirs = template["Resources"], golden_template(case)["Resources"]
    parameters = template.get("Parameters", {})
    assert isinstance(ours, dict)
    assert isinstance(theirs, dict)
    assert isinstance(parameters, dict)
    right = Evaluation(
        values=_our_values(parameters), names={"LogGroup": service.log_group.name, **imports_of(case.environment_name)}
    )
    given = {**golden_parameters(case)}
    # Whether a file was uploaded is not the manifest's: ours has a parameter where it asks for one.
    given |= {name: f"${{{name}}}" for name in parameters if "EnvFileARN" in name}
    given |= {"AWS::StackName": f"my-app-{case.environment_name}-{service.name}"}
    if service.builds.get(service.main_container):
        given["ContainerImage"] = "${ContainerImage}"
    left = Evaluation(
        values=given,
        names={"LogGroup": service.log_group.name, **NAMES, **_domain(case)},
        conditions=dict.fromkeys(_uploaded(parameters), True)
        | {"ExposePort": given.get("TargetPort") != "-1", "HasAssociatedDomain": given.get("DNSDelegated") == "true"},
    )
    rows = []
    for resource, definition in theirs.items():
        kind = definition["Type"]
        if any(fnmatchcase(resource, pattern) for pattern in MACHINERY):
            rows.append(Row(name, resource, kind, replaced=True))
            continue
        if not left.conditions.get(definition.get("Condition"), "Condition" not in definition):
            continue  # is not made: there are no addons, and no domain
        mine = ours.get(resource)
        if mine is None:
            rows.append(Row(name, resource, kind, (("", "there", "not there"),)))
            continue
        expected = _normal(left.of(definition.get("Properties", {})))
        actual = _normal(right.of(mine.get("Properties", {})))
        rows.append(Row(name, resource, kind, tuple(_differences("", expected, actual))))
    return rows


EXPORTS = {
    "HTTPListenerArn": "HTTPListenerArn",
    "HTTPSListenerArn": "HTTPSListenerArn",
    "InternalHTTPListenerArn": "InternalHTTPListenerArn",
    "InternalHTTPSListenerArn": "InternalHTTPSListenerArn",
    "PublicLoadBalancerDNS": "PublicLoadBalancerDNSName",
    "CanonicalHostedZoneID": "PublicLoadBalancerHostedZone",
    "PublicLoadBalancerFullName": "PublicLoadBalancerFullName",
    "InternalLoadBalancerDNS": "InternalLoadBalancerDNSName",
    "InternalLoadBalancerCanonicalHostedZoneID": "InternalLoadBalancerHostedZone",
    "InternalLoadBalancerFullName": "InternalLoadBalancerFullName",
    "FilesystemID": "ManagedFileSystemID",
    "InternalWorkloadsHostedZoneID": "InternalWorkloadsHostedZone",
}
"""What the environment's stack exports, by name, and the output that Copilot's environment controller tells of it."""


def imports_of(environment: str) -> dict[str, str]:
    """Imports of an environment's stack under the name of what Copilot's controller tells its stack."""
    return {
        f"my-app-{environment}-{export}": f"${{EnvControllerAction.{output}}}" for export, output in EXPORTS.items()
    }


def _domain(case: Case) -> dict[str, str]:
    """The environment's domain, which Copilot's stack imports."""
    name = f"my-app-{case.environment_name}-SubDomain"
    return {name: f"{case.environment_name}.my-app.{case.domain}"} if case.domain else {}


def _uploaded(parameters: dict[str, object]) -> Iterator[str]:
    for name in parameters:
        if "EnvFileARN" in name:
            yield "Has" + name.replace("EnvFileARN", "EnvFile")


def _our_values(parameters: dict[str, object]) -> dict[str, str]:
    """Defaults; what Copilot's environment controller tells its stack stands under its name."""
    found: dict[str, str] = {}
    for name, definition in parameters.items():
        assert isinstance(definition, dict)
        if "Default" in definition and not name.startswith("RulePriority"):
            found[name] = str(definition["Default"])
        elif "OutputKey" in definition["Description"]:
            found[name] = f"${{EnvControllerAction.{name}}}"
        elif name in _IMPORTED:
            found[name] = _IMPORTED[name]
    return found


_IMPORTED = {
    "LoadBalancerDNSName": "mockImportALBDNSName",
    "LoadBalancerHostedZone": "mockHostedZoneID",
    "LoadBalancerSecurityGroup": "mockImportALBSG1",
    "HTTPListenerArn": "MockListenerARN1",
    "HTTPSListenerArn": "MockListenerARN1",
}
"""What Copilot's test says of the imported load balancer, by our parameters."""


def _normal(value: object) -> object:
    """What both sides write in their own way, made one."""
    if isinstance(value, list):
        return [_normal(item) for item in value]
    if not isinstance(value, dict):
        return _named(value) if isinstance(value, str) else value
    found = {key: _normal(item) for key, item in value.items() if key not in WORDS}
    if "DefinitionString" in found:
        text = str(found["DefinitionString"])
        for name, substitution in dict(found.pop("DefinitionSubstitutions", {})).items():  # type: ignore[call-overload]
            text = text.replace(f"${{{name}}}", str(substitution))
        found["DefinitionString"] = {k: v for k, v in json.loads(text).items() if k != "Comment"}
    if "ContainerDefinitions" in found:
        for container in found["ContainerDefinitions"]:  # type: ignore[attr-defined]
            _container(container)
    if isinstance(found.get("ManagedPolicyArns"), list) and not found["ManagedPolicyArns"]:
        del found["ManagedPolicyArns"]
    if "PolicyName" in found and "PolicyDocument" in found:
        # A name with an import in it is not known here; the statements are what counts.
        found["PolicyName"] = re.sub(r"(GrantEFSAccess).*", r"\1", str(found["PolicyName"]))
    if "Effect" in found and "Action" in found:
        for key in found.keys() & {"Action", "Resource"}:
            found[key] = found[key] if isinstance(found[key], list) else [found[key]]
    return found


def _named(text: str) -> str:
    """Copilot's custom resource that gives priorities, under the name of our parameter."""
    text = re.sub(
        r"\$\{HTTP(?:RuleWithDomain|RedirectRule)PriorityAction\.Priority(\d*)\}", r"${RulePriorityOnHTTP\1}", text
    )
    return NAMES.get(text, re.sub(r"\$\{\w+PriorityAction\.Priority(\d*)\}", r"${RulePriority\1}", text))


def _container(container: dict[str, object]) -> None:
    container.setdefault("Essential", "true")  # ECS's default
    if not container.get("EnvironmentFiles"):
        container.pop("EnvironmentFiles", None)
    logging = container["LogConfiguration"]
    assert isinstance(logging, dict)
    logging.setdefault("Options", {})  # awsfirelens wants one


def _differences(path: str, theirs: object, ours: object) -> Iterator[tuple[str, object, object]]:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in sorted({*theirs, *ours}):
            here = f"{path}.{key}" if path else key
            if key not in theirs or key not in ours:
                yield here, theirs.get(key, "not there"), ours.get(key, "not there")
            else:
                yield from _differences(here, theirs[key], ours[key])
    elif isinstance(theirs, list) and isinstance(ours, list):
        if path == "Policies" and [_name(item) for item in theirs] == [_name(item) for item in ours]:
            for one, other in zip(theirs, ours, strict=True):
                yield from _differences(f"{path}.{_name(one)}", one, other)
        elif len(theirs) != len(ours):
            yield path, theirs, ours
        else:
            for number, (one, other) in enumerate(zip(theirs, ours, strict=True)):
                yield from _differences(f"{path}[{number}]", one, other)
    elif theirs != ours:
        yield path, theirs, ours


def _name(item: object) -> str:
    return str(item.get("PolicyName", "")) if isinstance(item, dict) else ""
