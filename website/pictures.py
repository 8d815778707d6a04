"""Pictures of the site: examples as `copilot-local graph` draws them, and the console as docs' screenshots show it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from website.stage import ROOT

FOLDER = "pictures"
VALUES = {"fresh-clone": ("--var", "KEEP=3", "--var", "RELEASE=local")}
"""What an example lacks by intention."""
SHOWN = ("overview", "task", "trace", "logs")
"""Pages of the console that the documents show."""
MARK = "<!-- pictures -->"
"""The line of a page that the screenshots take."""


def draw_examples(pages: Path) -> None:
    """Draws each example that has a workspace, and puts the picture below the title of its page."""
    (pages / FOLDER).mkdir(exist_ok=True)
    for example in sorted((ROOT / "examples").glob("*/copilot")):
        name = example.parent.name
        picture = pages / FOLDER / f"graph-{name}.svg"
        command = [
            str(Path(sys.executable).with_name("copilot-local")),
            "graph",
            "-o",
            str(picture),
            *VALUES.get(name, ()),
        ]
        ended = subprocess.run(command, cwd=example.parent, capture_output=True, text=True, timeout=60, check=False)
        page = pages / "examples" / f"{name}.md"
        if ended.returncode != 0 or not page.is_file():
            print(f"website: no picture of {name}: {ended.stderr.strip()[-300:]}", file=sys.stderr)
            continue
        title, _, rest = page.read_text(encoding="utf-8").partition("\n")
        alternative = f"Services of the example {name}: containers, routes and where logs go"
        page.write_text(f"{title}\n\n![{alternative}](../{FOLDER}/{picture.name})\n{rest}", encoding="utf-8")


def place_screenshots(pages: Path, screenshots: Path) -> None:
    """Shows the screenshots of `make pictures` on the page that asks for them, each in the reader's theme. Where none
    were taken, the page has none."""
    found = [picture for name in SHOWN for picture in sorted(screenshots.glob(f"console-{name}-*.png"))]
    for picture in found:
        shutil.copyfile(picture, pages / FOLDER / picture.name)
    for page in pages.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        if MARK in text:
            up = "../" * (len(page.relative_to(pages).parts) - 1)
            page.write_text(text.replace(MARK, "\n".join(_shown(picture, up) for picture in found)), encoding="utf-8")


def _shown(picture: Path, up: str) -> str:
    """`console-overview-dark.png` is a screenshot of the overview, for readers in the dark."""
    _, *words, theme = picture.stem.split("-")
    return f"![Screenshot of the console: {' '.join(words)}]({up}{FOLDER}/{picture.name}#only-{theme})\n"
