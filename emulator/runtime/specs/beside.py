"""A team's Compose services on an environment's network: Compose's own model, changed as little as can be. Pure.

Changed are: names of containers, volumes and networks, which are the environment's own; labels, by which `down` finds
them; the default network, which is the environment's; host ports, which listen on 127.0.0.1 and give way where taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator.engine.docker.dockerfile import normalized
from emulator.errors import InputError, Position
from emulator.runtime.state import names as labels
from emulator.runtime.state.names import Names, Role
from emulator.spelling import did_you_mean

Json = Any
NETWORK = "copilot-local"
"""The environment's network, within the model."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What is started beside an environment: `model` is what `docker compose config` gives, with the chosen services
    alone. It may hold secrets."""

    model: Mapping[str, Json] = field(repr=False)
    directory: Path

    @property
    def services(self) -> list[str]:
        """Names of the Compose services."""
        return sorted(self.model["services"])


def chosen(
    config: Mapping[str, Json], listed: Sequence[str], workloads: Collection[str], where: Position | None
) -> dict[str, Json]:
    """The model with the services that are listed; without a list all but those named like a workload.

    Raises InputError for a listed service that is not there, and for one that depends on another that is left out.
    """
    present: Mapping[str, Json] = config.get("services") or {}
    for name in listed:
        if name not in present:
            hint = did_you_mean(name, present, "services")
            raise InputError(f"the Compose files have no service {name}", position=where, hint=hint)
    taken = set(listed) or {name for name in present if name not in workloads}
    for name in sorted(taken):
        for needed, how in (present[name].get("depends_on") or {}).items():
            if needed not in taken and how.get("required", True):
                raise InputError(
                    f"the Compose service {name} depends on {needed}, which is left out",
                    position=where,
                    hint=f"name both under `services` of [beside], or neither; left out: {needed}",
                )
    if not taken:
        raise InputError("the Compose files have no service that is not a workload here", position=where)
    return {**config, "services": {name: present[name] for name in sorted(taken)}}


_OF_ANY_SYSTEM = ("/dev/", "/etc/", "/proc/", "/run/", "/sys/", "/usr/", "/var/")


def joined(
    beside: Beside,
    environment: Names,
    substitutes: Mapping[str, str],
    is_free: Callable[[int, bool], bool],
) -> dict[str, Json]:
    """The model on the environment's network. `substitutes` are images in place of others; `is_free` says whether a
    host port is, and whether it is one of UDP."""
    model = beside.model
    own = names_of(environment)
    services = {
        name: _service(model, name, service, environment, substitutes, is_free)
        for name, service in model["services"].items()
    }
    networks: dict[str, Json] = {NETWORK: {"name": environment.network, "external": True}}
    for key, network in (model.get("networks") or {}).items():
        if key != "default":
            networks[key] = _own(network, f"{own}{key}", environment.labels(Role.NETWORK))
    found = {**model, "name": project_of(environment), "services": services, "networks": networks}
    kept = environment.labels(Role.VOLUME) | {labels.DATA: "beside"}
    volumes = {key: _own(volume, f"{own}{key}", kept) for key, volume in (model.get("volumes") or {}).items()}
    return {**found, "volumes": volumes} if volumes else found


def refuse_files_of_this_machine(beside: Beside, elsewhere: str) -> None:
    """Raises InputError where a service mounts files of this machine, and the Docker daemon runs on another: Docker
    would mount an empty folder there. `elsewhere` is that machine's name; empty where it is this one.

    Folders that every system has (`/etc`, `/var/run/docker.sock`) are meant as those of the daemon's machine.
    """
    if not elsewhere:
        return
    found = []
    for name, service in beside.model["services"].items():
        mounts = [m.get("source", "") for m in service.get("volumes") or () if m.get("type") == "bind"]
        for kind in ("configs", "secrets"):
            given = beside.model.get(kind) or {}
            mounts += [(given.get(one.get("source", "")) or {}).get("file", "") for one in service.get(kind) or ()]
        found += [f"{name} mounts {path}" for path in mounts if path and not path.startswith(_OF_ANY_SYSTEM)]
    if found:
        raise InputError(
            f"{'; '.join(found)}: the Docker daemon runs on {elsewhere}, which has no files of this machine",
            hint="copy the files into an image of the service (`build`), or mount a volume; `services` of [beside] "
            "leaves a service out",
        )


def names_of(environment: Names) -> str:
    """What the names of volumes and networks begin with. The dot is in no name of a task's own."""
    return f"{environment.prefix}-beside."


def project_of(environment: Names) -> str:
    """Compose's name of the project: of small letters, digits and dashes alone."""
    return re.sub(r"[^a-z0-9_-]", "-", environment.prefix.lower()) + "-beside"


def _service(
    model: Mapping[str, Json],
    name: str,
    service: Mapping[str, Json],
    environment: Names,
    substitutes: Mapping[str, str],
    is_free: Callable[[int, bool], bool],
) -> dict[str, Json]:
    by_image = {normalized(one): target for one, target in substitutes.items()}
    image = service.get("image") or f"{model.get('name', 'beside')}-{name}"
    stop = str(_seconds(service.get("stop_grace_period")))
    own = {**environment.labels(Role.BESIDE), labels.CONTAINER: name, labels.STOP_TIMEOUT: stop}
    found = {
        **{key: value for key, value in service.items() if key not in ("container_name", "profiles")},
        "image": by_image.get(normalized(image), image),
        "labels": {**(service.get("labels") or {}), **labels.sealed(own)},
    }
    needs = {needed: how for needed, how in (service.get("depends_on") or {}).items() if needed in model["services"]}
    found["depends_on"] = needs
    if "network_mode" not in service:
        networks = dict(service.get("networks") or {"default": None})
        default = networks.pop("default", None) or {}
        aliases = dict.fromkeys([name, *default.get("aliases", [])])
        found["networks"] = {**networks, NETWORK: {"aliases": list(aliases)}}
    if service.get("ports"):
        found["ports"] = [_port(one, environment, is_free) for one in service["ports"]]
    return found


def _seconds(duration: str | None) -> int:
    """Of a duration as Compose writes it, `1m30s`; its own default is ten seconds."""
    parts = re.findall(r"([\d.]+)(h|m(?!s)|s)", duration or "10s")
    return max(1, int(sum(float(number) * {"h": 3600, "m": 60, "s": 1}[unit] for number, unit in parts)))


def _port(port: Mapping[str, Json], environment: Names, is_free: Callable[[int, bool], bool]) -> dict[str, Json]:
    """On 127.0.0.1; at the host port that is asked for where that is free, else at one that Docker chooses. A test's
    environment always gets one of those: its ports are not for people, and others are beside it."""
    asked = str(port.get("published") or "")
    found = {**port, "host_ip": "127.0.0.1"}
    if not asked.isdecimal() or environment.owner or not is_free(int(asked), port.get("protocol") == "udp"):
        found.pop("published", None)
    return found


def _own(thing: Mapping[str, Json] | None, name: str, own: Mapping[str, str]) -> dict[str, Json]:
    """A volume or network with a name and labels of the environment, unless it is one that Compose does not make."""
    given = dict(thing or {})
    if given.get("external"):
        return given
    return {**given, "name": name, "labels": {**(given.get("labels") or {}), **own}}
