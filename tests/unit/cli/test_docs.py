"""The documents say what the program does: every verb, option, setting and exit code is in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel

from emulator.cli.main import app
from emulator.errors import ExitCode
from emulator.events import EventKind
from emulator.settings import Settings

ROOT = Path(__file__).parents[3]
COMMANDS = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")


def options() -> list[tuple[str, str]]:
    """Every verb with every long option it has."""
    found: list[tuple[str, str]] = []

    def visit(command: object, path: str) -> None:
        for name, child in getattr(command, "commands", {}).items():
            visit(child, f"{path} {name}".strip())
        if not hasattr(command, "commands"):
            for parameter in getattr(command, "params", ()):
                found.extend((path, option) for option in parameter.opts if option.startswith("--"))

    visit(typer.main.get_command(app), "")
    return found


@pytest.mark.parametrize(("verb", "option"), options())
def test_every_verb_and_option_is_documented(verb: str, option: str) -> None:
    assert re.search(rf"`{re.escape(verb)}[` ]", COMMANDS), f"`{verb}` is not in docs/commands.md"
    assert re.search(rf"`{re.escape(option)}[` ]", COMMANDS), f"{option} of {verb} is not in docs/commands.md"


def keys(model: type[BaseModel], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found += [(field.alias or name, key) for _, key in keys(kind)]
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
    from emulator.settings import FILE_NAME, load_settings

    example = re.search(r"```toml\n(.*?)```", SETTINGS, re.DOTALL)
    assert example is not None
    (tmp_path / FILE_NAME).write_text(example[1], encoding="utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    settings = load_settings(tmp_path)
    assert settings.front.port == 9000
    assert settings.substitute["1234567890.dkr.ecr.us-west-2.amazonaws.com/reverse-proxy:revision_1"] == str(
        tmp_path / "nginx"
    )
