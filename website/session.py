"""What commands print, recorded from the example `shop` as it runs while the site is built.

Without a Docker daemon, or without the images, the pages have no output, and nothing else is missing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from emulator.settings_files import STAND_INS_NAME, configuration_folder
from website.stage import ROOT

EXAMPLE = "shop"
SECONDS = 180
"""Timeout of one command; the first builds images."""
LONGEST = 40
"""Lines of output that a page shows."""
SESSION = (
    ("validate", "copilot-local validate"),
    ("doctor", "copilot-local doctor"),
    ("up", "copilot-local up -d --wait"),
    ("ps", "copilot-local ps"),
    ("ls", "copilot-local ls"),
    ("targets", "copilot-local targets"),
    ("port", "copilot-local port"),
    ("route", "copilot-local route GET /api/orders"),
    ("trace", "copilot-local trace GET /"),
    ("trace", "copilot-local trace GET /api/orders"),
    ("logs", "copilot-local logs -n web --tail 10"),
    ("logs", "copilot-local logs --routed --tail 2"),
    ("inspect", "copilot-local inspect | head -30"),
    ("events", "copilot-local events | tail -2"),
    ("exec", "copilot-local exec nginx -- nginx -v"),
    ("env", "copilot-local env api"),
    ("config", "copilot-local config api"),
    ("config", "copilot-local config api --explain http.path"),
    ("graph", "copilot-local graph web"),
    ("render taskdef", "copilot-local render taskdef web --placeholders"),
    ("render cloudformation", "copilot-local render cloudformation web | head -40"),
    ("render compose", "copilot-local render compose web"),
    ("firelens config", "copilot-local firelens config api"),
    ("firelens metrics", "copilot-local firelens metrics"),
    ("scale", "copilot-local scale web=2"),
    ("restart", "copilot-local restart web"),
    ("stop", "copilot-local stop fulfilment"),
    ("down", "copilot-local down -v"),
)
"""Verbs with what is typed, in order."""


@dataclass(frozen=True)
class Printed:
    """A command with what it printed on both streams."""

    command: str
    text: str


class Session:
    """A copy of the example in an application of its own, on a port of its own; named in the text as a reader's is."""

    def __init__(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self.workspace = folder / EXAMPLE
        shutil.copytree(ROOT / "examples" / EXAMPLE, self.workspace, ignore=shutil.ignore_patterns(".copilot-local"))
        self.app = f"site-{os.getpid()}"
        self.port = _free_port()
        settings = folder / "settings" / "copilot-local"
        settings.mkdir(parents=True)
        if (stand_ins := configuration_folder() / STAND_INS_NAME).is_file():
            shutil.copyfile(stand_ins, settings / STAND_INS_NAME)
        (settings / "copilot-local.toml").write_text(f"[front]\nport = {self.port}\n", encoding="utf-8")
        self.variables = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "XDG_CONFIG_HOME": str(folder / "settings"),
            "COPILOT_LOCAL_APP": self.app,
            "COLUMNS": "110",
            "NO_COLOR": "1",
        }

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._run("copilot-local down -v")

    def type(self, command: str) -> Printed | None:
        """Types a command; None where it failed."""
        ended = self._run(command)
        if ended is None or ended.returncode != 0:
            said = ended.stdout if ended is not None else f"no end within {SECONDS} s"
            print(f"website: no output of `{command}`: {said.strip()[-300:]}", file=sys.stderr)
            return None
        return Printed(command, _shortened(self._named(ended.stdout)))

    def _run(self, command: str) -> subprocess.CompletedProcess[str] | None:
        try:
            return subprocess.run(
                ["bash", "-o", "pipefail", "-c", command],
                cwd=self.workspace,
                env=self.variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None

    def _named(self, text: str) -> str:
        """Application, port and folder as they are on a reader's machine."""
        named = text.replace(self.app, EXAMPLE).replace(str(self.port), "8080")
        return named.replace(str(self.workspace), f"/home/me/{EXAMPLE}").replace(str(Path.home()), "/home/me")


def recorded(folder: Path) -> dict[str, list[Printed]]:
    """Runs the session; what each verb printed, by its words. Empty where nothing can run."""
    if os.environ.get("DOCS_SESSION") == "0":
        return {}
    found: dict[str, list[Printed]] = {}
    with Session(folder) as session:
        for verb, command in SESSION:
            printed = session.type(command)
            if printed is not None:
                found.setdefault(verb, []).append(printed)
            elif verb == "up":
                break
    return found


def _shortened(text: str) -> str:
    lines = [line.rstrip() for line in _plain(text)]
    return "\n".join(lines if len(lines) <= LONGEST else [*lines[:LONGEST], "…"])


def _plain(text: str) -> Iterator[str]:
    """Lines without colours and without what a later part of the line overwrote."""
    for line in text.splitlines():
        yield re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line.rpartition("\r")[2])


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
