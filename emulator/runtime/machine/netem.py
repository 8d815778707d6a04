"""Whether the kernel that Docker runs on can delay and lose packets, as fault injection of tasks asks for."""

from __future__ import annotations

import uuid

from emulator.engine.interface import ContainerSpec, Engine
from emulator.errors import EngineError
from emulator.runtime.execution.redirects import CHECK
from emulator.runtime.specs.limits import NO_NEW_PRIVILEGES, OWN_PIDS

_DONE = "ok"
_TRY = (
    "tc qdisc add dev lo root handle 1: prio && tc qdisc add dev lo parent 1:1 handle 10: netem delay 1ms "
    f"&& echo {_DONE}"
)


def netem_problem(engine: Engine, image: str) -> str:
    """Why not, in the words of `tc` in the agent's image; empty where it can. A container without a network tries."""
    name = f"cl-check-{uuid.uuid4().hex[:12]}"
    spec = ContainerSpec(
        name=name,
        image=image,
        labels={CHECK: "netem"},
        entrypoint=("sh", "-c"),
        command=(_TRY,),
        network="none",
        cap_drop=("ALL",),
        cap_add=("NET_ADMIN",),
        security_options=NO_NEW_PRIVILEGES,
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
    return "" if said[-1:] == [_DONE] else next(filter(None, said), "tc said nothing")
