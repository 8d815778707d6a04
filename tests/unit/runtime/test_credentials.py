"""Where the credentials of tasks come from on this machine."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from emulator.errors import CopilotLocalError, InputError, Unsupported, UsageError
from emulator.model import InvalidData, from_plain
from emulator.runtime.secrets.credentials import chosen, task_role
from emulator.runtime.state.desired import Private
from emulator.runtime.state.task_role import TaskRole
from emulator.settings import CredentialSettings

CONFIG = """
[default]
region = eu-west-1

[profile dev]
aws_access_key_id = AKIACONFIG
aws_secret_access_key = from-config
region = eu-central-1

[profile admin]
role_arn = arn:aws:iam::1:role/admin
source_profile = keys
external_id = ext

[profile mfa]
role_arn = arn:aws:iam::1:role/admin
source_profile = keys
mfa_serial = arn:aws:iam::1:mfa/me

[profile sso]
sso_session = corp

[sso-session corp]
sso_region = us-east-1
"""
CREDENTIALS = """
[keys]
aws_access_key_id=AKIAKEYS
aws_secret_access_key=from-%credentials
aws_session_token=tok=en

[dev]
aws_access_key_id = AKIADEV
aws_secret_access_key = from-credentials
"""
SHELL = {"AWS_ACCESS_KEY_ID": "AKIASHELL", "AWS_SECRET_ACCESS_KEY": "from-shell", "AWS_SESSION_TOKEN": "shell-token"}


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """The variables of a shell whose home has both files of the AWS command line."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(CONFIG)
    (tmp_path / ".aws" / "credentials").write_text(CREDENTIALS)
    return {"HOME": str(tmp_path)}


def resolved(variables: dict[str, str], **settings: str) -> TaskRole:
    found = task_role(from_plain(CredentialSettings, settings), variables, "us-east-1")
    assert found is not None
    return found


def test_tasks_get_none_by_default(variables: dict[str, str]) -> None:
    assert task_role(CredentialSettings(), {**variables, **SHELL}, "us-east-1") is None


def test_static_ones_are_the_shells() -> None:
    found = resolved(SHELL, source="static")
    assert (found.keys.access_key_id, found.keys.secret_access_key) == ("AKIASHELL", "from-shell")
    assert found.keys.session_token == "shell-token"


def test_half_of_a_key_is_no_key() -> None:
    with pytest.raises(InputError) as error:
        resolved({"AWS_ACCESS_KEY_ID": "AKIAHALF"}, source="static")
    assert "AWS_SECRET_ACCESS_KEY" in error.value.message
    assert "AKIAHALF" not in f"{error.value.message}{error.value.hint}"


