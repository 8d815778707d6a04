"""What a person is at work in: a container with a debugger, a program of this machine in place of one."""

from collections.abc import Mapping

from emulator.model import FrozenModel


class Debugging(FrozenModel):
    """A container for a debugger to attach to."""

    ports: Mapping[int, int] = {}
    """Port of the container to the host port on 127.0.0.1."""
    command: tuple[str, ...] = ()
    """Runs in place of entry point and command; none: they stay."""


class Outlet(FrozenModel):
    """What only a task reaches, published for a program of this machine: `host` is a name that tasks know, or 127.0.0.1
    for a sidecar."""

    host: str
    port: int
    host_port: int


class Native(FrozenModel):
    """A program of this machine that runs in place of a service's main container."""

    ports: Mapping[int, int] = {}
    """Port of the container to the port of 127.0.0.1 that the program listens on."""
    outlets: tuple[Outlet, ...] = ()
    in_virtual_machine: bool = False
    """Docker's daemon runs in a virtual machine, from where a name of its leads to this machine."""
