"""Requests for network faults, checked as the ECS agent checks them. Pure.

Source: the ECS agent (`ecs-agent/tmds/handlers/fault/v1/types`): names, order of the checks and texts.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

BLACKHOLE: Final = "network-blackhole-port"
LATENCY: Final = "network-latency"
LOSS: Final = "network-packet-loss"
KINDS: Final = (BLACKHOLE, LATENCY, LOSS)


class BadRequest(Exception):
    """A request that the agent refuses with 400; the text is its `Error`."""


@dataclass(frozen=True, slots=True)
class Blackhole:
    """Packets to a port vanish."""

    port: int
    protocol: str
    traffic: str
    spared: tuple[str, ...] = ()

    @property
    def chain(self) -> str:
        """The chain of iptables that does it."""
        return f"{self.traffic}-{self.protocol}-{self.port}"


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Latency or loss of what leaves for certain addresses. `delay` and `jitter` in milliseconds, `loss` in percent;
    `flows` is the share of connections in percent."""

    kind: str
    sources: tuple[str, ...]
    spared: tuple[str, ...] = ()
    delay: int = 0
    jitter: int = 0
    loss: int = 0
    flows: int = 100


def blackhole(body: bytes) -> Blackhole:
    """What a request for a black hole asks for, to start, stop and see it alike. Raises `BadRequest`."""
    found = _decoded(body)
    port = _number(found, "Port", 0, 65535)
    protocol, traffic = _text(found, "Protocol"), _text(found, "TrafficType")
    for name, value, known in (("Protocol", protocol, ("tcp", "udp")), ("TrafficType", traffic, ("ingress", "egress"))):
        if value not in known:
            raise BadRequest(f"invalid value {value} for parameter {name}")
    return Blackhole(port, protocol, traffic, _addresses(found, "SourcesToFilter"))


def disturbance(kind: str, body: bytes) -> Disturbance:
    """What a request to start latency or loss asks for. Raises `BadRequest`."""
    found = _decoded(body)
    amounts: dict[str, int] = {}
    if kind == LATENCY:
        amounts["delay"] = _number(found, "DelayMilliseconds", 0, 2**32 - 1)
        amounts["jitter"] = _number(found, "JitterMilliseconds", 0, 2**32 - 1)
    else:
        amounts["loss"] = _number(found, "LossPercent", 1, 100)
    if not found.get("Sources"):
        raise BadRequest("required parameter Sources is missing")
    sources = _addresses(found, "Sources")
    if kind == LATENCY and not any(amounts.values()):
        raise BadRequest("required either DelayMilliseconds or JitterMilliseconds to be non-zero")
    amounts["flows"] = _number(found, "FlowsPercent", 1, 100) if found.get("FlowsPercent") is not None else 100
    return Disturbance(kind, sources, _addresses(found, "SourcesToFilter"), **amounts)


def _decoded(body: bytes) -> Mapping[str, Any]:
    if not body.strip():
        raise BadRequest("required request body is missing")
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise BadRequest("the request body is no JSON object")
    return found


def _number(found: Mapping[str, Any], name: str, least: int, most: int) -> int:
    value = found.get(name)
    if value is None:
        raise BadRequest(f"required parameter {name} is missing")
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise BadRequest(f"invalid value {value} for parameter {name}")
    return value


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    if value is None or value == "":
        raise BadRequest(f"required parameter {name} is missing")
    return str(value)


def _addresses(found: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """IPv4 addresses and blocks, as they are given to commands: nothing else can be in them."""
    given = found.get(name)
    if given is None:
        return ()
    if not isinstance(given, list):
        raise BadRequest(f"invalid value {given} for parameter {name}")
    addresses = []
    for one in given:
        try:
            addresses.append(str(ipaddress.IPv4Network(one, strict=False)) if isinstance(one, str) else "")
        except ValueError:
            addresses.append("")
        if not addresses[-1]:
            raise BadRequest(f"invalid value {one} for parameter {name}")
    return tuple(addresses)
