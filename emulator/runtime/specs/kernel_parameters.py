"""Kernel parameters of a task (`systemControls`) that the machine here does not take."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_IN_RUNCS_WORDS = re.compile(r"(open|write) /proc/sys/(\S+): (no such file or directory|[a-z ]+)")


@dataclass(frozen=True, slots=True)
class Refused:
    """A parameter that a container could not be started with. `missing`: there is none of that name here; else its
    value is not taken."""

    name: str
    reason: str
    missing: bool


def refused_parameter(message: str, parameters: Mapping[str, str]) -> Refused | None:
    """Which of a container's parameters Docker's error is about; None where it is about something else."""
    found = _IN_RUNCS_WORDS.search(message)
    if found is None:
        return None
    for name in parameters:
        if name.replace(".", "/") == found[2].replace(".", "/"):
            return Refused(name, found[3].strip(), missing=found[1] == "open")
    return None
