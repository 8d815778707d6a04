"""`python -m website`: writes the pages to build/pages, builds them to build/site, and checks what came out.

MkDocs and its theme are in build/docs-tools (requirements/docs.sh). Any warning of theirs is an error.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from website.api import write_api
from website.check import problems
from website.findings import write_findings
from website.first_page import finish
from website.navigation import navigation
from website.pictures import draw_examples, place_screenshots
from website.session import recorded
from website.stage import ROOT, stage
from website.verbs import write_verbs

BUILD = ROOT / "build"


def write_pages(pages: Path) -> None:
    """Writes every page and picture, written or made."""
    shutil.rmtree(pages, ignore_errors=True)
    stage(pages)
    printed = recorded(BUILD / "session")
    write_verbs(pages, printed)
    write_findings(pages)
    write_api(pages)
    draw_examples(pages)
    place_screenshots(pages, BUILD / "pictures")
    finish(pages, printed)


def build(pages: Path) -> int:
    """Builds the site from the pages; returns MkDocs' exit code."""
    settings = (Path(__file__).parent / "mkdocs.yml").read_text(encoding="utf-8")
    file = BUILD / "mkdocs.yml"
    # JSON is YAML: what is added needs no writer of its own.
    file.write_text(f"{settings}nav: {json.dumps(navigation(pages))}\n", encoding="utf-8")
    variables = {**os.environ, "PYTHONPATH": str(BUILD / "docs-tools"), "NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--clean", "--config-file", str(file)]
    return subprocess.run(command, env=variables, check=False).returncode


def main() -> int:
    write_pages(BUILD / "pages")
    code = build(BUILD / "pages")
    if code != 0:
        return code
    wrong = list(problems(BUILD / "site"))
    print(*wrong, sep="\n", end="\n" if wrong else "")
    if not wrong:
        print("build/site/index.html")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
