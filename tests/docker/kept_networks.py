"""Networks that Docker does not give up although nothing is in them.

Docker 20.10 counts the endpoints of a network in a record of their own. Where many containers end at once the number
may stay above the truth until the daemon starts again: `docker network rm` speaks of active endpoints, and there are
none. `down` warns of such a network with what to do; it is no fault of what left it.
"""

from __future__ import annotations

from docker import APIClient
from docker.errors import APIError

MENDED = 23
"""The first version of Docker whose networks count what is in them."""


def is_kept_by_docker(client: APIClient, network: str) -> bool:
    """Whether Docker refuses to remove a network in which it shows no container. One that it removes was left by us."""
    if int(client.version()["Version"].split(".")[0]) >= MENDED or client.inspect_network(network)["Containers"]:
        return False
    try:
        client.remove_network(network)
    except APIError as error:
        return "has active endpoints" in str(error)
    return False
