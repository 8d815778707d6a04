"""A verb's help, its part of the manual page, its page of the site and its completion say the same."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.cli.reference.manual_page import manual_page
from emulator.cli.reference.verb_help import VerbHelp, verb_helps
from emulator.cli.shell.app import command_line
from tests.unit.cli.conftest import Run
from website.verbs import write_verbs

VERBS = list(verb_helps(command_line()))
PROGRAM = str(Path(sys.executable).with_name("copilot-local"))


def plain(text: str) -> str:
    """Without spaces, since lines break at hyphens too, and without the marks of Markdown and roff."""
    text = re.sub(r"\\f[BR]|\\&", "", text).replace(r"\-", "-").replace(r"\e", "\\").replace(r"\|", "|")
    return "".join(text.split())


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    write_verbs(folder, {})
    return folder / "reference" / "verbs"


@pytest.fixture(scope="module")
def manual() -> dict[str, str]:
    """The part of each verb by its usage."""
    parts = re.split(r"^\.S[SH] ", manual_page(), flags=re.MULTILINE)
    return {plain(part.partition("\n")[0]).strip('"'): plain(part.partition("\n")[2]) for part in parts}


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.words)
def test_help_manual_and_page_say_the_same(
    run: Run, monkeypatch: pytest.MonkeyPatch, pages: Path, manual: dict[str, str], verb: VerbHelp
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    page = plain((pages / f"{verb.words.replace(' ', '-')}.md").read_text(encoding="utf-8"))
    texts = (plain(run(*verb.words.split(), "--help").out), manual[plain(verb.usage)], page)
    assert verb.summary
    for text in texts:
        assert plain(verb.summary) in text
        for name, meaning in (*verb.arguments, *verb.options):
            assert plain(name) in text
            assert plain(meaning) in text
        for example in verb.examples:
            assert plain(f"copilot-local {example}") in text


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize("words", ["up", "render taskdef"])
def test_completion_offers_the_options_of_the_help(shell: str, words: str) -> None:
    [verb] = [one for one in VERBS if one.words == words]
    typed = f"copilot-local {words} --"
    variables = {
        **os.environ,
        "_COPILOT_LOCAL_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": typed,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split()) - 1),
    }
    ended = subprocess.run([PROGRAM], env=variables, capture_output=True, text=True, timeout=60, check=True)
    for name, _ in verb.options:
        for option in re.findall(r"--[a-z][a-z-]*", name):
            assert re.search(rf"(^|[\"\s]){option}($|[\"\s:])", ended.stdout, re.MULTILINE), option


def test_the_manual_page_is_read_without_a_warning(run: Run) -> None:
    ended = run("reference", "--man")
    assert ended.out == manual_page()
    if shutil.which("groff") is None:
        pytest.skip("no groff here")
    command = ["groff", "-man", "-Tutf8", "-ww", "-z"]
    read = subprocess.run(command, input=ended.out, capture_output=True, text=True, timeout=60, check=True)
    assert read.stderr == ""


def test_the_manual_page_takes_no_chapter(run: Run) -> None:
    assert run("reference", "settings", "--man").code == 2
