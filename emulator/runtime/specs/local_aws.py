"""The local AWS endpoint's container, and what the stack would have made in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from emulator.engine.interface import ContainerSpec, Engine, Mount, PublishedPort
from emulator.errors import ContainerFailed
from emulator.firelens.local_aws import ENDPOINT, FOLDER
from emulator.runtime.specs.limits import MIB, NO_NEW_PRIVILEGES, OWN_PIDS
from emulator.runtime.specs.log_router import local_outputs, uses_local_aws
from emulator.runtime.state import names
from emulator.runtime.state.conventions import JSON_FILE_OPTIONS, NO_FILE, RESTART
from emulator.runtime.state.names import Names, Role

if TYPE_CHECKING:
    from emulator.runtime.state.desired import DesiredService, DesiredState

PLAIN_PORT = 5000
"""Where it speaks HTTP, published on a free port of 127.0.0.1 for tools on the host."""
OWN_FOLDER = "/copilot-local/own"
START_TIMEOUT = 90
MEMORY = 2048 * MIB
"""It holds what it is sent."""


def aws_spec(state: DesiredState) -> ContainerSpec | None:
    """The endpoint; None where no log router sends to it."""
    if not any(uses_local_aws(desired) for desired in state.services.values()):
        return None
    environment = Names(state.app, state.environment)
    return ContainerSpec(
        name=environment.aws,
        image=state.aws_image,
        labels={**names.sealed(environment.labels(Role.AWS)), names.CONFIG_HASH: state.aws_image},
        command=(FOLDER, OWN_FOLDER, ENDPOINT, environment.aws, "localhost"),
        network=environment.network,
        network_aliases=(ENDPOINT,),
        ports=(PublishedPort(PLAIN_PORT, 0),),
        mounts=(
            Mount(environment.aws_volume, FOLDER, copy=False),
            Mount(environment.aws_key_volume, OWN_FOLDER, copy=False),
        ),
        log_options=JSON_FILE_OPTIONS,
        cap_drop=("ALL",),
        cap_add=("NET_BIND_SERVICE",),
        security_options=NO_NEW_PRIVILEGES,
        memory=MEMORY,
        pids_limit=OWN_PIDS,
        ulimits=(NO_FILE,),
        restart=RESTART,
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


def prepare_aws(engine: Engine, name: str, groups: tuple[str, ...]) -> None:
    """Waits until the endpoint answers, and makes those log groups. Raises ContainerFailed."""
    result = engine.exec(name, ("python3", "-m", "emulator.aws.prepare", *groups), timeout=START_TIMEOUT)
    if result.exit_code != 0:
        raise ContainerFailed(
            "the local AWS endpoint does not come up",
            container="aws",
            output=(result.stdout + result.stderr).decode(errors="replace").splitlines()[-15:],
        )
