"""What of a service's Service Connect does not do what it says. Pure.

Source: Amazon ECS, `TimeoutConfiguration` ("if idleTimeout is set to a time that is less than perRequestTimeout, the
connection will close when the idleTimeout is reached"); Elastic Load Balancing, idle timeout.
"""

from __future__ import annotations

from typing import Final

from emulator.ecs.service import Service
from emulator.service_connect.model import endpoint

BALANCER_IDLE_TIMEOUT: Final = 60
"""Seconds after which an Application Load Balancer gives up an answer; Copilot leaves the default."""


def cut_short(service: Service) -> list[str]:
    """Time-outs of a service's name that another one ends before, each as a sentence."""
    one = endpoint(service, 0)
    if one is None or one.protocol == "tcp":
        return []
    found = []
    if one.idle_timeout and (one.request_timeout == 0 or one.idle_timeout < one.request_timeout):
        request = f"{one.request_timeout} s" if one.request_timeout else "without end"
        found.append(
            f"a request may take {request}, but its connection is closed after {one.idle_timeout} s of silence"
        )
    if service.listener_rules and (one.request_timeout == 0 or one.request_timeout > BALANCER_IDLE_TIMEOUT):
        found.append(f"the load balancer gives up after {BALANCER_IDLE_TIMEOUT} s of silence, whatever is allowed here")
    return found
