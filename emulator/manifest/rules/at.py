"""Where a rule is looking, and how it reports."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.manifest.findings.report import Report, child
from emulator.manifest.yaml.nodes import Mapping, Node, Scalar, Sequence
from emulator.manifest.yaml.scalars import is_null
from emulator.spelling import suggestion

if TYPE_CHECKING:
    from emulator.manifest.findings.codes import Code


@dataclass(slots=True)
class At:
    """A block's place: its node (an empty map for a shorthand) and its path. `workload` is the workload type."""

    report: Report
    node: Mapping
    path: str
    workload: str

    def is_undefined(self, key: str) -> bool:
        """Whether the value of a key names a variable that is not defined, so that it may turn out to be anything."""
        return self.report.is_undefined(self.node.get(key))

    def given(self, *keys: str, empty: bool = True) -> bool:
        """Whether the file has something at the place that `keys` lead to; without `empty`, more than an empty map or
        list. Where the value is not there all the same, it does not fit, and that was said: what would follow from its
        absence is not."""
        here: Node | None = self.node
        for key in keys:
            here = here.get(key) if isinstance(here, Mapping) else None
        if here is None or isinstance(here, Scalar):
            return here is not None and not is_null(here)
        return empty or bool(here.entries if isinstance(here, Mapping) else here.items)

    def add_choice(self, value: str, choices: Collection[str], key: str) -> None:
        """Reports the value of a key that is none of the choices."""
        message = f"{value!r} is not one of {', '.join(choices)}"
        self.add("CL107", message, key, hint=suggestion(value, choices))

    def add(
        self,
        code: Code,
        message: str,
        *keys: str | int,
        hint: str = "",
        warning: bool = False,
        copilot_accepts: bool = False,
        copilot_refuses: bool = False,
    ) -> None:
        """Reports at the value below the block that `keys` lead to, or as near to it as the file goes."""
        place: Node = self.node
        here: Node = self.node
        path = self.path
        for key in keys:
            if isinstance(key, int):
                if not isinstance(here, Sequence) or key >= len(here.items):
                    break
                place = here = here.items[key]
            else:
                entry = here.entries.get(key) if isinstance(here, Mapping) else None
                if entry is None:
                    break
                here = entry.value
                place = here if isinstance(here, Scalar) and here.text else entry.key
            path = child(path, key)
        self.report.add(
            code, place, path, message, hint=hint, warning=warning,
            copilot_accepts=copilot_accepts, copilot_refuses=copilot_refuses,
        )  # fmt: skip
