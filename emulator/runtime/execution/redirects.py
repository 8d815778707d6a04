"""Whether connections of a task can be led to a proxy here: that takes `iptables`, which not every kernel has whole."""

from __future__ import annotations

import uuid

from emulator.engine.interface import ContainerSpec, Engine
from emulator.errors import EngineError
from emulator.runtime.execution.daemon_quirks import has_redirects, remember_redirects
from emulator.runtime.specs.limits import MIB, NO_NEW_PRIVILEGES, OWN_PIDS
from emulator.runtime.state.names import PREFIX

CHECK = PREFIX + "check"
"""On the container that tries it."""
_NO_NETWORK = "none"
_DONE = "ok"
"""The line that it ends with where it can. Of the code that it ends with, the daemon may not know yet."""


def redirect_problem(engine: Engine, image: str) -> str:
    """Why the proxy's image cannot lead connections to itself here; empty where it can.

    A container without a network tries it; that it can is remembered of the daemon.
    """
    info = engine.info()
    if has_redirects(info, image):
        return ""
    name = f"cl-check-{uuid.uuid4().hex[:12]}"
    spec = ContainerSpec(
        name=name,
        image=image,
        labels={CHECK: "redirects"},
        entrypoint=("service-connect",),
        command=("check",),
        network=_NO_NETWORK,
        cap_drop=("ALL",),
        cap_add=("NET_ADMIN",),
        security_options=NO_NEW_PRIVILEGES,
        memory=64 * MIB,
        pids_limit=OWN_PIDS,
    )
    try:
        engine.create_container(spec)
        engine.start(name)
        said = [line.text.strip() for line in engine.logs(name, follow=True)]
    except EngineError as error:
        return error.message
    finally:
        engine.remove(name)
    if said[-1:] == [_DONE]:
        remember_redirects(info, image)
        return ""
    return next(filter(None, said), "its rules cannot be set")
