"""The relay between the endpoint's container and another endpoint that listens on 127.0.0.1 of this machine.

It is in this machine's network, as the one of `up --native` is, and connects there to one port alone.
"""

from __future__ import annotations

import json
from dataclasses import replace

from emulator.engine.interface import ContainerSpec, HealthCheckSpec, Mount
from emulator.runtime.specs.limits import LASTING
from emulator.runtime.state import names
from emulator.runtime.state.conventions import NATIVE_RELAY_MEMORY
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.names import Names, Role

WAY_FOLDER = "/copilot-local/way"
"""Where both have the volume with the socket between them."""
_HOSTS = ["127.0.0.1", "::1"]


def way_socket(port: int) -> str:
    """The socket that leads to a port: see `emulator.agent.native_relay`."""
    return f"{WAY_FOLDER}/{port}.sock"


def way_spec(state: DesiredState) -> ContainerSpec | None:
    """The relay; None where the endpoint is reached without one."""
    port = state.aws_way.relayed_port if state.aws_way is not None else 0
    if not port:
        return None
    environment = Names(state.app, state.environment)
    asked = json.dumps({"folder": WAY_FOLDER, "hosts": _HOSTS, "ports": {str(port): port}})
    labels = names.sealed(environment.labels(Role.AWS_WAY))
    return replace(
        LASTING,
        name=environment.aws_way,
        image=state.agent_image,
        labels={**labels, names.CONFIG_HASH: f"{state.agent_image}@{port}"},
        entrypoint=("python3", "-S", "-m", "emulator.agent.native_relay"),
        command=("outside", asked),
        network="host",
        mounts=(Mount(environment.aws_way, WAY_FOLDER, copy=False),),
        health_check=HealthCheckSpec(("NONE",)),
        init=True,
        read_only=True,
        memory=NATIVE_RELAY_MEMORY,
    )
