"""`DockerEngine`: the agreed verbs over Docker's API."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from emulator.engine.docker.build import build_image, built_image, why_build
from emulator.engine.docker.client import Client, Json
from emulator.engine.docker.containers import create_body, label_filter, parse_container, parse_health_log
from emulator.engine.docker.endpoint import Endpoint
from emulator.engine.docker.files import Files
from emulator.engine.docker.images import Images
from emulator.engine.docker.resources import Resources
from emulator.engine.docker.streams import (
    STDERR,
    DockerExecStream,
    DockerTerminal,
    HttpStream,
    decode_events,
    decode_logs,
)
from emulator.engine.docker.transport import CONNECT_TIMEOUT
from emulator.engine.interface import (
    HERE,
    BuildSpec,
    CommandStream,
    Container,
    ContainerSpec,
    EngineEvent,
    EngineInfo,
    ExecResult,
    ExecSetting,
    ExecStream,
    HealthProbe,
    LogLine,
    OnLine,
    Stream,
    Terminal,
)
from emulator.errors import Conflict, EngineError, EngineTimeout, NotFound

LIST_TIMEOUT = 10.0
INSPECT_TIMEOUT = 5.0
CREATE_TIMEOUT = 60.0
START_TIMEOUT = 60.0
KILL_TIMEOUT = 10.0
LOGS_TIMEOUT = 30.0
"""Seconds until what was printed begins to come, and that it may stop for: only who follows waits for more."""
STOP_SLACK = 10.0
"""Seconds beyond a stop's own timeout in which the daemon must have killed the container."""
REMOVE_TIMEOUT = 20.0
QUICK_TIMEOUT = 2.0
"""Timeout in seconds for optional calls."""

_CONFINED = ("name=userns", "name=selinux")
"""Security options with which a container's root may not write to what a user owns."""
_DEFAULT_SOCKET = "/var/run/docker.sock"
_EVENTS = (
    "create",
    "start",
    "die",
    "oom",
    "kill",
    "stop",
    "pause",
    "unpause",
    "rename",
    "restart",
    "destroy",
    "health_status",
)
"""The events worth waking up for. Each health check of a container would add three of its own (`exec_…`)."""


