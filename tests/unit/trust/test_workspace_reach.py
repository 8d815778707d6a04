"""A repository does not decide alone what of the developer its containers get."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from emulator.app.load import load_services
from emulator.app.permissions import asked_for
from emulator.app.selection import Selection, find_target
from emulator.errors import InputError, TrustNeeded
from emulator.runtime.secrets.sources import SecretChoice
from emulator.trust.needed import permissions
from emulator.trust.store import revoke, trust, trust_file
from tests.unit.trust.conftest import Clone


def trust_all(clone: Clone) -> None:
    selection = Selection(start=clone.root)
    loaded = load_services(selection, clone.events.append)
    services = [one.service for one in loaded]
    workspace = find_target(selection).workspace
    trust(
        clone.root,
        permissions(asked_for(clone.root, services, selection=selection, workspace=workspace, loaded=loaded)),
    )


def test_a_workspace_that_asks_for_nothing_needs_no_trust_and_tells_of_nothing(clone: Clone) -> None:
    clone.settings('[substitute]\n"x" = "./x"\n[credentials]\nsource = "none"\n[logs.destinations]\n"*" = "capture"\n')
    assert clone.up().private.task_roles == {}
    assert clone.tasks_get == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('[credentials]\nsource = "profile"\nprofile = "prod"\n', "credentials of your AWS profile prod"),
        ('[credentials]\nsource = "profile"\n', "credentials of your AWS credentials"),
        ('[credentials]\nsource = "static"\n', "the AWS keys of your shell"),
        ('[credentials]\nsource = "role"\nrole_arn = "arn:aws:iam::1:role/x"\n', "the role arn:aws:iam::1:role/x"),
        ('[secrets]\nsource = "aws"\n', "secrets from AWS"),
        ('[logs.destinations]\n"*" = "live"\n', "every log destination is live"),
        ('[logs.destinations]\ncloudwatch = "live"\n', "the log destination cloudwatch is live"),
        ('[[sync]]\nservice = "api"\nsource = "/etc"\ntarget = "/x"\n', "/etc, outside of"),
        ('[[sync]]\nservice = "api"\nsource = "~/.aws"\ntarget = "/x"\n', ".aws, outside of"),
        ('[substitute]\n"a" = "../../.."\n', "it is built in place of a"),
        ('[substitute]\n"a" = "copilot/../../../.aws"\n', "it is built in place of a"),
        ('[images]\n"api/api" = "../../.."\n', "it is built in place of api/api"),
        ('[images]\n"api/api" = {context = ".", dockerfile = "../../x"}\n', "it is built in place of api/api"),
        ('[substitute]\n"a" = {context = "../../.."}\n', "it is built in place of a"),
        ('[substitute]\n"haproxy:3.0" = {context = "front"}\n', "which copilot-local itself runs"),
        ('[substitute]\n"busybox:1.37" = "evil/pause"\n', "which copilot-local itself runs"),
        ('[substitute]\n"haproxy:3.0" = "./front"\n', "which copilot-local itself runs"),
    ],
)
def test_settings_of_a_workspace_that_reach_for_the_developer_are_refused(
    clone: Clone, settings: str, words: str
) -> None:
    clone.settings(settings)
    said = clone.refused()
    assert words in said
    if "outside of" in words:
        return
    assert said.startswith("copilot-local.toml:")


@pytest.mark.parametrize(
    ("manifest", "image", "words"),
    [
        ("env_file: ../../../.aws/x.env\n", "", "the environment file of api"),
        ("env_file: /etc/x.env\n", "", "the environment file of api"),
        ("sidecars:\n  s:\n    image: busybox:1.37\n    env_file: ../../.aws/x.env\n", "", "file of api/s"),
        ("logging:\n  env_file: ../../.aws/x.env\n  destination:\n    Name: stdout\n", "", "firelens_log_router"),
        ("", "  build: ../../Dockerfile\n", "the build context of api"),
        ("", "  build:\n    dockerfile: Dockerfile\n    context: ../..\n", "the build context of api"),
        ("", "  build:\n    dockerfile: /etc/passwd\n    context: .\n", "the Dockerfile of api"),
        ("environments:\n  test:\n    env_file: ../../x.env\n", "", "the environment file of api"),
    ],
)
def test_paths_of_a_manifest_that_lead_out_of_the_repository_are_refused(
    clone: Clone, manifest: str, image: str, words: str
) -> None:
    clone.manifest(manifest, image=image)
    assert words in clone.refused()


@pytest.mark.parametrize(
    ("link", "to", "more"),
    [
        (".env", "their.env", ""),
        (".copilot-local/secrets.env", ".aws/credentials", "secrets:\n  X: aws_access_key_id\n"),
        ("vars.env", ".aws/credentials", "env_file: vars.env\n"),
        ("deep", ".aws", "env_file: deep/x.env\n"),
        ("copilot/api/addons/x.yml", "addon.yml", ""),
        ("copilot-local.toml", "their.toml", ""),
    ],
)
def test_links_that_lead_out_of_the_repository_are_refused(clone: Clone, link: str, to: str, more: str) -> None:
    (clone.home / "their.toml").write_text("")
    (clone.home / "their.env").write_text("A=1\n")
    parameters = "".join(f"  {name}:\n    Type: String\n" for name in ("App", "Env", "Name"))
    (clone.home / "addon.yml").write_text(f"Parameters:\n{parameters}Resources:\n  X:\n    Type: AWS::SNS::Topic\n")
    clone.manifest(more)
    file = clone.root / link
    file.parent.mkdir(parents=True, exist_ok=True)
    file.symlink_to(clone.home / to)
    assert "outside of" in clone.refused()


def test_a_dockerfile_that_is_a_link_out_of_the_repository_is_refused(clone: Clone) -> None:
    clone.manifest(image="  build: web/Dockerfile\n")
    (clone.root / "web").mkdir()
    (clone.root / "web" / "Dockerfile").symlink_to(clone.home / ".aws" / "credentials")
    assert "the Dockerfile of api" in clone.refused()


def test_a_workspace_below_the_root_of_its_repository_builds_from_above(clone: Clone) -> None:
    below = Clone(clone.root / "deploy" / "infra", clone.home)
    below.manifest(
        "env_file: ../../shared.env\n", image="  build:\n    dockerfile: ../../Dockerfile\n    context: ../..\n"
    )
    below.settings('[substitute]\n"x" = "../../images/x"\n')
    clone.write("shared.env", "A=1\n")
    clone.write("Dockerfile", "FROM scratch\n")
    assert below.up().private.services["api"]["api"] == {"A": "1"}
    below.manifest("env_file: ../../../shared.env\n")
    assert "the environment file of api" in below.refused()


def test_without_a_repository_the_workspace_is_the_root(clone: Clone) -> None:
    (clone.root / ".git").rmdir()
    clone.manifest("env_file: ../shared.env\n")
    assert "outside of" in clone.refused()


def test_a_repository_that_holds_the_home_folder_opens_nothing(clone: Clone) -> None:
    (clone.root / ".git").rmdir()
    (clone.home / ".git").mkdir()
    clone.manifest("env_file: ../../.aws/x.env\n")
    assert "the environment file of api" in clone.refused()


class TestTrust:
    SETTINGS = '[credentials]\nsource = "profile"\nprofile = "prod"\n'

    def test_is_given_once_and_asked_for_anew_when_the_content_changes(self, clone: Clone) -> None:
        clone.settings(self.SETTINGS)
        clone.refused()
        trust_all(clone)
        assert clone.up().private.task_roles["api"].keys.access_key_id == "AKIAPROD"
        clone.settings("# a comment\n" + self.SETTINGS + "[front]\nport = 9000\n")
        clone.up()
        clone.settings(self.SETTINGS.replace("prod", "default"))
        assert "your AWS profile default" in clone.refused()

    def test_what_is_added_is_all_that_is_asked_for(self, clone: Clone) -> None:
        clone.settings(self.SETTINGS)
        trust_all(clone)
        clone.settings(self.SETTINGS + '[logs.destinations]\n"*" = "live"\n')
        said = clone.refused()
        assert "live" in said
        assert "prod" not in said

    def test_is_of_one_folder(self, clone: Clone) -> None:
        clone.settings(self.SETTINGS)
        trust_all(clone)
        other = Clone(clone.home / "src" / "other", clone.home)
        other.manifest()
        other.settings(self.SETTINGS)
        assert "prod" in other.refused()

    def test_is_taken_back(self, clone: Clone) -> None:
        clone.settings(self.SETTINGS)
        trust_all(clone)
        assert revoke(clone.root)
        clone.refused()
        assert not revoke(clone.root)

    def test_is_kept_for_the_user_alone(self, clone: Clone) -> None:
        clone.settings(self.SETTINGS)
        trust_all(clone)
        file = trust_file(clone.root)
        assert file.is_relative_to(clone.home / ".config")
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700
        assert os.listdir(file.parent) == [file.name]

    def test_a_damaged_file_is_no_trust(self, clone: Clone) -> None:
        clone.settings(self.SETTINGS)
        trust_all(clone)
        trust_file(clone.root).write_text("{")
        with pytest.raises(InputError, match="damaged"):
            clone.up()


class TestTheUserSaysIt:
    def test_in_the_own_settings(self, clone: Clone) -> None:
        clone.own_settings('[credentials]\nsource = "profile"\nprofile = "prod"\n[logs.destinations]\n"*" = "live"\n')
        assert clone.up().private.task_roles["api"].keys.access_key_id == "AKIAPROD"
        assert clone.tasks_get == [
            "credentials of profile prod; your AWS credentials for logs that are really sent (all destinations)"
        ]

    def test_which_a_workspace_does_not_widen(self, clone: Clone) -> None:
        clone.own_settings('[credentials]\nsource = "profile"\nprofile = "default"\n')
        clone.settings('[credentials]\nprofile = "prod"\n')
        assert "your AWS profile prod" in clone.refused()

    def test_nor_does_it_undo_what_the_user_keeps_back(self, clone: Clone) -> None:
        clone.own_settings('[logs.destinations]\n"*" = "live"\ndatadog = "capture"\n')
        clone.settings('[logs.destinations]\n"*" = "live"\n')
        assert "the log destination datadog is live" in clone.refused()

    def test_by_an_option(self, clone: Clone) -> None:
        clone.settings('[credentials]\nsource = "profile"\nprofile = "prod"\n')
        assert clone.up(credentials="none").private.task_roles == {}
        assert clone.up(credentials="profile=prod").private.task_roles["api"].name == "prod"
        assert "your AWS profile prod" in clone.refused(credentials="profile")
        clone.settings('[logs.destinations]\n"*" = "live"\n')
        assert clone.up(logs=["live"]).settings.logs.destinations == {"*": "live"}
        clone.settings('[secrets]\nsource = "aws"\n')
        clone.up(secrets=SecretChoice("aws"))
        clone.settings('[secrets]\nprofile = "prod"\n')
        assert "your AWS profile prod" in clone.refused(secrets=SecretChoice("aws"))

    def test_for_folders_of_every_workspace(self, clone: Clone) -> None:
        (clone.home / "shared").mkdir()
        (clone.home / "shared" / "x.env").write_text("A=1\n")
        clone.manifest("env_file: ../../shared/x.env\n")
        clone.refused()
        clone.own_settings('[trust]\npaths = ["~/shared"]\n')
        assert clone.up().private.services["api"]["api"] == {"A": "1"}

    def test_never_in_the_workspace_itself(self, clone: Clone) -> None:
        clone.settings('[front]\nport = 9000\n[trust]\npaths = ["/"]\n')
        with pytest.raises(InputError, match="your own settings") as caught:
            clone.up()
        assert caught.value.position is not None
        assert caught.value.position.line == 3


class TestVariablesOfTheShell:
    def test_the_tools_credentials_are_not_taken_by_their_names_alone(
        self, clone: Clone, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GITHUB_TOKEN", "hush")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
        clone.manifest("variables:\n  X: a ${AWS_SECRET_ACCESS_KEY}\nsecrets:\n  GITHUB_TOKEN: /x\n")
        said = clone.refused()
        assert "copilot/api/manifest.yml:7" in said
        assert "AWS_SECRET_ACCESS_KEY of your shell" in said
        assert "GITHUB_TOKEN of your shell" in said

    def test_nor_for_a_build(self, clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NPM_TOKEN", "hush")
        clone.manifest(image="  build:\n    dockerfile: Dockerfile\n    args:\n      T: ${NPM_TOKEN}\n")
        assert "NPM_TOKEN of your shell" in clone.refused()

    def test_all_others_are_told(self, clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DB_PASSWORD", "local")
        monkeypatch.setenv("TAG", "1")
        clone.manifest(
            "variables:\n  TAG: ${TAG}\nsecrets:\n  DB_PASSWORD: /x\n"
            "environments:\n  prod:\n    variables:\n      CPU: ${CPU}\n"
        )
        monkeypatch.setenv("CPU", "256")
        clone.up()
        assert clone.tasks_get == ["of your shell DB_PASSWORD, TAG"]

    def test_values_of_the_workspace_are_its_own(self, clone: Clone) -> None:
        clone.write(".env", "GITHUB_TOKEN=theirs\n")
        clone.manifest("secrets:\n  GITHUB_TOKEN: /x\n")
        assert clone.up().private.services["api"]["api"] == {"GITHUB_TOKEN": "theirs"}
        assert clone.tasks_get == []

    def test_variables_that_a_test_gives_are_its_own(self, clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GITHUB_TOKEN", "hush")
        clone.manifest("secrets:\n  GITHUB_TOKEN: /x\n")
        request = clone.up(Selection(start=clone.root, variables={"GITHUB_TOKEN": "fake"}))
        assert request.private.services["api"]["api"] == {"GITHUB_TOKEN": "fake"}


@pytest.mark.parametrize("line", ["AWS_PROFILE=prod", "AWS_ENDPOINT_URL_STS=http://evil", "AWS_CONFIG_FILE=./aws"])
def test_a_workspace_does_not_steer_how_credentials_of_the_user_are_used(clone: Clone, line: str) -> None:
    clone.write(".env", f"{line}\n")
    clone.up()  # nothing of AWS's is asked for
    assert line in clone.refused(credentials="profile=default")
    assert line in clone.refused(secrets=SecretChoice("aws"))
    clone.up(Selection(start=clone.root, env_file=clone.write("mine.env", "A=1\n")), credentials="profile=default")


def test_the_error_says_what_to_do_where_no_terminal_can_be_asked(clone: Clone) -> None:
    clone.settings('[credentials]\nsource = "profile"\nprofile = "prod"\n')
    with pytest.raises(TrustNeeded) as caught:
        clone.up()
    assert "`copilot-local trust-workspace --yes`" in caught.value.hint
    assert "--credentials profile=prod" in caught.value.hint


def test_a_plain_task_definition_obeys_the_same_rule(clone: Clone) -> None:
    clone.settings('[credentials]\nsource = "profile"\nprofile = "prod"\n')
    file = clone.write("td.json", '{"family": "x", "containerDefinitions": [{"name": "a", "image": "busybox:1.37"}]}')
    assert "prod" in clone.refused(Selection(task_definition=Path(file)))
