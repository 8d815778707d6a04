"""Connects to the Docker daemon. The SDK takes a while to import, so that happens here and not earlier."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emulator.engine.docker.engine import DockerEngine

CONNECT_TIMEOUT = 10.0


def connect(timeout: float = CONNECT_TIMEOUT) -> DockerEngine:
    """The daemon that the `docker` command would talk to; `timeout` (seconds) bounds the first answer.

    Raises EngineUnavailable where none answers, Unsupported for daemons before API 1.41.
    """
    from emulator.engine.docker.endpoint import find_endpoint
    from emulator.engine.docker.engine import DockerEngine

    return DockerEngine(find_endpoint(os.environ, Path.home()), timeout)
