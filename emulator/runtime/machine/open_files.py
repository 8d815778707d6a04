"""Whether the daemon can give containers the open-file limit that tasks have on Fargate."""

from __future__ import annotations

from emulator.engine.interface import ContainerSpec, Engine
from emulator.errors import EngineError
from emulator.runtime.execution.redirects import started
from emulator.runtime.execution.start_container import RLIMIT_REFUSED
from emulator.runtime.state.conventions import FARGATE_NO_FILE


def gives_fargates_limit(engine: Engine, image: str) -> bool:
    """Whether a container of that image starts with Fargate's limit; also where it does not start for another reason,
    which is for other checks."""
    spec = ContainerSpec("", image, entrypoint=("true",), command=(), ulimits=(FARGATE_NO_FILE,))
    try:
        with started(engine, "nofile", spec):
            return True
    except EngineError as error:
        return RLIMIT_REFUSED not in error.message
