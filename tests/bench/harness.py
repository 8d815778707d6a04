"""Measures ours against a peer or a bare baseline in the same run, and prints ratios."""

from __future__ import annotations

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


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
    """Times two calls in turn; see `medians`."""
    mine, theirs = medians(lambda: seconds(ours), lambda: seconds(baseline), pairs=pairs)
    return Figure(name, mine, theirs, "s", against, bound, note=note or f"{pairs} pairs")


def medians(
    ours: Callable[[], float], baseline: Callable[[], float], *, pairs: int, warm_up: bool = True
) -> tuple[float, float]:
    """What ours and the baseline measure in turn, who comes first changing from pair to pair.

    The second number is the median of the baseline, and the first that times the median of the pairs' ratios: whatever
    else the machine does hits one pair, not one side.
    """
    if warm_up:
        ours()
        baseline()
    ratios, theirs = [], []
    for number in range(pairs):
        if number % 2:
            b, a = baseline(), ours()
        else:
            a, b = ours(), baseline()
        ratios.append(a / b)
        theirs.append(b)
    middle = statistics.median(theirs)
    return middle * statistics.median(ratios), middle


_SPINS = """
import os
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
while os.getppid() == {parent}:
    for _ in range(1_000_000): pass
"""


@contextlib.contextmanager
def awake() -> Iterator[None]:
    """Keeps every processor from sleeping, by a process of the lowest class on each, which anything else displaces.

    For figures of microseconds: a request from one process to the next wakes a processor at each, and on a virtual
    machine with nothing to do that costs more than what is measured, and another time each time.
    """
    script = _SPINS.format(parent=os.getpid())
    spinning = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def as_installed(bytecode: Path) -> dict[str, str]:
    """The variables for a command of ours that keeps its bytecode, as an installation has it, below that folder."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**variables, "PYTHONPYCACHEPREFIX": str(bytecode)}


def seconds(call: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def free_port() -> int:
    """A port that is free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wake_ups(container: str, program: str) -> int:
    """How often a thread of a container's processes of that name gave up its processor to wait, so far."""
    script = f"for pid in /proc/[0-9]*; do grep -qs {program} $pid/comm && cat $pid/task/*/status; done; true"
    words = ("docker", "exec", "--user", "root", container, "sh", "-c", script)
    status = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    return sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("voluntary_ctxt_switches"))
