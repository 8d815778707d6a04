from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emulator import __version__

Run = Callable[..., Any]
AddService = Callable[[str, str], Path]

BACKEND = "name: worker\ntype: Backend Service\nimage:\n  location: busybox:1.37\ncpu: 256\nmemory: 512\ncount: 1\n"
LOGGING = BACKEND + "logging:\n  destination:\n    Name: cloudwatch\n    region: us-west-2\n"


def manifest(workspace: Path) -> Path:
    return workspace / "copilot" / "hello" / "manifest.yml"


def edit(workspace: Path, old: str, new: str) -> None:
    file = manifest(workspace)
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_validate_says_which_manifests_are_fine(run: Run, workspace: Path) -> None:
    edit(workspace, "targetContainer", "target_container")
    ended = run("validate")
    assert (ended.code, ended.out, ended.err) == (0, "✓ copilot/hello/manifest.yml (Load Balanced Web Service)\n", "")


def test_validate_shows_an_unknown_key_with_its_line_and_what_was_meant(run: Run, workspace: Path) -> None:
    edit(workspace, "targetContainer", "target_containr")
    ended = run("validate")
    assert ended.code == 1
    assert ended.out.startswith("error[CL101]: copilot/hello/manifest.yml:10:3: http.target_containr: ")
    assert "   10 |   target_containr: 'nginx'\n      |   ^^^^^^^^^^^^^^^\n" in ended.out
    assert "  hint: did you mean target_container?\n" in ended.out
    assert ended.out.endswith("\n1 error\n")


def test_validate_names_once_how_a_code_is_explained(run: Run, workspace: Path) -> None:
    manifest = workspace / "copilot" / "hello" / "manifest.yml"
    manifest.write_text(manifest.read_text() + "nonsense: 1\nrubbish: 2\n")
    assert run("validate").err.count("`copilot-local validate --explain CL") == 1


def test_validate_lenient_warns_of_what_copilot_accepts(run: Run, workspace: Path) -> None:
    edit(workspace, "targetContainer", "target_containr")
    ended = run("validate", "--lenient")
    assert ended.code == 0
    assert ended.out.startswith("warning[CL101]: ")


def test_validate_as_json_holds_every_finding(run: Run, workspace: Path) -> None:
    edit(workspace, "targetContainer", "target_containr")
    ended = run("validate", "--format", "json")
    assert ended.code == 1
    (finding,) = json.loads(ended.out)
    assert (finding["code"], finding["severity"], finding["line"]) == ("CL101", "error", 10)
    assert finding["file"] == "copilot/hello/manifest.yml"
    assert finding["hint"] == "did you mean target_container?"


def test_validate_as_sarif_is_a_log_for_code_scanning(run: Run, workspace: Path) -> None:
    edit(workspace, "targetContainer", "target_containr")
    ended = run("validate", "--format", "sarif")
    assert ended.code == 1
    log = json.loads(ended.out)
    assert log["version"] == "2.1.0"
    (scan,) = log["runs"]
    assert scan["tool"]["driver"]["version"] == __version__
    (result,) = scan["results"]
    assert (result["ruleId"], result["level"]) == ("CL101", "error")
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "copilot/hello/manifest.yml"
    assert place["region"]["startLine"] == 10
    assert "did you mean target_container?" in result["message"]["text"]


def test_validate_of_what_is_fine_has_no_results(run: Run, workspace: Path) -> None:
    edit(workspace, "targetContainer", "target_container")
    listed, scanned = run("validate", "--format", "json"), run("validate", "--format", "sarif")
    assert (listed.code, json.loads(listed.out)) == (0, [])
    assert (scanned.code, json.loads(scanned.out)["runs"][0]["results"]) == (0, [])


def test_validate_goes_on_after_a_broken_manifest(run: Run, workspace: Path, add_service: AddService) -> None:
    add_service("alpha", "name: alpha\ntype: Backend Servise\n")
    edit(workspace, "targetContainer", "target_containr")
    ended = run("validate")
    assert ended.code == 1
    assert "copilot/alpha/manifest.yml:2" in ended.out
    assert "copilot/hello/manifest.yml:10" in ended.out


