"""Our stacks and task definitions, compared with those that Copilot itself makes of the same manifests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emulator.render.cloudformation.stack import StackOptions, render_stack
from emulator.render.task_definition import render_task_definition
from tests.unit.render.golden import (
    ABSENT,
    ACCOUNT,
    CASES,
    GOLDEN,
    REGION,
    Case,
    Evaluation,
    golden_parameters,
    golden_service,
    golden_template,
    read_template,
)
from tests.unit.render.parity import ACCEPTED, Row, additions, table

DOCS = Path(__file__).parents[3] / "docs" / "reference" / "rendering.md"
API_NAMES = {"EFSVolumeConfiguration": "efsVolumeConfiguration", "FilesystemId": "fileSystemId", "IAM": "iam"}
FLOOR = {
    "svc-test": (18, 23),
    "svc-staging": (16, 17),
    "svc-prod": (19, 23),
    "svc-grpc-test": (10, 14),
    "svc-nlb-test": (15, 16),
    "svc-nlb-dev": (17, 18),
    "worker-test": (33, 43),
    "job-test": (9, 11),
    "simple": (4, 6),
    "simple-without-port": (4, 6),
    "http-only-path": (7, 9),
    "http-full-config": (9, 11),
}
"""Resources of each stack that are equal, of those that Copilot's stack has besides its custom resources."""

pytestmark = pytest.mark.skipif(not GOLDEN.is_dir(), reason=ABSENT)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return [row for name, case in CASES.items() for row in table(name, case)]


@pytest.mark.parametrize("name", CASES)
def test_no_resource_differs_from_copilots_but_for_a_written_reason(name: str, rows: list[Row]) -> None:
    assert [(row.resource, row.unexplained()) for row in rows if row.case == name and row.unexplained()] == []


@pytest.mark.parametrize("name", CASES)
def test_no_fewer_resources_are_equal_than_before(name: str, rows: list[Row]) -> None:
    compared = [row for row in rows if row.case == name and not row.replaced]
    assert (sum(row.equal for row in compared), len(compared)) >= FLOOR[name]


@pytest.mark.parametrize(
    "type",
    [
        "AWS::ECS::TaskDefinition",
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "AWS::ElasticLoadBalancingV2::Listener",
        "AWS::EC2::SecurityGroup",
        "AWS::Route53::RecordSetGroup",
        "AWS::Logs::LogGroup",
        "AWS::SNS::Topic",
        "AWS::SNS::Subscription",
        "AWS::SQS::Queue",
        "AWS::SQS::QueuePolicy",
        "AWS::CloudWatch::Alarm",
        "AWS::EFS::AccessPoint",
        "AWS::ServiceDiscovery::Service",
        "AWS::Events::Rule",
        "AWS::StepFunctions::StateMachine",
    ],
)
def test_these_types_are_equal_everywhere(type: str, rows: list[Row]) -> None:
    found = [row for row in rows if row.type == type and not row.replaced]
    assert found
    assert [row for row in found if not row.equal] == []


def test_every_reason_is_needed(rows: list[Row]) -> None:
    needed = {entry for row in rows for entry in row.reasons()}
    assert [entry for entry in ACCEPTED if entry not in needed] == []


@pytest.mark.parametrize("name", CASES)
def test_our_stack_has_nothing_that_copilots_has_not(name: str) -> None:
    assert additions(CASES[name]) == set()


@pytest.mark.parametrize("name", CASES)
def test_outputs_that_other_stacks_may_import_are_copilots(name: str) -> None:
    theirs = golden_template(CASES[name]).get("Outputs", {})
    ours = read_template(render_stack(golden_service(CASES[name]), StackOptions(in_copilot_environment=True)))
    found = ours.get("Outputs", {})
    assert isinstance(theirs, dict)
    assert isinstance(found, dict)
    assert {key: (it["Value"], it["Export"]) for key, it in theirs.items()} == {
        key: (it["Value"], it["Export"]) for key, it in found.items() if "Export" in it
    }


def test_the_documentation_has_the_figures_and_the_reasons(rows: list[Row]) -> None:
    text = DOCS.read_text()
    compared = [row for row in rows if not row.replaced]
    figure = f"{sum(row.equal for row in compared)} of the {len(compared)} resources"
    assert figure in (DOCS.parent / "emulated.md").read_text()
    for name in CASES:
        mine = [row for row in rows if row.case == name]
        compared = [row for row in mine if not row.replaced]
        equal = sum(row.equal for row in compared)
        assert f"| {name} | {equal} of {len(compared)} | {len(mine) - len(compared)} |" in text
    for entry in ACCEPTED:
        reason = re.sub("^as above, ?", "", entry.reason)
        assert reason.split(":")[-1].strip() in re.sub(r"\s+", " ", text)


@pytest.mark.parametrize("name", CASES)
def test_task_definition_is_copilots(name: str) -> None:
    """Both sides as RegisterTaskDefinition's JSON. Copilot makes an environment file of every container conditional; we
    write those that are there. It leaves `essential` and the options' types to CloudFormation, we do not."""
    case = CASES[name]
    service = golden_service(case)
    given = {**golden_parameters(case), "ContainerImage": "image"}
    if not service.builds:
        given["ContainerImage"] = str(service.task_definition.container(service.main_container).image)
    names = {
        "LogGroup": service.log_group.name,
        "EnvControllerAction.PublicLoadBalancerDNSName": "${PublicLoadBalancer.DNSName}",
        "EnvControllerAction.InternalLoadBalancerDNSName": "${InternalLoadBalancer.DNSName}",
        "EnvControllerAction.ManagedFileSystemID": "${ManagedFileSystem}",
    }
    resources = golden_template(case)["Resources"]
    assert isinstance(resources, dict)
    theirs = Evaluation(given, names).of(resources["TaskDefinition"]["Properties"])
    values = {
        "AWS::Region": REGION,
        "AWS::AccountId": ACCOUNT,
        "LoadBalancerDNSName": "mockImportALBDNSName",
        **{f"image:{container}": "image" for container in service.builds},
    }
    ours = render_task_definition(service, values, placeholders=True)
    assert _comparable(_api(ours)) == _comparable(_api(theirs))


def _api(value: object) -> object:
    """CloudFormation's names as the API's, and every scalar as text."""
    if isinstance(value, dict):
        return {_api_name(key): _api(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_api(item) for item in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _api_name(name: str) -> str:
    return API_NAMES.get(name, name[:1].lower() + name[1:])


def _comparable(document: object) -> object:
    """Order of keys is of no meaning, order of lists is."""
    assert isinstance(document, dict)
    for container in document["containerDefinitions"]:
        container.setdefault("essential", "true")
        container.pop("environmentFiles", None)
        logging = container["logConfiguration"]
        logging["options"] = {_api_name(key): value for key, value in logging.get("options", {}).items()}
        if "dockerLabels" in container:
            container["dockerLabels"] = {_api_name(k): value for k, value in container["dockerLabels"].items()}
    return document


def test_a_case_has_its_manifest_and_its_stack() -> None:
    def there(case: Case) -> bool:
        return all((GOLDEN / file).is_file() for file in (case.manifest, case.stack, case.parameters))

    assert [name for name, case in CASES.items() if not there(case)] == []
