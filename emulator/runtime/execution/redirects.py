"""Whether connections of a task can be led to a proxy here: that takes `iptables`, which not every kernel has whole."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from dataclasses import replace

from emulator.engine.interface import ContainerSpec, Engine
from emulator.errors import EngineError
from emulator.runtime.execution.daemon_quirks import has_redirects, remember_redirects
from emulator.runtime.specs.limits import MIB, NO_NEW_PRIVILEGES, OWN_PIDS
from emulator.runtime.state.names import PREFIX

CHECK = PREFIX + "check"
"""On the container that tries it."""
DONE = "ok"
"""The line that it ends with where it can. Of the code that it ends with, the daemon may not know yet."""


def redirect_problem(engine: Engine, image: str) -> str:
    """Why the proxy's image cannot lead connections to itself here; empty where it can.

    A container tries it; that it can is remembered of the daemon.
    """
    info = engine.info()
    if has_redirects(info, image):
        return ""
    spec = ContainerSpec("", image, entrypoint=("service-connect",), command=("check",), memory=64 * MIB)
    problem = network_problem(engine, "redirects", spec, "its rules cannot be set")
    if not problem:
        remember_redirects(info, image)
    return problem


def network_problem(engine: Engine, what: str, spec: ContainerSpec, otherwise: str) -> str:
    """Why a container cannot do to its network what it tries, in its words or `otherwise`; empty where it can."""
    try:
        with started(engine, what, replace(spec, cap_add=("NET_ADMIN",))) as name:
            said = [line.text.strip() for line in engine.logs(name, follow=True)]
    except EngineError as error:
        return error.message
    return "" if said[-1:] == [DONE] else next(filter(None, said), otherwise)


@contextlib.contextmanager
def started(engine: Engine, what: str, spec: ContainerSpec) -> Iterator[str]:
    """Within this block a container runs that tries `what`, without a network: its name. Raises `EngineError`."""
    name = f"cl-check-{uuid.uuid4().hex[:12]}"
    try:
        engine.create_container(
            replace(
                spec,
                name=name,
                labels={CHECK: what},
                network="none",
                cap_drop=("ALL",),
                security_options=NO_NEW_PRIVILEGES,
                pids_limit=OWN_PIDS,
            )
        )
        engine.start(name)
        yield name
    finally:
        engine.remove(name)
