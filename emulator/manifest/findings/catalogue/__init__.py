"""Everything there is to say of each finding. Not imported to report one: `codes` is enough for that."""

from __future__ import annotations

from typing import Final

from emulator.manifest.findings.catalogue import (
    capacity,
    containers,
    document,
    environments,
    interpolation,
    keys,
    listener_rules,
    load_balancing,
    logs,
    messaging,
    network,
    others,
    overrides,
    storage,
    task_definitions,
    values,
)
from emulator.manifest.findings.catalogue.base import FindingKind

_SUBJECTS = (
    *(capacity, containers, document, environments, interpolation, keys, listener_rules),
    *(load_balancing, logs, messaging, network, others, overrides, storage, task_definitions, values),
)
_KINDS = [
    kind
    for subject in _SUBJECTS
    for kind in vars(subject).values()
    if isinstance(kind, type) and issubclass(kind, FindingKind) and kind is not FindingKind
]
KINDS: Final[dict[str, type[FindingKind]]] = {kind.code: kind for kind in sorted(_KINDS, key=lambda kind: kind.code)}
"""By code, in their order."""
