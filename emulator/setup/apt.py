"""Debian packages on the host, for machines that we may set up."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from emulator.setup.process import Result, run

_NONINTERACTIVE = {"DEBIAN_FRONTEND": "noninteractive"}
_WAIT_FOR_LOCK = ("-o", "DPkg::Lock::Timeout=300")


def is_debian_like(os_release: Path = Path("/etc/os-release")) -> bool:
    """Whether this is Debian or one of its children (Ubuntu), by os-release(5)'s ID and ID_LIKE."""
    try:
        lines = os_release.read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    names = f"{values.get('ID', '')} {values.get('ID_LIKE', '')}".replace('"', "").split()
    return "debian" in names or "ubuntu" in names


def missing(packages: Sequence[str]) -> list[str]:
    """Those of `packages` that are not installed."""
    shown = run(["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Status}\n", *packages], timeout=60)
    installed = {line.split()[0] for line in shown.output.splitlines() if line.endswith(" installed")}
    return [package for package in packages if package not in installed]


@functools.cache
def _update() -> None:
    # One broken third-party source makes `update` fail while Debian's own lists are fine: `install` is the judge.
    run(["apt-get", "update", "-q"], timeout=300, env=_NONINTERACTIVE)


def install(packages: Sequence[str], log: Path | None = None) -> Result | None:
    """Installs what is missing of `packages`. Returns apt's result, or None where nothing was missing."""
    wanted = missing(packages)
    if not wanted:
        return None
    _update()
    return run(
        ["apt-get", "install", "-y", "-q", "--no-install-recommends", *_WAIT_FOR_LOCK, *wanted],
        timeout=900,
        env=_NONINTERACTIVE,
        log=log,
    )
