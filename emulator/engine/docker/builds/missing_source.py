"""Why a build finds a file not that its Dockerfile copies: what its context is, and where the file lies instead.

Source: the messages of BuildKit (`"/x" not found`) and of Docker's classic builder (`COPY failed: … stat x: …`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from emulator.engine.interface import BuildSpec

_BUILDKIT = re.compile(r'failed to (?:solve|compute cache key).*?"/(?P<name>[^"]+)"(?:: | )not found')
_CLASSIC = re.compile(r"(?:COPY|ADD) failed: .*?\bstat (?:/var/lib/docker/tmp/[^/]+/)?(?P<name>\S+?): ")
_FURTHEST = 4
"""How many folders above the context are looked into."""


def missing_source_hint(lines: Iterable[str], spec: BuildSpec) -> str:
    """What to do about a source of COPY or ADD that the build did not find; empty where its lines say no such thing."""
    found = [match for line in lines if (match := _BUILDKIT.search(line) or _CLASSIC.search(line))]
    if not found:
        return ""
    name = found[-1]["name"].strip("/")
    here = f"the build context is {_shown(spec.context)}"
    if (spec.context / name).exists():
        return f"{here}, and its .dockerignore leaves out {name}"
    for folder in list(spec.context.resolve().parents)[:_FURTHEST]:
        if (folder / name).exists():
            where = f"{name} is in {_shown(folder)}"
            return f"{here}, {where}: give `build` that folder as its `context`, or copy from {_shown(spec.context)}"
    return f"{here}, which has no {name}"


def _shown(folder: Path) -> str:
    """A folder as the user would name it: relative to where the command runs, if it is below."""
    relative = os.path.relpath(folder)
    return str(folder) if relative.startswith("..") else relative if relative == "." else f"{relative}/"
