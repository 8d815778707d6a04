"""The first page: the README, with its diagram drawn and the recording in its place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from website.cast import cast
from website.session import Printed

RECORDING = re.compile(r"<!-- recording: .*?-->", re.DOTALL)
DIAGRAM = re.compile(r"```mermaid\n.*?```", re.DOTALL)
SCENES = ("up", "ps", "trace", "logs", "down")
"""Verbs whose first recorded command is a scene."""
HIDDEN = "---\nhide: [toc]\n---\n"


def finish(pages: Path, printed: Mapping[str, Sequence[Printed]]) -> None:
    """Puts pictures into index.md: that of the README's example, and the recording where a session was recorded."""
    page = pages / "index.md"
    text = page.read_text(encoding="utf-8")
    picture = "![A client, the load balancer, nginx and the main container of one task, and the log group]"
    text = DIAGRAM.sub(f"{picture}(pictures/graph-nginx-sidecar.svg)", text)
    scenes = [printed[verb][0] for verb in SCENES if printed.get(verb)]
    recording = ""
    if scenes:
        (pages / "pictures" / "session.svg").write_text(cast(scenes), encoding="utf-8")
        recording = (
            "![A recorded session: up, ps, trace, logs and down, each with what it prints](pictures/session.svg)"
        )
    page.write_text(RECORDING.sub(recording, text), encoding="utf-8")
