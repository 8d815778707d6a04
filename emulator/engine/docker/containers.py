"""Containers in the API's own JSON: one row of the listing in, the body of a create request out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from emulator.engine.docker.client import Json
from emulator.engine.interface import (
    Attachment,
    Container,
    ContainerSpec,
    ContainerState,
    Health,
    HealthCheckSpec,
    HealthProbe,
    Mount,
    PublishedPort,
)
from emulator.engine.labels import present_labels

_EXITED = re.compile(r"^(?:Exited|Restarting) \((-?\d+)\)")
_HEALTH = {"(healthy)": Health.HEALTHY, "(unhealthy)": Health.UNHEALTHY, "(health: starting)": Health.STARTING}
_STATES = {str(state): state for state in ContainerState}
_CONNECTED = {ContainerState.RUNNING, ContainerState.PAUSED}
_NANOSECONDS = 1_000_000_000


def label_filter(labels: Mapping[str, str]) -> list[str]:
    """Docker's `label` filter; an empty value asks for any."""
    return [f"{name}={value}" if value else name for name, value in labels.items()]


def parse_container(row: Json) -> Container:
    """A row of `GET /containers/json`.

    The listing has no field for the exit code (and before API 1.52 none for health), but its `Status` text says both:
    `Exited (137) 2 minutes ago`, `Up 3 seconds (health: starting)`.
    """
    status = str(row.get("Status") or "")
    exited = _EXITED.match(status)
    names = [str(name).lstrip("/") for name in row.get("Names") or []]
    state = _STATES.get(str(row.get("State")), ContainerState.EXITED if exited else ContainerState.CREATED)
    # A container whose start failed keeps showing an address that it does not have.
    networks = (row.get("NetworkSettings") or {}).get("Networks") or {} if state in _CONNECTED else {}
    joined = {str(name): network for name, network in networks.items() if network and network.get("IPAddress")}
    return Container(
        id=str(row["Id"]),
        name=next((name for name in names if "/" not in name), ""),
        image=str(row.get("Image") or ""),
        state=state,
        status=status,
        labels=present_labels({str(name): str(value) for name, value in (row.get("Labels") or {}).items()}),
        created=datetime.fromtimestamp(int(row.get("Created") or 0), UTC),
        exit_code=int(exited[1]) if exited else None,
        health=next((health for words, health in _HEALTH.items() if status.endswith(words)), Health.NONE),
        addresses={name: str(network["IPAddress"]) for name, network in joined.items()},
        ports=tuple(
            PublishedPort(
                container_port=int(port["PrivatePort"]),
                host_port=int(port["PublicPort"]),
                host_ip=str(port.get("IP") or "0.0.0.0"),
                protocol=str(port.get("Type") or "tcp"),
            )
            for port in row.get("Ports") or []
            if port.get("PublicPort")
        ),
        image_id=str(row.get("ImageID") or ""),
        attachments={
            name: Attachment(
                mac_address=str(network.get("MacAddress") or ""),
                gateway=str(network.get("Gateway") or ""),
                prefix_length=int(network.get("IPPrefixLen") or 0),
            )
            for name, network in joined.items()
        },
    )


def parse_health_log(document: Json) -> tuple[HealthProbe, ...]:
    """The health check's runs from `GET /containers/…/json`."""
    health = (document.get("State") or {}).get("Health") or {}
    return tuple(
        HealthProbe(
            ended=datetime.fromisoformat(str(probe["End"])).astimezone(UTC),
            exit_code=int(probe.get("ExitCode") or 0),
            output=str(probe.get("Output") or ""),
        )
        for probe in health.get("Log") or []
    )


