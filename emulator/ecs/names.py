"""Names that CloudFormation takes."""

from __future__ import annotations

import re


def logical_id(name: str) -> str:
    """A name without what a logical id may not hold: it has letters and digits only. Source: Copilot's
    `logicalIDSafe`."""
    return re.sub(r"[^a-zA-Z0-9]", "", name)
