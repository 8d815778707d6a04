"""The site that `make docs` builds: pages are MkDocs' own Markdown, links hold, pictures have a text."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from emulator.manifest.findings.codes import CODES
from tests.browser.chromium import PAGES
from tests.browser.pictures import name_of
from website.api import write_api
from website.check import problems
from website.findings import write_findings
from website.first_page import RECORDING, finish
from website.markdown import converted
from website.navigation import navigation
from website.pictures import MARK, place_screenshots
from website.session import Printed
from website.stage import place, stage
from website.verbs import write_verbs

ROOT = Path(__file__).parents[3]
PAGE = PurePosixPath("docs/how-to/page.md")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every page that needs neither Docker nor MkDocs."""
    folder = tmp_path_factory.mktemp("site")
    stage(folder)
    write_verbs(folder, {"ps": [Printed("copilot-local ps", "SERVICE")]})
    write_findings(folder)
    write_api(folder)
    (folder / "pictures").mkdir()
    finish(folder, {"up": [Printed("copilot-local up", "a < b")], "down": [Printed("copilot-local down", "gone")]})
    return folder


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("a\n- b\n- c", "a\n\n- b\n- c\n"),
        ("| `a \\| b` | c \\| d |", "| `a | b` | c \\| d |\n"),
        ("```\n- a\n| `x \\| y` |\n[b](../c.md)\n```", "```\n- a\n| `x \\| y` |\n[b](../c.md)\n```\n"),
        ("[a](../reference/commands.md#up)", "[a](../reference/commands.md#up)\n"),
        ("[a](../../examples/shop/README.md)", "[a](../examples/shop.md)\n"),
        ("[a](../../LICENSE)", "[a](../files/LICENSE)\n"),
        ("[a](../reference/findings.md#cl101)", "[a](../reference/findings/CL101.md)\n"),
        ("[a](https://example.com/b.md)", "[a](https://example.com/b.md)\n"),
    ],
)
def test_a_page_as_mkdocs_reads_it(written: str, read: str) -> None:
    assert converted(written, PAGE, place) == read


def test_each_document_is_in_the_table_of_contents(pages: Path) -> None:
    def files(entries: object) -> set[str]:
        if isinstance(entries, str):
            return {entries}
        inner = entries.values() if isinstance(entries, dict) else entries
        assert not isinstance(inner, str)
        return {file for entry in inner for file in files(entry)}  # type: ignore[attr-defined]

    listed = files(navigation(pages))
    assert listed == {str(page.relative_to(pages)) for page in pages.rglob("*.md")}
    assert {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")} <= listed


def test_the_page_of_the_test_api_is_the_same_each_time(pages: Path) -> None:
    page = (pages / "reference" / "testing-api.md").read_text(encoding="utf-8")
    assert "emit: Emit = discard" in page
    assert " at 0x" not in page


def test_each_finding_has_a_page(pages: Path) -> None:
    assert {page.stem for page in (pages / "reference" / "findings").glob("*.md")} == set(CODES)


def test_a_verb_shows_what_it_printed(pages: Path) -> None:
    assert "$ copilot-local ps\nSERVICE\n" in (pages / "reference/verbs/ps.md").read_text(encoding="utf-8")
    assert "What it prints" not in (pages / "reference/verbs/ls.md").read_text(encoding="utf-8")


def test_signatures_have_types(pages: Path) -> None:
    text = (pages / "reference/testing-api.md").read_text(encoding="utf-8")
    assert "copilot_environment: Environment\n" in text
    assert "workspace: Path | str = '.'," in text
    assert "\nkill(" in text


def test_the_first_page_has_its_pictures(pages: Path) -> None:
    text = (pages / "index.md").read_text(encoding="utf-8")
    assert "](pictures/session.svg)" in text
    assert "](pictures/graph-nginx-sidecar.svg)" in text
    assert "a &lt; b" in (pages / "pictures" / "session.svg").read_text(encoding="utf-8")
    assert "mermaid" not in text
    assert RECORDING.search((ROOT / "README.md").read_text(encoding="utf-8"))


def test_the_picture_of_the_readme_is_what_graph_draws() -> None:
    command = [str(Path(sys.executable).with_name("copilot-local")), "graph"]
    example = ROOT / "examples" / "nginx-sidecar"
    drawn = subprocess.run(command, cwd=example, capture_output=True, text=True, timeout=60, check=True).stdout
    assert f"```mermaid\n{drawn}```\n" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_a_screenshot_is_shown_in_the_readers_theme_where_it_was_taken(tmp_path: Path) -> None:
    pages, taken = tmp_path / "pages", tmp_path / "taken"
    for folder in (pages / "pictures", pages / "how-to", taken):
        folder.mkdir(parents=True)
    for theme in ("light", "dark"):
        (taken / f"console-logs-{theme}.png").write_bytes(b"x")
    page = pages / "how-to" / "x.md"
    page.write_text(
        "a\n\n<!-- picture console-logs: Lines -->\n<!-- picture console-none: None -->\n", encoding="utf-8"
    )
    place_screenshots(pages, taken)
    shown = [f"![Lines](../pictures/console-logs-{theme}.png#only-{theme})" for theme in ("light", "dark")]
    assert page.read_text(encoding="utf-8").split() == ["a", *shown]
    assert {file.name for file in (pages / "pictures").iterdir()} == {file.name for file in taken.iterdir()}


def test_the_screenshots_that_documents_show_are_taken() -> None:
    names = {name_of(page, "light") for page in (*PAGES, "task", "trace")}
    documents = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    wanted = {name for file in documents for name, _ in MARK.findall(file.read_text(encoding="utf-8"))}
    assert wanted
    assert {f"{name}-light.png" for name in wanted} <= names


def test_what_is_wrong_with_a_site_is_said(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "index.html").write_text('<h2 id="here">x</h2><a href="../index.html#top">y</a>')
    (tmp_path / "index.html").write_text(
        '<h1 id="top"></h1><a href="b/#here"></a><a href="b/#gone"></a><a href="c/"></a><img src="b/index.html">'
        '<img alt="a door" src="d.png"><a href="https://example.com/"></a>'
    )
    assert list(problems(tmp_path)) == [
        "index.html: the picture b/index.html has no alternative text",
        "index.html: the link b/#gone: there is no such place on the page",
        "index.html: the link c/ leads nowhere",
        "index.html: the link d.png leads nowhere",
    ]
