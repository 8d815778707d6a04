from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from emulator.errors import ExitCode, InputError, UsageError
from emulator.workspace import (
    find_workspace,
    interpolation_variables,
    read_secrets,
    resolve_app,
    resolve_environment,
    secrets_are_exposed,
)

MANIFEST = "name: {name}\ntype: Backend Service\n"


def make(root: Path, *services: str, environments: tuple[str, ...] = (), workspace: str | None = None) -> Path:
    for service in services:
        folder = root / "copilot" / service
        folder.mkdir(parents=True)
        (folder / "manifest.yml").write_text(MANIFEST.format(name=service))
    for environment in environments:
        (root / "copilot" / "environments" / environment).mkdir(parents=True)
    if workspace is not None:
        (root / "copilot").mkdir(parents=True, exist_ok=True)
        (root / "copilot" / ".workspace").write_text(workspace)
    return root


def test_is_found_from_a_folder_below_it(tmp_path: Path) -> None:
    root = make(tmp_path / "shop", "web", "api")
    deep = root / "src" / "deep"
    deep.mkdir(parents=True)
    for start in (root, deep, root / "copilot", root / "copilot" / "api"):
        workspace = find_workspace(start)
        assert workspace.root == root
        assert workspace.services == ("api", "web")
        assert workspace.manifest_path("api") == root / "copilot" / "api" / "manifest.yml"


def test_environments_and_pipelines_are_not_services(tmp_path: Path) -> None:
    make(tmp_path, "api", "pipelines", environments=("test", "prod", "addons", "overrides"))
    (tmp_path / "copilot" / "environments" / "manifest.yml").write_text("name: x\n")
    workspace = find_workspace(tmp_path)
    assert workspace.services == ("api",)
    assert workspace.environments == ("prod", "test")


def test_a_copilot_folder_of_something_else_is_passed_by(tmp_path: Path) -> None:
    root = make(tmp_path / "shop", "api")
    inner = root / "tools"
    (inner / "copilot").mkdir(parents=True)
    assert find_workspace(inner).root == root


def test_an_unknown_service_is_a_usage_error_that_names_the_others(tmp_path: Path) -> None:
    workspace = find_workspace(make(tmp_path, "api", "web"))
    with pytest.raises(UsageError, match="no service ap in") as caught:
        workspace.manifest_path("ap")
    assert caught.value.hint == "did you mean api? services: api, web"
    assert caught.value.exit_code == ExitCode.USAGE


def test_no_manifest_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        find_workspace(tmp_path)
    assert f"in {tmp_path} and every folder above" in caught.value.message
    assert "give the path of a manifest" in caught.value.hint
    (tmp_path / "copilot").mkdir()
    with pytest.raises(InputError, match="copilot holds no manifest"):
        find_workspace(tmp_path)


def test_a_missing_start_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no file or folder .*nowhere"):
        find_workspace(tmp_path / "nowhere")


def test_a_manifest_in_a_workspace_is_that_service_only(tmp_path: Path) -> None:
    root = make(tmp_path / "shop", "api", "web", environments=("prod",), workspace="application: store\n")
    workspace = find_workspace(root / "copilot" / "web" / "manifest.yml")
    assert workspace.root == root
    assert workspace.services == ("web",)
    assert workspace.application == "store"
    assert workspace.environments == ("prod",)


def test_a_manifest_elsewhere_is_relative_to_its_own_folder(tmp_path: Path) -> None:
    for path in ("svc/api/manifest.yml", "api/service.yaml"):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(MANIFEST.format(name="api"))
        workspace = find_workspace(file)
        assert workspace.root == file.parent
        assert workspace.manifest_path("api") == file


def test_a_manifest_in_a_folder_like_copilot_is_relative_to_the_folder_above(tmp_path: Path) -> None:
    file = tmp_path / "_copilot" / "api" / "manifest.yml"
    file.parent.mkdir(parents=True)
    file.write_text(MANIFEST.format(name="api"))
    assert find_workspace(file).root == tmp_path


def test_application_is_the_option_the_workspace_file_or_the_folder(tmp_path: Path) -> None:
    named = find_workspace(make(tmp_path / "shop", "api", workspace="application: store\n"))
    assert resolve_app(named, "other") == "other"
    assert resolve_app(named) == "store"
    assert resolve_app(find_workspace(make(tmp_path / "My Shop_2", "api"))) == "my-shop-2"
    assert resolve_app(find_workspace(make(tmp_path / "2048", "api"))) == "app-2048"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("application: store", "store"),
        ("application: store\n", "store"),
        ("application: 'store' # ours\n", "store"),
        ("# ours\napplication:   store\npath: x\n", "store"),
        ("application: true\n", "true"),
        ("application: s" + "t" * 254 + "\n", "s" + "t" * 254),
    ],
)
def test_the_workspace_file_is_read_as_yaml(tmp_path: Path, content: str, name: str) -> None:
    assert find_workspace(make(tmp_path, "api", workspace=content)).application == name


