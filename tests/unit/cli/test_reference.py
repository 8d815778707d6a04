"""The reference has everything that there is, and a meaning for each."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from emulator.cli.manifest.reference import Topic
from emulator.cli.manifest.reference_chapters import table
from emulator.manifest.findings.codes import CODES
from emulator.testing.environment import Environment
from tests.unit.cli.test_docs import options, verbs

Run = Callable[..., Any]
# What the names of the columns and a service's own docstrings leave without words of their own.
SELF_EVIDENT = {"type", "name"}


@pytest.fixture(scope="module")
def chapters() -> dict[Topic, str]:
    from emulator.cli.manifest import reference_chapters, reference_findings, reference_manifest

    return {
        Topic.COMMANDS: reference_chapters.commands(),
        Topic.SETTINGS: reference_chapters.settings(),
        Topic.MANIFEST: reference_manifest.manifest(),
        Topic.FINDINGS: reference_findings.findings(),
        Topic.TESTING: reference_chapters.testing(),
    }


def sections(chapter: str) -> dict[str, str]:
    parts = re.split(r"(?m)^## ", chapter)
    return {part.partition("\n")[0]: part for part in parts[1:]}


def test_every_verb_and_option_is_in_it(chapters: dict[Topic, str]) -> None:
    found = {
        re.sub(r" [A-Z\[].*", "", title.strip("`")): text for title, text in sections(chapters[Topic.COMMANDS]).items()
    }
    assert {f"copilot-local {words}" for words, _ in verbs()} <= set(found)
    for words, verb in verbs():
        assert [it for it in options(verb) if it not in found[f"copilot-local {words}"]] == [], words


def test_every_setting_has_a_meaning(chapters: dict[Topic, str]) -> None:
    for row in re.findall(r"(?m)^\| `.*", chapters[Topic.SETTINGS]):
        assert not row.endswith("|  |"), row


def test_every_key_of_a_manifest_has_a_meaning(chapters: dict[Topic, str]) -> None:
    rows = re.findall(r"(?m)^\| `(\w+)` \| (.*?) \| (.*?) ?\|$", chapters[Topic.MANIFEST])
    assert len(rows) > 300
    without = {key for key, _, meaning in rows if not meaning.strip() and key not in SELF_EVIDENT}
    assert not without


def test_every_block_that_a_key_takes_is_in_it(chapters: dict[Topic, str]) -> None:
    anchors = {title.lower() for title in sections(chapters[Topic.MANIFEST])}
    links = set(re.findall(r"\]\(#(\w+)\)", chapters[Topic.MANIFEST]))
    assert links <= anchors


def test_every_code_is_in_it(chapters: dict[Topic, str]) -> None:
    for code in CODES:
        assert f"| [{code}](#{code.lower()}) |" in chapters[Topic.FINDINGS]
        assert f"\n## {code}\n" in chapters[Topic.FINDINGS]


@pytest.mark.parametrize("verb", [name for name in dir(Environment) if not name.startswith("_")])
def test_every_verb_of_the_test_api_has_a_meaning(chapters: dict[Topic, str], verb: str) -> None:
    row = re.search(rf"(?m)^\| `{verb}[`(].* \| (.*) \|$", chapters[Topic.TESTING])
    assert row is not None
    assert row[1].strip()


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("Traced", ["hops", "diagnoses", "faults", "status", "trace_id", "answer"]),
        ("Hop", ["client", "server", "method", "path", "host", "status", "milliseconds", "request_changes"]),
        ("Diagnosis", ["message", "hint", "hop", "position", "certain"]),
    ],
)
def test_what_a_trace_has_is_in_it_with_a_meaning(chapters: dict[Topic, str], kind: str, names: list[str]) -> None:
    rows = dict(re.findall(r"(?m)^\| `(\w+)` \| `.+?` \| (.*?) ?\|$", sections(chapters[Topic.TESTING])[f"`{kind}`"]))
    assert set(names) <= set(rows)
    assert [name for name, meaning in rows.items() if not meaning.strip()] == []


def test_it_is_the_same_each_time(chapters: dict[Topic, str]) -> None:
    assert [topic for topic, text in chapters.items() if " at 0x" in text] == []
    assert "emit: Emit = discard" in chapters[Topic.TESTING]


def test_chapters_are_chosen_by_name(run: Run) -> None:
    ended = run("reference", "findings", "settings")
    assert ended.code == 0
    assert re.findall(r"(?m)^# (\w+)", ended.out) == ["Findings", "Settings"]
    assert run("reference", "verbs").code == 2


def test_a_cell_may_hold_anything() -> None:
    assert table(("a", "b"), [("x|y", "two\nlines")]) == "| a | b |\n|---|---|\n| x\\|y | two lines |\n"


def test_the_help_names_arguments_as_people_write_them(run: Run) -> None:
    assert "Usage: copilot-local exec [OPTIONS] CONTAINER [COMMAND]...\n" in run("exec", "--help").out
    assert "Usage: copilot-local up [OPTIONS] [SERVICE]...\n" in run("up", "--help").out
    assert "  SERVICE=N...  How many tasks of which service.\n" in run("scale", "--help").out
