"""What the lines that take a stack over give to the AWS command line, and what they render."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from awscli.shorthand import ShorthandParser  # type: ignore[import-untyped]

from tests.unit.cli.conftest import Run
from tests.unit.render.pipelines import FILES, write_workspace

ONLY_THE_ENVIRONMENT = """\
name: only
version: 1
source: {provider: GitHub, properties: {repository: example/shop, branch: main}}
stages:
  - name: prod
    deployments:
      environment: {stack_name: shop-prod, template_path: infrastructure/prod.env.yml}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(write_workspace(tmp_path / "shop"))
    return tmp_path / "shop"


def parameters(lines: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **variables: str) -> dict[str, str]:
    """The values of parameters that the change set is made with, when the lines run in bash."""
    words = folder / "words"
    for name in ("aws", "copilot-local"):
        (folder / name).write_text(
            f'#!/bin/sh\ncase "$*" in *create-change-set*) printf "%s\\n" "$@" > {words}; esac\necho 7\n'
        )
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    ended = subprocess.run(["bash", "-c", lines], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    found = [ShorthandParser().parse(it) for it in words.read_text().splitlines() if it.startswith("ParameterKey=")]
    return {it["ParameterKey"]: it["ParameterValue"] for it in found if "ParameterValue" in it}


def test_a_value_with_commas_reaches_the_stack_as_one(
    run: Run, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The subnets that tags stand for are a list, which CloudFormation takes as a text."""
    subnets = "network: {vpc: {placement: {subnets: {from_tags: {tier: app}}}}}\n"
    write_workspace(here, {"copilot/web/manifest.yml": FILES["copilot/web/manifest.yml"] + subnets})
    lines = run("aws", "svc", "deploy", "-n", "web", "-e", "prod", "--take-over").out
    given = parameters(lines, tmp_path, monkeypatch, TaskSubnets="subnet-1,subnet-2")
    assert given["TaskSubnets"] == "subnet-1,subnet-2"
    assert given["RulePriority"] == "7"


NEEDS = '[environments.prod]\nneeds = ["public-load-balancer"]\n'


@pytest.fixture
def without_web(here: Path) -> Path:
    """The service behind the load balancer is of another workspace."""
    shutil.rmtree(here / "copilot" / "web")
    return here


def test_what_services_elsewhere_need_is_in_the_template_that_is_deployed(run: Run, without_web: Path) -> None:
    deploy = ("aws", "env", "deploy", "-e", "prod", "--need", "public-load-balancer", "--need", "nat")
    rendered = without_web / "infrastructure" / "prod.environment.stack.yml"
    for words, settings in ((deploy, ""), (deploy[:5], NEEDS)):
        (without_web / "copilot-local.toml").write_text(settings)
        lines = run(*words)
        assert lines.code == 0, lines.err
        [render] = [line for line in lines.out.splitlines() if line.startswith("copilot-local render environment")]
        rendered.unlink(missing_ok=True)
        assert run(*shlex.split(render)[1:]).code == 0
        template = rendered.read_text()
        assert "Type: AWS::ElasticLoadBalancingV2::LoadBalancer" in template
        assert "-PublicLoadBalancerDNS" in template
    assert run(*deploy, "--need", "disk").code == 2


def test_a_pipeline_renders_an_environment_with_what_services_elsewhere_need(run: Run, without_web: Path) -> None:
    settings = {"copilot-local.toml": NEEDS, "copilot/pipelines/only/manifest.yml": ONLY_THE_ENVIRONMENT}
    write_workspace(without_web, settings)
    workflow = run("render", "pipeline", "only", "--install", "./ci/copilot_local.whl")
    assert workflow.code == 0, workflow.err
    [render] = [it for it in workflow.out.splitlines() if "copilot-local render environment" in it]
    command = render.strip().removeprefix("copilot-local ").partition(" >")[0]
    assert "Type: AWS::ElasticLoadBalancingV2::LoadBalancer" in run(*shlex.split(command)).out
