"""`config` and `route` across environments: what differs, and where a variable that is not set comes from or is set."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run

VARIABLES = """
env_file: ${COPILOT_ENVIRONMENT_NAME}.env
variables:
  LEVEL: info
environments:
  prod:
    count: 2
    variables:
      CURRENCIES: EUR,USD
"""


@pytest.fixture(autouse=True)
def hello(workspace: Path) -> Path:
    """A service whose variable is set in prod alone, and with an environment file for each environment."""
    manifest = workspace / "copilot" / "hello" / "manifest.yml"
    manifest.write_text(manifest.read_text(encoding="utf-8") + VARIABLES, encoding="utf-8")
    (workspace / "test.env").write_text("# of test\nREGION_LABEL=here\nSAME=1\nLEVEL=debug\n", encoding="utf-8")
    (workspace / "prod.env").write_text("SAME=1\nREGION_LABEL=there\nAPI_TOKEN=hush-1\n", encoding="utf-8")
    return manifest


def test_every_key_that_differs_is_shown_with_its_origin_in_each_environment(run: Run) -> None:
    ended = run("config", "hello", "--all-envs")
    assert ended.code == 0
    assert ended.out.splitlines() == [
        "hello: 5 values differ between test, prod",
        "count",
        "  test  1  (copilot/hello/manifest.yml:14)",
        "  prod  2  (copilot/hello/manifest.yml:26, environment prod)",
        "env_file",
        "  test  test.env  (copilot/hello/manifest.yml:21)",
        "  prod  prod.env  (copilot/hello/manifest.yml:21)",
        "variables.API_TOKEN",
        "  test  not set",
        "  prod  <API_TOKEN>  (prod.env:3, the env_file)",
        "variables.CURRENCIES",
        "  test  not set",
        "  prod  EUR,USD  (copilot/hello/manifest.yml:28, environment prod)",
        "variables.REGION_LABEL",
        "  test  here  (test.env:2, the env_file)",
        "  prod  there  (prod.env:2, the env_file)",
    ]
    assert "hush-1" in run("config", "hello", "--all-envs", "--show-secrets").out


def test_what_differs_as_json(run: Run) -> None:
    found = json.loads(run("config", "hello", "--all-envs", "--format", "json").out)
    assert found["hello"]["variables.CURRENCIES"] == {
        "test": None,
        "prod": {"value": "EUR,USD", "origin": "copilot/hello/manifest.yml:28, environment prod"},
    }


def test_one_key_in_every_environment_also_where_it_does_not_differ(run: Run) -> None:
    ended = run("config", "hello", "--all-envs", "--explain", "variables.LEVEL")
    assert ended.out.splitlines() == [
        "variables.LEVEL",
        "  test  info  (copilot/hello/manifest.yml:23)",
        "  prod  info  (copilot/hello/manifest.yml:23)",
    ]
    assert (
        "variables.NONE\n  test  not set\n" in run("config", "hello", "--all-envs", "--explain", "variables.NONE").out
    )


def test_nothing_differs_or_there_is_nothing_to_compare_with(run: Run, hello: Path) -> None:
    text = hello.read_text(encoding="utf-8").partition("\nenv_file")[0]
    hello.write_text(f"{text}\nenvironments:\n  prod: {{}}\n", encoding="utf-8")
    assert run("config", "hello", "--all-envs").out == "hello: nothing differs between test, prod\n"
    hello.write_text(text, encoding="utf-8")
    alone = run("config", "hello", "--all-envs").out
    assert alone == "hello: there is no other environment than test to compare with\n"


def test_all_environments_or_one(run: Run) -> None:
    both = run("config", "hello", "--all-envs", "-e", "prod")
    assert both.code == 2
    assert "--all-envs and --env exclude each other" in both.err


def test_a_variable_of_another_environment_is_named_where_it_is_not_set(run: Run) -> None:
    ended = run("config", "hello", "--explain", "variables.CURRENCIES")
    assert ended.out == "variables.CURRENCIES: not set; set in prod (copilot/hello/manifest.yml:28)\n"
    assert run("config", "hello", "--explain", "variables.NONE").out == "variables.NONE: not set\n"


def test_a_variable_of_the_environment_file_is_explained(run: Run) -> None:
    ended = run("config", "hello", "--explain", "variables.REGION_LABEL")
    assert ended.out == "variables.REGION_LABEL: here\nfrom test.env:2, the env_file\n"
    assert "there" in run("config", "hello", "-e", "prod", "--explain", "variables.REGION_LABEL").out
    secret = run("config", "hello", "-e", "prod", "--explain", "variables.API_TOKEN").out
    assert secret == "variables.API_TOKEN: <API_TOKEN>\nfrom prod.env:3, the env_file\n"
    assert "from copilot/hello/manifest.yml:23:3" in run("config", "hello", "--explain", "variables.LEVEL").out


def test_a_variable_that_is_a_secret_is_told_as_one(run: Run, hello: Path) -> None:
    text = hello.read_text(encoding="utf-8").replace("env_file:", "secrets:\n  DB_PASSWORD: /db/password\nenv_file:")
    hello.write_text(text, encoding="utf-8")
    ended = run("config", "hello", "--explain", "variables.DB_PASSWORD")
    assert ended.out == "variables.DB_PASSWORD: not set; it is a secret (copilot/hello/manifest.yml:22)\n"


def test_a_route_is_compared_with_the_environment_at_hand(run: Run, hello: Path) -> None:
    same = run("route", "--all-envs", "GET", "/api/x").out
    assert same.startswith("the same in every environment: test, prod\n")
    assert "values may differ all the same: `copilot-local config hello --all-envs`\n" in same
    text = hello.read_text(encoding="utf-8").replace("    count: 2\n", "    http:\n      target_container: hello\n")
    hello.write_text(text, encoding="utf-8")
    assert [line for line in run("route", "--all-envs", "GET", "/api/x").out.splitlines() if line[0] != " "][:2] == [
        "test:",
        "prod:",
    ]
    hello.write_text(text.partition("\nenvironments")[0], encoding="utf-8")
    assert run("route", "--all-envs", "GET", "/api/x").out.startswith(
        "there is no other environment than test to compare with\n"
    )


def test_a_variable_of_this_machine_is_explained_by_the_settings_that_have_it(run: Run, workspace: Path) -> None:
    own = workspace / ".copilot-local" / "copilot-local.toml"
    own.parent.mkdir(exist_ok=True)
    own.write_text('[container_variables.hello]\nLEVEL = "trace"\n', encoding="utf-8")
    ended = run("config", "hello", "--explain", "variables.LEVEL")
    assert ended.code == 0
    first, second, third, *_ = ended.out.splitlines()
    assert first == "variables.LEVEL: trace"
    assert second == "from .copilot-local/copilot-local.toml:2, [container_variables] hello, on this machine alone"
    assert third.startswith("deployed: ")


@pytest.mark.parametrize(
    ("name", "problem"),
    [("helo", "there is no service helo"), ("hello/ngnix", "hello has no container ngnix")],
)
def test_validate_refuses_variables_for_what_is_not_there(run: Run, workspace: Path, name: str, problem: str) -> None:
    (workspace / "copilot-local.toml").write_text(f'[container_variables."{name}"]\nA = "1"\n', encoding="utf-8")
    ended = run("validate")
    assert ended.code == 1
    assert problem in ended.err
    assert "copilot-local.toml:1" in ended.err
