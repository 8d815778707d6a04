"""`init` writes a place for everything that is missing, and `up` says all of it at once."""

from __future__ import annotations

import json
import stat
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run

WEB = """\
name: web
type: Load Balanced Web Service
image:
  build: web/Dockerfile
  port: 3000
http:
  path: /
cpu: 256
memory: 512
count: 1
variables:
  TAG: ${TAG}
  ZONE:
    from_cfn: shared-zone
secrets:
  DB: /prod/db
env_file: web/web.env
sidecars:
  nginx:
    image: nginx:1
    secrets:
      HUB: {secretsmanager: hub}
"""
API = """\
name: api
type: Backend Service
image:
  location: nginx:1
cpu: 256
memory: 512
count: 1
secrets:
  DB: /prod/other
environments:
  prod:
    variables:
      ONLY_IN_PROD: ${PROD_TAG}
"""
RUNNER = "name: runner\ntype: Request-Driven Web Service\nimage:\n  location: x\n  port: 80\n"
ADDON = """\
Parameters:
  App: {Type: String}
  Env: {Type: String}
  Name: {Type: String}
Resources:
  Table: {Type: AWS::DynamoDB::Table}
Outputs:
  TableName:
    Value: !Ref Table
"""
NAMES = ["TAG", "shared-zone", "TableName", "web/web.env", "DB", "HUB", "web/Dockerfile"]


@pytest.fixture
def shop(workspace: Path, add_service: Callable[[str, str], Path], home: Path) -> Path:
    """A workspace that lacks something of every kind, for a user without a local AWS; the working directory."""
    settings = home / ".config" / "copilot-local" / "copilot-local.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('[aws]\nendpoint = "none"\n')
    (workspace / "copilot" / "hello" / "manifest.yml").unlink()
    (workspace / "copilot" / "hello").rmdir()
    (workspace / "hello" / "Dockerfile").unlink()
    for name, text in (("web", WEB), ("api", API), ("runner", RUNNER)):
        add_service(name, text)
    addons = workspace / "copilot" / "api" / "addons"
    addons.mkdir()
    (addons / "table.yml").write_text(ADDON)
    return workspace


def test_up_lists_everything_with_its_line_and_service(run: Run, shop: Path) -> None:
    ended = run("up")
    assert ended.code == 1
    lines = [line.strip() for line in ended.err.splitlines()]
    assert (
        "error: 8 things are missing here: 1 variable, 2 values, 1 environment file, 3 secrets, 1 Dockerfile" in lines
    )
    for line in (
        "copilot/web/manifest.yml:12: TAG (web)",
        "copilot/web/manifest.yml:13: shared-zone (web): CloudFormation export",
        "copilot/api/addons/table.yml:8: TableName (api): addon output",
        "copilot/web/manifest.yml:17: web/web.env (web)",
        "copilot/web/manifest.yml:16: DB (web): /prod/db",
        "copilot/api/manifest.yml:9: DB (api): /prod/other",
        "copilot/web/manifest.yml:4: web/Dockerfile (web): the folder web is not there",
    ):
        assert line in lines
    assert "hint: fill them in, then run this again; `copilot-local init` writes a place for each" in ended.err
    assert "PROD_TAG (" not in ended.err, "it is of another environment"


def test_a_secret_of_an_addon_is_listed_with_the_outputs_line(run: Run, shop: Path) -> None:
    addon = shop / "copilot" / "api" / "addons" / "table.yml"
    secret = "  Login: {Type: AWS::SecretsManager::Secret, Properties: {GenerateSecretString: {}}}\n"
    text = ADDON.replace("Outputs:\n", f"{secret}Outputs:\n")
    addon.write_text(text + "  LoginArn:\n    Value: !Ref Login\n")
    lines = [line.strip() for line in run("up").err.splitlines()]
    assert "copilot/api/addons/table.yml:11: LOGIN_ARN (api): the addon output LoginArn" in lines


