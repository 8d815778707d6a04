"""Settings of what services live with: lists, and texts that stand for a list of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.errors import InputError
from emulator.settings import Settings, load_settings, setting_position


def read(folder: Path, text: str) -> Settings:
    (folder / "copilot-local.toml").write_text(text, encoding="utf-8")
    return load_settings(folder)


def test_one_text_stands_for_a_list(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        '[jobs]\nschedule = "nightly"\n[beside]\ncompose = "compose.yaml"\nservices = "cache"\n'
        '[seed.databases]\n"api/Orders" = "schema.sql"\n',
    )
    assert settings.jobs.schedule == ("nightly",)
    assert settings.beside.compose == (str(tmp_path / "compose.yaml"),)
    assert settings.beside.services == ("cache",)
    assert settings.seed.databases == {"api/Orders": (str(tmp_path / "schema.sql"),)}


def test_the_reach_is_that_of_all_services_or_of_single_ones(tmp_path: Path) -> None:
    every = read(tmp_path, '[aws]\nreach = "names"\n').aws
    assert every.leads_names("api")
    one = read(tmp_path, '[aws.reach]\napi = "names"\nweb = "endpoint"\n').aws
    assert [one.leads_names(name) for name in ("api", "web", "worker")] == [True, False, False]
    assert not read(tmp_path, "[aws]\nport = 4570\n").aws.leads_names("api")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[aws]\nreach = "name"\n', ":2: aws.reach: Input should be 'endpoint' or 'names'"),
        ('[aws.reach]\napi = "dns"\n', ":2: aws.reach.api: Input should be 'endpoint' or 'names'"),
        ('[aws]\nendpoint = "none"\nreach = "names"\n', 'reach = "names" leads to the local AWS endpoint'),
    ],
)
def test_a_reach_that_there_is_not_is_said_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, text)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[needs]\nweb = "api"\n', ":2: needs.web: Input should be a list"),
        ("[beside]\ncompose = 3\n", ":2: beside.compose: Input should be a list"),
    ],
)
def test_what_is_no_list_is_said_in_the_settings_words(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, text)
    assert said in str(error.value)


def test_an_endpoint_may_be_a_url(tmp_path: Path) -> None:
    assert read(tmp_path, '[aws]\nendpoint = "http://localhost:4566/"\n').aws.endpoint == "http://localhost:4566"


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "on",
        "localhost:4566",
        "ftp://localhost",
        "http://",
        "http://a:b",
        "http://a/path",
        "http://me@a",
        "http://a b",
    ],
)
def test_another_endpoint_is_said_with_its_line(tmp_path: Path, endpoint: str) -> None:
    with pytest.raises(InputError, match=r":2: aws\.endpoint: is \"local\", \"always\", \"none\" or a URL"):
        read(tmp_path, f'[aws]\nendpoint = "{endpoint}"\n')


def test_names_of_aws_lead_to_no_url(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not to a URL"):
        read(tmp_path, '[aws]\nendpoint = "http://localhost:4566"\nreach = "names"\n')


def test_what_two_files_say_together_is_an_error_of_both(tmp_path: Path) -> None:
    own = tmp_path / "own" / "copilot-local"
    own.mkdir(parents=True)
    (own / "copilot-local.toml").write_text('[aws]\nreach = "names"\n')
    (tmp_path / "copilot-local.toml").write_text('[aws]\nendpoint = "none"\n')
    with pytest.raises(InputError) as error:
        load_settings(tmp_path, {"XDG_CONFIG_HOME": str(tmp_path / "own")})
    assert 'reach = "names"' in str(error.value)
    assert f"{own / 'copilot-local.toml'} and {tmp_path / 'copilot-local.toml'} together" in str(error.value)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """The team's settings file of a workspace, and one person's."""
    (tmp_path / ".copilot-local").mkdir()
    return tmp_path / "copilot-local.toml", tmp_path / ".copilot-local" / "copilot-local.toml"


def test_what_one_person_wants_in_a_workspace_wins_key_by_key(tmp_path: Path, files: tuple[Path, Path]) -> None:
    team, own = files
    team.write_text('[front]\nport = 9000\n[container_variables.api]\nA = "team"\nB = "team"\n', encoding="utf-8")
    own.write_text('[container_variables.api]\nB = "mine"\n[images]\n"web" = "./web"\n', encoding="utf-8")
    found = load_settings(tmp_path, {"XDG_CONFIG_HOME": str(tmp_path / "own")})
    assert found.front.port == 9000
    assert found.container_variables == {"api": {"A": "team", "B": "mine"}}
    assert found.images == {"web": str(tmp_path / "web")}, "paths are relative to the workspace in both"
    for keys, file, line in ((("A",), team, 4), (("B",), own, 2)):
        position = setting_position(tmp_path, "container_variables", "api", *keys)
        assert position is not None
        assert (position.file, position.line) == (str(file), line)


def test_neither_file_of_a_workspace_may_trust_itself(tmp_path: Path, files: tuple[Path, Path]) -> None:
    for file in files:
        file.write_text('[trust]\npaths = ["/"]\n', encoding="utf-8")
        with pytest.raises(InputError, match="is taken from your own settings only") as error:
            load_settings(tmp_path, {"XDG_CONFIG_HOME": str(tmp_path / "own")})
        assert error.value.position is not None
        assert error.value.position.file == str(file)
        file.unlink()
