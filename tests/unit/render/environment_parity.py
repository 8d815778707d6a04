"""Our stack of an environment, compared with the one that Copilot itself makes, resource by resource."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from emulator.compiler.environment.compile import compile_environment
from emulator.ecs.environment.model import Environment, Needs
from emulator.manifest import load_environment
from emulator.render.cloudformation.environment.context import EnvironmentOptions
from emulator.render.cloudformation.environment.stack import render_environment
from tests.unit.render.golden import Evaluation, read_template
from tests.unit.render.parity import Accepted

GOLDEN = Path(__file__).parents[3].parent / "shared" / "copilot-environments"
ABSENT = "Copilot's expected environment stacks are not here"
APP, NAME = "demo", "test"
DOMAIN = "example.com"

_EVERYTHING = Needs(("web",), ("api",), ("web",), ("api",))
_NOTHING = Needs()

ACCEPTED = (
    Accepted(
        "ELBAccessLogsBucketPolicy",
        "PolicyDocument.Statement[[]0].Principal*",
        "the service that delivers the logs, in place of a table of accounts by region",
    ),
    Accepted("ELBAccessLogsBucketPolicy", "DependsOn", "left out: the policy refers to the bucket"),
)

MACHINERY = {
    "HTTPSCert": "in a new environment `AWS::CertificateManager::Certificate`, in place a parameter",
    "CertificateValidationFunction": "as above: the certificate validates itself",
    "DelegateDNSAction": "in a new environment an NS record, in place it is there already",
    "DNSDelegationFunction": "as above",
    "CustomDomainAction": "in a new environment record sets of the aliases, in place they are there already",
    "CustomDomainFunction": "as above",
    "CustomResourceRole": "the role of these functions",
    "UniqueAliasesAction": "the literal list of names",
    "UniqueJSONValuesFunction": "as above",
    "UniqueJSONValuesFunctionRole": "as above",
    "ELBAccessLogsBucketCleanerAction": "none: the bucket stays when the stack goes",
    "BucketCleanerFunction": "as above",
    "ELBAccessLogsBucketCleanerRole": "as above",
    "CloudformationExecutionRole": "left out, and retained by Copilot's own template: only Copilot uses it",
    "EnvironmentManagerRole": "left out, and retained by Copilot's own template: only Copilot uses it",
}
"""Copilot's custom resources with their functions and roles, and what takes their place."""


@dataclass(frozen=True)
class Case:
    """One expected stack, with all that services can need or with nothing."""

    file: str
    everything: bool


CASES = {
    f"{file}, {'everything needed' if everything else 'nothing needed'}": Case(file, everything)
    for file in (
        "basic",
        "cloudfront-observability",
        "custom-security-group",
        "default-access-log-config",
        "importedvpc-flowlogs",
    )
    for everything in (True, False)
}


@dataclass(frozen=True)
class Row:
    """How one of Copilot's resources came out: paths that differ, each with Copilot's value and ours."""

    case: str
    resource: str
    differences: tuple[tuple[str, object, object], ...] = ()
    replaced: bool = False

    def unexplained(self) -> list[tuple[str, object, object]]:
        return [it for it in self.differences if self.reason(it[0]) is None]

    def reason(self, path: str) -> Accepted | None:
        """The written reason of a difference."""
        return next(
            (it for it in ACCEPTED if fnmatchcase(self.resource, it.resource) and fnmatchcase(path, it.path)), None
        )


def golden_text(case: Case) -> str:
    """The stack's text, with ARNs where Copilot's test has words for certificates, lengths of addresses and ids of the
    right length: Copilot or AWS refuses the manifest without them."""
    text = (GOLDEN / f"{case.file}.yml").read_text()
    text = re.sub(r"\bviewer-cert\b", "arn:aws:acm:us-east-1:123456789123:certificate/viewer-cert", text)
    text = re.sub(r"\b(vpc|subnet)-(\d{5})\b", r"\1-000\2", text)
    text = re.sub(r"\b0\.0\.0\.0(?!/)", "0.0.0.0/0", text)
    text = re.sub(r"\b(1\.1\.1\.1|2\.2\.2\.2)\b", r"\1/32", text)
    return re.sub(r"(?<=[- \"])(cert-\d)\b", r"arn:aws:acm:us-west-2:123456789123:certificate/\1", text)


def golden_environment(case: Case, folder: Path, needs: Needs | None = None) -> Environment:
    """The environment of the manifest that the stack's metadata holds."""
    template = read_template(golden_text(case))
    metadata = template["Metadata"]
    assert isinstance(metadata, dict)
    path = folder / "manifest.yml"
    path.write_text(str(metadata["Manifest"]))
    loaded = load_environment(path, variables={}, app=APP, strict=False)
    found = compile_environment(
        loaded.manifest,
        app=APP,
        needs=needs or (_EVERYTHING if case.everything else _NOTHING),
        position=loaded.position,
        source=loaded.text,
    )
    return found if found.public.certificates else replace(found, domain=DOMAIN)