class TestProfile:
    def test_the_credentials_file_wins_over_the_configuration(self, variables: dict[str, str]) -> None:
        found = resolved(variables, source="profile", profile="dev")
        assert (found.keys.access_key_id, found.region) == ("AKIADEV", "eu-central-1")

    def test_values_are_taken_as_they_stand(self, variables: dict[str, str]) -> None:
        keys = resolved(variables, source="profile", profile="keys").keys
        assert (keys.secret_access_key, keys.session_token) == ("from-%credentials", "tok=en")

    def test_the_shell_names_it_where_nothing_else_does(self, variables: dict[str, str]) -> None:
        assert resolved({**variables, "AWS_PROFILE": "keys"}, source="profile").name == "keys"

    def test_the_files_may_be_elsewhere(self, variables: dict[str, str], tmp_path: Path) -> None:
        other = tmp_path / "other"
        other.write_text("[keys]\naws_access_key_id=A\naws_secret_access_key=B\n")
        found = resolved({**variables, "AWS_SHARED_CREDENTIALS_FILE": str(other)}, source="profile", profile="keys")
        assert found.keys.access_key_id == "A"

    def test_one_that_is_not_there_is_told_with_those_that_are(self, variables: dict[str, str]) -> None:
        with pytest.raises(InputError, match="no AWS profile nobody") as error:
            resolved(variables, source="profile", profile="nobody")
        assert "admin, default, dev, keys, mfa, sso" in error.value.hint

    def test_without_files_the_hint_says_how_to_make_one(self, tmp_path: Path) -> None:
        with pytest.raises(InputError) as error:
            resolved({"HOME": str(tmp_path)}, source="profile")
        assert error.value.hint == "`aws configure` makes one"

    def test_one_that_assumes_a_role_does_so_in_the_agent(self, variables: dict[str, str]) -> None:
        found = resolved({**variables, "AWS_ENDPOINT_URL_STS": "http://sts"}, source="profile", profile="admin")
        assert (found.source, found.role_arn, found.external_id) == ("role", "arn:aws:iam::1:role/admin", "ext")
        assert (found.keys.access_key_id, found.sts_endpoint) == ("AKIAKEYS", "http://sts")

    @pytest.mark.parametrize("profile", ["sso", "mfa"])
    def test_one_that_needs_more_is_refused_without_botocore(
        self, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch, profile: str
    ) -> None:
        monkeypatch.setitem(sys.modules, "botocore.session", None)
        with pytest.raises(Unsupported) as error:
            resolved(variables, source="profile", profile=profile)
        assert f"export-credentials --profile {profile}" in error.value.hint

    def test_botocore_resolves_what_needs_more(
        self, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        script = tmp_path / "process"
        script.write_text(
            "#!/bin/sh\n"
            'echo \'{"Version": 1, "AccessKeyId": "AKIAPROC", "SecretAccessKey": "s", "SessionToken": "t",'
            ' "Expiration": "2099-01-01T00:00:00Z"}\'\n'
        )
        script.chmod(0o755)
        config = tmp_path / ".aws" / "config"
        config.write_text(f"{CONFIG}\n[profile process]\ncredential_process = {script}\n")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
        keys = resolved(variables, source="profile", profile="process").keys
        assert (keys.access_key_id, keys.session_token) == ("AKIAPROC", "t")
        assert keys.expiration is not None
        assert keys.expiration.year == 2099

    def test_what_botocore_cannot_resolve_is_told_in_its_words(
        self, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_CONFIG_FILE", f"{variables['HOME']}/.aws/config")
        with pytest.raises(InputError, match="gives no credentials") as error:
            resolved(variables, source="profile", profile="sso")
        assert "--profile sso" in error.value.hint

    def test_a_broken_file_is_told_without_its_content(self, variables: dict[str, str]) -> None:
        file = Path(variables["HOME"], ".aws", "credentials")
        file.write_text("[keys]\naws_secret_access_key\nsecretsecret\n")
        with pytest.raises(InputError) as error:
            resolved(variables, source="profile", profile="keys")
        assert f"{file}:2" in error.value.message
        assert "secretsecret" not in str(error.value)


class TestRole:
    ARN = "arn:aws:iam::1:role/app"

    def test_it_is_assumed_with_the_shells_keys(self, variables: dict[str, str]) -> None:
        found = resolved({**variables, **SHELL}, source="role", role_arn=self.ARN)
        assert (found.role_arn, found.keys.access_key_id) == (self.ARN, "AKIASHELL")

    def test_it_is_assumed_with_the_profiles_keys_where_one_is_named(self, variables: dict[str, str]) -> None:
        found = resolved({**variables, **SHELL}, source="role", role_arn=self.ARN, profile="keys")
        assert (found.role_arn, found.keys.access_key_id, found.name) == (self.ARN, "AKIAKEYS", "keys")

    def test_a_chain_of_roles_is_refused(self, variables: dict[str, str]) -> None:
        with pytest.raises(Unsupported, match="chain of roles"):
            resolved(variables, source="role", role_arn=self.ARN, profile="admin")

    def test_it_needs_a_name(self, variables: dict[str, str]) -> None:
        with pytest.raises(InputError, match="role_arn is missing"):
            resolved(variables, source="role")


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        (None, {"source": "profile", "profile": "set"}),
        ("none", {"source": "none"}),
        ("static", {"source": "static"}),
        ("profile", {"source": "profile", "profile": "set"}),
        ("profile=dev", {"source": "profile", "profile": "dev"}),
        ("role=arn:aws:iam::1:role/x", {"source": "role", "role_arn": "arn:aws:iam::1:role/x", "profile": "set"}),
    ],
)
def test_the_option_wins_over_the_settings(option: str | None, expected: dict[str, str]) -> None:
    settings = CredentialSettings(source="profile", profile="set")
    assert chosen(option, settings) == from_plain(CredentialSettings, expected)


@pytest.mark.parametrize("option", ["", "prof", "none=x", "role", "static=1"])
def test_any_other_option_is_an_error(option: str) -> None:
    with pytest.raises(UsageError) as error:
        chosen(option, CredentialSettings())
    assert error.value.hint
    assert isinstance(error.value, CopilotLocalError)


def test_services_that_are_brought_up_again_bring_their_credentials_along() -> None:
    role = resolved(SHELL, source="static")
    before = Private(services={"a": {}, "b": {"x": {"K": "1"}}}, task_roles={"a": role, "b": role})
    after = before.updated(Private(services={"a": {}, "c": {}}, task_roles={"c": role}))
    assert set(after.task_roles) == {"b", "c"}
    assert after.services == {"a": {}, "b": {"x": {"K": "1"}}, "c": {}}


def test_private_values_that_do_not_parse_are_not_quoted() -> None:
    with pytest.raises(InvalidData) as error:
        from_plain(Private, {"services": {"a": "hush"}, "task_roles": {"a": {"keys": {"secret_access_key": "hush"}}}})
    assert "hush" not in str(error.value)
