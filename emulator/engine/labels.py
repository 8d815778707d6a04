"""Labels that say what a container is and whose: a container never has them from its image."""

from __future__ import annotations

from collections.abc import Mapping

CONTROL_PREFIXES = ("copilot-local.", "com.amazonaws.ecs.")
"""How they start. Empty means absent: a container that is made with an empty one does not get its image's."""


def present_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels that count: of `CONTROL_PREFIXES` those that are not empty."""
    return {name: value for name, value in labels.items() if value or not name.startswith(CONTROL_PREFIXES)}