def test_what_the_local_aws_endpoint_makes_is_not_missing(run: Run, shop: Path, home: Path) -> None:
    (home / ".config" / "copilot-local" / "copilot-local.toml").unlink()
    said = run("up").err
    assert "7 things are missing here: 1 variable, 1 value," in said
    assert "TableName" not in said


def test_route_and_render_ask_for_what_they_need(run: Run, shop: Path) -> None:
    ended = run("route", "GET", "/")
    assert ended.code == 1
    assert "1 thing is missing here: 1 variable" in ended.err
    ended = run("render", "taskdef", "--placeholders", "-n", "api")
    assert ended.code == 0
    ended = run("render", "taskdef", "--placeholders", "--output-dir", "out")
    assert ended.code == 1
    assert "copilot/web/manifest.yml:12: TAG (web)" in ended.err
    assert run("render", "taskdef", "--placeholders", "-n", "web", "--var", "TAG=1").code == 0


def test_errors_and_what_is_missing_come_together(run: Run, shop: Path) -> None:
    (shop / "copilot" / "api" / "manifest.yml").write_text(API.replace("count: 1", "count: many"))
    ended = run("up")
    assert "error[CL103]: copilot/api/manifest.yml:7:8: count" in ended.err
    assert "copilot/web/manifest.yml:12: TAG (web)" in ended.err


def test_what_follows_from_a_missing_variable_is_not_said(run: Run, shop: Path) -> None:
    manifest = WEB.replace("path: /", "path: /\n  healthcheck:\n    interval: ${INTERVAL}")
    (shop / "copilot" / "web" / "manifest.yml").write_text(manifest)
    ended = run("up")
    assert "copilot/web/manifest.yml:9: INTERVAL (web)" in ended.err
    assert "CL107" not in ended.err
    assert "CL103" not in ended.err
    assert "web/web.env" in ended.err


def test_a_number_cannot_come_from_a_variable_at_all(run: Run, shop: Path) -> None:
    (shop / "copilot" / "web" / "manifest.yml").write_text(WEB.replace("port: 3000", "port: ${PORT}"))
    ended = run("up")
    assert "copilot/web/manifest.yml:5: PORT (web)" in ended.err
    assert "Copilot turns an interpolated value into text" in ended.err


def test_all_manifests_are_checked_in_one_run(run: Run, shop: Path) -> None:
    for name, text in (("api", API), ("web", WEB)):
        (shop / "copilot" / name / "manifest.yml").write_text(text.replace("count: 1", "count: many"))
    ended = run("up", "--var", "TAG=1")
    assert ended.err.count("error[CL103]") == 2
    assert "2 manifests: 2 errors" in ended.err


def test_a_service_of_app_runner_is_passed_over_unless_it_is_named(run: Run, shop: Path) -> None:
    assert "runner: is passed over" in run("up").err
    ended = run("up", "runner")
    assert ended.code == 1
    assert "there is no task to emulate" in ended.err
    for name in ("web", "api"):
        (shop / "copilot" / name / "manifest.yml").unlink()
    ended = run("up")
    assert ended.code == 1
    assert "error: copilot/runner/manifest.yml:2:1: a Request-Driven Web Service runs on AWS App Runner" in ended.err


def test_init_writes_a_place_for_everything(run: Run, shop: Path) -> None:
    (shop / "web").mkdir()
    (shop / "web" / "web.env.example").write_text("LEVEL=debug\n")
    ended = run("init")
    assert ended.code == 0
    settings = tomllib.loads((shop / "copilot-local.toml").read_text())
    assert settings == {
        "variables": {"TAG": ""},
        "values": {"shared-zone": "", "TableName": ""},
        "images": {"web/web": ""},
    }
    secrets = (shop / ".copilot-local" / "secrets.env").read_text()
    names = [line.removesuffix("=") for line in secrets.splitlines() if not line.startswith("#")]
    assert sorted(names) == ["/prod/db", "/prod/other", "HUB"]
    assert stat.S_IMODE((shop / ".copilot-local" / "secrets.env").stat().st_mode) == 0o600
    assert (shop / ".copilot-local" / ".gitignore").read_text() == "*\n"
    assert (shop / "web" / "web.env").read_text() == "LEVEL=debug\n"
    schema = json.loads((shop / ".vscode" / "settings.json").read_text())["yaml.schemas"]
    assert [(shop / file).is_file() for file in schema] == [True]
    assert "fill in copilot-local.toml, .copilot-local/secrets.env, web/web.env" in ended.out
    assert (shop / "copilot" / "web" / "manifest.yml").read_text() == WEB


