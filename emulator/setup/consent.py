"""Whether software may be installed on this machine: by root on Debian or Ubuntu only, and a person is asked first."""

from __future__ import annotations

import functools
import os
import shutil
import sys
import threading

from emulator.setup import apt

_asking = threading.Lock()


def given() -> bool:
    """Whether the variables allow it without a question: CI=true or SETUP_YES=1."""
    return os.environ.get("CI", "").lower() in {"true", "1"} or os.environ.get("SETUP_YES", "") == "1"


def can_install() -> bool:
    """Whether we are root on Debian or Ubuntu."""
    return os.geteuid() == 0 and apt.is_debian_like() and shutil.which("apt-get") is not None


def terminal() -> bool:
    """Whether there is a terminal to ask at."""
    return sys.stdin.isatty() and sys.stderr.isatty()


@functools.cache
def _answer(question: str) -> bool:
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def ask(question: str) -> bool:
    """Asks on the terminal, each question once; anything but y or yes is a no."""
    with _asking:
        return _answer(question)


def allowed(question: str) -> bool:
    """Whether software may be installed: by variable, by an answer on the terminal, or because there is no terminal."""
    return can_install() and (given() or not terminal() or ask(question))
