"""Networks that Docker does not give up although nothing is in them.

Docker 20.10 counts the endpoints of a network in a record of their own. Where many containers end at once the number
may stay above the truth until the daemon starts again: `docker network rm` speaks of active endpoints, and there are
none. `down` warns of such a network with what to do; it is no fault of what left it.
"""

from __future__ import annotations

from docker import APIClient
from docker.errors import APIError, NotFound

MENDED = 23
"""The first version of Docker whose networks count what is in them."""


def left_of(client: APIClient, networks: list[str]) -> list[str]:
    """Those of networks that were just listed that are left: neither gone by now nor kept by Docker."""
    return [network for network in networks if _is_left(client, network)]


def _is_left(client: APIClient, network: str) -> bool:
    """One that Docker removes when it is asked to was left by us."""
    try:
        if client.inspect_network(network)["Containers"]:
            return True
        if int(client.version()["Version"].split(".")[0]) < MENDED:
            client.remove_network(network)
    except NotFound:
        return False
    except APIError as error:
        return "has active endpoints" not in str(error)
    return True