def test_names_that_are_not_filled_in_are_still_missing(run: Run, shop: Path) -> None:
    run("init")
    ended = run("up")
    assert "7 things are missing here: 1 variable, 2 values, 3 secrets, 1 Dockerfile" in ended.err
    ended = run("init")
    assert "every name has its place; these have no value yet" in ended.out
    assert "TAG (web)" in ended.out


def test_an_environment_file_that_is_left_blank_is_told(run: Run, shop: Path) -> None:
    run("init")
    ended = run("up")
    told = "copilot/web/manifest.yml:17:1: web/web.env has no lines yet: web gets no variable from it"
    assert f"warning: {told}" in ended.err
    (shop / "web" / "web.env").write_text("LEVEL=debug\n")
    assert "has no lines yet" not in run("up").err


def test_graph_draws_a_variable_without_a_value_by_its_name(run: Run, shop: Path) -> None:
    manifest = shop / "copilot" / "web" / "manifest.yml"
    manifest.write_text(WEB.replace("image: nginx:1", "image: nginx:${TAG}"))
    ended = run("graph", "web", "--format", "svg")
    assert ended.code == 0, ended.err
    assert "nginx:${TAG}" in ended.out


def test_what_is_filled_in_counts(run: Run, shop: Path) -> None:
    run("init")
    settings = shop / "copilot-local.toml"
    filled = settings.read_text().replace('web" = ""', 'web" = "nginx:1"').replace('= ""', '= "given"')
    settings.write_text(filled)
    secrets = shop / ".copilot-local" / "secrets.env"
    secrets.write_text("".join(f"{line}\n" for line in secrets.read_text().replace("=\n", "=given\n").splitlines()))
    ended = run("up")
    assert ended.code == 125, ended.err  # it went on, to look for Docker
    assert "nothing is missing" in run("init").out


def test_a_second_init_adds_what_is_new_and_touches_nothing_else(run: Run, shop: Path) -> None:
    run("init")
    settings = shop / "copilot-local.toml"
    settings.write_text(
        settings.read_text().replace('TAG = ""', 'TAG = "mine"  # of the desk') + "\n[front]\nport = 9000\n"
    )
    before = {file: file.read_bytes() for file in shop.rglob("*") if file.is_file()}
    assert run("init").code == 0
    assert {file: file.read_bytes() for file in shop.rglob("*") if file.is_file()} == before
    manifest = shop / "copilot" / "api" / "manifest.yml"
    manifest.write_text(API.replace("secrets:\n", "variables:\n  NEW: ${NEW}\nsecrets:\n  TOKEN: /prod/token\n"))
    ended = run("init")
    assert settings.read_text() == before[settings].decode().replace(
        "# of the desk\n", '# of the desk\n# copilot/api/manifest.yml:9 (api)\nNEW = ""\n'
    )
    assert (shop / ".copilot-local" / "secrets.env").read_text().endswith("TOKEN=\n")
    assert "[variables] NEW" in ended.out


def test_git_ignores_what_init_writes_for_this_machine_alone(run: Run, shop: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(shop)], check=True)
    run("init")
    done = subprocess.run(
        ["git", "-C", str(shop), "status", "--short", "-uall"], check=True, capture_output=True, text=True
    )
    shown = [line[3:] for line in done.stdout.splitlines() if not line.endswith("manifest.yml")]
    assert sorted(shown) == [
        ".gitignore",
        ".vscode/settings.json",
        "copilot-local.toml",
        "copilot/api/addons/table.yml",
        "web/.dockerignore",
    ]