def table(name: str, case: Case, folder: Path, *, in_place: bool = False) -> list[Row]:
    """Every resource that Copilot's stack has under these conditions, in its order; then those that only ours has."""
    environment = golden_environment(case, folder)
    ours = read_template(render_environment(environment, EnvironmentOptions(in_place=in_place))[0])
    theirs = read_template(golden_text(case))
    left, right = _copilots(environment), Evaluation(values=_values(environment), names=_NAMES)
    mine, wanted = ours["Resources"], theirs["Resources"]
    assert isinstance(mine, dict)
    assert isinstance(wanted, dict)
    rows = []
    for resource, definition in wanted.items():
        if not left.conditions.get(definition.get("Condition"), "Condition" not in definition):
            if resource in mine:
                rows.append(Row(name, resource, (("", "not there", "there"),)))
        elif resource in MACHINERY:
            rows.append(Row(name, resource, replaced=True))
        elif resource not in mine:
            rows.append(Row(name, resource, (("", "there", "not there"),)))
        else:
            one, other = (
                _normal(side.of({key: it.get(key) for key in ("Type", "Properties", "DependsOn") if key in it}))
                for side, it in ((left, definition), (right, mine[resource]))
            )
            found = [
                (path.removeprefix("Properties."), expected, actual)
                for path, expected, actual in _differences("", one, other)
            ]
            rows.append(Row(name, resource, tuple(found)))
    return rows


def additions(case: Case, folder: Path, *, in_place: bool = False) -> set[str]:
    """Resources of ours that Copilot's stack has not."""
    environment = golden_environment(case, folder)
    ours = read_template(render_environment(environment, EnvironmentOptions(in_place=in_place))[0])["Resources"]
    theirs = read_template(golden_text(case))["Resources"]
    assert isinstance(ours, dict)
    assert isinstance(theirs, dict)
    return set(ours) - set(theirs)


def outputs(case: Case, folder: Path, *, in_place: bool = False) -> tuple[dict[str, object], dict[str, object]]:
    """Value and export of each output that has one, of Copilot's stack and of ours."""
    environment = golden_environment(case, folder)
    ours = read_template(render_environment(environment, EnvironmentOptions(in_place=in_place))[0])["Outputs"]
    theirs = read_template(golden_text(case))["Outputs"]
    assert isinstance(ours, dict)
    assert isinstance(theirs, dict)
    left, right = _copilots(environment), Evaluation(values=_values(environment), names=_NAMES)
    conditions = left.conditions
    return (
        {key: left.of([it["Value"], it.get("Export")]) for key, it in theirs.items()
         if conditions.get(it.get("Condition"), "Condition" not in it)},
        {key: right.of([it["Value"], it.get("Export")]) for key, it in ours.items()},
    )  # fmt: skip


_NAMES = {
    "AWS::StackName": f"{APP}-{NAME}",
    "CloudFrontPrefixListId": "pl-mockid",
    "HTTPSCertificateArn": "${HTTPSCert}",
    "EnvironmentManagerRole.Arn": f"arn:aws:iam::123456789123:role/{APP}-{NAME}-EnvManagerRole",
    "CloudformationExecutionRole.Arn": f"arn:aws:iam::123456789123:role/{APP}-{NAME}-CFNExecutionRole",
    "UniqueAliasesAction.UniqueValues": "[example.com]",
}


def _values(environment: Environment) -> dict[str, str]:
    needs = environment.needs
    return {
        "AppName": APP,
        "EnvironmentName": NAME,
        "ALBWorkloads": ",".join(needs.public_balancer),
        "InternalALBWorkloads": ",".join(needs.internal_balancer),
        "EFSWorkloads": ",".join(needs.file_system),
        "NATWorkloads": ",".join(needs.nat),
        "AppRunnerPrivateWorkloads": "",
        "Aliases": "",
        "AppDNSName": environment.domain or "",
        "ServiceDiscoveryEndpoint": f"{NAME}.{APP}.local",
    }


def conditions_of(environment: Environment) -> dict[str, bool]:
    """The conditions of Copilot's template, as it is deployed for this environment."""
    needs = environment.needs
    return {
        "CreateALB": bool(needs.public_balancer),
        "CreateInternalALB": bool(needs.internal_balancer),
        "DelegateDNS": environment.domain is not None,
        "ExportHTTPSListener": environment.https,
        "ExportInternalHTTPSListener": environment.internal_https,
        "CreateEFS": bool(needs.file_system),
        "CreateNATGateways": bool(needs.nat),
        "CreateAppRunnerVPCEndpoint": False,
        "ManagedAliases": bool(environment.domain and needs.public_balancer),
    }


def _copilots(environment: Environment) -> Evaluation:
    """What Copilot's template is deployed with."""
    return Evaluation(values=_values(environment), names=_NAMES, conditions=conditions_of(environment))


def _normal(value: object) -> object:
    """What both sides write in their own way, made one."""
    if isinstance(value, list):
        return [_normal(item) for item in value]
    if not isinstance(value, dict):
        if isinstance(value, str) and value.startswith("{"):
            return json.loads(value)
        return value
    found = {key: _normal(item) for key, item in value.items()}
    if found.get("Aliases") == "[example.com]":
        found["Aliases"] = ["example.com"]
    return found


def _differences(path: str, theirs: object, ours: object) -> Iterator[tuple[str, object, object]]:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in sorted({*theirs, *ours}):
            here = f"{path}.{key}" if path else key
            if key not in theirs or key not in ours:
                yield here, theirs.get(key, "not there"), ours.get(key, "not there")
            else:
                yield from _differences(here, theirs[key], ours[key])
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for number, (one, other) in enumerate(zip(theirs, ours, strict=True)):
            yield from _differences(f"{path}[{number}]", one, other)
    elif theirs != ours:
        yield path, theirs, ours
