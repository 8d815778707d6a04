"""Secrets that the user gives or an addon makes: in the container's variables, and where code asks for them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.docker.aws.conftest import run_in, variables, write_workspace
from tests.docker.project import MakeProject, Project, docker

pytestmark = pytest.mark.docker

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/db-AbCdEf"
MANIFEST = f"""\
name: api
type: Backend Service
image:
  location: with-boto3
cpu: 256
memory: 512
secrets:
  TOKEN: /copilot/shop/test/secrets/TOKEN
  DB_USER: '{ARN}:username::'
  DB_PASSWORD: '{ARN}:password::'
  MADE: /made/by/addon
  PART:
    secretsmanager: 'made/login:password::'
"""
TEMPLATE = """\
Parameters:
  App: {Type: String}
  Env: {Type: String}
  Name: {Type: String}
Resources:
  Word:
    Type: AWS::SSM::Parameter
    Properties: {Name: !Sub '/made/by/${Kind}', Type: String, Value: from the addon}
  Login:
    Type: AWS::SecretsManager::Secret
    Properties:
      Name: made/login
      GenerateSecretString: {SecretStringTemplate: '{"username": "me"}', GenerateStringKey: password}
""".replace("Resources:", "  Kind: {Type: String, Default: addon}\nResources:")
GIVEN = """\
TOKEN=the-token-of-the-user
DB_USER=me
DB_PASSWORD=the-password-of-the-user
/only/read/by/code=the-word-of-code
"""


@pytest.fixture(scope="module")
def shop(make_shared_project: MakeProject) -> Project:
    project = write_workspace(make_shared_project(""), {"api/manifest.yml": MANIFEST, "api/addons/words.yml": TEMPLATE})
    project.write(".copilot-local/secrets.env", GIVEN)
    project.up()
    return project


def test_what_an_addon_makes_is_in_the_variables(shop: Project) -> None:
    found = variables(shop)
    assert (found["TOKEN"], found["DB_USER"]) == ("the-token-of-the-user", "me")
    assert found["MADE"] == "from the addon"
    assert len(found["PART"]) == 32


def test_code_that_asks_for_them_finds_them(shop: Project) -> None:
    code = f"""
ssm, secrets = boto3.client("ssm"), boto3.client("secretsmanager")
def read(name):
    found = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    return [found["Value"], found["Type"]]
ids = ["shop/db", "{ARN}"]
print(json.dumps({{
    "ssm": [read(name) for name in ("/copilot/shop/test/secrets/TOKEN", "/only/read/by/code")],
    "arn": read("arn:aws:ssm:us-east-1:123456789012:parameter/copilot/shop/test/secrets/TOKEN"),
    "db": [json.loads(secrets.get_secret_value(SecretId=one)["SecretString"]) for one in ids],
}}))
"""
    found = json.loads(run_in(shop, "api", code))
    token = ["the-token-of-the-user", "SecureString"]
    assert found["ssm"] == [token, ["the-word-of-code", "SecureString"]]
    assert found["arn"] == token
    assert found["db"] == [{"username": "me", "password": "the-password-of-the-user"}] * 2


def test_no_value_is_in_a_label_a_command_a_state_or_a_log(shop: Project) -> None:
    values = [value for line in GIVEN.splitlines() if len(value := line.partition("=")[2]) > 2]
    for container in shop.containers():
        shown: dict[str, Any] = json.loads(docker("inspect", container.name))[0]
        config = shown["Config"]
        seen = json.dumps([config["Labels"], config["Cmd"], config["Entrypoint"], shown["Args"]])
        if container.role != "member":
            seen += json.dumps(config["Env"]) + docker("logs", container.name)
        assert [value for value in values if value in seen] == []
    state = docker("exec", shop.container("agent"), "sh", "-c", "cat /copilot-local/state/*")
    own = docker("exec", shop.container("aws"), "sh", "-c", "cat /copilot-local/own/* /copilot-local/data/seed")
    assert [value for value in values if value in state + own] == []
    mode = docker("exec", shop.container("aws"), "sh", "-c", "stat -c %a /copilot-local/data/state/*secrets*").split()
    assert set(mode) == {"600"}


def test_what_is_given_anew_is_read_anew(shop: Project) -> None:
    shop.edit(".copilot-local/secrets.env", "the-token-of-the-user", "another-token")
    shop.up()
    assert variables(shop)["TOKEN"] == "another-token"
    code = """
found = boto3.client("ssm").get_parameter(Name="/copilot/shop/test/secrets/TOKEN", WithDecryption=True)
print(found["Parameter"]["Value"])
"""
    assert run_in(shop, "api", code).strip() == "another-token"


def test_what_nothing_gives_is_missing_with_its_line_and_what_an_addon_gives_is_not(make_project: MakeProject) -> None:
    files = {"api/manifest.yml": MANIFEST, "api/addons/words.yml": TEMPLATE}
    project = write_workspace(make_project(""), files)
    done = project.run("up", "-d")
    assert done.code == 1
    assert "3 things are missing here: 3 secrets" in done.err
    assert "manifest.yml:8: TOKEN (api)" in done.err
    assert "MADE" not in done.err
    project.run("init").ok()
    written = (project.folder / ".copilot-local" / "secrets.env").read_text(encoding="utf-8")
    assert {"TOKEN=", "DB_USER=", "DB_PASSWORD="} <= {line.strip() for line in written.splitlines()}
    assert "MADE" not in written
