"""Rules for `environments` of a workload's manifest: names that no environment can have, and names within an override
that the base does not have. They look at nodes, of every environment, whichever one is in use."""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Mapping as AnyMapping
from typing import Final

from emulator.manifest.findings.report import Report, child
from emulator.manifest.yaml.nodes import Mapping, Node
from emulator.spelling import closest, suggestion

_NAME: Final = r"[a-z][a-z0-9-]{0,254}"
"""Copilot, `basicNameRegex` in internal/pkg/cli/validate.go."""
_NAMED_PARTS: Final = (
    (("sidecars",), "sidecar", "image"),
    (("storage", "volumes"), "volume", "path"),
)
"""Maps whose entries have names of the user's: where they are, what one is called, and the key that a new one needs."""


def environment_names(root: Mapping, report: Report, known: Iterable[str]) -> None:
    """Keys of `environments` that match no environment: not a name at all, or a misspelt one. `known` are environments
    that the workspace has."""
    node = root.get("environments")
    if not isinstance(node, Mapping):
        return
    names = sorted(known)
    for name, entry in node.entries.items():
        place = child("environments", name)
        if not re.fullmatch(_NAME, name):
            message = f"{name!r} is the name of no environment, so this never applies"
            hint = "lower-case letters, digits and hyphens, a letter first"
            if "${" in name:
                hint = "variables are filled into values, not into keys: write the environment's name"
            elif meant := closest(name, [*names, *(other for other in node.entries if other != name)]) or _lower(name):
                hint = f"did you mean {meant}?"
            report.add("CL109", entry.key, place, message, hint=hint, copilot_accepts=True)
        elif names and name not in names and (meant := closest(name, names)):
            message = f"the workspace has no environment {name}, so this never applies"
            report.add("CL109", entry.key, place, message, hint=f"did you mean {meant}?", warning=True)


def _lower(name: str) -> str:
    """The name as it may have been meant, in lower case with hyphens; empty where that is no name either."""
    lower = re.sub(r"[ _]+", "-", name.strip().lower())
    return lower if re.fullmatch(_NAME, lower) else ""


def override_names(
    root: Mapping, overrides: AnyMapping[str, Mapping | None], used: str | None, report: Report
) -> set[str]:
    """Sidecars and volumes of an override that are not complete and that the base does not have: misspelt, most
    probably. An error in the environment in use, as Copilot looks at no other. Returns their paths in the merged
    manifest."""
    found: set[str] = set()
    for environment, override in overrides.items():
        for keys, what, required in _NAMED_PARTS:
            base, given = _at(root, keys), _at(override, keys)
            for name, entry in given.entries.items():
                if name in base.entries or not isinstance(entry.value, Mapping) or required in entry.value.entries:
                    continue
                path = ".".join(keys)
                message = f"the base has no {what} {name}, and a new one needs {required}"
                known = list(base.entries)
                hint = suggestion(name, known, f"{what}s of the base: {', '.join(known) or 'none'}")
                place = child(f"{child('environments', environment)}.{path}", name)
                report.add("CL106", entry.key, place, message, hint=hint, warning=environment != used)
                if environment == used:
                    found.add(child(path, name))
    return found


def _at(node: Node | None, keys: tuple[str, ...]) -> Mapping:
    """The map below keys; an empty one where there is none."""
    for key in keys:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node if isinstance(node, Mapping) else Mapping({}, "", 1, 0)


def names_of_variables(root: Mapping) -> dict[str, str]:
    """The names of the base's variables and secrets, sidecars included, each with the key that it stands below."""
    sidecars = [entry.value for entry in _at(root, ("sidecars",)).entries.values()]
    return {
        name: key
        for key in ("variables", "secrets")
        for container in (*sidecars, root)
        for name in _at(container, (key,)).entries
    }
