"""Pictures of the site: examples as `copilot-local graph` draws them, and the console as docs' screenshots show it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from website.stage import ROOT

FOLDER = "pictures"
VALUES = {"fresh-clone": ("--var", "KEEP=3", "--var", "RELEASE=local")}
"""What an example lacks by intention."""
MARK = re.compile(r"<!-- picture (console-[\w-]+): (.+?) -->")
"""A line of a page that a screenshot takes: its name, and what it shows."""


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
    """Shows the screenshots of `make pictures` on the pages that ask for them, each in the reader's theme. Where none
    were taken, a page has none."""
    for page in pages.rglob("*.md"):
        up = "../" * (len(page.relative_to(pages).parts) - 1)

        def shown(found: re.Match[str], up: str = up) -> str:
            name, text = found.groups()
            taken = sorted(screenshots.glob(f"{name}-light.png")) + sorted(screenshots.glob(f"{name}-dark.png"))
            for picture in taken:
                shutil.copyfile(picture, pages / FOLDER / picture.name)
            return "".join(f"![{text}]({up}{FOLDER}/{one.name}#only-{one.stem.rpartition('-')[2]})\n" for one in taken)

        text = page.read_text(encoding="utf-8")
        if MARK.search(text):
            page.write_text(MARK.sub(shown, text), encoding="utf-8")