def create_body(spec: ContainerSpec) -> Json:
    """The body of `POST /containers/create`. What the spec leaves out is left out, so the image's default stands."""
    body: Json = {
        "Image": spec.image,
        "Labels": dict(spec.labels),
        "Env": [f"{name}={value}" for name, value in spec.environment.items()],
        "Entrypoint": list(spec.entrypoint) if spec.entrypoint is not None else None,
        "Cmd": list(spec.command) if spec.command is not None else None,
        "User": spec.user,
        "WorkingDir": spec.working_directory,
        "Hostname": spec.hostname,
        "ExposedPorts": {_port(port): {} for port in spec.ports},
        "Healthcheck": _health_check(spec.health_check) if spec.health_check else None,
        "StopSignal": spec.stop_signal,
        "Tty": spec.tty,
        "OpenStdin": spec.stdin_open,
        "HostConfig": _without_none(_host_config(spec)),
    }
    if spec.network and not spec.network.startswith("container:") and spec.network_aliases:
        body["NetworkingConfig"] = {"EndpointsConfig": {spec.network: {"Aliases": list(spec.network_aliases)}}}
    return _without_none(body)


def _host_config(spec: ContainerSpec) -> Json:
    return {
        "NetworkMode": spec.network,
        "ExtraHosts": list(spec.extra_hosts) or None,
        "Dns": list(spec.dns) or None,
        "DnsSearch": list(spec.dns_search) or None,
        "PortBindings": _port_bindings(spec.ports),
        "Mounts": [_mount(mount) for mount in spec.mounts if not _is_made(mount)] or None,
        "Binds": [_bind(mount) for mount in spec.mounts if _is_made(mount)] or None,
        "VolumesFrom": list(spec.volumes_from) or None,
        "Tmpfs": dict(spec.tmpfs) or None,
        "LogConfig": {"Type": spec.log_driver, "Config": dict(spec.log_options)},
        "Init": spec.init or None,
        "ReadonlyRootfs": spec.read_only or None,
        "Privileged": spec.privileged or None,
        "GroupAdd": list(spec.groups) or None,
        "CapAdd": list(spec.cap_add) or None,
        "CapDrop": list(spec.cap_drop) or None,
        "SecurityOpt": list(spec.security_options) or None,
        "Sysctls": dict(spec.sysctls) or None,
        "Ulimits": [{"Name": limit.name, "Soft": limit.soft, "Hard": limit.hard} for limit in spec.ulimits] or None,
        "CpuShares": spec.cpu_shares,
        "NanoCpus": spec.nano_cpus,
        "Memory": spec.memory,
        "MemoryReservation": spec.memory_reservation,
        "CgroupParent": spec.cgroup_parent,
        "RestartPolicy": {"Name": spec.restart},
        "AutoRemove": spec.auto_remove or None,
        "PidMode": spec.pid_mode,
        "PidsLimit": spec.pids_limit,
    }


def _without_none(body: Json) -> Json:
    return {name: value for name, value in body.items() if value is not None}


def _port(port: PublishedPort) -> str:
    return f"{port.container_port}/{port.protocol}"


def _port_bindings(ports: tuple[PublishedPort, ...]) -> dict[str, list[dict[str, str]]]:
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in ports:
        host_port = str(port.host_port) if port.host_port else ""
        bindings.setdefault(_port(port), []).append({"HostIp": port.host_ip, "HostPort": host_port})
    return bindings


def _is_made(mount: Mount) -> bool:
    """Whether Docker makes the folder that is mounted: a bind of the older form does that in every version."""
    return mount.bind and mount.make


def _bind(mount: Mount) -> str:
    return f"{mount.source}:{mount.target}{':ro' if mount.read_only else ''}"


def _mount(mount: Mount) -> Json:
    body: Json = {
        "Type": "bind" if mount.bind else "volume",
        "Source": mount.source,
        "Target": mount.target,
        "ReadOnly": mount.read_only,
    }
    if not mount.bind and not mount.copy:
        body["VolumeOptions"] = {"NoCopy": True}
    return body


def _health_check(check: HealthCheckSpec) -> Json | None:
    if not check.test:
        return None
    if check.test == ("NONE",):
        return {"Test": ["NONE"]}
    return {
        "Test": list(check.test),
        "Interval": int(check.interval * _NANOSECONDS),
        "Timeout": int(check.timeout * _NANOSECONDS),
        "Retries": check.retries,
        "StartPeriod": int(check.start_period * _NANOSECONDS),
    }