def test_validate_takes_files_and_folders(
    run: Run, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(workspace, "targetContainer", "target_container")
    monkeypatch.chdir(tmp_path)
    for path in ("shop", "shop/copilot/hello/manifest.yml", "shop/copilot/hello", "."):
        ended = run("validate", path)
        assert (ended.code, ended.out) == (0, "✓ shop/copilot/hello/manifest.yml (Load Balanced Web Service)\n"), path
    missing = run("validate", "shop/nothing.yml")
    assert missing.code == 1
    assert "nothing.yml" in missing.err


def test_yaml_that_does_not_parse_is_shown_with_its_column(run: Run, workspace: Path) -> None:
    edit(workspace, "cpu: 256", "cpu: [256")
    for verb in ("validate", "up", "render taskdef"):
        ended = run(*verb.split())
        assert ended.code == 1
        words = ended.out if verb == "validate" else ended.err
        assert "error[CL100]: copilot/hello/manifest.yml:13:" in words
        assert "   13 | memory: 512\n" in words
        assert "Traceback" not in words


def test_render_goes_on_with_a_warning_where_copilot_would(run: Run, workspace: Path) -> None:
    edit(workspace, "count: 1", "count: 1\ntagz: {}")
    ended = run("render", "taskdef", "--placeholders")
    assert ended.code == 0
    assert "warning: copilot/hello/manifest.yml:15:1: tagz: " in ended.err
    assert "[CL101]" in ended.err
    assert json.loads(ended.out)["family"] == "shop-test-hello"
    strict = run("render", "taskdef", "--placeholders", "--strict")
    assert (strict.code, strict.out) == (1, "")
    assert "error[CL101]: copilot/hello/manifest.yml:15:1" in strict.err


def test_render_names_every_missing_value_and_takes_it(run: Run, workspace: Path) -> None:
    ended = run("render", "taskdef")
    assert (ended.code, ended.out) == (1, "")
    names = [line.split("--value ")[1].split("=")[0] for line in ended.err.splitlines() if "--value " in line]
    assert "image:hello" in names
    assert "hint: give each by the option shown" in ended.err
    values = [argument for name in names for argument in ("--value", f"{name}=x")]
    filled = run("render", "taskdef", *values)
    assert filled.code == 0
    definition = json.loads(filled.out)
    assert [container["image"] for container in definition["containerDefinitions"]] == ["x", "example.com/nginx:1"]


def test_render_takes_values_from_the_settings(run: Run, workspace: Path) -> None:
    (workspace / "copilot-local.toml").write_text('[values]\n"image:hello" = "example.com/hello:1"\n')
    assert "example.com/hello:1" in run("render", "taskdef", "--placeholders").out


def test_names_come_from_the_options_the_variables_or_the_workspace(
    run: Run, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def family(*options: str) -> str:
        return str(json.loads(run("render", "taskdef", "--placeholders", *options).out)["family"])

    assert family() == "shop-test-hello"
    (workspace / "copilot" / ".workspace").write_text("application: store\n")
    (workspace / "copilot" / "environments" / "staging").mkdir(parents=True)
    assert family() == "store-staging-hello"
    (workspace / "copilot" / "environments" / "prod").mkdir()
    monkeypatch.setenv("COPILOT_LOCAL_APP", "other")
    monkeypatch.setenv("COPILOT_LOCAL_ENV", "prod")
    assert family() == "other-prod-hello"
    assert family("-a", "mine", "-e", "dev", "--new-env") == "mine-dev-hello"


def test_a_verb_for_one_service_asks_which(run: Run, workspace: Path, add_service: AddService) -> None:
    add_service("worker", BACKEND)
    ended = run("render", "taskdef", "--placeholders")
    assert ended.code == 2
    hint = "choose one with -n, or write all with --output-dir FOLDER"
    assert ended.err == f"error: 2 services could be meant: hello, worker\n\nhint: {hint}\n"
    for arguments in (["-n", "worker"], ["worker"], ["-n", "copilot/worker/manifest.yml"]):
        chosen = run("render", "taskdef", "--placeholders", *arguments)
        assert json.loads(chosen.out)["family"] == "shop-test-worker"


def test_the_env_file_and_the_shell_fill_in_variables(
    run: Run, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(workspace, "example.com/nginx:1", "example.com/nginx:${NGINX_TAG}")
    (workspace / ".env").write_text("NGINX_TAG=from-file\n")
    (workspace / "other.env").write_text("NGINX_TAG=from-other\n")
    assert "example.com/nginx:from-file" in run("render", "taskdef", "--placeholders").out
    assert "example.com/nginx:from-other" in run("render", "taskdef", "--placeholders", "--env-file", "other.env").out
    monkeypatch.setenv("NGINX_TAG", "from-shell")
    assert "example.com/nginx:from-shell" in run("render", "taskdef", "--placeholders").out


def test_an_env_file_that_is_not_there_is_named(run: Run, workspace: Path) -> None:
    ended = run("render", "taskdef", "--env-file", "gone.env")
    assert ended.code == 1
    assert ended.err.startswith("error: there is no file gone.env\n")


def test_broken_settings_are_shown_with_their_line(run: Run, workspace: Path) -> None:
    (workspace / "copilot-local.toml").write_text("[front]\nporrt = 1\n")
    ended = run("up")
    assert ended.code == 1
    assert ended.err.startswith("error: copilot-local.toml:2: front.porrt: ")
    assert "    2 | porrt = 1\n" in ended.err
    assert "hint: see `copilot-local reference settings`" in ended.err


def test_firelens_config_shows_both_files_and_why_they_differ(
    run: Run, workspace: Path, add_service: AddService
) -> None:
    add_service("worker", LOGGING)
    ended = run("firelens", "config", "worker")
    assert ended.code == 0, ended.err
    ecs, local, differences = ended.out.split("# ---- ")[1:]
    assert ecs.startswith("what ECS generates")
    assert "cloudwatch" in ecs.lower()
    assert local.startswith("in use here")
    assert "Name file\n    Match worker-firelens*" in local
    assert "#    - " in differences
    assert "#    + " in differences
    assert run("firelens", "config", "worker", "--only", "ecs").out.strip() in ecs


def test_firelens_config_without_a_router_says_what_adds_one(run: Run, workspace: Path) -> None:
    ended = run("firelens", "config")
    assert ended.code == 1
    assert "error: service hello has no log router\n" in ended.err
    assert "hint: `logging:` with a `destination:`" in ended.err


def test_a_target_container_without_a_port_is_shown_with_its_line(run: Run, workspace: Path) -> None:
    edit(workspace, "    port: 80\n", "")
    ended = run("up")
    assert ended.code == 1
    assert "copilot/hello/manifest.yml:10:" in ended.err
    assert "port" in ended.err
    assert "hint: " in ended.err


@pytest.mark.parametrize("verb", ["up", "up -d", "up --dry-run", "down", "ps", "logs", "logs --routed"])
def test_no_docker_is_125_with_a_hint(run: Run, workspace: Path, verb: str) -> None:
    ended = run(*verb.split())
    assert ended.code == 125
    assert ended.out == ""
    assert "error: no Docker daemon answers at unix://" in ended.err
    assert "\n\nhint: " in ended.err


def test_down_is_for_a_whole_environment(run: Run, workspace: Path) -> None:
    ended = run("down", "-n", "hello")
    assert ended.code == 2
    assert "error: down stops a whole environment" in ended.err


def test_tail_does_not_go_with_a_comparison(run: Run, workspace: Path) -> None:
    ended = run("logs", "--compare", "--tail", "3")
    assert ended.code == 2
    assert "error: --tail cannot be combined with --compare" in ended.err


@pytest.mark.parametrize("verb", ["down", "ps", "logs"])
def test_both_names_given_need_no_workspace(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(verb, "-a", "shop", "-e", "test").code == 125


def test_validate_checks_the_manifests_of_environments_too(run: Run, workspace: Path) -> None:
    edit(workspace, "targetContainer", "target_container")
    file = workspace / "copilot" / "environments" / "test" / "manifest.yml"
    file.parent.mkdir(parents=True)
    file.write_text("name: test\ntype: Environment\nnetwrok: {}\n")
    ended = run("validate")
    assert ended.code == 1
    assert "copilot/environments/test/manifest.yml:3" in ended.out
    assert "environments" not in run("validate", "-n", "hello").out


def test_validate_looks_at_one_environment_or_at_all(run: Run, workspace: Path) -> None:
    edit(workspace, "targetContainer", "target_container")
    edit(workspace, "count: 1\n", "count: 1\nenvironments:\n  prod:\n    image: {port: 70000}\n")
    assert run("validate").out == run("validate", "-e", "test").out
    assert run("validate", "--all-envs").code == 1
    assert run("validate", "-e", "prod").code == 1
    both = run("validate", "-e", "prod", "--all-envs")
    assert (both.code, both.out) == (2, "")


def test_findings_are_silenced_by_the_settings(run: Run, workspace: Path) -> None:
    edit(workspace, "count: 1", "count: 1\ntagz: {}")
    (workspace / "copilot-local.toml").write_text('[validate]\nignore = ["CL101", "CL108"]\n')
    assert run("validate").code == 0
    rendered = run("render", "taskdef", "--placeholders")
    assert (rendered.code, rendered.err) == (0, "")


@pytest.mark.parametrize("code", ["CL1O1", "cl101", "CL999"])
def test_a_code_that_is_none_is_not_ignored(run: Run, workspace: Path, code: str) -> None:
    (workspace / "copilot-local.toml").write_text(f'[validate]\nignore = ["{code}"]\n')
    for verb in ("validate", "config"):
        ended = run(verb)
        assert (ended.code, ended.out) == (1, "")
        assert f"there is no finding {code}" in ended.err
        assert "hint: " in ended.err


def test_validate_says_once_what_is_an_error_in_one_environment_and_a_warning_in_others(
    run: Run, workspace: Path
) -> None:
    edit(workspace, "targetContainer", "target_container")
    edit(workspace, "count: 1\n", "count: 1\nenvironments:\n  test: {}\n  prod:\n    variables: {A: '${NOTHING}'}\n")
    ended = run("validate", "--all-envs")
    assert ended.code == 1
    assert ended.out.count("[CL110]") == 1
    assert ended.out.endswith("\n1 error\n")


def test_validate_finds_the_workspaces_below_a_folder(
    run: Run, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(workspace, "targetContainer", "target_container")
    other = tmp_path / "other"
    other.mkdir()
    (other / "worker-manifest.yml").write_text(BACKEND)
    monkeypatch.chdir(tmp_path)
    assert "shop/copilot/hello/manifest.yml" in run("validate", str(tmp_path)).out
    assert "other/worker-manifest.yml" in run("validate", "other").out


def test_config_prints_the_manifest_of_the_environment(run: Run, workspace: Path) -> None:
    edit(workspace, "count: 1\n", "count: 1\nenvironments:\n  prod:\n    count: 5\n")
    assert "count: 1\n" in run("config").out
    prod = run("config", "-e", "prod")
    assert "count: 5\n" in prod.out
    assert "environments" not in prod.out
    assert json.loads(run("config", "-e", "prod", "--format", "json").out)["count"] == 5


def test_config_explains_where_a_value_comes_from(run: Run, workspace: Path) -> None:
    edit(workspace, "count: 1\n", "count: 1\nenvironments:\n  prod:\n    count: 5\n")
    assert "copilot/hello/manifest.yml:17:5, environment prod" in run("config", "-e", "prod", "--explain", "count").out
    unknown = run("config", "--explain", "http.pth")
    assert unknown.code == 1
    assert "hint: did you mean http.path?" in unknown.err
    nothing = run("config", "--explain", "")
    assert (nothing.code, nothing.out) == (1, "")
    assert "hint: for example http.path" in nothing.err


def test_schema_is_a_json_schema_of_manifests(run: Run) -> None:
    schema = json.loads(run("schema").out)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert "Load Balanced Web Service" in schema["properties"]["type"]["enum"]


def test_cp_wants_one_end_in_a_container(run: Run) -> None:
    for ends in (("a", "./b"), ("hello:/a", "nginx:/b")):
        ended = run("cp", *ends)
        assert ended.code == 2
        assert "hint: one of the two is CONTAINER:PATH" in ended.err


def test_quiet_and_events_for_programs_exclude_each_other(run: Run) -> None:
    ended = run("up", "--quiet", "--format", "json")
    assert ended.code == 2
    assert "--quiet cannot be combined with --format json" in ended.err


def test_with_deps_wants_a_service_and_names_that_are_there(run: Run, workspace: Path) -> None:
    assert "--with-deps needs a service" in run("up", "--with-deps").err
    (workspace / "copilot-local.toml").write_text('[needs]\nhello = ["databse"]\n')
    ended = run("up", "hello", "--with-deps")
    assert ended.code == 2
    assert "there is no service databse" in ended.err


def test_config_keeps_secrets_back_unless_asked_for(run: Run, add_service: AddService, workspace: Path) -> None:
    add_service("w", BACKEND + "variables:\n  T: ${API_TOKEN}\n  LEVEL: ${LEVEL}\n  DB: postgres://u:hush-2@db/x\n")
    (workspace / ".env").write_text("API_TOKEN=hush-1\nLEVEL=debug\n")
    for options in ((), ("--format", "json")):
        printed = run("config", "w", *options).out
        assert "hush" not in printed
        assert "<API_TOKEN>" in printed
        assert "debug" in printed
    assert "hush" not in run("config", "w", "--explain", "variables.T").out
    assert "hush-1" in run("config", "w", "--show-secrets").out


def test_firelens_config_keeps_secrets_back_unless_asked_for(run: Run, add_service: AddService) -> None:
    add_service(
        "w", LOGGING.replace("cloudwatch\n", "http\n    http_Passwd: hush-1\n    Header: Authorization Bearer hush-2\n")
    )
    printed = run("firelens", "config", "w").out
    assert "hush" not in printed
    assert "<http_Passwd>" in printed
    assert "hush-1" in run("firelens", "config", "w", "--show-secrets").out