class DockerEngine(Files, Images, Resources):
    """An `Engine` over one Docker daemon. Safe to use from many threads."""

    def __init__(self, endpoint: Endpoint, timeout: float = CONNECT_TIMEOUT) -> None:
        """Connects; `timeout` (seconds) is how long the daemon may take to answer. Raises EngineUnavailable."""
        super().__init__(Client(endpoint, timeout))
        self._endpoint = endpoint
        self._document: Json = {}
        self._info: EngineInfo | None = None
        self._describing = threading.Lock()

    # The daemon

    @property
    def host(self) -> str:
        return self._endpoint.host

    def info(self) -> EngineInfo:
        with self._describing:  # who asks meanwhile waits for the answer: it takes the daemon a while
            if self._info is None:
                with self._client.sdk("describe itself") as sdk:
                    self._document = sdk.info()
                self._info = self._parse_info(self._document)
            return self._info

    def _parse_info(self, document: Json) -> EngineInfo:
        version = self._client.server_version
        options = [str(option) for option in document.get("SecurityOptions") or []]
        return EngineInfo(
            version=str(version.get("Version", "")),
            api_version=self._client.api_version,
            os=str(version.get("Os", "linux")),
            architecture=str(version.get("Arch", "")),
            root_dir=str(document.get("DockerRootDir", "")),
            log_drivers=tuple(str(name) for name in (document.get("Plugins") or {}).get("Log") or ()),
            cgroup_version=int(document.get("CgroupVersion") or 1),
            cgroup_driver=str(document.get("CgroupDriver", "")),
            rootless=any("rootless" in option for option in options),
            host=self._endpoint.host,
            id=str(document.get("ID") or ""),
            shares_folders=self._is_here(document) and not any(it in text for text in options for it in _CONFINED),
        )

    def _is_here(self, document: Json) -> bool:
        """Whether the daemon runs on this very machine: Docker Desktop, Colima and others run it in a virtual one."""
        return document.get("Name") == socket.gethostname() and self._endpoint.host.startswith("unix://")

    def agent_socket(self) -> str:
        """Our own socket's path holds on the daemon's host only where that is this very machine; in a virtual one the
        daemon listens at the default path."""
        self.info()
        if self._is_here(self._document):
            return self._endpoint.host.removeprefix("unix://")
        return _DEFAULT_SOCKET

    # Containers

    def list_containers(self, labels: Mapping[str, str]) -> list[Container]:
        with self._client.sdk("list containers", LIST_TIMEOUT) as sdk:
            rows = sdk.containers(all=True, filters={"label": label_filter(labels)})
        # Docker counts labels that are there and empty, which mean absent here.
        return [found for row in rows if labels.keys() <= (found := parse_container(row)).labels.keys()]

    def create_container(self, spec: ContainerSpec) -> str:
        try:
            return self._create(spec)
        except EngineError as error:
            # The daemon's own options for this driver, which join those of the container, contradict `mode: blocking`.
            # They do not join those of another driver. The error means that nothing was created.
            if spec.log_driver != "json-file" or "max-buffer-size" not in error.message:
                raise
            return self._create(replace(spec, log_driver="local"))

    def _create(self, spec: ContainerSpec) -> str:
        with self._client.sdk(f"create container {spec.name}", CREATE_TIMEOUT) as sdk:
            body = create_body(spec)
            answer = sdk.create_container_from_config(body, spec.name, spec.platform or None)  # type: ignore[no-untyped-call]
        return str(answer["Id"])

    def start(self, container: str) -> None:
        with self._client.sdk(f"start {container}", START_TIMEOUT) as sdk:
            sdk.start(container)

    def stop(self, container: str, timeout: int) -> None:
        with contextlib.suppress(NotFound), self._client.sdk(f"stop {container}", timeout + STOP_SLACK) as sdk:
            sdk.stop(container, timeout)

    def kill(self, container: str, signal: str = "SIGKILL") -> None:
        try:
            with self._client.sdk(f"send {signal} to {container}", KILL_TIMEOUT) as sdk:
                sdk.kill(container, signal)
        except NotFound:
            return
        except Conflict as error:
            if "is not running" not in error.message:
                raise

    def await_stop(self, container: str, timeout: float) -> bool:
        try:
            with self._client.sdk(f"wait for {container}", timeout) as sdk:
                sdk.wait(container, condition="not-running")
        except NotFound:
            return True
        except EngineTimeout:
            return False
        return True

    def pause(self, container: str) -> None:
        try:
            with self._client.sdk(f"pause {container}", KILL_TIMEOUT) as sdk:
                sdk.pause(container)
        except Conflict as error:
            if "already paused" not in error.message:
                raise

    def unpause(self, container: str) -> None:
        try:
            with self._client.sdk(f"unpause {container}", KILL_TIMEOUT) as sdk:
                sdk.unpause(container)
        except EngineError as error:
            if "not paused" not in error.message:
                raise

    def remove(self, container: str) -> None:
        try:
            with self._client.sdk(f"remove {container}", REMOVE_TIMEOUT) as sdk:
                sdk.remove_container(container, v=True, force=True)
        except NotFound:
            return
        except Conflict as error:
            if "already in progress" not in error.message:
                raise
            # Another process removes it.
            with contextlib.suppress(NotFound), self._client.sdk(f"remove {container}", REMOVE_TIMEOUT) as sdk:
                sdk.wait(container, condition="removed")

    def logs(
        self, container: str, *, follow: bool = False, tail: int | None = None, since: datetime | None = None
    ) -> Stream[LogLine]:
        params = {
            "stdout": "1",
            "stderr": "1",
            "timestamps": "1",
            "follow": "1" if follow else "0",
            "tail": "all" if tail is None else str(tail),
        }
        if since is not None:
            params["since"] = f"{since.timestamp():.6f}"
        path = f"/containers/{container}/logs"
        doing, idle = f"give the logs of {container}", None if follow else LOGS_TIMEOUT
        return HttpStream(self._client, path, doing, decode_logs, params, timeout=LOGS_TIMEOUT, idle_timeout=idle)

    def exec(
        self, container: str, command: Sequence[str], *, user: str | None = None, timeout: float = 30
    ) -> ExecResult:
        """After `timeout` seconds EngineTimeout; Docker has no way to end the command, so it may go on."""
        deadline = time.monotonic() + timeout
        exec_id = self._create_exec(container, command, ExecSetting(user or ""), stdin=False)
        stream = DockerExecStream(self._client, exec_id, deadline)
        output: dict[int, bytearray] = {}
        try:
            for source, data in stream.frames():
                output.setdefault(source, bytearray()).extend(data)
            code = stream.wait()
        except EngineTimeout as error:
            raise EngineTimeout(
                f"{' '.join(command)!r} in {container} did not end within {timeout:g} s", hint=error.hint
            ) from None
        finally:
            stream.close()
        error_output = bytes(output.pop(STDERR, b""))
        return ExecResult(code, b"".join(output.values()), error_output)

    def exec_stream(self, container: str, command: Sequence[str]) -> ExecStream:
        return self.exec_command(container, command)

    def exec_command(self, container: str, command: Sequence[str], setting: ExecSetting = HERE) -> CommandStream:
        return DockerExecStream(self._client, self._create_exec(container, command, setting, stdin=True))

    def exec_terminal(self, container: str, command: Sequence[str], setting: ExecSetting = HERE) -> Terminal:
        return DockerTerminal(self._client, self._create_exec(container, command, setting, stdin=True, terminal=True))

    def _create_exec(
        self, container: str, command: Sequence[str], setting: ExecSetting, *, stdin: bool, terminal: bool = False
    ) -> str:
        with self._client.sdk(f"run a command in {container}") as sdk:
            answer = sdk.exec_create(
                container,
                list(command),
                stdin=stdin,
                tty=terminal,
                user=setting.user,
                environment=list(setting.variables),
                workdir=setting.folder or None,
            )
        return str(answer["Id"])

    def health_log(self, container: str) -> tuple[HealthProbe, ...]:
        with self._client.sdk(f"inspect {container}", QUICK_TIMEOUT) as sdk:
            return parse_health_log(sdk.inspect_container(container))

    def stats(self, container: str) -> Mapping[str, object]:
        with self._client.sdk(f"give the statistics of {container}", QUICK_TIMEOUT) as sdk:
            return dict(sdk.stats(container, stream=False, one_shot=True))

    def variables(self, container: str) -> Mapping[str, str]:
        with self._client.sdk(f"inspect {container}", INSPECT_TIMEOUT) as sdk:
            found = sdk.inspect_container(container)
        pairs = [str(pair).partition("=") for pair in found["Config"]["Env"] or ()]
        return {name: value for name, _, value in pairs}

    # Images

    def build(self, spec: BuildSpec, *, on_line: OnLine | None = None, cancelled: threading.Event | None = None) -> str:
        return build_image(self._client, spec, on_line, cancelled)

    def built(self, spec: BuildSpec) -> str | None:
        return built_image(self._client, spec)

    def why_build(self, spec: BuildSpec) -> str:
        return why_build(self._client, spec)

    def events(self, labels: Mapping[str, str]) -> Stream[EngineEvent]:
        filters = {"type": ["container"], "event": list(_EVENTS), "label": label_filter(labels)}
        # `since` closes the gap between the answer's header and the daemon's subscription.
        params = {"filters": json.dumps(filters), "since": f"{time.time():.6f}"}
        return HttpStream(self._client, "/events", "report events", decode_events, params, endless=True)

    def close(self) -> None:
        self._client.close()
