"""What stacks give to services before anything is made, as far as `emulator.app.known_outputs` finds it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Known:
    """To one service. `outputs` are values by the name of an addon output or an export; `imports` are exports whose
    value the local AWS endpoint will give."""

    outputs: Mapping[str, str] = field(default_factory=dict)
    imports: tuple[str, ...] = ()
