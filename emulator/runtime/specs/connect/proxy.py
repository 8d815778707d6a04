"""The proxy of Service Connect in a task: its container, and when it is ready.

It starts right after pause and before all others, who wait for it, and stops after them. Its entry leads connections to
it, then becomes a user without capabilities (`setup/recipes/envoy`). As on Fargate the metadata endpoint does not tell
of it. It takes nothing of the task's memory and CPU: deployed, ECS has one reserve room for it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import replace

from emulator.engine.interface import ContainerSpec, Engine, Mount
from emulator.errors import EngineError, TaskError
from emulator.runtime.specs.connect.endpoints import digest
from emulator.runtime.specs.limits import MIB, OWN
from emulator.runtime.specs.pause_script import HOSTS_VARIABLE
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredService
from emulator.runtime.state.names import Names, Role
from emulator.service_connect.envoy import FOLDER, bootstrap, ingress_port
from emulator.service_connect.model import served
from emulator.service_connect.ports import EGRESS_PORT

MEMORY = 128 * MIB
"""What a proxy may take; about 15 MiB is what it takes."""
READY = "ready"
"""The line that a proxy prints once it listens everywhere."""
_DRAIN = ("proxy-admin", "POST", "/drain_listeners?inboundonly")
_READY_TIMEOUT = 30.0
_DRAIN_TIMEOUT = 5.0
_LAST_LINES = 3
_TMPFS = {"/tmp": "size=4m,mode=1777,noexec,nosuid,nodev", "/run": "size=1m,mode=0755,noexec,nosuid,nodev"}
_NO_PROXY = '`[service_connect] proxy = "none"` in copilot-local.toml does without proxies'


def proxy_spec(
    desired: DesiredService, task_id: str, environment: Names, image: str, labels: Mapping[str, str]
) -> ContainerSpec:
    """The proxy of a task. `labels` are those of the task."""
    port = served(desired.service)
    configuration = json.dumps(
        bootstrap(task_id, desired.service.name, port, desired.access_log), separators=(",", ":")
    )
    pairs = () if port is None else (f"{port.port}:{ingress_port(port)}",)
    return replace(
        OWN,
        name=environment.proxy(task_id),
        image=image,
        labels={**names.sealed(labels), names.ROLE: Role.SERVICE_CONNECT},
        entrypoint=("service-connect",),
        command=(configuration, str(EGRESS_PORT), *pairs),
        network=f"container:{environment.pause(task_id)}",
        mounts=(Mount(environment.connect_volume, FOLDER, read_only=True, copy=False),),
        read_only=True,
        tmpfs=_TMPFS,
        cap_add=("NET_ADMIN", "SETGID", "SETPCAP", "SETUID"),
        memory=MEMORY,
    )


def with_virtual_names(pause: ContainerSpec, lines: str) -> ContainerSpec:
    """The pause of a task with a proxy: its /etc/hosts has these lines from the start."""
    further = [pause.environment.get(HOSTS_VARIABLE, ""), lines.rstrip("\n")]
    environment = {**pause.environment, HOSTS_VARIABLE: "\n".join(filter(None, further))}
    labels = {**pause.labels, names.CONNECT_PROXY: digest(lines)}
    return replace(pause, environment=environment, labels=labels)


def await_proxy(engine: Engine, proxy: ContainerSpec) -> None:
    """Waits until a proxy is ready. Raises `TaskError` with its last words where it is not in time, or has ended.

    It says so itself: to read that costs less than to run a command in it, and every start of its task waits for this.
    """
    said: list[str] = []
    try:
        lines = engine.logs(proxy.name, follow=True)
        timer = threading.Timer(_READY_TIMEOUT, lines.close)
        timer.daemon = True
        timer.start()
        try:
            for line in lines:
                if line.text.strip() == READY:
                    return
                said.append(line.text.strip())
        finally:
            timer.cancel()
            lines.close()
        why = f"it has ended, or takes more than {_READY_TIMEOUT:g} s"
    except EngineError as error:
        why = error.message
    service = proxy.labels.get(names.SERVICE, "")
    last = "; ".join(line for line in said[-_LAST_LINES:] if line)
    raise TaskError(f"the Service Connect proxy of {service} is not ready: {last or why}", hint=_NO_PROXY)


def drain_proxy(engine: Engine, proxy: str) -> None:
    """Has a proxy take no more connections from outside. Raises `EngineError`."""
    engine.exec(proxy, _DRAIN, timeout=_DRAIN_TIMEOUT)
