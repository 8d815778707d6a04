"""A database or cache that services live with: a container of its own, for a resource of an addon template."""

from __future__ import annotations

from emulator.model import FrozenModel


class DesiredDatabase(FrozenModel):
    """What should run for one resource. Its user and password are in the local AWS endpoint, and not here."""

    key: str
    """`STACK/LOGICAL ID`."""
    program: str
    """`postgres`, `mysql`, `mariadb`, `redis`, `valkey` or `memcached`."""
    engine: str
    """As the template has it: `aurora-postgresql`."""
    version: str = ""
    """The same; empty where it has none."""
    major: str = ""
    """What of the version an image is chosen by."""
    identifier: str
    """Its host name on the environment's network, too."""
    port: int
    position: str = ""
    """`file:line`."""
    image: str = ""

    @property
    def logical_id(self) -> str:
        return self.key.rpartition("/")[2]
