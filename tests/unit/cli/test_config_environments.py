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


SECRETS = """
variables:
  DB_PASSWORD: ${PROD_DB}
  API_TOKEN: s3cretprod
  SESSION_TOKEN: s3cretbase
  PIN_OTP: 7
  LEVEL: info
secrets:
  JWT_KEY: /prod/jwt
command: ["login", "s3cretprod"]
logging:
  image: fluent/fluent-bit:3
  destination:
    Name: http
    http_Passwd: s3cretlog
environments:
  prod:
    variables:
      SESSION_TOKEN: s3cretother
"""


@pytest.fixture
def secretive(hello: Path, workspace: Path) -> Path:
    """A manifest with secrets in the clear: as text, by the name of the shell's variable alone, and as an argument."""
    text = hello.read_text(encoding="utf-8").partition("\nenv_file")[0]
    built = text.replace("  build: hello/Dockerfile\n", "  build:\n    dockerfile: hello/Dockerfile\n    args:\n"
                         "      NPM_TOKEN: s3cretbuild\n")  # fmt: skip
    hello.write_text(built.replace("nginx:\n", "nginx:\n    depends_on: {hello: start}\n") + SECRETS, encoding="utf-8")
    (workspace / ".env").write_text("PROD_DB=hunter2\n", encoding="utf-8")
    return hello


@pytest.mark.usefixtures("secretive")
@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--format", "json"),
        ("-e", "prod"),
        ("--all-envs",),
        ("--all-envs", "--format", "json"),
        *(
            (*forms, "--explain", key)
            for key in (
                "variables.DB_PASSWORD",
                "variables.API_TOKEN",
                "variables",
                "command",
                "image.build.args.NPM_TOKEN",
                "logging.destination.http_Passwd",
            )
            for forms in ((), ("--all-envs",), ("--all-envs", "--format", "json"))
        ),
    ],
)
def test_no_form_of_output_prints_what_a_name_tells_as_a_secret(run: Run, options: tuple[str, ...]) -> None:
    ended = run("config", "hello", *options)
    assert ended.code == 0
    assert "s3cret" not in ended.out
    assert "hunter2" not in ended.out
    assert "<" in ended.out
    shown = run("config", "hello", *options, "--show-secrets")
    assert "s3cret" in shown.out or "hunter2" in shown.out


@pytest.mark.usefixtures("secretive")
def test_names_stand_for_secrets_and_all_else_is_as_it_was(run: Run) -> None:
    printed = json.loads(run("config", "hello", "--format", "json").out)
    assert printed["variables"] == {
        "DB_PASSWORD": "<DB_PASSWORD>",
        "API_TOKEN": "<API_TOKEN>",
        "SESSION_TOKEN": "<SESSION_TOKEN>",
        "PIN_OTP": "<PIN_OTP>",
        "LEVEL": "info",
    }
    assert printed["secrets"] == {"JWT_KEY": "/prod/jwt"}
    assert printed["command"] == ["login", "<API_TOKEN>"]
    assert printed["image"]["build"]["args"] == {"NPM_TOKEN": "<NPM_TOKEN>"}
    assert printed["logging"]["destination"] == {"Name": "http", "http_Passwd": "<http_Passwd>"}
    plain = run("config", "hello").out
    assert '  API_TOKEN: "<API_TOKEN>"\n' in plain
    assert "  JWT_KEY: /prod/jwt\n" in plain


@pytest.mark.usefixtures("secretive")
def test_secrets_that_differ_are_told_as_different_without_their_values(run: Run) -> None:
    out = run("config", "hello", "--all-envs").out
    assert "variables.SESSION_TOKEN\n  test  <SESSION_TOKEN>  (" in out
    assert "\n  prod  <SESSION_TOKEN>  (" in out


def test_a_secret_of_this_machine_alone_is_not_printed(run: Run, workspace: Path) -> None:
    own = workspace / ".copilot-local" / "copilot-local.toml"
    own.parent.mkdir(exist_ok=True)
    own.write_text('[container_variables.hello]\nDB_PASSWORD = "hush-7"\n', encoding="utf-8")
    ended = run("config", "hello", "--explain", "variables.DB_PASSWORD")
    assert ended.out.startswith("variables.DB_PASSWORD: <DB_PASSWORD>\n")
    assert "hush-7" in run("config", "hello", "--explain", "variables.DB_PASSWORD", "--show-secrets").out


def test_maps_and_lists_are_compared_by_what_is_below_them(run: Run) -> None:
    assert run("config", "hello", "--all-envs", "--explain", "variables").out.splitlines() == [
        "variables.REGION_LABEL",
        "  test  here  (test.env:2, the env_file)",
        "  prod  there  (prod.env:2, the env_file)",
        "variables.SAME",
        "  test  1  (test.env:3, the env_file)",
        "  prod  1  (prod.env:1, the env_file)",
        "variables.LEVEL",
        "  test  info  (copilot/hello/manifest.yml:23)",
        "  prod  info  (copilot/hello/manifest.yml:23)",
        "variables.API_TOKEN",
        "  test  not set",
        "  prod  <API_TOKEN>  (prod.env:3, the env_file)",
        "variables.CURRENCIES",
        "  test  not set",
        "  prod  EUR,USD  (copilot/hello/manifest.yml:28, environment prod)",
    ]
    image = json.loads(run("config", "hello", "--all-envs", "--explain", "image", "--format", "json").out)
    origin = "copilot/hello/manifest.yml:5"
    assert image["hello"]["image.build"]["prod"] == {"value": "hello/Dockerfile", "origin": origin}
    assert list(image["hello"]) == ["image.build", "image.port"]


def test_a_text_that_stands_for_a_map_is_compared_under_the_maps_own_key(run: Run) -> None:
    out = run("config", "hello", "--all-envs", "--explain", "image.build.dockerfile").out
    assert out.splitlines()[:2] == [
        "image.build.dockerfile",
        "  test  hello/Dockerfile  (copilot/hello/manifest.yml:5)",
    ]


def test_an_empty_map_is_set(run: Run, hello: Path) -> None:
    hello.write_text(hello.read_text(encoding="utf-8").replace("  LEVEL: info\n", "", 1).replace(
        "variables:\n", "variables: {}\n", 1), encoding="utf-8")  # fmt: skip
    (hello.parents[2] / "test.env").write_text("", encoding="utf-8")
    out = run("config", "hello", "--all-envs", "--explain", "variables").out
    assert "variables\n  test  {}  (copilot/hello/manifest.yml:22)\n" in out
