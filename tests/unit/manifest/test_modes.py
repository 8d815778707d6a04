"""Strict, lenient and Copilot's own view; silencing; names and folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator.errors import FindingsError, InputError, Severity
from emulator.manifest import Options, check, load, load_environment
from tests.unit.manifest.conftest import JOB

ENVIRONMENT = """
name: test
type: Environment
network:
  vpc:
    id: vpc-1
    subnets: {public: [{id: subnet-1}, {id: subnet-2}], private: [{id: subnet-3}, {id: subnet-4}]}
    security_group:
      ingress: [{ip_protocol: tcp, ports: 10, cidr: 10.0.0.0/8}]
      egress: [{ip_protocol: tcp, ports: 0-65535, cidr: 0.0.0.0/0}]
    flow_logs: {retention: 7}
cdn:
  certificate: arn:aws:acm:us-east-1:123456789012:certificate/y
  terminate_tls: true
  static_assets: {location: bucket.s3.us-west-2.amazonaws.com, alias: example.com, path: static/*}
http:
  public:
    certificates: [arn:aws:acm:us-east-1:123456789012:certificate/x]
    ingress: {cdn: true, source_ips: [10.0.0.0/8]}
    access_logs: {bucket_name: logs, prefix: x}
    ssl_policy: ELBSecurityPolicy-TLS13-1-2-2021-06
  private: {certificates: [], subnets: [subnet-3], ingress: {vpc: true}}
observability: {container_insights: true}
"""
PIPELINE = """
name: release
version: 1
source: {provider: GitHub, properties: {branch: main, repository: x}}
stages: [{name: test, test_commands: [make test]}, {name: prod, requires_approval: true}]
"""


def write(folder: Path, place: str, text: str) -> Path:
    path = folder / place / "manifest.yml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def checked(path: Path, options: Options | None = None, **variables: str) -> list[tuple[str, Severity]]:
    found = check(path, environments=None, variables=variables, app="app", options=options)
    return [(finding.code, finding.severity) for finding in found.findings]


def test_lenient_makes_warnings_of_what_copilot_accepts_and_of_nothing_else(manifests: Any) -> None:
    text = manifests.text(cpus="1", http="{path: /, deregistration_delay: 50}")
    assert {finding.severity for finding in manifests.findings(text)} == {Severity.ERROR}
    loaded = manifests.load(text, strict=False)
    assert [(finding.code, finding.severity) for finding in loaded.findings] == [
        ("CL104", Severity.WARNING),
        ("CL101", Severity.WARNING),
    ]
    with pytest.raises(FindingsError):
        manifests.load(manifests.text(http="{path: /, version: x}"), strict=False)


@pytest.mark.parametrize("block", ["http: {pth: /}", "exec: {enabled: true}", "count: {spots: 1}", "exec: {enable: }"])
def test_a_map_without_a_known_key_is_refused_by_copilot_too(manifests: Any, block: str) -> None:
    key, _, value = block.partition(": ")
    with pytest.raises(FindingsError) as error:
        manifests.load(manifests.text(**{key: value}), strict=False)
    assert ("CL103", key) in [(finding.code, finding.path) for finding in error.value.findings]


def test_an_error_lists_warnings_too_in_the_order_of_the_file(manifests: Any) -> None:
    text = manifests.text(http="{path: /, version: x, targetContainer: web}", cpus="1")
    with pytest.raises(FindingsError) as error:
        manifests.load(text, strict=False)
    assert [finding.code for finding in error.value.findings] == ["CL107", "CL108", "CL101"]
    assert str(error.value).endswith("1 error")


def test_copilots_view_refuses_what_only_works_here(manifests: Any) -> None:
    for blocks in (
        {"logging": "{sidecars: true}", "sidecars": "{a: {image: x}}"},
        {"logging": "{configFile: /x}"},
        {"sidecars": "{a: {image: x, credentialParameter: c}}"},
    ):
        text = manifests.text(**blocks)
        assert {finding.severity for finding in manifests.findings(text)} == {Severity.WARNING}
        assert {finding.severity for finding in manifests.findings(text, copilot=True)} == {Severity.ERROR}


def test_copilots_view_takes_the_spelling_that_copilot_knows(manifests: Any) -> None:
    text = manifests.text(http="{path: /, targetContainer: web}")
    assert [finding.severity for finding in manifests.findings(text, copilot=True)] == [Severity.WARNING]


def test_an_empty_environment_of_a_job_crashes_copilot(manifests: Any) -> None:
    text = manifests.text(JOB) + "environments: {test: }\n"
    assert [(f.code, f.severity) for f in manifests.findings(text, "test")] == [("CL109", Severity.WARNING)]
    assert manifests.findings(text, "test", copilot=True)[0].severity is Severity.ERROR


def test_a_code_can_be_silenced_for_all(manifests: Any) -> None:
    text = manifests.text(cpus="1", mem="2")
    assert [finding.code for finding in manifests.findings(text)] == ["CL101", "CL101"]
    assert manifests.load(text, ignore=["CL101"]).findings == []


@pytest.mark.parametrize(
    "text",
    [
        "cpus: 1  # copilot-local: ignore CL101\n",
        "cpus: 1  # why # copilot-local: ignore CL101, CL104\n",
        "# copilot-local: ignore CL101\ncpus: 1\n",
        "   #copilot-local: ignore cl101 because\ncpus: 1\n",
    ],
)
def test_a_comment_silences_its_line_or_the_next(manifests: Any, text: str) -> None:
    assert manifests.load(manifests.text() + text).findings == []
    more = manifests.findings(manifests.text() + text + "other: 2\n")
    assert [finding.path for finding in more] == ["other"]


def test_a_comment_silences_the_codes_it_names_only(manifests: Any) -> None:
    text = manifests.text() + "cpus: 1  # copilot-local: ignore CL104\n"
    assert [finding.code for finding in manifests.findings(text)] == ["CL101"]


@pytest.mark.parametrize(
    "comment", ["# copilot-local: ignore", "# copilot-local: ignore CL999", "# copilot-local: ignore all"]
)
def test_a_comment_without_a_known_code_is_a_warning(manifests: Any, comment: str) -> None:
    (finding,) = manifests.findings(manifests.text() + f"cpu: 256 {comment}\n")
    assert (finding.code, finding.severity, finding.position.line) == ("CL115", Severity.WARNING, 5)


def test_what_leaves_no_manifest_cannot_be_silenced(manifests: Any) -> None:
    text = manifests.text(image=None) + "cpu: many  # copilot-local: ignore CL103\n"
    found = manifests.findings(text, ignore=["CL106"])
    assert sorted(finding.code for finding in found) == ["CL103", "CL106"]


def test_a_name_that_differs_from_the_folders(tmp_path: Path, manifests: Any) -> None:
    path = write(tmp_path, "copilot/api", manifests.text())
    assert checked(path) == [("CL113", Severity.WARNING)]
    assert checked(path, Options(copilot=True)) == [("CL113", Severity.ERROR)]
    assert checked(write(tmp_path, "copilot/web", manifests.text())) == []
    assert checked(write(tmp_path, "elsewhere/api", manifests.text())) == []


def test_every_environment_of_a_file_is_checked_and_nothing_is_said_twice(tmp_path: Path, manifests: Any) -> None:
    text = manifests.text(cpus="1", sidecars="{a: {image: x}}")
    text += "environments: {one: {http: {version: x}}, two: {cpu: 300}, three: }\n"
    path = write(tmp_path, "x", text)
    found = check(path, environments=None, variables={}, app="app")
    assert [finding.code for finding in found.findings] == ["CL101", "CL107", "CL150"]
    assert found.kind == "Load Balanced Web Service"
    assert found.lines[0] == "name: web"
    only = check(path, environments=["two"], variables={}, app="app")
    assert [finding.code for finding in only.findings] == ["CL101", "CL150"]


def test_a_syntax_error_is_a_finding_of_check(tmp_path: Path) -> None:
    assert checked(write(tmp_path, "x", "a: [")) == [("CL100", Severity.ERROR)]


@pytest.mark.parametrize("kind", ["Request-Driven Web Service", "Static Site"])
def test_types_that_do_not_run_on_ecs_are_a_finding_of_check(tmp_path: Path, kind: str) -> None:
    assert checked(write(tmp_path, "x", f"name: x\ntype: {kind}\n")) == [("CL116", Severity.ERROR)]


def test_an_environments_manifest(tmp_path: Path) -> None:
    path = write(tmp_path, "copilot/environments/test", ENVIRONMENT)
    assert checked(path) == []
    loaded = load_environment(path, variables={}, app="app")
    assert loaded.manifest.http.public.certificates == ["arn:aws:acm:us-east-1:123456789012:certificate/x"]
    assert loaded.manifest.http.private.certificates == []


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("name: test\ntype: Environment\nhttp: {public: {certificates: [x]}}\n", ["CL160"]),
        ("name: test\ntype: Environment\nhttp: {public: {certificates: ['arn:aws:s3:::b']}}\n", ["CL160"]),
        ("name: test\ntype: Environment\nhttp: {pubic: {}}\n", ["CL101"]),
        ("name: test\ntype: Environment\nhttp: {public: {ingress: {source_ips: [x]}}}\n", ["CL107"]),
        ("name: other\ntype: Environment\n", ["CL113"]),
        ("type: Environment\n", ["CL106"]),
        ("name: test\ntype: Environment\nvariables: {}\n", ["CL101"]),
    ],
)
def test_environment_manifests_that_are_wrong(tmp_path: Path, text: str, codes: list[str]) -> None:
    path = write(tmp_path, "copilot/environments/test", text)
    assert [code for code, _ in checked(path)] == codes


def test_a_pipelines_manifest(tmp_path: Path) -> None:
    assert checked(write(tmp_path, "copilot/pipelines/release", PIPELINE)) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("GitHub", "GitLab"), "CL161"),
        (("name: release", f"name: {'x' * 101}"), "CL161"),
        (("[make test]", "[a], post_deployments: {}"), "CL161"),
        (("version: 1", "vresion: 1"), "CL101"),
        (("version: 1\n", ""), "CL106"),
        (("version: 1", "version: '1'"), "CL103"),
        (("version: 1", "version: 0"), "CL161"),
        (("provider: GitHub,", ""), "CL106"),
    ],
)
def test_pipeline_manifests_that_are_wrong(tmp_path: Path, change: tuple[str, str], code: str) -> None:
    assert code in [found for found, _ in checked(write(tmp_path, "x", PIPELINE.replace(*change)))]


@pytest.mark.parametrize("group", ["deployments", "pre_deployments", "post_deployments"])
def test_what_waits_for_what_is_not_there_is_said_once(tmp_path: Path, group: str) -> None:
    buildspec = "" if group == "deployments" else "buildspec: a.yml, "
    stage = f"stages: [{{name: test, {group}: {{web: {{{buildspec}depends_on: [api]}}}}}}]\n"
    path = write(tmp_path, "x", PIPELINE[: PIPELINE.index("stages")] + stage)
    (finding,) = check(path, environments=None, variables={}, app="app").findings
    assert finding.message == f"web depends on api, which is not in {group} of the stage"


def test_what_is_no_workload_cannot_be_loaded_as_one(tmp_path: Path, manifests: Any) -> None:
    for place, text, what in (("e", ENVIRONMENT, "an environment"), ("p", PIPELINE, "a pipeline")):
        with pytest.raises(InputError, match=what):
            load(write(tmp_path, place, text), environment=None, variables={}, app="app")
    with pytest.raises(InputError, match="not the manifest of an environment"):
        load_environment(write(tmp_path, "w", manifests.text()), variables={}, app="app")
