"""Who listens in a task: its ports, and which container has each."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from emulator.engine.interface import Engine
from emulator.engine.sockets import TABLES, ListeningSocket, parse_listeners
from emulator.errors import CopilotLocalError
from emulator.runtime.state.conventions import DOCKERS_NAME_SERVER, NAME_SERVER
from emulator.runtime.state.observed import Task
from emulator.service_connect.ports import PROXY_PORTS

_NAME_SERVERS = (DOCKERS_NAME_SERVER, NAME_SERVER)
_TIMEOUT = 5.0
_SOCKETS = ("sh", "-c", "ls -l /proc/[0-9]*/fd 2>/dev/null")
"""Prints the sockets of every process of a container; one without a shell says nothing."""
_INODE = re.compile(r"socket:\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Listening:
    """A TCP port that something in a task listens on. `container` is empty where it is not known whose it is."""

    port: int
    host: str
    container: str = ""

    def answers(self, proxied: bool) -> bool:
        """Whether it takes what comes in from outside the task. `proxied`: that goes through a proxy of Service
        Connect, which connects to 127.0.0.1."""
        return self.host == "0.0.0.0" or self.host.startswith("127.") is proxied


def listening_in(engine: Engine, task: Task, aws_port: int = 0) -> list[Listening] | None:
    """What listens in a task, by port; None where that cannot be seen. Our relay on `aws_port` is left out.

    The owner of a socket is the container whose processes have it open. Where containers do not show their processes
    and one alone of them is left without a port, what is left is that one's.
    """
    if task.pause is None:
        return None
    try:
        result = engine.exec(task.pause.name, ("cat", *TABLES), timeout=_TIMEOUT)
    except CopilotLocalError:
        return None
    # Without IPv6 there is one table, and `cat` says so with its code.
    text = result.stdout.decode("ascii", errors="replace")
    if "local_address" not in text:
        return None
    relayed = ("127.0.0.1", aws_port)
    ours = PROXY_PORTS if task.proxy is not None else ()
    sockets = [
        one
        for one in parse_listeners(text)
        if one.host not in _NAME_SERVERS and (one.host, one.port) != relayed and one.port not in ours
    ]
    if not sockets:
        return []
    running = [member for member in task.members.values() if member.running]
    owners = {one.name: _inodes(engine, one.container.name) for one in running} if len(running) > 1 else {}
    return attributed(sockets, owners, [member.name for member in running])


def attributed(
    sockets: Sequence[ListeningSocket], owners: dict[str, frozenset[int] | None], containers: Sequence[str]
) -> list[Listening]:
    """Each socket with its container. `owners`: the inodes of a container's sockets, None where it does not show them.

    One process may hand a socket on to another, but not to another container.
    """
    found: dict[tuple[int, str], str] = {}
    for one in sockets:
        name = next((name for name, inodes in owners.items() if inodes and one.inode in inodes), "")
        found[one.port, one.host] = name or found.get((one.port, one.host), "")
    silent = [name for name in containers if owners.get(name) is None]
    if len(silent) == 1:
        found = {key: name or silent[0] for key, name in found.items()}
    return [Listening(port, host, name) for (port, host), name in sorted(found.items())]


def _inodes(engine: Engine, container: str) -> frozenset[int] | None:
    with contextlib.suppress(CopilotLocalError):
        result = engine.exec(container, _SOCKETS, timeout=_TIMEOUT)
        text = result.stdout.decode("utf-8", errors="replace")
        # A shell has files open, whatever it finds; without any of them it was not allowed to look.
        if "->" in text:
            return frozenset(map(int, _INODE.findall(text)))
    return None
