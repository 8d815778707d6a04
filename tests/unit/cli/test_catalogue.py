"""Every finding has an explanation and a true example, in docs/reference/findings.md and in `validate --explain`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from emulator.app.selection import Selection
from emulator.app.up_request import up_request
from emulator.cli.manifest.reference_findings import with_listing
from emulator.events import Event
from emulator.manifest.findings.catalogue import KINDS
from emulator.manifest.findings.catalogue.base import FindingKind
from emulator.manifest.findings.catalogue.network import OutOfReach
from emulator.manifest.findings.codes import CODES
from tests.unit.cli.conftest import Run

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "findings.md"
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
WITHOUT_EXAMPLE = ("CL703", "CL712")  # guards: no file leads to them
every_example = pytest.mark.parametrize("kind", [kind for code, kind in KINDS.items() if code not in WITHOUT_EXAMPLE])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty workspace, which is the working directory."""
    root = tmp_path / "shop"
    (root / "copilot").mkdir(parents=True)
    monkeypatch.chdir(root)
    return root


def write(folder: Path, kind: type[FindingKind], text: str) -> None:
    for path, content in (*kind.beside, (kind.file, text)):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)


def reported(run: Run, kind: type[FindingKind]) -> set[str]:
    """The codes of what is found in the working directory."""
    if kind.command != "validate":
        ended = run(*kind.command.split())
        return set(re.findall(r"(?:warning|error)\[(CL\d+)\]", ended.out + ended.err))
    found = {finding["code"] for finding in json.loads(run("validate", "--format", "json").out)}
    if kind is OutOfReach:
        events: list[Event] = []
        up_request(Selection("shop", "test"), events.append)
        found |= {code for event in events for code in re.findall(r"\[(CL\d+)\]", event.message)}
    return found


@every_example
def test_the_wrong_example_has_this_finding_alone(run: Run, folder: Path, kind: type[FindingKind]) -> None:
    write(folder, kind, kind.bad)
    assert reported(run, kind) == {kind.code}


@every_example
def test_the_right_example_has_no_finding(run: Run, folder: Path, kind: type[FindingKind]) -> None:
    write(folder, kind, kind.good)
    assert reported(run, kind) == set()


@every_example
def test_the_example_is_silenced_where_the_kind_can_be(run: Run, folder: Path, kind: type[FindingKind]) -> None:
    write(folder, kind, kind.bad)
    (folder / "copilot-local.toml").write_text(f'[validate]\nignore = ["{kind.code}"]\n')
    assert reported(run, kind) == (set() if kind.silenceable else {kind.code})


def test_every_code_has_its_kind() -> None:
    assert tuple(KINDS) == CODES
    assert sorted(kind.code for kind in FindingKind.__subclasses__()) == sorted(CODES)


@every_kind
def test_a_kind_says_why_and_where_the_rule_is_from(kind: type[FindingKind]) -> None:
    assert all((kind.title, kind.explanation, kind.source))
    assert bool(kind.bad) == bool(kind.good) == (kind.code not in WITHOUT_EXAMPLE)
    assert not kind.title.endswith(".")
    assert kind.explanation.endswith(".")


def test_the_page_has_what_the_kinds_say() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_listing(page), "write docs/reference/findings.md anew: make reference"


def test_the_page_is_written_below_its_heading(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "findings.md"
    page.write_text("# Findings\n\nKept.\n\n## Codes\n\nOld.\n")
    ended = run("reference", "findings", "--into", str(page))
    assert (ended.code, ended.out) == (0, "")
    written = page.read_text()
    assert written.startswith("# Findings\n\nKept.\n\n## Codes\n\n| code |")
    assert "Old." not in written
    assert written == with_listing(written)


def test_what_cannot_be_written_into_a_page(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "other.md"
    page.write_text("# Other\n")
    assert run("reference", "findings", "--into", str(page)).code == 2
    assert run("reference", "settings", "--into", str(page)).code == 2
    assert page.read_text() == "# Other\n"


@pytest.mark.parametrize("code", ["CL101", "cl101", " CL101 "])
def test_a_code_is_explained(run: Run, code: str) -> None:
    ended = run("validate", "--explain", code)
    assert (ended.code, ended.err) == (0, "")
    kind = KINDS["CL101"]
    assert ended.out.startswith("CL101: unknown key\n")
    for text in (kind.explanation, kind.source, "Wrong:\n\n    name: web", "Right:", "# copilot-local: ignore CL101"):
        assert text in ended.out


def test_an_explanation_has_every_file_of_the_example(run: Run) -> None:
    told = run("validate", "--explain", "CL142").out
    assert "Wrong, `copilot/web/addons/table.yml`:" in told
    assert "With `copilot/web/manifest.yml`:" in told
    assert "never silent" in run("validate", "--explain", "CL100").out


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("CL1O1", "did you mean CL101 (unknown key)?"),
        ("CL71", "did you mean CL71"),
        ("9000", "did you mean CL901"),
        ("port", "`copilot-local reference findings` has all codes"),
    ],
)
def test_a_code_that_is_none_gets_the_nearest(run: Run, code: str, hint: str) -> None:
    ended = run("validate", "--explain", code)
    assert (ended.code, ended.out) == (2, "")
    assert f"there is no finding {code}" in ended.err
    assert f"hint: {hint}" in ended.err
