"""Measures ours against a peer or a bare baseline in the same run, and prints ratios."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table. `ours` and `baseline` are medians in `unit`; `bound` is what the ratio should keep to."""

    name: str
    ours: float
    baseline: float
    unit: str
    against: str
    bound: float
    higher_is_better: bool = False
    note: str = ""

    @property
    def ratio(self) -> float:
        return self.ours / self.baseline

    @property
    def holds(self) -> bool:
        return self.ratio >= self.bound if self.higher_is_better else self.ratio <= self.bound

    def row(self) -> str:
        sign = "≥" if self.higher_is_better else "≤"
        verdict = "yes" if self.holds else "**no**"
        cells = (
            self.name,
            f"{self.ours:.4g} {self.unit}",
            f"{self.baseline:.4g} {self.unit} ({self.against})",
            f"{self.ratio:.2f}",
            f"{sign} {self.bound:g}",
            verdict,
            self.note,
        )
        return f"| {' | '.join(cells)} |"


HEADER = "| what | ours | baseline | ratio | wanted | holds | notes |\n|---|---|---|---|---|---|---|"


def paired(
    name: str,
    ours: Callable[[], object],
    baseline: Callable[[], object],
    *,
    against: str,
    bound: float,
    pairs: int = 15,
    note: str = "",
) -> Figure:
    """Times two calls in turn, so that whatever else the machine does hits both; the ratio is that of the medians."""
    ours()
    baseline()
    mine, theirs = [], []
    for _ in range(pairs):
        theirs.append(_seconds(baseline))
        mine.append(_seconds(ours))
    note = note or f"{pairs} pairs"
    return Figure(name, statistics.median(mine), statistics.median(theirs), "s", against, bound, note=note)


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
