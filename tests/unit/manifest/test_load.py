"""Real manifests, and the entry point."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from emulator.errors import Finding, FindingsError, InputError, Severity, Unsupported
from emulator.manifest import load
from emulator.manifest.schema.load_balanced_web_service import LoadBalancedWebService
from emulator.manifest.schema.scheduled_job import ScheduledJob
from emulator.manifest.schema.worker_service import WorkerService


def codes(findings: list[Finding]) -> list[str]:
    return [finding.code for finding in findings]


@pytest.mark.parametrize(
    ("file", "environment"),
    [
        ("svc-manifest.yml", "test"),
        ("svc-manifest.yml", "staging"),
        ("svc-manifest.yml", "prod"),
        ("svc-grpc-manifest.yml", "test"),
        ("worker-manifest.yml", "test"),
        ("job-manifest.yml", "test"),
        ("backend/http-full-config-manifest.yml", "my-env"),
        ("backend/http-only-path-manifest.yml", "my-env"),
        ("backend/simple-manifest.yml", "my-env"),
        ("backend/simple-manifest-without-port-config.yml", "my-env"),
    ],
)
def test_copilots_own_manifests_load_clean(golden: Path, file: str, environment: str) -> None:
    loaded = load(golden / file, environment=environment, variables={"TAG": "cicdtest"}, app="my-app")
    assert [str(finding) for finding in loaded.findings] == []
    assert loaded.manifest.name in ("fe", "gRPC", "dogworker", "job", "http-full-config", "http-only-path",
                                    "simple-backend")  # fmt: skip


def test_the_published_nginx_manifest_keeps_its_spelling(published: Path) -> None:
    loaded = load(published / "nginx-sidecar.manifest.yml", environment="test", variables={}, app="app")
    manifest = loaded.manifest
    assert isinstance(manifest, LoadBalancedWebService)
    assert manifest.http is not None
    assert manifest.http.target_container == "nginx"
    assert manifest.sidecars["nginx"].port is not None
    assert manifest.sidecars["nginx"].port.number == 80
    assert codes(loaded.findings) == ["CL108"]
    assert loaded.findings[0].severity is Severity.WARNING
    assert not manifest.logging.firelens


def test_the_published_firelens_manifest(published: Path) -> None:
    loaded = load(published / "firelens-cloudwatch.manifest.yml", environment=None, variables={}, app="app")
    assert loaded.manifest.logging.firelens
    assert loaded.manifest.logging.destination["Name"] == "cloudwatch"
    assert loaded.findings == []


def test_prod_of_the_golden_service_is_merged(golden: Path) -> None:
    manifest = load(golden / "svc-manifest.yml", environment="prod", variables={"TAG": ""}, app="my-app").manifest
    assert isinstance(manifest, LoadBalancedWebService)
    assert manifest.count.range is not None
    assert (manifest.count.range.min, manifest.count.range.spot_from) == (3, 6)
    assert manifest.count.cooldown is not None
    assert manifest.count.cooldown.in_ == timedelta(seconds=30)
    assert manifest.variables["LOG_LEVEL"].value == "info"
    assert manifest.variables["DB_NAME"].from_cfn == "MyDB"
    assert manifest.sidecars["nginx"].variables["NGINX_PORT"].value == "80"


def test_staging_replaces_the_build_by_a_location(golden: Path) -> None:
    manifest = load(golden / "svc-manifest.yml", environment="staging", variables={"TAG": "v1"}, app="my-app").manifest
    assert manifest.image.build is None
    assert manifest.image.location == "123456789000.dkr.ecr.us-east-1.amazonaws.com/vault/e2e:v1"


def test_worker_and_job_have_their_own_blocks(golden: Path) -> None:
    worker = load(golden / "worker-manifest.yml", environment="test", variables={}, app="a").manifest
    assert isinstance(worker, WorkerService)
    assert worker.subscribe.topics[3].queue is not None
    assert worker.subscribe.topics[3].queue.fifo is not None
    assert worker.subscribe.topics[4].queue is not None
    assert worker.subscribe.topics[4].queue.fifo is None
    job = load(golden / "job-manifest.yml", environment="test", variables={}, app="a").manifest
    assert isinstance(job, ScheduledJob)
    assert job.on.schedule.expression == "cron(0 12 ? * MON *)"
    assert job.timeout == timedelta(hours=1)


def test_a_position_of_a_path_is_the_line_of_its_key(published: Path) -> None:
    loaded = load(published / "nginx-sidecar.manifest.yml", environment=None, variables={}, app="app")
    position = loaded.position("sidecars.nginx.port")
    assert position is not None
    assert (position.line, position.column) == (19, 5)
    assert loaded.position("http.nothing") is None
    assert loaded.position("not a path!") is None


@pytest.mark.parametrize(
    ("kind", "instead"),
    [("Request-Driven Web Service", "Load Balanced Web Service"), ("Static Site", "file server")],
)
def test_types_that_do_not_run_on_ecs_are_refused(tmp_path: Path, kind: str, instead: str) -> None:
    path = tmp_path / "manifest.yml"
    path.write_text(f"name: x\ntype: {kind}\n")
    with pytest.raises(Unsupported) as refused:
        load(path, environment=None, variables={}, app="app")
    assert instead in refused.value.hint
    assert str(refused.value.position) == f"{path}:2:1"


def test_a_misspelt_type_is_guessed(tmp_path: Path) -> None:
    path = tmp_path / "manifest.yml"
    path.write_text("name: x\ntype: Backend Serivce\n")
    with pytest.raises(FindingsError) as wrong:
        load(path, environment=None, variables={}, app="app")
    assert wrong.value.findings[0].hint == "did you mean Backend Service?"


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no manifest at"):
        load(tmp_path / "nothing.yml", environment=None, variables={}, app="app")
