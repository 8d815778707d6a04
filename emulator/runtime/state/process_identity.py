"""A process that made something, written down so that others can tell whether it still runs: `<machine>:<pid>:<start>`,
where the start tells apart two processes that had the same pid one after the other."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, on a machine."""

    machine: str
    pid: int
    started: str
    """When it started, in the system's own words; empty where the system does not say."""

    def __str__(self) -> str:
        return f"{self.machine}:{self.pid}:{self.started}"

    @classmethod
    def parse(cls, text: str) -> Owner | None:
        """Reads `<machine>:<pid>:<start>`; None for other text."""
        machine, _, rest = text.partition(":")
        pid, _, started = rest.partition(":")
        return cls(machine, int(pid), started) if machine and pid.isdecimal() else None

    @property
    def dead(self) -> bool:
        """Whether it ran on this machine and has ended. False for a process of another machine: that is unknown."""
        if self.machine != _machine():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
        return _started(self.pid) != self.started


def this_process() -> Owner:
    """The current process."""
    return Owner(_machine(), os.getpid(), _started(os.getpid()))


def _machine() -> str:
    """This machine; in a container, where pids are counted anew, this container."""
    parts = [socket.gethostname()]
    with contextlib.suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return "/".join(parts).replace(":", "-")


def _started(pid: int) -> str:
    """When a process started: clock ticks since boot on Linux, `ps`'s words elsewhere."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            # The second field is the program's name in brackets, which may hold spaces and brackets itself.
            return file.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        pass
    try:
        done = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return " ".join(done.stdout.split()).replace(":", ".")
