"""A manifest for ECS, proposed for a Request-Driven Web Service, which runs on AWS App Runner. Pure.

Sources: Copilot's manifest reference of both types; App Runner's defaults (a TCP health check, 1 to 25 instances, 100
requests at a time each); the limits of Elastic Load Balancing's health checks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from emulator.errors import InputError, Position

LOAD_BALANCED: Final = "Load Balanced Web Service"
BACKEND: Final = "Backend Service"
TARGETS: Final = (LOAD_BALANCED, BACKEND)
"""Types that can be proposed: the second one for a service that only its environment reaches."""
REQUEST_DRIVEN: Final = "Request-Driven Web Service"

FindPosition = Callable[[str], Position | None]
_SIZES: Final = {"cpu": 1024, "memory": 2048}
"""App Runner's defaults, in Copilot; those of ECS are smaller."""
_SCALING: Final = {"range": "1-25", "requests": 1000}
_LIMITS: Final = {
    "healthy_threshold": (2, 10),
    "unhealthy_threshold": (2, 10),
    "interval": (5, 300),
    "timeout": (2, 120),
}
"""Of Elastic Load Balancing: how often, and in seconds."""
_SECONDS: Final = re.compile(r"(\d+)(s|m|ms)?")
_ORDER: Final[tuple[str, ...]] = ("name", "type", "image", "http", "cpu", "memory", "platform", "count")


def proposed_manifest(
    manifest: Mapping[str, object], kind: str, position: FindPosition
) -> tuple[dict[str, object], list[str]]:
    """The manifest as one of `TARGETS`, and what to look at: what was left out, what changes, what to measure.

    Raises InputError, with the line, where the manifest is of another type, or would be reached by everybody though it
    is private.
    """
    if manifest.get("type") != REQUEST_DRIVEN:
        raise InputError(
            f"this is a {manifest.get('type', 'manifest without a type')}, not a {REQUEST_DRIVEN}",
            position=position("type") or position(""),
            hint="a Static Site has `copilot-local render static-site`; what runs on ECS already stays as it is",
        )
    notes: list[str] = []
    found = _converted(manifest, kind, notes, position, "")
    for name, size in _SIZES.items():
        found.setdefault(name, size)
    if "count" not in found:
        found["count"] = dict(_SCALING)
    http = manifest.get("http")
    if not isinstance(http, Mapping) or http.get("healthcheck") is None:
        notes.append("http.healthcheck: App Runner only opens a connection; here `/` has to answer 200")
    notes.append(
        "count: App Runner counts requests at one time (100 for each instance), a load balancer counts requests a "
        "minute for each task: measure, then set count.requests"
    )
    found["type"] = kind
    environments = manifest.get("environments")
    if isinstance(environments, Mapping):
        found["environments"] = {
            str(name): _converted(it, kind, notes, position, f"environments.{name}.") if isinstance(it, Mapping) else it
            for name, it in environments.items()
        }
    first: dict[str, object] = {key: found.pop(key) for key in _ORDER if key in found}
    return first | found, notes


def _converted(
    manifest: Mapping[str, object], kind: str, notes: list[str], position: FindPosition, prefix: str
) -> dict[str, object]:
    """One level: the manifest itself, or what it overrides in an environment."""
    found: dict[str, object] = {}
    for key, value in manifest.items():
        match key:
            case "environments":
                continue
            case "tags":
                notes.append(f"{prefix}tags: left out; give them to the stack (`aws cloudformation deploy --tags`)")
            case "count":
                notes.append(f"{prefix}count: {value} is a configuration of App Runner's; its bounds are in AWS")
                if not prefix:
                    found["count"] = dict(_SCALING)
            case "http":
                found["http"] = _http(value, kind, notes, position, f"{prefix}http")
            case "network":
                found["network"] = value
                notes.append(f"{prefix}network: App Runner sent only its own requests through the VPC; tasks are in it")
            case _:
                found[key] = value
    if not prefix:
        found.setdefault("http", {"path": "/"})
        if kind == BACKEND:
            _refuse_public(manifest, position)
    return found


def _http(value: object, kind: str, notes: list[str], position: FindPosition, place: str) -> object:
    if not isinstance(value, Mapping):
        return value
    found: dict[str, object] = {} if "environments." in place else {"path": "/"}
    for key, it in value.items():
        if key == "private":
            if it and kind == LOAD_BALANCED:
                raise InputError(
                    f"{place}.private: a {LOAD_BALANCED} would be reached by everybody",
                    position=position(f"{place}.private"),
                    hint=f'--as "{BACKEND}" keeps it within the environment, behind its internal load balancer',
                )
        elif key == "healthcheck" and isinstance(it, Mapping):
            found[key] = _checked(it, notes, f"{place}.healthcheck")
        else:
            found[str(key)] = it
    if "alias" in found:
        notes.append(f"{place}.alias: its record has to lead to the load balancer; until then App Runner answers")
    return found


def _checked(check: Mapping[object, object], notes: list[str], place: str) -> dict[str, object]:
    """A health check within the limits of a load balancer, which waits less for an answer than between checks."""
    found = {str(name): _limited(str(name), one, notes, place) for name, one in check.items()}
    interval, timeout = (_seconds(found.get(name)) for name in ("interval", "timeout"))
    if interval is not None and timeout is not None and timeout >= interval:
        notes.append(f"{place}.interval: longer than the timeout of {timeout} seconds, as a load balancer wants it")
        found["interval"] = f"{timeout + 1}s"
    return found


def _seconds(value: object) -> int | None:
    match = _SECONDS.fullmatch(str(value))
    return None if match is None or match[2] == "ms" else int(match[1]) * (60 if match[2] == "m" else 1)


def _limited(name: str, value: object, notes: list[str], place: str) -> object:
    """A number within the limits of a load balancer."""
    limits, number = _LIMITS.get(name), _seconds(value)
    if limits is None or number is None:
        return value
    allowed = min(max(number, limits[0]), limits[1])
    if allowed == number:
        return value
    notes.append(f"{place}.{name}: {value} is outside of a load balancer's limits, {limits[0]} to {limits[1]}")
    return allowed if isinstance(value, int) else f"{allowed}s"


def _refuse_public(manifest: Mapping[str, object], position: FindPosition) -> None:
    http = manifest.get("http")
    if not (isinstance(http, Mapping) and http.get("private")):
        raise InputError(
            f"everybody reaches this service, and only the environment would reach a {BACKEND}",
            position=position("http") or position("type"),
            hint=f'--as "{LOAD_BALANCED}" keeps it public; `http.private: true` says that it is not',
        )
