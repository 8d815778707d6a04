"""`render manifest` and `render static-site`: proposals for what does not run on ECS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.unit.render.golden import read_template

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Run

Add = Callable[[str, str], Path]
RUNNER = "name: runner\ntype: Request-Driven Web Service\nimage: {build: hello/Dockerfile, port: 80}\n"
SITE = """\
name: site
type: Static Site
http: {alias: '${COPILOT_ENVIRONMENT_NAME}.example.com'}
files:
  - source: dist
  - {source: assets, recursive: true, destination: /static, exclude: '*', reinclude: ['*.jpg', '*.png']}
  - source: robots.txt
environments:
  prod: {http: {alias: www.example.com, certificate: arn}, files: [{source: dist}]}
"""


def test_a_manifest_is_proposed(run: Run, workspace: Path, add_service: Add) -> None:
    add_service("runner", RUNNER)
    ended = run("render", "manifest", "--as", "Load Balanced Web Service")
    assert ended.code == 0, ended.err
    assert ended.out.startswith("# Proposed for copilot/runner/manifest.yml")
    assert "type: Load Balanced Web Service" in ended.out
    assert "runner: count: App Runner counts" in ended.err
    assert run("render", "manifest", "runner", "-o", "out").code == 0
    (workspace / "copilot" / "runner" / "manifest.yml").write_text(
        (workspace / "out" / "runner.manifest.yml").read_text()
    )
    assert run("validate", "copilot/runner/manifest.yml").code == 0


def test_manifests_that_cannot_be_turned(run: Run, workspace: Path, add_service: Add) -> None:
    ended = run("render", "manifest", "-o", "out")
    assert ended.code == 1
    assert "no manifest of the workspace is a Request-Driven Web Service" in ended.err
    add_service("site", SITE)
    ended = run("render", "manifest", "site", "-o", "out")
    assert ended.code == 1
    assert "copilot/site/manifest.yml:2:1: this is a Static Site" in ended.err
    assert "render static-site" in ended.err
    add_service("runner", RUNNER + "http: {private: true}\n")
    ended = run("render", "manifest", "runner", "-o", "out")
    assert ended.code == 1
    assert "copilot/runner/manifest.yml:4:8: http.private" in ended.err
    assert run("render", "manifest", "runner", "--as", "Backend Service").code == 0
    assert run("render", "manifest", "runner", "--as", "Worker Service").code == 2
    assert not (workspace / "out").exists()


@pytest.mark.parametrize("text", ["", "- a\n", "name: [\n", "name: runner\n"])
def test_files_that_are_no_manifests(run: Run, workspace: Path, add_service: Add, text: str) -> None:
    add_service("runner", text)
    for verb in ("manifest", "static-site"):
        assert run("render", verb, "runner", "-o", "out").code == 1
    assert not (workspace / "out").exists()


def test_a_static_site_is_a_stack_and_commands(run: Run, workspace: Path, add_service: Add) -> None:
    add_service("site", SITE)
    (workspace / "dist").mkdir()
    (workspace / "assets").mkdir()
    ended = run("render", "static-site", "-e", "prod")
    assert ended.code == 0, ended.err
    config = read_template(ended.out)["Resources"]["CloudFrontDistribution"]["Properties"]["DistributionConfig"]  # type: ignore[index]
    assert config["Aliases"] == ["www.example.com"]
    assert config["ViewerCertificate"]["AcmCertificateArn"] == "arn"
    assert "aws s3 sync dist \"s3://$BUCKET\" --exclude '*/*'" in ended.err
    ended = run("render", "static-site", "site", "-e", "test")
    assert "test.example.com" in ended.out
    assert "CertificateArn:" in ended.out
    assert "aws s3 sync assets \"s3://$BUCKET/static\" --exclude '*' --include '*.jpg' --include '*.png'" in ended.err
    assert 'aws s3 cp robots.txt "s3://$BUCKET/"' in ended.err


def test_static_sites_that_cannot_be_rendered(run: Run, workspace: Path, add_service: Add) -> None:
    assert run("render", "static-site").code == 2
    ended = run("render", "static-site", "hello", "-o", "out")
    assert ended.code == 1
    assert "manifest.yml:2:1: this is a Load Balanced Web Service, not a Static Site" in ended.err
    add_service("site", SITE.replace("${COPILOT_ENVIRONMENT_NAME}", "${NOWHERE}"))
    ended = run("render", "static-site", "site", "-o", "out")
    assert ended.code == 1
    assert "the variable NOWHERE has no value" in ended.err
    assert not (workspace / "out").exists()
