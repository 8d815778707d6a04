"""The local AWS endpoint's container, and what the stack would have made in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emulator.engine.interface import ContainerSpec, Engine, File, Mount, PublishedPort
from emulator.errors import ContainerFailed, InputError, Position
from emulator.firelens.local_aws import ENDPOINT, FOLDER
from emulator.runtime.specs.aws.names import certified_names
from emulator.runtime.specs.aws.way import WAY_FOLDER, way_socket
from emulator.runtime.specs.limits import LASTING, MIB
from emulator.runtime.specs.log_router import local_outputs, uses_local_aws
from emulator.runtime.state import names
from emulator.runtime.state.names import Names, Role

if TYPE_CHECKING:
    from emulator.runtime.state.desired import DesiredService, DesiredState

PLAIN_PORT = 5000
"""Where it speaks HTTP, published on 127.0.0.1: at the port that tasks know where they need it, else at a free one."""
OWN_FOLDER = "/copilot-local/own"
DATA_FOLDER = "/copilot-local/data"
REQUEST_FILE = "request.json"
"""In `OWN_FOLDER`: what has to be there."""
SEED_FILE = "seed"
"""In `DATA_FOLDER`: what generated passwords are derived from. It goes with the data that they are for."""
START_TIMEOUT = 90
REFUSED = 3
"""Exit code of `emulator.aws.prepare` where something that was asked for cannot be made."""
MEMORY = 2048 * MIB
"""It holds what it is sent."""


def wants_endpoint(desired: DesiredService) -> bool:
    """Whether a service needs the endpoint: its tasks, or their log router."""
    return desired.needs_aws or uses_local_aws(desired)


def aws_spec(state: DesiredState) -> ContainerSpec | None:
    """The endpoint; None where nothing needs it."""
    users = [desired for desired in state.services.values() if wants_endpoint(desired)]
    if not users:
        return None
    environment = Names(state.app, state.environment)
    settings: dict[str, object] = {
        "shared": FOLDER,
        "own": OWN_FOLDER,
        "data": DATA_FOLDER,
        "names": [ENDPOINT, environment.aws, "localhost"],
        "region": users[0].options.region,
        "account": users[0].options.account,
        "public_port": state.aws_port or PLAIN_PORT,
    }
    if any(desired.options.leads_names for desired in users):
        settings["aws_names"] = certified_names(users[0].options.region)
    labels = names.sealed(environment.labels(Role.AWS))
    way = state.aws_way
    mounts: tuple[Mount, ...] = ()
    if way is not None:  # see `emulator.aws.forwarding`
        socket = way_socket(way.relayed_port) if way.relayed_port else ""
        settings["other"] = {"url": way.url, "host": way.host, "socket": socket}
        labels |= {names.AWS_URL: way.url}
    if way is not None and way.relayed_port:
        mounts = (Mount(environment.aws_way, WAY_FOLDER, copy=False),)
    command = json.dumps(settings)
    if state.aws_port:
        labels |= {names.AWS_PORT: str(state.aws_port)}
    return replace(
        LASTING,
        name=environment.aws,
        image=state.aws_image,
        labels={**labels, names.CONFIG_HASH: _digest(state.aws_image, command)},
        command=(command,),
        network=environment.network,
        network_aliases=(ENDPOINT,),
        ports=(PublishedPort(PLAIN_PORT, state.aws_port),),
        mounts=(
            Mount(environment.aws_volume, FOLDER, copy=False),
            Mount(environment.aws_key_volume, OWN_FOLDER, copy=False),
            Mount(environment.aws_data_volume, DATA_FOLDER, copy=False),
            *mounts,
        ),
        cap_add=("NET_BIND_SERVICE",),
        memory=MEMORY,
        init=True,
    )


def log_groups(state: DesiredState) -> tuple[str, ...]:
    """`region=group` of the log groups that the stacks of the services make.

    A stack makes its group in its own region. An output that names the very group in another region is taken to mean
    the region that the service is deployed to, which nothing here says.
    """
    return tuple(
        dict.fromkeys(
            f"{region}={desired.service.log_group.name}"
            for desired in state.services.values()
            if uses_local_aws(desired)
            for region in _regions(desired)
        )
    )


def _regions(desired: DesiredService) -> Iterator[str]:
    """The service's region, and those in which an output names its log group."""
    yield desired.options.region
    for output in local_outputs(desired):
        own = output.options.get("log_group_name") == desired.service.log_group.name
        if output.policy == "local-aws" and own and "region" in output.options:
            yield output.options["region"]


def prepare_aws(engine: Engine, name: str, request: Mapping[str, object]) -> dict[str, Any]:
    """Waits until the endpoint answers, and makes what is asked for. Returns its answer: see `emulator.aws.prepare`.
    Raises ContainerFailed where it does not come up, InputError for what it refuses."""
    new, file = f"{OWN_FOLDER}/{REQUEST_FILE}.new", f"{OWN_FOLDER}/{REQUEST_FILE}"
    # Commands that look into the endpoint read the file meanwhile: it is there whole, or not yet.
    engine.put_files(name, OWN_FOLDER, [File(f"{REQUEST_FILE}.new", json.dumps(request).encode(), 0o600)])
    words = ("python3", "-m", "emulator.aws.prepare", new, file, f"{DATA_FOLDER}/{SEED_FILE}")
    result = engine.exec(name, words, timeout=START_TIMEOUT)
    if result.exit_code == REFUSED:
        said = json.loads(result.stdout)["error"]
        raise InputError(
            f"{said['stack']}: {said['subject']}: {said['message']}",
            hint=said["hint"],
            position=parse_position(said["position"]),
        )
    if result.exit_code != 0:
        raise ContainerFailed(  # what it answered has passwords in it, and is not shown
            "the local AWS endpoint does not come up",
            container="aws",
            output=result.stderr.decode(errors="replace").splitlines()[-15:],
        )
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def parse_position(text: str) -> Position | None:
    """A position from its text, `file:line` or `file:line:column`; None for any other."""
    file, line, column = (*text.rsplit(":", 2), "", "")[:3]
    if not line.isdecimal():
        return None
    return Position(file, int(line), int(column)) if column.isdecimal() else Position(file, int(line))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
