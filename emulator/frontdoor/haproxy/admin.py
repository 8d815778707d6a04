"""Targets at run time: what to say on HAProxy's admin socket, and what its answers mean.

The caller asks `show stat` (say four times a second while a target is initial), gives the answer to `parse_show_stat`
and sends the commands of `reconcile`, one after another. Every step starts from what HAProxy says, so a lost command,
a reload or a restarted agent needs no care.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from emulator.errors import EngineError
from emulator.frontdoor.haproxy.health_checks import check_interval, intervals_until_success
from emulator.frontdoor.haproxy.servers import LATER_WEIGHT, backends_of, is_network, server_options
from emulator.frontdoor.options import (
    FrontOptions,
    Placement,
    Target,
    backend_name,
    initial_backend_name,
    open_backend_name,
)
from emulator.frontdoor.routing.rules import group_table

if TYPE_CHECKING:
    from emulator.ecs.service import Service, TargetGroup

SHOW_STAT = "show stat -1 4 -1"
"""Servers of all backends, and nothing else."""
SHOW_STATE = "show servers state"
"""Its answer is written to `haproxy.STATE_FILE` just before a reload."""

RELOAD = "reload"
"""Said on the master socket: loads the configuration file. It answers when that is done; see `reload_problem`."""

_DONE = ("", "New server registered.", "Server deleted.")


@dataclass(frozen=True, slots=True)
class Server:
    """One server as `show stat` has it."""

    backend: str
    name: str
    address: str
    status: str
    """`UP`, `DOWN`, `UP 1/2`, `DOWN 1/5`, `MAINT`, `no check`."""
    check_status: str
    """`L7OK`, `L4CON`, …; `INI` or empty before the first check."""
    check_code: int | None
    """The status of a failed check; None also while the next check runs."""
    since: int
    """Seconds since it last went up or down."""
    sessions: int
    weight: int = 1
    """As it was set; a server that fails has it too."""

    @property
    def in_maintenance(self) -> bool:
        """Whether it was told to take nothing new."""
        return self.status.startswith(("MAINT", "DRAIN"))

    @property
    def passed(self) -> bool:
        """Whether its last check succeeded."""
        return self.status.startswith("UP") and self.check_status in ("L7OK", "L7OKC", "L6OK", "L4OK")


def parse_show_stat(text: str) -> list[Server]:
    """The servers in the answer to `SHOW_STAT`. EngineError where it is not that."""
    if not text.startswith("# pxname,"):
        raise EngineError(f"the front did not answer with its statistics: {text.strip()[:200]!r}")
    return [_server(row) for row in csv.DictReader(io.StringIO(text[2:].strip())) if row["svname"] != "BACKEND"]


def _server(row: Mapping[str, str]) -> Server:
    return Server(
        backend=row["pxname"],
        name=row["svname"],
        address=row["addr"],
        status=row["status"],
        # An asterisk stands in front while a check is under way.
        check_status=row["check_status"].removeprefix("* "),
        check_code=int(row["check_code"] or 0) or None,
        since=int(row["lastchg"] or 0),
        sessions=int(row["scur"] or 0),
        weight=int(row.get("uweight") or 1),
    )


def refused(answer: str) -> str | None:
    """What HAProxy says against a command of `reconcile`, or None where it did it."""
    text = answer.strip()
    return None if text in _DONE else text


def reload_problem(answer: str) -> str | None:
    """Why HAProxy did not load the new configuration, and goes on with the old one; None where it loaded it."""
    if answer.startswith("Success=1"):
        return None
    complaints = [line.partition(" : ")[2] for line in answer.splitlines() if line.startswith("[ALERT]")]
    return "; ".join(complaints) or answer.strip() or "no reason given"


class View:
    """The servers of one target, by what their backend means."""

    def __init__(self, servers: Sequence[Server], target: Target) -> None:
        self.target = target
        self.by_backend = {server.backend: server for server in servers if server.name == target.name}
        self.main = self.by_backend.get(backend_name(target.service, target.target_group))
        self.initial = self.by_backend.get(initial_backend_name(target.service, target.target_group))
        self.fallback = self.by_backend.get(open_backend_name(target.service, target.target_group))

    @property
    def servers(self) -> list[Server]:
        return [server for server in (self.main, self.fallback, self.initial) if server is not None]

    @property
    def outdated(self) -> bool:
        """Whether what stands there is another target of that name, or one that was being drained."""
        address = f"{self.target.address}:{self.target.port}"
        return any(server.address != address or server.in_maintenance for server in self.servers)

    def placement(self, group: TargetGroup, options: FrontOptions) -> Placement:
        """Where the target belongs by now."""
        if self.main is not None or (self.initial is not None and self.initial.passed):
            return Placement.JUDGED
        if self.failed(group, options):
            return Placement.FAILED if options.timing == "local" else Placement.JUDGED
        return Placement.NEW

    def failed(self, group: TargetGroup, options: FrontOptions) -> bool:
        """Whether an initial target has failed for as long as the unhealthy threshold takes at the set interval.

        It goes down with its first failure, so the other failures are a matter of time.
        """
        if self.initial is None or not self.initial.status.startswith("DOWN"):
            return False
        wait = check_interval(group, options) * (group.health_check.unhealthy_threshold - 1)
        before = options.initial_period if self.initial.weight == LATER_WEIGHT else 0
        return before + self.initial.since >= wait

    def is_slow(self, group: TargetGroup, options: FrontOptions) -> bool:
        """Whether an initial target has failed for so long that it is to be checked less often from now on."""
        if self.initial is None or self.initial.weight == LATER_WEIGHT or options.timing != "local":
            return False
        first, later = intervals_until_success(group, options)
        failing = self.initial.status.startswith("DOWN") and self.initial.since >= options.initial_period
        return failing and first < later


def reconcile(
    services: Sequence[Service],
    servers: Sequence[Server],
    targets: Sequence[Target],
    draining: Sequence[Target],
    options: FrontOptions | None = None,
) -> list[str]:
    """The commands that bring HAProxy from `servers` to `targets`; empty where all is as it should be.

    A new target is registered, one with a verdict is moved to where it gets requests. One in `draining` gets no new
    request and keeps those it has; one in neither list is cut off and removed. What HAProxy refuses for now (a server
    with requests cannot be removed) is asked for again at the next call.
    """
    options = options or FrontOptions()
    groups = group_table(services)
    commands: list[str] = []
    expected: set[tuple[str, str]] = set()
    for target in targets:
        group = groups.get((target.service, target.target_group))
        if group is None:
            continue
        view = View(servers, target)
        expected |= {(server.backend, server.name) for server in view.servers}
        commands += _remove_all(view) if view.outdated else _settle(view, group, options)
    for target in draining:
        group = groups.get((target.service, target.target_group))
        # Maintenance sends sticky clients elsewhere at once, but would cut the connections of a network group.
        state = "drain" if group is not None and is_network(group) else "maint"
        view = View(servers, target)
        expected |= {(server.backend, server.name) for server in view.servers}
        commands += [
            f"set server {server.backend}/{server.name} state {state}"
            for server in view.servers
            if not server.in_maintenance
        ]
    for server in servers:
        if (server.backend, server.name) not in expected:
            commands += _remove(server)
    # Last of all what takes requests away: between two commands no group is to be without a server for them.
    return sorted(commands, key=lambda command: command.startswith("set server") and command.endswith(" weight 0"))


def _settle(view: View, group: TargetGroup, options: FrontOptions) -> list[str]:
    """Adds the target to the backends of its placement, then removes it from the others."""
    target = view.target
    backends = backends_of(view.placement(group, options), target.service, target.target_group)
    commands: list[str] = []
    again = view.initial if view.is_slow(group, options) else None
    for backend in backends:
        later = again is not None and backend == again.backend
        if again is not None and later:
            commands += _remove(again)  # HAProxy changes no interval
        elif backend in view.by_backend:
            continue
        server = f"{backend}/{target.name}"
        commands.append(f"add server {server} {server_options(target, group, backend, options, later=later)}")
        if not backend.startswith("open:"):
            commands.append(f"enable health {server}")
        enable = f"enable server {server}"
        if later:
            enable += f"; set server {server} health down"  # as it was
        elif backend == backend_name(target.service, target.target_group):
            # Full health, so that it takes the whole unhealthy threshold to fail; or none, in need of the healthy one.
            # In one go with `enable server`, which leaves it up with the least health there is.
            verdict = "up" if view.initial is not None and view.initial.passed else "down"
            enable += f"; set server {server} health {verdict}"
        commands.append(enable)
    commands += [
        f"set server {server.backend}/{server.name} weight {target.weight}"
        for server in (view.main, view.fallback)
        if server is not None and server.weight != target.weight and server.backend in backends
    ]
    for backend, server_row in view.by_backend.items():
        if server_row in view.servers and backend not in backends:
            commands += _remove(server_row)
    return commands


def _remove_all(view: View) -> list[str]:
    return [command for server in view.servers for command in _remove(server)]


def _remove(server: Server) -> list[str]:
    name = f"{server.backend}/{server.name}"
    commands = [f"set server {name} state maint"]
    if server.sessions:
        commands.append(f"shutdown sessions server {name}")
    return [*commands, f"del server {name}"]


def placed(
    services: Sequence[Service],
    servers: Sequence[Server],
    targets: Sequence[Target],
    options: FrontOptions | None = None,
) -> list[Target]:
    """The targets with the placement they have now, for the configuration file of a reload."""
    options = options or FrontOptions()
    groups = group_table(services)
    result = []
    for target in targets:
        group = groups.get((target.service, target.target_group))
        view = View(servers, target)
        placement = Placement.NEW if group is None or view.outdated else view.placement(group, options)
        result.append(replace(target, placement=placement))
    return result
