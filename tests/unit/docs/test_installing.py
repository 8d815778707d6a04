"""What people are told to install can be had: the wheel, which no package index has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emulator.cli.shell.app import run

ROOT = Path(__file__).parents[3]
TEXTS = sorted(
    file
    for folder in ("docs", "examples", "emulator", ".")
    for file in ((ROOT / folder).glob("*.md") if folder == "." else (ROOT / folder).rglob("*"))
    if file.suffix in (".md", ".py", ".yml", ".toml") and "node_modules" not in file.parts
)
BY_NAME = re.compile(r"(?:pip|pipx|uv tool|uv pip) install\b(?:[^`\n]*[\s'\"])?copilot-local\b(?! @)|copilot-local\[")


def test_nothing_says_to_install_a_name_that_anyone_may_take() -> None:
    told = {file.relative_to(ROOT): found[0] for file in TEXTS if (found := BY_NAME.search(file.read_text("utf-8")))}
    assert told == {}


@pytest.mark.parametrize("line", ["pip install 'copilot-local[testing]'", "uv tool install copilot-local"])
def test_such_a_line_would_be_found(line: str) -> None:
    assert BY_NAME.search(line)


def test_the_first_look_at_an_answer_of_the_load_balancer_is_the_right_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What `troubleshooting.md` says of a request that no rule takes is what `route` says."""
    manifest = tmp_path / "copilot" / "web" / "manifest.yml"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(
        "name: web\ntype: Load Balanced Web Service\nimage: {location: x, port: 80}\nhttp: {path: api}\n"
    )
    monkeypatch.chdir(tmp_path)
    assert run(["route", "/other"]) == 0
    answer = re.search(r"the load balancer itself answers (\d+)", capsys.readouterr().out)
    assert answer is not None
    rows = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8").splitlines()
    [row] = [row for row in rows if "no rule matches" in row]
    assert row.startswith(f"| {answer[1]} from the load balancer |")
