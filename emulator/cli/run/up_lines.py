"""What `up -d` says in the end: where each service answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from emulator.events import Event, EventKind

if TYPE_CHECKING:
    from emulator.runtime.lifecycle.running import Running
    from emulator.runtime.planning.up_request import UpRequest


def lines(running: Running, request: UpRequest) -> Iterator[Event]:
    """A line for the services behind a load balancer, one for each that answers inside alone, one for the others."""
    from emulator.runtime.reports.service_url import inside_url

    services = [service for service in request.services if service.desired_count]
    routed = [one.name for one in services if one.listener_rules or one.network_listeners]
    inside = {one.name: where for one in services if one.name not in routed and (where := inside_url(one))}
    others = [one.name for one in services if one.name not in routed and one.name not in inside]
    found = []
    if routed:
        found.append((", ".join(routed), f"running at {running.where}" if running.where else "running"))
    found += [(name, f"running; {where} inside") for name, where in inside.items()]
    if others:
        found.append((", ".join(others), "running"))
    hint = "; `copilot-local logs -f` shows its logs"
    for subject, what in found or [("no task", "running")]:
        yield Event(EventKind.INFO, subject, what + hint)
        hint = ""
    if running.state.aws_port:
        url = f"http://127.0.0.1:{running.state.aws_port}"
        yield Event(EventKind.INFO, "local AWS", f"{url}; `copilot-local aws` asks it")
