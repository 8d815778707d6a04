"""Whether the daemon can give containers the open-file limit that tasks have on Fargate."""

from __future__ import annotations

import uuid

from emulator.engine.interface import ContainerSpec, Engine
from emulator.errors import EngineError
from emulator.runtime.execution.redirects import CHECK
from emulator.runtime.execution.start_container import RLIMIT_REFUSED
from emulator.runtime.specs.limits import NO_NEW_PRIVILEGES, OWN_PIDS
from emulator.runtime.state.conventions import FARGATE_NO_FILE


def gives_fargates_limit(engine: Engine, image: str) -> bool:
    """Whether a container of that image starts with Fargate's limit; also where it does not start for another reason,
    which is for other checks."""
    name = f"cl-check-{uuid.uuid4().hex[:12]}"
    spec = ContainerSpec(
        name=name,
        image=image,
        labels={CHECK: "nofile"},
        entrypoint=("true",),
        command=(),
        network="none",
        cap_drop=("ALL",),
        security_options=NO_NEW_PRIVILEGES,
        pids_limit=OWN_PIDS,
        ulimits=(FARGATE_NO_FILE,),
    )
    try:
        engine.create_container(spec)
        engine.start(name)
    except EngineError as error:
        return RLIMIT_REFUSED not in error.message
    finally:
        engine.remove(name)
    return True
