"""The container that balances datagrams, for the UDP listeners of network load balancers."""

from __future__ import annotations

from dataclasses import replace

from emulator.engine.interface import ContainerSpec, Mount, PublishedPort
from emulator.frontdoor.options import FOLDER
from emulator.runtime.listeners.front_ports import to_label, udp_bind_ports, udp_listeners
from emulator.runtime.specs.limits import LASTING, MIB
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.names import Names, Role

MEMORY = 128 * MIB
UDP_SOCKET = "udp.sock"
"""In the volume of the public load balancer: the agent tells the relay its targets there."""


def udp_relay_spec(state: DesiredState) -> ContainerSpec | None:
    """The relay; None where nothing listens for datagrams. It needs no capability."""
    inside = udp_bind_ports(state)
    listeners = udp_listeners(state)
    if not listeners:
        return None
    ports = tuple(PublishedPort(inside[one.service, one.port], one.host_port, protocol="udp") for one in listeners)
    environment = Names(state.app, state.environment)
    published = ",".join(f"{port.host_port}-{port.container_port}" for port in ports)
    return replace(
        LASTING,
        name=environment.udp_relay,
        image=state.agent_image,
        labels={
            **names.sealed(environment.labels(Role.UDP_RELAY)),
            names.CONFIG_HASH: f"{state.agent_image}@{published}",
            names.LISTENERS: to_label(listeners),
        },
        entrypoint=("python3", "-m", "emulator.agent.load_balancer.udp_relay"),
        command=(f"{FOLDER}/{UDP_SOCKET}", *(str(port.container_port) for port in ports)),
        network=environment.network,
        ports=ports,
        mounts=(Mount(environment.front_volume, FOLDER, copy=False),),
        memory=MEMORY,
        read_only=True,
        init=True,
    )
