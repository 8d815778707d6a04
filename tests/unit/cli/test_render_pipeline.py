"""`copilot-local render pipeline`: what is rendered keeps to GitHub's and CodeBuild's rules; bad input is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from emulator.render.pipeline.shell import together
from tests.unit.cli.conftest import Ended, Run
from tests.unit.render.pipelines import FILES, NAMES, write_workspace

PROGRAMS = Path(sys.executable).parent
RELEASE = "copilot/pipelines/release/manifest.yml"
SETTINGS = """\
[environments.test]
account = "111111111111"
region = "eu-west-1"

[environments.prod]
account = "222222222222"
region = "us-west-2"
"""
WITH_FILES = {
    "copilot/api/manifest.yml": FILES["copilot/api/manifest.yml"] + "env_file: api/own.env\nplatform: linux/arm64\n",
    "api/own.env": "A=1\n",
    "copilot/api/addons/table.yml": """\
Parameters: {App: {Type: String}, Env: {Type: String}, Name: {Type: String}}
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
""",
    "copilot-local.toml": SETTINGS,
}
TEXT = '7 $HOME `x` "y" back\\slash'
ENVIRONMENTS = """\
name: release
version: 1
source:
  provider: CodeCommit
  properties:
    repository: https://git-codecommit.us-east-2.amazonaws.com/v1/repos/shop
stages:
  - name: test
    deployments:
      network:
        template_path: infrastructure/test.env.yml
        template_config: infrastructure/test.env.params.json
        stack_name: shop-test
      table:
        template_path: ci/table.yml
        depends_on: [network]