def test_secrets_stay_out_of_images_that_are_built_from_the_whole_workspace(run: Run, shop: Path) -> None:
    manifest = shop / "copilot" / "web" / "manifest.yml"
    manifest.write_text(WEB.replace("build: web/Dockerfile", "build: {dockerfile: web/Dockerfile, context: .}"))
    (shop / ".dockerignore").write_text("*.log")
    run("init")
    assert (shop / ".dockerignore").read_text() == "*.log\n.copilot-local\nweb/web.env\n"


def test_what_docker_ignores_already_is_not_added_again(run: Run, shop: Path) -> None:
    manifest = shop / "copilot" / "web" / "manifest.yml"
    manifest.write_text(WEB.replace("build: web/Dockerfile", "build: {dockerfile: web/Dockerfile, context: .}"))
    (shop / ".dockerignore").write_text("*\n!web/*.py\n")
    run("init")
    assert (shop / ".dockerignore").read_text() == "*\n!web/*.py\n"


def test_private_environment_files_stay_out_of_images_too(run: Run, shop: Path) -> None:
    """One that `init` has written, and one that git ignores; not one that is in git."""
    manifest = shop / "copilot" / "web" / "manifest.yml"
    text = WEB.replace("build: web/Dockerfile", "build: {dockerfile: web/Dockerfile, context: .}")
    text += "    env_file: nginx.env\n  other:\n    image: nginx:1\n    env_file: public.env\n"
    manifest.write_text(text)
    for name in ("nginx.env", "public.env"):
        (shop / name).write_text("A=1\n")
    subprocess.run(["git", "init", "-q", shop], check=True)
    (shop / ".gitignore").write_text("nginx.env\n")
    run("init")
    assert (shop / ".dockerignore").read_text().splitlines() == [".copilot-local", "web/web.env", "nginx.env"]
    run("init")
    assert (shop / ".dockerignore").read_text().splitlines() == [".copilot-local", "web/web.env", "nginx.env"]


def test_up_warns_where_values_of_secrets_go_to_the_builder(run: Run, shop: Path) -> None:
    manifest = shop / "copilot" / "web" / "manifest.yml"
    (shop / ".env").write_text("TAG=1\n")
    run("init")
    secrets = shop / ".copilot-local" / "secrets.env"
    manifest.write_text(WEB.replace("build: web/Dockerfile", "build: {dockerfile: web/Dockerfile, context: .}"))
    assert "the builder gets it" not in run("up").err, "no value is filled in"
    secrets.write_text("DB=x\n")
    said = " ".join(run("up").err.split())
    assert (
        "warning: .copilot-local/secrets.env: the builder gets it with the context of web/Dockerfile, and `COPY . .`"
        " puts it into the image hint: `copilot-local init` adds the folder to .dockerignore"
    ) in said
    run("init")
    assert "the builder gets it" not in run("up").err
    manifest.write_text(WEB)
    (shop / ".dockerignore").unlink()
    assert "the builder gets it" not in run("up").err, "the context is another folder"


def test_an_environment_file_outside_of_the_workspace_is_not_written(run: Run, shop: Path) -> None:
    (shop / "copilot" / "web" / "manifest.yml").write_text(WEB.replace("web/web.env", "../web.env"))
    ended = run("init")
    assert "../web.env (web) is not below the workspace" in ended.out
    assert not (shop.parent / "web.env").exists()


def test_a_file_of_a_service_takes_the_place_of_the_manifests(run: Run, shop: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.env").write_text("LEVEL=debug\n")
    for option in ("web", "web/web"):
        ended = run("up", "--env-file", f"{option}={tmp_path}/mine.env")
        assert "environment file" not in ended.err
    ended = run("up", "--env-file", f"web={tmp_path}/nowhere.env")
    assert f"{tmp_path}/nowhere.env (web): in place of web/web.env, as --env-file says" in ended.err


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("wbe=x.env", "did you mean web?"),
        ("web/ngnix=x.env", "did you mean nginx?"),
        ("api=x.env", "api has no `env_file` in its manifest"),
    ],
)
def test_a_file_of_no_service_is_refused(run: Run, shop: Path, option: str, said: str) -> None:
    ended = run("up", "--env-file", option)
    assert ended.code == 2
    assert said in ended.err


