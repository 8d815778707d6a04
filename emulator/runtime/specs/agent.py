"""The agent's container."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from emulator import __version__
from emulator.engine.interface import ContainerSpec, Engine, Mount
from emulator.frontdoor.balancers import Balancer
from emulator.frontdoor.options import FOLDER as FRONT_FOLDER
from emulator.runtime.specs.limits import LASTING, MIB
from emulator.runtime.specs.log_store import ACCESS_FOLDER, LOG_FOLDER
from emulator.runtime.state import names
from emulator.runtime.state.conventions import CONTROL_FOLDER
from emulator.runtime.state.names import Names, Role
from emulator.runtime.state.process_identity import this_process
from emulator.service_connect.envoy import FOLDER as CONNECT_FOLDER

if TYPE_CHECKING:
    from emulator.runtime.state.desired import DesiredState

STATE_FOLDER = "/copilot-local/state"
STATE_FILE = "desired.json"
FRONT_FOLDERS = {Balancer.PUBLIC: FRONT_FOLDER, Balancer.INTERNAL: f"{FRONT_FOLDER}-internal"}
"""Where the agent has the volumes of the load balancers."""
DOCKER_SOCKET = "/var/run/docker.sock"
TMPFS = "size=16m,mode=0755,noexec,nosuid,nodev"
MEMORY = 1024 * MIB
PIDS = 2048
"""A thread for each connection, and for each step of a plan."""


def empty_state(environment: Names, image: str) -> bytes:
    """What an agent looks after until it is told what should run: a `DesiredState` as JSON.

    It is written by hand: the model takes longer to import than Docker to create the agent's network.
    """
    state = {
        "app": environment.app,
        "environment": environment.environment,
        "services": {},
        "front_port": 0,
        "pause_image": "",
        "front_image": "",
        "agent_image": image,
        "log_limit": 0,
    }
    return json.dumps(state, separators=(",", ":")).encode()


def agent_spec(engine: Engine, environment: Names, state: DesiredState, control: Path | None = None) -> ContainerSpec:
    """The agent of an environment whose desired state is known. Where its volume is empty, it begins with `state`
    without its services. `control` is a folder of this machine for its socket."""
    from emulator.model import to_json

    without = state.model_copy(update={"services": {}, "network_ports": []})
    return _spec(engine, environment, state.agent_image, to_json(without), control)


def idle_agent_spec(engine: Engine, environment: Names, image: str, control: Path | None = None) -> ContainerSpec:
    """The same of an environment that is still to be told what should run."""
    return _spec(engine, environment, image, empty_state(environment, image), control)


def _spec(engine: Engine, environment: Names, image: str, state: bytes, control: Path | None) -> ContainerSpec:
    """The agent: our own image with the daemon's socket.

    It is root with few capabilities: one lets root open files of others, since the front's admin socket belongs to
    HAProxy's user; the others are for 169.254.170.2, which it takes, announces and serves on port 80, and are given up
    once it has that. It writes to its volumes and to memory, and to nothing of its image. Docker restarts
    it when it dies; everything it knows is on its volume and in Docker's labels.
    """
    return replace(
        LASTING,
        name=environment.agent,
        image=image,
        labels={
            **names.sealed(environment.labels(Role.AGENT)),
            names.VERSION: __version__,
            names.MADE_BY: str(this_process()),
        },
        command=(f"{STATE_FOLDER}/{STATE_FILE}", state.decode()),
        network=environment.network,
        mounts=(
            Mount(engine.agent_socket(), DOCKER_SOCKET, bind=True),
            Mount(environment.state_volume, STATE_FOLDER, copy=False),
            Mount(environment.front_volume, FRONT_FOLDERS[Balancer.PUBLIC], copy=False),
            Mount(environment.internal_front_volume, FRONT_FOLDERS[Balancer.INTERNAL], copy=False),
            Mount(environment.connect_volume, CONNECT_FOLDER, copy=False),
            Mount(environment.log_volume, LOG_FOLDER, copy=False),
            Mount(environment.access_volume, ACCESS_FOLDER, copy=False),
            *([Mount(str(control), CONTROL_FOLDER, bind=True, make=True)] if control is not None else []),
        ),
        init=True,
        read_only=True,
        tmpfs={"/run": TMPFS, "/tmp": TMPFS},
        cap_add=("DAC_OVERRIDE", "NET_ADMIN", "NET_RAW", "NET_BIND_SERVICE"),
        memory=MEMORY,
        pids_limit=PIDS,
    )
