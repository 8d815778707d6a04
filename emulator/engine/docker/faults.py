"""Turns what the Docker API answers, and what can happen on the way to it, into our errors."""

from __future__ import annotations

import re
import socket
import ssl

from emulator.engine.docker.endpoint import Endpoint
from emulator.errors import (
    Conflict,
    CopilotLocalError,
    EngineError,
    EngineTimeout,
    EngineUnavailable,
    LogDriverNotReady,
    NotFound,
    PortInUse,
)

_LOG_DRIVER = re.compile(r"failed to (?:initialize|create|start) logging driver: dial ")
_PORT_TAKEN = re.compile(
    r"port is already allocated|address already in use|Only one usage of each socket address|Ports are not available"
    r"|failed to bind (?:host )?port|port is already in use"
)
_PORT = re.compile(r"(?:\d{1,3}(?:\.\d{1,3}){3}|\[?::\]?|\blocalhost)?:(\d{1,5})\b")

_STANDARD = ("builtins", "http.client", "socket", "ssl")

# What Docker says, and what helps. First match wins.
_HINTS: tuple[tuple[str, str], ...] = (
    (
        r"non-overlapping IPv4 address pool|all predefined address pools",
        "Docker has run out of networks (31 by default): `docker network prune` removes unused ones",
    ),
    (r"No such image", "it is not there any more: `copilot-local up` builds or pulls it again"),
    (r"no space left on device", "the disk of the Docker daemon is full: `docker system df` shows by what"),
    (
        r"unable to start container process|exec format error",
        "what should run is not in the image, not executable or for another processor: look at entryPoint, command"
        " and platform",
    ),
    (r"does not match the specified platform", "the local image is for another processor: pull it for this one"),
    (r"non running container", "the container that owns the network namespace is not running"),
    (r"is ambiguous", "two networks have one name: `docker network ls` shows them, remove one by its id"),
    (r"unknown log opt", "the log driver does not know this option"),
    (
        r"max-buffer-size option is only supported",
        "the daemon's own log options set max-buffer-size for this driver, which would drop lines: remove it there",
    ),
    (r"logging driver does not support reading", "this container's log driver keeps nothing to read"),
    (r"invalid mount config|bind source path does not exist", "a mounted path is missing on the daemon's machine"),
    (r"client version .* is too (?:new|old)", "update Docker Engine: version 20.10 (API 1.41) or later is needed"),
)


def from_response(status: int, message: str) -> CopilotLocalError:
    """The error for an HTTP status of 400 or more and Docker's own words."""
    text = message.strip() or f"Docker answered with HTTP status {status}"
    if _LOG_DRIVER.search(text):
        return LogDriverNotReady(text, hint="the log router's socket is not there: is its container running?")
    if _PORT_TAKEN.search(text):
        found = _PORT.search(text)
        port = f"port {found[1]}" if found else "a host port"
        hint = "choose another one, or stop what listens there"
        return PortInUse(f"{port} is in use: {text}", hint=hint, port=int(found[1]) if found else None)
    hint = next((hint for pattern, hint in _HINTS if re.search(pattern, text)), "")
    if status == 404:
        return NotFound(text, hint=hint)
    if status == 409:
        return Conflict(text, hint=hint)
    return EngineError(text, hint=hint)


def from_exception(error: BaseException, endpoint: Endpoint, doing: str, timeout: float | None) -> EngineError:
    """The error for an exception below HTTP: no daemon, no permission, no answer in time, a connection cut."""
    causes = _causes(error)
    ours = next((cause for cause in causes if isinstance(cause, EngineError)), None)
    if ours is not None:
        return ours
    if endpoint.host.startswith("ssh://"):
        from emulator.engine.docker.ssh import last_words

        if said := last_words():
            hint = f"{said}\n  `{endpoint.host}` has to answer `docker version` without a question; `ssh-add` adds keys"
            return EngineUnavailable(_unreachable(endpoint), hint=hint)
    if any(isinstance(cause, PermissionError) for cause in causes):
        return EngineUnavailable(
            f"no permission to talk to the Docker daemon at {endpoint.host}",
            hint="add yourself to the group docker (`sudo usermod -aG docker $USER`, then log in again)",
        )
    if any(isinstance(cause, FileNotFoundError) for cause in causes):
        return EngineUnavailable(_unreachable(endpoint), hint=f"{endpoint.host} is not there: start Docker")
    if any(isinstance(cause, ConnectionRefusedError | socket.gaierror) for cause in causes):
        return EngineUnavailable(_unreachable(endpoint), hint="nothing listens there: start Docker")
    if _names(causes, "ConnectTimeoutError", "ConnectTimeout"):
        return EngineUnavailable(
            _unreachable(endpoint), hint="it cannot be reached: is the machine up, the address right?"
        )
    if any(isinstance(cause, TimeoutError) for cause in causes) or _names(causes, "ReadTimeoutError", "ReadTimeout"):
        seconds = f" within {timeout:g} s" if timeout is not None else " in time"
        return EngineTimeout(
            f"Docker did not {doing}{seconds}",
            hint="the daemon may be busy, or a container's log driver is stuck",
        )
    if any(isinstance(cause, ssl.SSLError) for cause in causes) or _names(causes, "SSLError", "TLSParameterError"):
        return EngineUnavailable(
            f"no TLS connection to the Docker daemon at {endpoint.host}: {_plainest(causes)}",
            hint="check its certificates",
        )
    plainest = _plainest(causes)
    words = str(plainest) or type(plainest).__name__
    return EngineError(f"the connection to Docker broke while it should {doing}: {words}")


def _unreachable(endpoint: Endpoint) -> str:
    return f"no Docker daemon answers at {endpoint.host} ({endpoint.source})"


def _causes(error: BaseException) -> list[BaseException]:
    """The exception and all that stand behind it; what the SDK stands on also hides causes in `args` and `reason`."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        item = waiting.pop()
        if isinstance(item, tuple):
            waiting.extend(item)
        elif isinstance(item, BaseException) and item not in found:
            found.append(item)
            waiting += [item.__cause__, item.__context__, item.args, getattr(item, "reason", None)]
    return found


def _plainest(causes: list[BaseException]) -> BaseException:
    """The standard library's error among those that wrap it, which only add the SDK's own addresses."""
    return next((cause for cause in causes if type(cause).__module__ in _STANDARD), causes[0])


def _names(causes: list[BaseException], *names: str) -> bool:
    return any(type(cause).__name__ in names for cause in causes)
