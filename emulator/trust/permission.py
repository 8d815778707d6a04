"""A permission: one thing that a workspace asks for and may not decide alone."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from emulator.errors import Position


@dataclass(frozen=True, slots=True)
class Permission:
    """What is asked for. Equal content has an equal `digest`, which is what trust is kept by."""

    kind: str
    """`credentials`, `secrets`, `logs`, `path`, `image`, `compose`, `variable` or `aws`."""
    content: tuple[str, ...]
    """What it depends on; never a secret."""
    words: str
    """For people: `credentials of the AWS profile dev`."""
    position: Position | None = None
    instead: str = ""
    """The option that gives the same for one command: `--credentials profile=dev`."""

    @property
    def digest(self) -> str:
        """SHA-256 over kind and content, in hex."""
        return hashlib.sha256(json.dumps([self.kind, *self.content]).encode()).hexdigest()
