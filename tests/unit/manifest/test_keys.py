"""Keys that do not exist: what was meant, and where they belong."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.manifest.conftest import BACKEND, JOB, WEB, WORKER


def hint(manifests: Any, kind: str = WEB, **blocks: str | None) -> tuple[str, str]:
    """Code and hint of the one finding, which Copilot takes without a word."""
    (finding,) = manifests.findings(manifests.text(kind, **blocks))
    assert finding.copilot_accepts
    return finding.code, finding.hint


@pytest.mark.parametrize(
    ("blocks", "meant"),
    [
        ({"cpus": "256"}, "cpu"),
        ({"variabels": "{}"}, "variables"),
        ({"environment": "{test: {cpu: 256}}"}, "environments"),
        ({"sidecar": "{}"}, "sidecars"),
        ({"entryPoint": "x"}, "entrypoint"),
        ({"env-file": "x.env"}, "env_file"),
        ({"http": "{path: /, healtcheck: /}"}, "healthcheck"),
        ({"http": "{path: /, targetPort: 80}"}, "target_port"),
        ({"logging": "{secret_options: {}}"}, "secretOptions"),
        ({"logging": "{config_file_path: /x}"}, "configFilePath"),
        ({"count": "{spots: 5}"}, ""),
        ({"storage": "{volume: {}}"}, "volumes"),
        ({"sidecars": "{a: {image: x, mount_point: []}}"}, "mount_points"),
    ],
)
def test_did_you_mean(manifests: Any, blocks: dict[str, str], meant: str) -> None:
    found = manifests.findings(manifests.text(**blocks))
    finding = found[0]
    assert finding.code in ("CL101", "CL103")
    assert meant in finding.hint


@pytest.mark.parametrize(
    ("kind", "blocks", "place"),
    [
        (WEB, {"image": "{location: x, port: 80, target: t}"}, "image.build.target"),
        (WEB, {"image": "{location: x, port: 80, cache_from: [a]}"}, "image.build.cache_from"),
        (WEB, {"http": "{path: /, port: 80}"}, "image.port"),
        (WEB, {"http": "{path: /, success_codes: 200}"}, "http.healthcheck.success_codes"),
        (WEB, {"http": "{path: /, interval: 10s}"}, "http.healthcheck.interval"),
        (WEB, {"http": "{path: /, grace_period: 10s}"}, "http.healthcheck.grace_period"),
        (WEB, {"http": "{path: /, healthcheck: {path: /, retries: 3}}"}, "http.healthcheck.unhealthy_threshold"),
        (WEB, {"http": "{path: /, healthcheck: {path: /, start_period: 3s}}"}, "http.healthcheck.grace_period"),
        (WEB, {"http": "{path: /, additional_listeners: []}"}, "http.additional_rules"),
        (WEB, {"sidecars": "{a: {image: {location: x, depends_on: {}}}}"}, "sidecars.a.depends_on"),
        (WEB, {"sidecars": "{a: {image: {build: x, context: y}}}"}, "sidecars.a.image.build.context"),
        (WEB, {"sidecars": "{a: {image: x, build: y}}"}, "sidecars.a.image.build"),
        (WEB, {"depends_on": "{}"}, "image.depends_on"),
        (WEB, {"port": "80"}, "image.port"),
        (WEB, {"healthcheck": "{}"}, "image.healthcheck"),
        (WEB, {"environment": "{A: b}"}, "variables"),
        (WEB, {"vpc": "{}"}, "network.vpc"),
        (WEB, {"path": "/"}, "http.path"),
        (WEB, {"volumes": "{}"}, "storage.volumes"),
        (WEB, {"deregistration_delay": "5s"}, "http.deregistration_delay or nlb.deregistration_delay"),
        (JOB, {"schedule": "'@daily'"}, "on.schedule"),
        (WORKER, {"topics": "[]"}, "publish.topics"),
    ],
)
def test_where_a_key_belongs(manifests: Any, kind: str, blocks: dict[str, str], place: str) -> None:
    assert hint(manifests, kind, **blocks) == ("CL102", f"it belongs to {place}")


@pytest.mark.parametrize(
    ("kind", "blocks", "where"),
    [
        (BACKEND, {"nlb": "{}"}, "Load Balanced Web Service"),
        (WORKER, {"http": "{path: /}"}, "Load Balanced Web Service"),
        (WEB, {"on": "{schedule: x}"}, "Scheduled Job"),
        (WEB, {"subscribe": "{}"}, "Worker Service"),
        (JOB, {"observability": "{}"}, "service"),
    ],
)
def test_keys_of_another_type(manifests: Any, kind: str, blocks: dict[str, str], where: str) -> None:
    code, text = hint(manifests, kind, **blocks)
    assert code == "CL102"
    assert where in text


@pytest.mark.parametrize("key", ["tags", "execution_role", "https"])
def test_keys_that_belong_nowhere_have_a_reason(manifests: Any, key: str) -> None:
    code, text = hint(manifests, **{key: "{}"})
    assert code == "CL101"
    assert not text.startswith("known keys")


def test_a_health_check_has_no_protocol(manifests: Any) -> None:
    code, text = hint(manifests, http="{path: /, healthcheck: {path: /, protocol: https}}")
    assert (code, "443" in text) == ("CL101", True)


def test_a_key_that_resembles_nothing_lists_what_there_is(manifests: Any) -> None:
    code, text = hint(manifests, network="{zzz: 1, connect: true}")
    assert (code, text) == ("CL101", "known keys: connect, vpc")


def test_a_variable_at_the_wrong_level_of_an_environment(manifests: Any) -> None:
    text = manifests.text() + "environments:\n  staging:\n    DATABASE_URL: x\n"
    (finding,) = manifests.findings(text, "staging")
    assert (finding.code, finding.path) == ("CL102", "environments.staging.DATABASE_URL")
    assert finding.hint == "it belongs to environments.staging.variables.DATABASE_URL"
    assert finding.position.line == 7


def test_a_block_that_is_taken_for_an_environment(manifests: Any) -> None:
    text = manifests.text() + "environments:\n  image: {location: x}\n  test: {}\n"
    (finding,) = manifests.findings(text, "test")
    assert (finding.code, finding.path) == ("CL102", "environments.image")
    assert finding.hint == "put it below an environment: environments.<name>.image"


@pytest.mark.parametrize("key", ["name", "type", "environments"])
def test_what_an_environment_cannot_override(manifests: Any, key: str) -> None:
    text = manifests.text() + f"environments:\n  test: {{{key}: x}}\n"
    (finding,) = manifests.findings(text, "test")
    assert (finding.code, finding.path) == ("CL101", f"environments.test.{key}")
    assert manifests.load(text, "test", strict=False).manifest.name == "web"


def test_misplaced_keys_in_an_environment_have_its_path(manifests: Any) -> None:
    text = manifests.text() + "environments: {test: {port: 80, http: {path: /a, port: 80}}}\n"
    hints = [finding.hint for finding in manifests.findings(text, "test")]
    assert hints == ["it belongs to environments.test.image.port"] * 2
