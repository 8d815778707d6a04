"""`traces config`: what a collector reads when deployed, what runs here, and why they differ."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run

MANIFEST = """name: shop
type: Backend Service
image: {location: nginx, port: 8080}
observability: {tracing: awsxray}
sidecars:
  xray: {port: 2000/udp, image: amazon/aws-xray-daemon}
  other:
    image: otel/opentelemetry-collector-contrib
    variables:
      AOT_CONFIG_CONTENT: |
        receivers: {otlp: , zipkin: }
        exporters: {datadog: {api: {key: hunter2}}}
        service: {pipelines: {traces: {receivers: [otlp], exporters: [datadog]}}}
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "copilot" / "shop").mkdir(parents=True)
    (tmp_path / "copilot" / ".workspace").write_text("application: shop\n")
    (tmp_path / "copilot" / "shop" / "manifest.yml").write_text(MANIFEST)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("policy", ["capture", "real", "live"])
def test_the_screen_fits_into_80_columns(run: Run, root: Path, policy: str) -> None:
    (root / "copilot-local.toml").write_text(f'[traces]\ncollectors = {{"*" = "{policy}"}}\n')
    text = run("traces", "config").out
    assert max(map(len, text.splitlines())) <= 80
    for name in ("xray", "other", "aws-otel-collector"):
        assert f"# ---- shop/{name}: what the deployed collector reads ----" in text
    assert text.count(f"# ---- in use here: {policy} ----") == 3


def test_what_is_in_use_of_a_collector_that_runs_itself(run: Run, root: Path) -> None:
    (root / "copilot-local.toml").write_text('[traces]\ncollectors = {xray = "real", other = "real"}\n')
    found = {one["container"]: one for one in json.loads(run("traces", "config", "--format", "json").out)}
    assert found["xray"]["source"] == "/etc/amazon/xray/cfg.yaml"
    assert "Endpoint: http://169.254.170.2:2000" in found["xray"]["local"]
    assert "Endpoint" not in found["xray"]["deployed"]
    assert found["other"]["source"] == "the variable AOT_CONFIG_CONTENT"
    assert "datadog" in found["other"]["deployed"]
    assert "hunter2" not in found["other"]["local"]
    assert any("comes here as OTLP" in text for text in found["other"]["differences"])
    assert found["aws-otel-collector"]["policy"] == "capture"
