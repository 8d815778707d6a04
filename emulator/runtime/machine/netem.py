"""Whether the kernel that Docker runs on can delay and lose packets, as fault injection of tasks asks for."""

from __future__ import annotations

from emulator.engine.interface import ContainerSpec, Engine
from emulator.runtime.execution.redirects import DONE, network_problem

_TRY = (
    "tc qdisc add dev lo root handle 1: prio && tc qdisc add dev lo parent 1:1 handle 10: netem delay 1ms "
    f"&& echo {DONE}"
)


def netem_problem(engine: Engine, image: str) -> str:
    """Why not, in the words of `tc` in the agent's image; empty where it can. A container without a network tries."""
    spec = ContainerSpec("", image, entrypoint=("sh", "-c"), command=(_TRY,))
    return network_problem(engine, "netem", spec, "tc said nothing")
