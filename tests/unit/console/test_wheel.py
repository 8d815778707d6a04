"""The page is in the wheel, as it stands in the project: nothing is built for it, and no script of others is in it."""

from __future__ import annotations

import re
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

from emulator.console.served import STATIC

ROOT = Path(__file__).parents[3]


def test_the_wheel_holds_every_file_of_the_page() -> None:
    inside = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    page = {f"emulator/console/static/{file.relative_to(STATIC).as_posix()}" for file in STATIC.rglob("*.*")}
    assert page
    assert page <= inside


def test_the_page_imports_its_own_modules_alone_and_asks_nothing_of_the_network() -> None:
    for file in STATIC.rglob("*.js"):
        text = file.read_text(encoding="utf-8")
        for imported in re.findall(
            r"""(?:^import .*?from|^export .*?from|import\()\s*["'`]([^"'`]+)""", text, re.MULTILINE
        ):
            assert imported.startswith("."), f"{file.name} imports {imported}"
        for url in re.findall(r"""["'`](https?://[^"'`]+)""", text, re.MULTILINE):
            assert url.startswith("http://www.w3.org/"), f"{file.name} names {url}"  # a namespace is no address


def test_the_page_keeps_its_weight() -> None:
    files = [file for file in STATIC.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= 200_000