"""


_INSTALLED = {"--install", "--committed"}


@pytest.fixture(name="run")
def run_with_a_wheel(run: Run) -> Run:
    """Commands; a pipeline installs a wheel, since no index has a release."""

    def with_a_wheel(*words: str) -> Ended:
        wheel = ("--install", "./ci/copilot_local.whl") if "pipeline" in words and not _INSTALLED & {*words} else ()
        return run(*words, *wheel)

    return with_a_wheel


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(write_workspace(tmp_path / "shop"))
    return tmp_path / "shop"


def lint(root: Path, *texts: str) -> None:
    """Raises where actionlint or zizmor says anything."""
    folder = root / "linted" / ".github" / "workflows"
    folder.mkdir(parents=True)
    (root / "linted" / ".git").mkdir()
    for number, text in enumerate(texts):
        (folder / f"{number}.yml").write_text(text)
    for words in (["actionlint", "-no-color"], ["zizmor", "--offline", "--quiet", "--persona=pedantic", "."]):
        ended = subprocess.run(
            [PROGRAMS / words[0], *words[1:]], cwd=root / "linted", capture_output=True, text=True, timeout=60
        )
        assert ended.returncode == 0, f"{words[0]}: {ended.stdout}{ended.stderr}"


def test_committed_templates_are_deployed_and_nothing_is_installed(here: Path, run: Run) -> None:
    write_workspace(here, WITH_FILES)
    words = ("render", "pipeline", "checked", "--committed", "--bucket", "templates")
    ended = run(*words)
    assert ended.code == 1
    assert "is not in the workspace, and --committed deploys it" in ended.err
    assert "--in-copilot-environment --output-dir infrastructure` writes it" in ended.err
    rendered = run(
        "render", "cloudformation", "--in-copilot-environment", "--all-envs", "--output-dir", "infrastructure"
    )
    assert rendered.code == 0, rendered.err
    text = run(*words).out
    steps = [step.get("name", "") for job in yaml.safe_load(text)["jobs"].values() for step in job["steps"]]
    assert any(name.startswith("Deploy") for name in steps)
    assert not {"Render", "Install copilot-local"} & set(steps)
    assert "setup-python" not in text
    assert "copilot-local render" not in text
    lint(here, text)
    assert run(*words, "--install", "x").code == 2
    assert run(*words, "--to", "buildspec").code == 2


def test_a_pipeline_without_a_folder_of_its_own(here: Path, run: Run) -> None:
    """`copilot/pipeline.yml` is where Copilot had the only one at first, and its buildspec beside it."""
    buildspec = "version: 0.2\nphases: {build: {commands: [make mine]}}\n"
    (here / "copilot/pipelines/release/buildspec.yml").write_text(buildspec)
    with_a_folder = run("render", "pipeline", "release").out
    assert "make mine" in with_a_folder
    (here / RELEASE).rename(here / "copilot/pipeline.yml")
    (here / "copilot/pipelines/release/buildspec.yml").rename(here / "copilot/buildspec.yml")
    assert run("render", "pipeline", "release").out == with_a_folder
    shutil.rmtree(here / "copilot/pipelines")
    assert run("render", "pipeline").out == with_a_folder
    assert run("validate").code == 0
    (here / "copilot/pipeline.yml").write_text("name: release\nsource: {}\nstages: [{}]\n")
    ended = run("validate")
    assert ended.code == 1
    assert "copilot/pipeline.yml:1:1: the manifest has no version" in ended.out


def test_workflows_pass_actionlint_and_zizmor(here: Path, run: Run) -> None:
    texts = [run("render", "pipeline", name).out for name in NAMES]
    write_workspace(here, WITH_FILES)
    texts += [run("render", "pipeline", name, "--bucket", "templates").out for name in NAMES]
    assert all(texts)
    lint(here, *texts)


def test_images_go_to_the_account_of_the_application(here: Path, run: Run) -> None:
    settings = '[app]\naccount = "111111111111"\n'
    (here / "copilot-local.toml").write_text(settings)
    assert run("render", "pipeline", "release", "-o", "out").code == 0
    workflow = (here / "out" / "release.workflow.yml").read_text()
    assert 'registry="111111111111.dkr.ecr.' in workflow
    assert "$account.dkr" not in workflow
    roles = (here / "out" / "release.roles.stack.yml").read_text()
    assert ":111111111111:repository/shop/" in roles
    assert "${AWS::AccountId}:repository/" not in roles


def test_the_linters_find_what_is_wrong(here: Path, run: Run) -> None:
    text = run("render", "pipeline", "release").out
    for wrong in (text.replace("runs-on", "run-on"), text.replace("persist-credentials: false", "fetch-depth: 1")):
        with pytest.raises(AssertionError):
            lint(here / str(len(wrong)), wrong)


def test_no_text_of_a_manifest_becomes_an_expression(here: Path, run: Run) -> None:
    name = "copilot/pipelines/checked/manifest.yml"
    changed = FILES[name].replace("      api:\n", "      api:\n        stack_name: a-${{ github.token }}\n")
    write_workspace(here, {name: changed})
    text = run("render", "pipeline", "checked").out
    found: Any = yaml.safe_load(text)
    lint(here, text)
    for job in found["jobs"].values():
        for step in job["steps"]:
            assert "${{" not in step.get("run", "")


def test_workloads_that_do_not_run_on_ecs_are_passed_over_where_none_is_named(here: Path, run: Run) -> None:
    write_workspace(here, {"copilot/site/manifest.yml": "name: site\ntype: Static Site\nfiles:\n  - source: web\n"})
    ended = run("render", "pipeline", "release")
    assert ended.code == 0
    assert "Static Site" in ended.err
    assert "render cloudformation api report web -a shop" in ended.out


def test_only_what_a_job_needs_is_permitted(here: Path, run: Run) -> None:
    found: Any = yaml.safe_load(run("render", "pipeline", "release").out)
    assert found["permissions"] == {}
    assert found["concurrency"] == {"group": "pipeline-release", "cancel-in-progress": False}
    assert {name: job["permissions"] for name, job in found["jobs"].items()} == {
        "build": {"contents": "read", "id-token": "write"},
        "test": {"contents": "read", "id-token": "write"},
        "prod": {"contents": "read", "id-token": "write", "actions": "read"},
    }
    assert [job.get("environment") for job in found["jobs"].values()] == [None, "test", "prod"]
    assert found["jobs"]["prod"]["needs"] == ["build", "test"]


def test_what_stands_in_the_settings_is_used(here: Path, run: Run) -> None:
    write_workspace(here, WITH_FILES)
    found: Any = yaml.safe_load(run("render", "pipeline", "release", "--bucket", "templates").out)
    build = found["jobs"]["build"]["steps"][-1]["run"]
    assert 'registry="$account.dkr.ecr.eu-west-1.amazonaws.com"' in build
    assert 'registry="$account.dkr.ecr.us-west-2.amazonaws.com"' in build
    assert "docker build --platform linux/arm64" in build
    steps = {step.get("name", step.get("uses")): step for step in found["jobs"]["test"]["steps"]}
    assert steps["Upload"]["run"].splitlines() == [
        "grep -q '^[^#=][^=]*=' api/own.env || { echo 'api/own.env holds no variables' >&2; false; }",
        'aws s3 cp api/own.env "s3://templates/pipelines/$GITHUB_SHA/api/own.env"',
        "aws s3 cp infrastructure/api-test.addons.stack.yml "
        '"s3://templates/pipelines/$GITHUB_SHA/infrastructure/api-test.addons.stack.yml"',
    ]
    deploy = steps["Deploy api, report, web"]["run"]
    assert "EnvFileARN=arn:aws:s3:::templates/pipelines/$GITHUB_SHA/api/own.env" in deploy
    assert (
        "AddonsTemplateURL=https://templates.s3.amazonaws.com/pipelines/$GITHUB_SHA/infrastructure/api-test" in deploy
    )
    assert "CAPABILITY_AUTO_EXPAND" in deploy


def test_nothing_is_installed_that_is_not_named(here: Path, run: Run) -> None:
    ended = run("render", "pipeline", "release", "--install", "")
    assert (ended.code, ended.out) == (2, "")
    assert "--install is missing" in ended.err


def test_numbers_of_the_manifest_reach_the_stack(here: Path, run: Run) -> None:
    """The AWS command line keeps the values that a stack has, unless they are given."""
    scaled = FILES["copilot/web/manifest.yml"] + "count: {range: 1-4, cpu_percentage: 70}\n"
    settings = SETTINGS + '[environments.prod.parameters]\nRulePriority = "7"\n'
    changed = {"copilot/api/manifest.yml": FILES["copilot/api/manifest.yml"] + "count: 3\n"}
    write_workspace(here, {**changed, "copilot/web/manifest.yml": scaled, "copilot-local.toml": settings})
    found: Any = yaml.safe_load(run("render", "pipeline", "release").out)
    steps = {(job, it.get("name")): it.get("run") for job in ("test", "prod") for it in found["jobs"][job]["steps"]}
    together_ = steps["test", "Deploy api, report, web"].split(" &\n")
    assert '"TaskCount=3"' in together_[0]
    assert '"Schedule=cron(' in together_[1] or '"Schedule=rate(' in together_[1]
    assert "TaskCount" not in together_[2], "scaling has the number"
    assert "RulePriority" not in together_[2], "what was given by hand stays"
    assert '"RulePriority=7"' in steps["prod", "Deploy web"]
    built = run("render", "pipeline", "release", "--to", "buildspec").out
    assert '"TaskCount": "3"' in built


@pytest.mark.parametrize(
    ("text", "said"), [(None, "there is no environment file api/own.env"), ("# A=1\n=x\n", "holds no variables")]
)
def test_variables_of_production_are_not_overwritten_by_a_placeholder(
    text: str | None, said: str, here: Path, run: Run
) -> None:
    write_workspace(here, {**WITH_FILES, "api/own.env": text or ""})
    if text is None:
        (here / "api" / "own.env").unlink()
    ended = run("render", "pipeline", "release", "--bucket", "templates")
    assert (ended.code, ended.out) == (1, "")
    assert said in ended.err
    assert "copilot/api/manifest.yml:8" in ended.err
    assert "EnvFileARN" in ended.err
    ended = run("render", "cloudformation", "-e", "prod", "-n", "api", "--in-copilot-environment")
    assert ended.code == 0
    assert said in ended.err
    kept = SETTINGS.replace('us-west-2"', 'us-west-2"\nparameters = {EnvFileARN = "arn:aws:s3:::own/file.env"}')
    write_workspace(here, {"copilot-local.toml": kept})
    assert said not in run("render", "cloudformation", "-e", "prod", "-n", "api", "--in-copilot-environment").err


def test_options_reach_the_commands_of_the_workflow(here: Path, run: Run) -> None:
    manifest = FILES["copilot/web/manifest.yml"].replace("web/Dockerfile", "${WEB}/Dockerfile")
    write_workspace(here, {"copilot/web/manifest.yml": manifest})
    ended = run("render", "pipeline", "release", "--var", "WEB=web", "--own-role", "--install", "copilot-local==9")
    assert "-e test --var WEB=web --in-copilot-environment" in ended.out.replace(" \\\n            ", " ")
    assert "--role-arn" not in ended.out
    assert "REQUIREMENT: copilot-local==9\n" in ended.out


def test_commands_that_are_not_carried_over_are_told(here: Path, run: Run) -> None:
    text = FILES["ci/seed.yml"] + "      - copilot svc exec -n api\nreports: {unit: {files: [x.xml]}}\n"
    write_workspace(here, {"ci/seed.yml": text})
    told = run("render", "pipeline", "migrate").err
    assert "ci/seed.yml:9:9: calls Copilot; `copilot-local aws …` prints what takes its place" in told
    assert "ci/seed.yml:10:1: `reports` is CodeBuild's own and is left out" in told
    assert "not carried over from install and post_build: ./own-report" in run("render", "pipeline", "checked").err


def test_a_buildspec_leaves_what_the_pipeline_deploys(here: Path, run: Run) -> None:
    toml = f"[environments.prod]\nparameters = {{RulePriority = '{TEXT}'}}\n"
    write_workspace(here, {"copilot-local.toml": toml})
    text = run("render", "pipeline", "release", "--to", "buildspec").out
    assert "wget" not in text
    assert "copilot-linux" not in text
    found: Any = yaml.safe_load(text)
    commands = found["phases"]["build"]["commands"]
    assert found["env"]["shell"] == "bash"
    assert found["artifacts"] == {"files": ["infrastructure/**/*"]}
    assert 'tag="${CODEBUILD_BUILD_ID##*:}"' in commands
    # What its commands do, with doubles of the programs: the files that CodePipeline reads.
    (here / "bin").mkdir()
    for name in ("aws", "docker", "copilot-local"):
        (here / "bin" / name).write_text(f"#!/bin/sh\n[ {name} != aws ] || echo 123456789012\n")
        (here / "bin" / name).chmod(0o755)
    subprocess.run(
        ["bash", "-ec", "\n".join(commands)], cwd=here, check=True, timeout=60, stdout=subprocess.DEVNULL,
        env={"PATH": f"{here}/bin:/usr/bin:/bin", "AWS_REGION": "eu-west-1", "CODEBUILD_BUILD_ID": "project:42"},
    )  # fmt: skip
    assert {file.name for file in (here / "infrastructure").iterdir()} == {
        f"{name}.params.json" for name in ("api-test", "report-test", "web-test", "api-prod", "web-prod")
    }
    assert json.loads((here / "infrastructure" / "web-prod.params.json").read_text()) == {
        "Parameters": {
            "ContainerImage": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/web:42-prod",
            "RulePriority": TEXT,
            "TaskCount": "1",
        },
        "Tags": {"copilot-application": "shop", "copilot-environment": "prod", "copilot-service": "web"},
    }


def test_stacks_of_environments_and_of_others_are_deployed_too(here: Path, run: Run) -> None:
    write_workspace(here, {RELEASE: ENVIRONMENTS, "ci/table.yml": "Resources: {}\n"})
    built = run("render", "pipeline", "release", "--to", "buildspec").out
    assert "copilot-local render environment -a shop -e test --in-place > infrastructure/test.env.yml" in built
    assert "- ci/table.yml\n" in built
    found: Any = yaml.safe_load(run("render", "pipeline", "release", "--repository", "example/shop").out)
    steps = {step.get("name"): step for step in found["jobs"]["test"]["steps"]}
    assert "--stack-name shop-test --template-file infrastructure/test.env.yml" in steps["Deploy network"]["run"]
    assert "--stack-name shop-test-table --template-file ci/table.yml" in steps["Deploy table"]["run"]


def test_commands_that_run_together_all_end_before_one_that_failed_counts(tmp_path: Path) -> None:
    script = "\n".join(together(["false", "touch made"]))
    assert subprocess.run(["bash", "-eo", "pipefail", "-c", script], cwd=tmp_path, timeout=60).returncode == 1
    assert (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("file", "old", "new", "said", "where"),
    [
        (RELEASE, "provider: GitHub", "provider: GitLab", "'GitLab' is not a source provider", f"{RELEASE}:4"),
        (RELEASE, "provider: GitHub", "provider: Bitbucket", "the source is Bitbucket", f"{RELEASE}:4"),
        (RELEASE, "github.com/example/shop", "github.com/shop", "is no repository on GitHub", f"{RELEASE}:6"),
        (RELEASE, "requires_approval", "require_aproval", "require_aproval", f"{RELEASE}:10"),
        (RELEASE, "depends_on: [api]", "depends_on: [apis]", "web depends on apis", f"{RELEASE}:14"),
        (RELEASE, "      api:\n", "      api:\n        depends_on: [web]\n", "wait for each other", f"{RELEASE}:13"),
        (RELEASE, "- name: prod", "- name: production", "there is no environment production", f"{RELEASE}:9"),
        (RELEASE, "      api:\n", "      apis:\n", "web depends on api", f"{RELEASE}:14"),
        (RELEASE, "version: 1", "version: 2", "2 is no version", f"{RELEASE}:2"),
        (RELEASE, "      api:\n", "      api:\n        template_path: a.yml\n", "template_path of api", "yml:13"),
        (RELEASE, "      api:\n", "      api: {template_config: a.json}\n", "template_config of api", f"{RELEASE}:12"),
        ("ci/seed.yml", "phases:", "phase:", "'phase' is no key of a buildspec", "ci/seed.yml:5"),
        ("ci/seed.yml", "  build:", "  built:", "'built' is no phase", "ci/seed.yml:6"),
        ("ci/seed.yml", "- echo", "- a: echo", "a command is text", "ci/seed.yml:8"),
        ("ci/seed.yml", "version: 0.2", "version: 1", "`version: 0.2`", "ci/seed.yml:1"),
        ("copilot/pipelines/migrate/manifest.yml", "ci/seed.yml", "ci/no.yml", "cannot be read", "manifest.yml:11"),
        ("copilot/pipelines/migrate/manifest.yml", "ci/seed.yml", "../x.yml", "outside of the work", "manifest.yml:11"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_with_its_line_and_nothing_is_written(
    file: str, old: str, new: str, said: str, where: str, here: Path, run: Run
) -> None:
    assert old in FILES[file]
    write_workspace(here, {file: FILES[file].replace(old, new)})
    name = "migrate" if "migrate" in file or "ci/" in file else "release"
    ended = run("render", "pipeline", name, "-o", "out")
    assert (ended.code, ended.out) == (1, "")
    assert said in ended.err
    assert where in ended.err
    assert not (here / "out").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["releas"], "did you mean release?"),
        ([], "3 pipelines could be meant"),
        (["release", "--repository", "nothing"], "--repository nothing is no repository"),
        (["release", "--bucket", "No"], "--bucket No is no name of a bucket"),
        (["release", "--to", "gitlab"], "'gitlab' is not one of"),
    ],
)
def test_a_wrong_command_line_is_refused(words: list[str], said: str, here: Path, run: Run) -> None:
    ended = run("render", "pipeline", *words)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_files_need_a_bucket(here: Path, run: Run) -> None:
    write_workspace(here, WITH_FILES)
    ended = run("render", "pipeline", "release")
    assert ended.code == 1
    assert "copilot/api/manifest.yml:8" in ended.err, "the line of env_file"
    assert "api needs a bucket for api/own.env" in ended.err
    assert "give --bucket NAME" in ended.err


def test_a_stage_of_the_default_environment_is_declared_like_any_other(here: Path, run: Run) -> None:
    """Where it is not, a sample's stage would be deployed to stacks that are no part of the pipeline."""
    shutil.rmtree(here / "copilot" / "environments" / "test")
    ended = run("render", "pipeline", "release", "-o", "out")
    assert ended.code == 1
    assert "there is no environment test" in ended.err
    assert f"{RELEASE}:8" in ended.err
    assert "one without a manifest is declared by [environments.test] in copilot-local.toml" in ended.err
    assert not (here / "out").exists()


def test_overrides_of_copilots_pipeline_stack_are_told_of(here: Path, run: Run) -> None:
    folder = here / "copilot" / "pipelines" / "release" / "overrides"
    folder.mkdir()
    (folder / "cfn.patches.yml").write_text("[]")
    ended = run("render", "pipeline", "release")
    assert ended.code == 0, ended.err
    assert "copilot/pipelines/release/overrides" in ended.err
    assert "it is not carried over" in ended.err
