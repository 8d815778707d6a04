"""Names that can never match, and what was meant by them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator.errors import Severity
from emulator.manifest import check
from tests.unit.manifest.conftest import WEB, WORKER


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ('"${COPILOT_ENVIRONMENT_NAME}"', "not into keys"),
        ("Prod", "did you mean prod?"),
        ("my env", "did you mean my-env?"),
        ("prod_2", "did you mean prod-2?"),
        ("9", "lower-case letters"),
        ('"*"', "lower-case letters"),
    ],
)
def test_a_key_of_environments_that_no_environment_can_have(manifests: Any, name: str, hint: str) -> None:
    [finding] = manifests.findings(manifests.text(environments=f"{{{name}: {{count: 2}}}}"))
    assert (finding.code, finding.copilot_accepts) == ("CL109", True)
    assert "never applies" in finding.message
    assert hint in finding.hint
    assert manifests.load(manifests.text(environments=f"{{{name}: {{count: 2}}}}"), strict=False).manifest


def test_a_misspelt_environment_of_the_workspace(tmp_path: Path, manifests: Any) -> None:
    folder = tmp_path / "copilot"
    for name in ("production", "staging"):
        (folder / "environments" / name).mkdir(parents=True)
        (folder / "environments" / name / "manifest.yml").write_text(f"name: {name}\ntype: Environment\n")
    (folder / "web").mkdir()
    path = folder / "web" / "manifest.yml"
    path.write_text(manifests.text(environments="{prodution: {count: 2}, staging: {count: 2}, elsewhere: {}}"))
    [finding] = check(path, environments=["staging"], variables={}, app="demo").findings
    assert (finding.code, finding.severity, finding.hint) == ("CL109", Severity.WARNING, "did you mean production?")


@pytest.mark.parametrize("environment", ["prod", "test", None])
def test_a_misspelt_sidecar_of_an_environment(manifests: Any, environment: str | None) -> None:
    text = manifests.text(
        sidecars="{datadog: {image: x}}",
        storage="{volumes: {data: {path: /data}}}",
        environments="""
  prod:
    sidecars: {dotadog: {variables: {A: b}}, extra: {image: y}}
    storage: {volumes: {dta: {read_only: false}}}
""",
    )
    found = [it for it in manifests.findings(text, environment) if it.code == "CL106"]
    assert [(it.path, it.hint) for it in found] == [
        ("environments.prod.sidecars.dotadog", "did you mean datadog?"),
        ("environments.prod.storage.volumes.dta", "did you mean data?"),
    ]
    in_use = environment == "prod"
    assert {it.severity for it in found} == {Severity.ERROR if in_use else Severity.WARNING}


@pytest.mark.parametrize(
    ("block", "hint"),
    [
        ("DB: /new", "environments.prod.secrets.DB"),
        ("DB: {secretsmanager: x}", "environments.prod.secrets.DB"),
        ("OTHER: {secretsmanager: x}", "environments.prod.secrets.OTHER"),
        ("OTHER: /copilot/a/b/secrets/c", "environments.prod.secrets.OTHER"),
        ("db_host: x", "environments.prod.variables.db_host"),
        ("LEVEL: x", "environments.prod.variables.LEVEL"),
        ("sidecars: {side: {TOKEN: /t}}", "environments.prod.sidecars.side.secrets.TOKEN"),
    ],
)
def test_a_secret_or_a_variable_that_stands_by_itself(manifests: Any, block: str, hint: str) -> None:
    text = manifests.text(
        secrets="{DB: /db}",
        variables="{db_host: y}",
        sidecars="{side: {image: x, secrets: {TOKEN: /x}}}",
        environments=f"{{prod: {{{block}}}}}",
    )
    [finding] = manifests.findings(text, "prod")
    assert (finding.code, finding.hint) == ("CL102", f"it belongs to {hint}")


def test_an_undefined_variable_is_one_finding(tmp_path: Path) -> None:
    path = tmp_path / "copilot" / "environments" / "test" / "manifest.yml"
    path.parent.mkdir(parents=True)
    path.write_text("name: test\ntype: Environment\nhttp:\n  public:\n    certificates:\n      - ${CERT_ARN}\n")
    findings = check(path, environments=[None], variables={}, app="demo").findings
    assert [(it.code, it.position.line) for it in findings if it.position] == [("CL110", 6)]


@pytest.mark.parametrize(
    ("schedule", "meant"),
    [
        ("None", "none"),
        ("NONE", "none"),
        ("daily", "@daily"),
        ("@Daily", "@daily"),
        ("@dayly", "@daily"),
        ("every 5m", "@every 5m"),
        ("@Every 1h", "@every 1h"),
        ("Rate(5 minutes)", "rate(5 minutes)"),
        ("cron (0 0 * * ? *)", "cron(0 0 * * ? *)"),
    ],
)
def test_a_schedule_that_was_meant_to_be_another(manifests: Any, schedule: str, meant: str) -> None:
    text = manifests.text("Scheduled Job", on_=f'{{schedule: "{schedule}"}}')
    [finding] = manifests.findings(text)
    assert finding.code == "CL107"
    assert f"did you mean '{meant}'" in finding.message


def test_a_queue_without_topics_has_no_effect(manifests: Any) -> None:
    text = manifests.text(WORKER, subscribe="{queue: {dead_letter: {tries: 3}}}")
    [finding] = manifests.findings(text)
    assert (finding.code, finding.path, finding.copilot_accepts) == ("CL109", "subscribe.queue", True)
    with_topic = "{queue: {dead_letter: {tries: 3}}, topics: [{name: a, service: shop}]}"
    assert manifests.findings(manifests.text(WORKER, subscribe=with_topic)) == []


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("A", "/a/JWT KEY", "CL107"),
        ("A", "$MY_SECRET", "CL107"),
        ("A", "/a/b!", "CL107"),
        ("A", "arn:aws:s3:::b", "CL107"),
        ("A B", "/a", "CL136"),
        ("A!", "/a", "CL136"),
    ],
)
def test_secrets_that_ecs_refuses(manifests: Any, name: str, value: str, code: str) -> None:
    [finding] = manifests.findings(manifests.text(WEB, secrets=f"{{'{name}': '{value}'}}"))
    assert (finding.code, finding.copilot_accepts) == (code, True)
    assert finding.position is not None
    assert finding.position.line == 5


def test_the_variable_of_a_secret_without_braces_is_pointed_out(manifests: Any) -> None:
    [finding] = manifests.findings(manifests.text(secrets="{A: $MY_SECRET}"))
    assert "${MY_SECRET}" in finding.hint
    [managed] = manifests.findings(manifests.text(secrets="{A: {secretsmanager: 'name:key'}}"))
    assert "three colons" in managed.message
