"""Addons of an environment that a pipeline deploys: their template is rendered, uploaded and named to the stack."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.cli.conftest import Run
from tests.unit.render.pipelines import write_workspace

MANIFEST = """\
name: only
version: 1
source: {provider: GitHub, properties: {repository: example/shop, branch: main}}
stages:
  - name: prod
    deployments:
      network: {stack_name: shop-prod, template_path: infrastructure/prod.env.yml}
"""
ADDON = """\
Parameters: {App: {Type: String}, Env: {Type: String}}
Resources:
  Table: {Type: AWS::DynamoDB::Table}
"""
PIPELINE = ("render", "pipeline", "only", "--install", "./ci/copilot_local.whl")
TEMPLATE = "infrastructure/prod.environment.addons.stack.yml"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    files = {"copilot/pipelines/only/manifest.yml": MANIFEST, "copilot/environments/addons/t.yml": ADDON}
    monkeypatch.chdir(write_workspace(tmp_path / "shop", files))
    return tmp_path / "shop"


def rendered(script: str, run: Run, here: Path) -> None:
    """Runs the lines that render, with the command of this process in place of the installed one."""
    (here / "infrastructure").mkdir(exist_ok=True)
    for line in script.replace("\\\n", " ").splitlines():
        if line.startswith("copilot-local"):
            assert run(*shlex.split(line)[1:]).code == 0
        elif line.startswith("mv "):
            subprocess.run(["bash", "-c", line], check=True, timeout=60)


def test_a_workflow_deploys_them(run: Run, here: Path) -> None:
    ended = run(*PIPELINE, "--bucket", "own")
    assert ended.code == 0, ended.err
    jobs: dict[str, Any] = yaml.safe_load(ended.out.partition("\n---\n")[0])["jobs"]
    steps = {step["name"]: step.get("run", "") for step in jobs["prod"]["steps"] if "name" in step}
    rendered(steps["Render"], run, here)
    assert "AWS::DynamoDB::Table" in (here / TEMPLATE).read_text()
    assert "AddonsTemplateURL" in (here / "infrastructure/prod.env.yml").read_text()
    key = re.search(rf"aws s3 cp {TEMPLATE} \"s3://own/(\S+)\"", steps["Upload"])
    assert key is not None
    deploy = steps["Deploy network"].replace("\\\n", " ")
    assert f'"AddonsTemplateURL=https://own.s3.amazonaws.com/{key[1]}"' in deploy
    assert "CAPABILITY_AUTO_EXPAND" in deploy


@pytest.mark.skipif(shutil.which("jq") is None, reason="the build's image has jq, this machine has none")
def test_a_buildspec_writes_their_url_into_the_parameters(run: Run, here: Path, tmp_path: Path) -> None:
    ended = run(*PIPELINE, "--bucket", "own", "--to", "buildspec")
    assert ended.code == 0, ended.err
    commands: list[str] = yaml.safe_load(ended.out)["phases"]["build"]["commands"]
    rendered("\n".join(commands), run, here)
    assert (here / TEMPLATE).is_file()
    [parameters] = [it for it in commands if "describe-stacks" in it]
    before = [
        {"ParameterKey": "AddonsTemplateURL", "ParameterValue": "old"},
        {"ParameterKey": "A", "ParameterValue": "a"},
    ]
    (tmp_path / "aws").write_text(f"#!/bin/sh\necho {shlex.quote(json.dumps(before))}\n")
    (tmp_path / "aws").chmod(0o755)
    script = f"tag=7; PATH={tmp_path}:$PATH; {parameters}"
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], check=True, timeout=60)
    found = json.loads((here / "infrastructure" / "network-prod.params.json").read_text())
    url = f"https://own.s3.amazonaws.com/pipelines/7/{TEMPLATE}"
    assert found == {"Parameters": {"AddonsTemplateURL": url, "A": "a"}}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (PIPELINE, "yml:7:7: the environment prod needs a bucket for the template of its addons"),
        ((*PIPELINE[:3], "--committed", "--bucket", "own"), f"{TEMPLATE} is not in the workspace, and --committed"),
    ],
)
def test_what_is_missing_for_them_is_refused(words: tuple[str, ...], said: str, run: Run, here: Path) -> None:
    write_workspace(here, {"infrastructure/prod.env.yml": "Resources: {}\n"})
    ended = run(*words)
    assert (ended.code, ended.out) == (1, "")
    assert said in ended.err
