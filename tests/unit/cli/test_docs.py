"""The documents say what the program does: every verb, option, setting and exit code is in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel
from typer.core import TyperGroup

from emulator.cli.shell.app import command_line
from emulator.cli.shell.verb import Verb
from emulator.errors import ExitCode
from emulator.events import EventKind
from emulator.settings import Settings

ROOT = Path(__file__).parents[3]
COMMANDS = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")


def verbs() -> list[tuple[str, Verb]]:
    """Every verb by its words on the command line."""
    found: list[tuple[str, Verb]] = []

    def visit(group: TyperGroup, words: str) -> None:
        for name, command in group.commands.items():
            if isinstance(command, TyperGroup):
                visit(command, f"{words}{name} ")
            else:
                assert isinstance(command, Verb)
                found.append((f"{words}{name}", command))

    visit(command_line(), "")
    return found


def options(verb: Verb) -> list[str]:
    """Every long option that it has."""
    return [option for parameter in verb.command.params for option in parameter.opts if option.startswith("--")]


@pytest.mark.parametrize(("words", "verb"), verbs(), ids=lambda value: value if isinstance(value, str) else "")
def test_the_list_of_verbs_says_what_each_verb_says_of_itself(words: str, verb: Verb) -> None:
    assert verb.help == (verb.command.help or "").partition("\n")[0]


@pytest.mark.parametrize(("words", "verb"), verbs(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_verb_and_option_is_documented(words: str, verb: Verb) -> None:
    absent = [word for word in (words, *options(verb)) if not re.search(rf"`{re.escape(word)}[` ]", COMMANDS)]
    assert absent == [], f"not in docs/reference/commands.md, of {words}"


def keys(model: type[BaseModel], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found += [(field.serialization_alias or name, key) for _, key in keys(kind)]
        else:
            found.append((prefix or name, name))
    return found


@pytest.mark.parametrize(("section", "key"), keys(Settings))
def test_every_setting_is_documented(section: str, key: str) -> None:
    heading = f"## `[{section}]`"
    assert heading in SETTINGS
    text = SETTINGS.split(heading)[1].split("\n## ")[0]
    assert section == key or f"`{key}`" in text


def test_every_exit_code_is_documented() -> None:
    for code in ExitCode:
        assert f"\n| {int(code)} | " in COMMANDS


def test_every_kind_of_event_is_documented() -> None:
    for kind in EventKind:
        assert f"`{kind}`" in COMMANDS


def test_the_example_of_the_settings_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from emulator.settings import load_settings
    from emulator.settings_files import FILE_NAME

    example = re.search(r"```toml\n(.*?)```", SETTINGS, re.DOTALL)
    assert example is not None
    (tmp_path / FILE_NAME).write_text(example[1], encoding="utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    settings = load_settings(tmp_path)
    assert settings.front.port == 9000
    assert settings.substitute["1234567890.dkr.ecr.us-west-2.amazonaws.com/reverse-proxy:revision_1"] == str(
        tmp_path / "nginx"
    )