@pytest.mark.parametrize("name", ["Shop", "2048", "a_b", "", "a" * 256])
def test_a_name_that_copilot_refuses_is_a_usage_error(tmp_path: Path, name: str) -> None:
    workspace = find_workspace(make(tmp_path / "shop", "api"))
    with pytest.raises(UsageError, match="cannot be the name of an application"):
        resolve_app(workspace, name)
    with pytest.raises(UsageError, match="cannot be the name of an environment"):
        resolve_environment(workspace, name)


def test_environment_is_the_option_the_only_one_or_test(tmp_path: Path) -> None:
    one = find_workspace(make(tmp_path / "one", "api", environments=("staging",)))
    assert resolve_environment(one) == "staging"
    assert resolve_environment(one, "prod") == "prod"
    assert resolve_environment(find_workspace(make(tmp_path / "none", "api"))) == "test"
    assert resolve_environment(find_workspace(make(tmp_path / "two", "api", environments=("a1", "prod")))) == "test"


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("application: [\n", 1, "not readable YAML: .*flow"),
        ("application: " + "[" * 5000, 1, "nested deeper"),
        ("application: \0", 1, "binary"),
        ("#" * 2_000_000, 1, "larger than"),
        ("path: ''\n", 1, "no `application`"),
        ("", 1, "no `application`"),
        ("application: Shop!\n", 1, "cannot be the name"),
        ("\napplication: [shop]\n", 2, "cannot be the name"),
    ],
)
def test_a_broken_workspace_file_is_named_with_its_line(tmp_path: Path, content: str, line: int, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        find_workspace(make(tmp_path, "api", workspace=content))
    assert caught.value.position is not None
    assert caught.value.position.file == str(tmp_path / "copilot" / ".workspace")
    assert caught.value.position.line == line


def test_variables_come_from_the_file_and_the_shell_wins(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        '# comment\n\nTAG=1.0 # why\nexport QUOTED=\'a # b\'\nDOUBLE="x\\ny\\""\nEMPTY=\nURL=http://h/#frag\nBOTH=file\n'
    )
    assert interpolation_variables(tmp_path, environ={"BOTH": "shell"}) == {
        "TAG": "1.0",
        "QUOTED": "a # b",
        "DOUBLE": 'x\ny"',
        "EMPTY": "",
        "URL": "http://h/#frag",
        "BOTH": "shell",
    }


def test_only_the_end_of_a_line_ends_a_variable(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\u2028B=2\u0085C\nD=3")
    assert interpolation_variables(tmp_path, environ={}) == {"A": "1\u2028B=2\u0085C", "D": "3"}


def test_an_env_file_that_is_named_replaces_dot_env_and_must_be_there(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\n")
    (tmp_path / "other.env").write_text("B=2\n")
    assert interpolation_variables(tmp_path, tmp_path / "other.env", environ={}) == {"B": "2"}
    with pytest.raises(InputError, match="there is no file"):
        interpolation_variables(tmp_path, tmp_path / "missing.env", environ={})


@pytest.mark.parametrize("line", ["no equals sign", "A='open", 'A="open', "1A=x"])
def test_a_broken_env_file_is_named_with_its_line(tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(f"FINE=1\n{line}\n")
    with pytest.raises(InputError) as caught:
        interpolation_variables(tmp_path, environ={})
    assert str(caught.value).startswith(f"{tmp_path / '.env'}:2: ")
    assert caught.value.position is None  # its line would be shown, and may hold a secret


def test_secrets_env_knows_variables_names_and_arns(tmp_path: Path) -> None:
    assert read_secrets(tmp_path) == {}
    (tmp_path / ".copilot-local").mkdir()
    (tmp_path / ".copilot-local" / "secrets.env").write_text(
        "# of this machine\n"
        "TOKEN='t #1'\n"
        "export OTHER=o\n"
        "/prod/token = p\n"
        'arn:aws:secretsmanager:us-east-2:123456789012:secret:hub-AbCdEf={"username": "u", "password": "a=b#c"}\n'
        'KEY="line 1\\nline 2"\n'
    )
    assert read_secrets(tmp_path) == {
        "TOKEN": "t #1",
        "OTHER": "o",
        "/prod/token": "p",
        "arn:aws:secretsmanager:us-east-2:123456789012:secret:hub-AbCdEf": '{"username": "u", "password": "a=b#c"}',
        "KEY": "line 1\nline 2",
    }


def test_a_broken_line_of_secrets_env_is_named_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / ".copilot-local").mkdir()
    (tmp_path / ".copilot-local" / "secrets.env").write_text("A=1\nTOKEN='very secret\n")
    with pytest.raises(InputError, match=r"secrets\.env:2: the quote is not closed") as caught:
        read_secrets(tmp_path)
    assert "very secret" not in f"{caught.value} {caught.value.hint}"
    assert caught.value.position is None


def test_secrets_are_exposed_where_git_does_not_ignore_them(tmp_path: Path) -> None:
    file = tmp_path / ".copilot-local" / "secrets.env"
    assert not secrets_are_exposed(tmp_path)
    file.parent.mkdir()
    file.write_text("TOKEN=t\n")
    assert not secrets_are_exposed(tmp_path), "there is no repository"
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True, timeout=30)
    assert secrets_are_exposed(tmp_path)
    (file.parent / ".gitignore").write_text("*\n")
    assert not secrets_are_exposed(tmp_path)
