"""Which names of other services a service's variables have, and which of them lead nowhere once it is deployed. Pure.

Source: Amazon ECS, "Service Connect" (a name is found by tasks of services that have it too, at its own port) and
"Service discovery" (a name of the environment's private DNS); Copilot, `network.connect`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from emulator.ecs.service import Service

_HOST = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?"
_END = r"(?=[/?#,;|\s\"'\]})]|$)"
_URL = re.compile(rf"\b([A-Za-z][A-Za-z0-9+.-]*)://(?:[^\s/@,;\"']*@)?({_HOST})(?::(\d{{1,5}}))?{_END}")
_WITH_PORT = re.compile(rf"(?:[A-Za-z0-9_.-]+=)?({_HOST}):(\d{{1,5}})(?:/.*)?")
_LONG = re.compile(r"(?<![A-Za-z0-9.-])([a-z0-9-]+\.[a-z0-9-]+\.[a-z0-9-]+\.local)(?![A-Za-z0-9-]|\.[A-Za-z0-9])")
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_LEAST_PORT = 80
"""Below it a number behind a colon is rather a version than a port."""
_TELLING = re.compile(r"(?:^|_)(?:HOST|HOSTNAME|ADDR|ADDRESS|ENDPOINT|UPSTREAM|URL|URI)$", re.IGNORECASE)
"""Variables whose value is a host even where it is a single word."""
_NOT_CALLED = frozenset({"VIRTUAL_HOST"})
"""Variables that name the host that a container answers for."""


@dataclass(frozen=True, slots=True)
class OutOfReach:
    """A variable that names a service which is not reached by that name. `path` is the variable's manifest path."""

    path: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class _Host:
    name: str
    port: int | None = None


def out_of_reach(service: Service, workspace: Mapping[str, Service]) -> list[OutOfReach]:
    """What is wrong with the names in the variables of a service, in their order. `workspace` has the services that can
    be meant, compiled for the same environment."""
    found: dict[tuple[str, str], OutOfReach] = {}
    for path, variable, value in _variables(service):
        for host in _hosts(variable, value):
            problem = _problem(service, host, workspace)
            if problem is not None:
                message, hint = problem
                found.setdefault((path, host.name), OutOfReach(path, message, hint))
    return list(found.values())


def named_services(service: Service, workspace: Mapping[str, Service]) -> list[str]:
    """The other services that the variables of a service name, by whatever name, in their order."""
    found: dict[str, None] = {}
    for _, variable, value in _variables(service):
        for host in _hosts(variable, value):
            server, _, rest = host.name.partition(".")
            if rest in ("", f"{service.environment}.{service.app}.local") and server in workspace:
                found[server] = None
            found |= {it.name: None for it in workspace.values() if _alias(it) == host.name}
    return [name for name in found if name != service.name]


def _alias(service: Service) -> str | None:
    """The name of a service in Service Connect."""
    return (service.connect.dns_name or "").lower() or None if service.connect is not None else None


def names_hosts(service: Service) -> bool:
    """Whether there is anything to look at."""
    return any(True for _, variable, value in _variables(service) for _ in _hosts(variable, value))


def _variables(service: Service) -> Iterator[tuple[str, str, str]]:
    """Manifest path, name and text of the variables that the user wrote."""
    for container in service.task_definition.container_definitions:
        block = "variables"
        if container.firelens_configuration is not None:
            block = "logging.variables"
        elif container.name != service.main_container:
            block = f"sidecars.{container.name}.variables"
        for pair in container.environment:
            if isinstance(pair.value, str) and not pair.name.startswith("COPILOT_"):
                yield f"{block}.{pair.name}", pair.name, pair.value


def _hosts(variable: str, value: str) -> Iterator[_Host]:
    """The hosts that a value names: in URLs, as `host:port`, as names of service discovery, or as a single word where
    the variable says what it is."""
    for scheme, host, port in _URL.findall(value):
        yield _Host(host.lower(), int(port) if port else _PORTS.get(scheme.lower()))
    for word in re.split(r"[\s,;]+", value):
        match = _WITH_PORT.fullmatch(word)
        if match is not None and int(match[2]) >= _LEAST_PORT:
            yield _Host(match[1].lower(), int(match[2]))
    for host in _LONG.findall(value):
        yield _Host(host)
    if _TELLING.search(variable) and variable.upper() not in _NOT_CALLED and re.fullmatch(_HOST, value):
        yield _Host(value.lower())


def _problem(client: Service, host: _Host, workspace: Mapping[str, Service]) -> tuple[str, str] | None:
    """Why a host is out of reach, and what to do; None where it is not, or is no service of ours."""
    server, _, rest = host.name.partition(".")
    if rest.endswith(".local") and rest.count(".") == 2 and server in workspace:
        return _long_name_problem(client, host.name, workspace[server])
    for served in workspace.values():
        if _alias(served) == host.name:
            return _short_name_problem(client, host, served)
    return _short_name_problem(client, host, workspace[host.name]) if host.name in workspace else None


def _long_name_problem(client: Service, name: str, server: Service) -> tuple[str, str] | None:
    if not _listens(server):
        return _no_port(name, server)
    right = _long_name(server)
    if name == right:
        return None
    _, environment, app, _ = name.split(".")
    where = f"environment {environment}" if app == client.app else f"application {app}"
    message = f"{name} is a name of {where}; {client.name} is in {client.app}/{client.environment} and does not find it"
    return message, f"the name here is {right}; COPILOT_SERVICE_DISCOVERY_ENDPOINT has what comes after {server.name}."


def _short_name_problem(client: Service, host: _Host, server: Service) -> tuple[str, str] | None:
    if server.name == client.name and server.connect is None:
        return (
            f"{client.name} does not find itself by the name {host.name} when deployed",
            "the containers of a task reach each other at localhost",
        )
    if not _listens(server):
        return _no_port(host.name, server)
    served = server.connect
    without = [it.name for it in (client, server) if it.connect is None]
    long_name = _long_name(server)
    if without:
        message = f"{client.name} does not find {server.name} by the name {host.name} when deployed: "
        message += f"{' and '.join(without)} {'has' if len(without) == 1 else 'have'} no network.connect"
        if client.schedule is not None:
            return message, f"a job has no Service Connect: use {long_name}"
        return message, f"set network.connect: true in {' and '.join(without)}, or use {long_name}"
    if served is None or served.dns_name is None:  # it listens, but not over TCP
        message = f"{server.name} serves nothing over TCP, so Service Connect has no name for it"
        return message, f"use {long_name}"
    if served.dns_name.lower() != host.name:
        message = f"the name {host.name} does not resolve when deployed: the alias of {server.name} replaces it"
        return message, f"use {served.dns_name}, or {long_name}"
    if host.port is not None and host.port != served.port:
        message = f"{host.name} answers at port {served.port} alone when deployed, not at {host.port}"
        return message, f"use {host.name}:{served.port}, or {long_name}:{host.port}"
    return None


def _listens(service: Service) -> bool:
    return service.discovery is not None and service.discovery.port is not None


def _long_name(service: Service) -> str:
    return f"{service.name}.{service.environment}.{service.app}.local"


def _no_port(name: str, server: Service) -> tuple[str, str]:
    message = f"the name {name} does not resolve: {server.name} exposes no port"
    if server.schedule is not None:
        return message, "a Scheduled Job takes no connections"
    if server.type == "Worker Service":
        return message, "a Worker Service takes no connections; a Backend Service with image.port does"
    return message, f"give {server.name} an image.port"
