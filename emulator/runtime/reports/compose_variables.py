"""What a Docker Compose project is told of an environment that is one of its services: addresses in its own network."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from emulator.engine.interface import Container
from emulator.frontdoor.balancers import Balancer
from emulator.regions import LOCAL_KEY
from emulator.runtime.listeners.front_ports import routes
from emulator.runtime.specs.aws.endpoint import PLAIN_PORT
from emulator.runtime.specs.load_balancer import front_in
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.observed import Observed

_SCHEMES = {"postgres": "postgresql", "mysql": "mysql", "mariadb": "mysql", "redis": "redis", "valkey": "redis"}
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OTHERS = re.compile(r"\W+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shared:
    """A container that the project's services reach, and its names in the project's networks."""

    container: Container
    aliases: Sequence[str]


def shared_containers(state: DesiredState, observed: Observed, service: str) -> list[Shared]:
    """What of the environment is put into the project's networks, in which `service` is the name of the environment:
    load balancers, the local AWS endpoint, databases. The public load balancer has that name, the endpoint that of its
    container, which it answers to."""
    found = [
        (front_in(observed, Balancer.PUBLIC), [service]),
        (front_in(observed, Balancer.INTERNAL), [_internal(service)]),
        (observed.aws if state.aws_port else None, []),
        *((observed.databases.get(one.key), [one.identifier]) for one in state.databases),
    ]
    return [Shared(container, aliases) for container, aliases in found if container is not None]


def compose_variables(state: DesiredState, observed: Observed, service: str, network: str) -> dict[str, str]:
    """The variables for the project's services, whose names Compose puts the name of `service` before. `network` is one
    of the project's; without one, what is reached from containers is left out."""
    found: dict[str, str] = {}
    for balancer, name, prefix in (
        (Balancer.PUBLIC, service, ""),
        (Balancer.INTERNAL, _internal(service), "INTERNAL_"),
    ):
        port = state.front_port if balancer is Balancer.PUBLIC else state.internal_port
        if not port or not routes(state, balancer):
            continue
        if network:
            found[f"{prefix}URL"] = f"http://{name}"
        found[f"{prefix}URL_HERE"] = f"http://127.0.0.1:{port}"
    if network:
        ids = [database.logical_id for database in state.databases]
        for database in state.databases:
            unique = ids.count(database.logical_id) == 1
            name = _name(database.logical_id if unique else database.identifier)
            found |= {f"{name}_HOST": database.identifier, f"{name}_PORT": str(database.port)}
            if scheme := _SCHEMES.get(database.program):
                found[f"{name}_URL"] = f"{scheme}://{database.identifier}:{database.port}"
        found |= _aws_variables(state, observed, named_alike=service.lower() == "aws", network=network)
    return found


def _aws_variables(state: DesiredState, observed: Observed, *, named_alike: bool, network: str) -> Mapping[str, str]:
    """SDKs put a bucket's name before a host's name, which nothing here answers to, and leave an address as it is.
    `named_alike`: Compose makes them the very variables that SDKs read, by the `AWS_` that it puts before them."""
    if not state.aws_port or observed.aws is None:
        return {}
    region = next(desired.options.region for desired in state.services.values())
    found = {
        "AWS_ENDPOINT_URL": f"http://{observed.aws.name}:{PLAIN_PORT}",
        "AWS_ACCESS_KEY_ID": LOCAL_KEY,
        "AWS_SECRET_ACCESS_KEY": LOCAL_KEY,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }
    if address := observed.aws.addresses.get(network):
        found["AWS_ENDPOINT_URL_S3"] = f"http://{address}:{PLAIN_PORT}"
    return {name.removeprefix("AWS_") if named_alike else name: value for name, value in found.items()}


def _name(text: str) -> str:
    return "_".join(_WORDS.split(_OTHERS.sub("_", text))).upper()


def _internal(service: str) -> str:
    return f"{service}-internal"
