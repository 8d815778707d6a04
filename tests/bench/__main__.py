"""`python -m tests.bench [GROUP…]`: measures, prints a table, and writes docs/fidelity/benchmarks.md if all ran."""

from __future__ import annotations

import os
import platform
import sys
from importlib import import_module
from pathlib import Path

from tests.bench.harness import HEADER

GROUPS = (
    "manifests",
    "render",
    "up",
    "commands",
    "api",
    "front",
    "firelens",
    "watch",
    "local_aws",
    "service_connect",
    "traces",
    "console",
)
FILE = Path(__file__).parents[2] / "docs" / "fidelity" / "benchmarks.md"


def main(chosen: list[str]) -> int:
    rows: list[str] = []
    fine = True
    for group in chosen or GROUPS:
        for figure in import_module(f"tests.bench.{group}").figures():
            print(figure.row(), flush=True)
            rows.append(figure.row())
            fine = fine and figure.holds
    if not chosen:
        FILE.write_text(_document(rows), encoding="utf-8")
    return 0 if fine else 1


def _document(rows: list[str]) -> str:
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return "\n".join(
        (
            "# Benchmarks",
            "",
            "Made by `make bench`. Each row compares with a peer or a bare baseline measured in the same run, in turn,",
            "so that the ratio means something on any machine. Medians.",
            "",
            f"Last run on: {machine}.",
            "",
            HEADER,
            *rows,
            "",
        )
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