def test_a_service_of_no_tasks_demands_nothing(run: Run, shop: Path) -> None:
    (shop / "copilot" / "web" / "manifest.yml").write_text(WEB.replace("count: 1", "count: 0").replace("${TAG}", "1"))
    ended = run("up")
    assert "(web)" not in ended.err
    assert "web/Dockerfile" not in ended.err
    ended = run("up", "--scale", "web=1")
    assert "DB (web)" in ended.err
    ended = run("up", "--scale", "wbe=1")
    assert ended.code == 2
    assert "did you mean web?" in ended.err


def test_an_environment_that_nothing_declares_is_refused(run: Run, shop: Path) -> None:
    ended = run("up", "-e", "prodd")
    assert ended.code == 2
    assert "hint: did you mean prod? environments: prod; --new-env takes prodd all the same" in ended.err
    assert run("up", "-e", "prodd", "--new-env").code == 1
    assert "PROD_TAG (api)" in run("up", "-e", "prod").err


def test_variables_of_the_settings_are_for_manifests_only(run: Run, shop: Path) -> None:
    (shop / "copilot-local.toml").write_text('[variables]\nTAG = "1"\nDB = "secret"\n')
    ended = run("up")
    assert "TAG (web)" not in ended.err
    assert "DB (web)" in ended.err, "a settings file is no place for secrets"


def test_validate_says_which_files_are_not_there(run: Run, shop: Path) -> None:
    ended = run("validate", "-n", "web", "--var", "TAG=1")
    assert ended.code == 1
    assert (
        "error[CL162]: copilot/web/manifest.yml:4:10: image.build: there is no folder web to build"
        in ended.err + ended.out
    )
    assert "env_file: there is no environment file web/web.env" in ended.out
    (shop / "web").mkdir()
    assert "there is no Dockerfile web/Dockerfile" in run("validate", "-n", "web", "--var", "TAG=1").out
    (shop / "web" / "Dockerfile").write_text("FROM scratch\n")
    (shop / "web" / "web.env").write_text("")
    assert run("validate", "-n", "web", "--var", "TAG=1").code == 0


def test_a_manifest_that_stands_alone_has_no_files_beside_it(run: Run, tmp_path: Path) -> None:
    (tmp_path / "manifest.yml").write_text(WEB)
    assert "CL162" not in run("validate", str(tmp_path / "manifest.yml")).out


def test_verbs_that_look_at_what_runs_refuse_an_unknown_environment(
    run: Run, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from emulator.engine import connect
    from emulator.engine.fake import FakeEngine

    monkeypatch.setattr(connect, "connect", FakeEngine)
    for verb in ("ps", "down", "targets"):
        ended = run(verb, "-e", "prodd")
        assert ended.code == 2
        assert "did you mean prod?" in ended.err
    assert run("down", "-e", "prod").code == 0


@pytest.mark.parametrize("link", [".copilot-local", ".vscode"])
def test_nothing_is_written_through_a_link_that_leads_outside(run: Run, shop: Path, tmp_path: Path, link: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (shop / link).symlink_to(outside)
    ended = run("init")
    assert ended.code == 1
    assert "leads outside of the workspace" in ended.err
    assert list(outside.iterdir()) == []


def test_a_variable_that_decides_whether_an_image_is_built_is_only_asked_for(run: Run, workspace: Path) -> None:
    manifest = "name: hello\ntype: Backend Service\nimage: {build: '${B}', location: nginx, port: 80}\n"
    (workspace / "copilot" / "hello" / "manifest.yml").write_text(manifest)
    ended = run("init", "--no-editor")
    assert (ended.code, "error" in ended.err) == (0, False), ended.err
    assert "[variables] B" in ended.out + ended.err
