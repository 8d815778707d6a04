"""Whether the `docker` command has the BuildKit plugin, `buildx`."""

from __future__ import annotations

import functools
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

_FOLDERS = ("/usr/local/lib", "/usr/local/libexec", "/usr/lib", "/usr/libexec")
"""What docker looks for plugins in, below `docker/cli-plugins`, after the user's own folder."""
_TIMEOUT = 20.0


def has_buildx(command: str) -> bool:
    """Whether this `docker` command has the plugin.

    Its file where docker looks first says so. Only without one is the command asked, which knows further folders
    and starts three processes for the answer.
    """
    return any(os.access(file, os.X_OK) and file.is_file() for file in _files()) or _answers(command)


def _files() -> Iterator[Path]:
    yield Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "cli-plugins" / "docker-buildx"
    for folder in _FOLDERS:
        yield Path(folder) / "docker" / "cli-plugins" / "docker-buildx"


@functools.cache
def _answers(command: str) -> bool:
    try:
        done = subprocess.run([command, "buildx", "version"], capture_output=True, timeout=_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
