"""An engine in memory, for tests that need no Docker. It keeps Docker's rules where the rest of the project relies on
them; the same contract tests run over it and over a real daemon.

    engine = FakeEngine()
    engine.add_image("hello:1")
    engine.behave("*-worker", Behaviour(exits=(3,), log=("boom",)))
    engine.fail("start", EngineTimeout("stuck"), target="hello")
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime

from emulator.engine.docker.dockerfile import check_inputs, normalized
from emulator.engine.fake_controls import FakeControls
from emulator.engine.fake_parts import Behaviour, EchoStream, FeedStream, matches
from emulator.engine.interface import (
    HERE,
    BuildSpec,
    CommandStream,
    Container,
    ContainerSpec,
    ContainerState,
    EngineEvent,
    EngineInfo,
    ExecResult,
    ExecSetting,
    ExecStream,
    File,
    HealthProbe,
    Image,
    ImageName,
    LogLine,
    OnLine,
    RegistryAuth,
    Stream,
    Terminal,
)
from emulator.errors import Conflict, ImageError

__all__ = ["Behaviour", "EchoStream", "FakeEngine"]

_ENDING_SIGNALS = {"SIGHUP": 129, "SIGINT": 130, "SIGQUIT": 131, "SIGKILL": 137}


class FakeEngine(FakeControls):
    """An `Engine` in memory; `FakeControls` is what tests do with it."""

    # The daemon

    @property
    def host(self) -> str:
        return self.engine_info.host

    def info(self) -> EngineInfo:
        self._begin("info", "")
        return self.engine_info

    def agent_socket(self) -> str:
        self._begin("agent_socket", "")
        return "/var/run/docker.sock"

    # Containers

    def list_containers(self, labels: Mapping[str, str]) -> list[Container]:
        with self._call("list_containers", "") as daemon:
            found = [record for record in daemon.records.values() if matches(record.spec.labels, labels)]
            for record in found:
                daemon.advance(record)
            return [daemon.row(record) for record in reversed(found)]

    def create_container(self, spec: ContainerSpec) -> str:
        with self._call("create_container", spec.name) as daemon:
            return daemon.create(spec).id

    def start(self, container: str) -> None:
        with self._call("start", container) as daemon:
            record = daemon.find(container)
            if not record.running:
                daemon.begin(record)

    def stop(self, container: str, timeout: int) -> None:
        with self._call("stop", container) as daemon:
            record = daemon.maybe(container)
            if record is None:
                return
            self.stop_timeouts[record.spec.name] = timeout
            record.stopped_by_hand = True
            if record.running:
                daemon.refuse_stuck(record)
                code = record.behaviour.stop_code
                daemon.end(record, 137 if code is None else code)
                daemon.emit("stop", record)
            elif record.state is ContainerState.RESTARTING:
                record.state = ContainerState.EXITED

    def kill(self, container: str, signal: str = "SIGKILL") -> None:
        with self._call("kill", container) as daemon:
            record = daemon.maybe(container)
            if record is None or not record.running:
                return
            daemon.refuse_stuck(record)
            daemon.emit("kill", record)
            code = record.behaviour.stop_code if signal == "SIGTERM" else _ENDING_SIGNALS.get(signal)
            if code is not None:
                record.stopped_by_hand = True
                daemon.end(record, code)

    def await_stop(self, container: str, timeout: float) -> bool:
        self._begin("await_stop", container)

        def ended() -> bool:
            record = self._daemon.maybe(container)
            return record is None or record.state in (ContainerState.CREATED, ContainerState.EXITED)

        with self._daemon.changed:
            return self._daemon.changed.wait_for(ended, timeout)

    def pause(self, container: str) -> None:
        with self._call("pause", container) as daemon:
            record = daemon.running(container)
            if record.state is ContainerState.RUNNING:
                record.state = ContainerState.PAUSED
                daemon.emit("pause", record)

    def unpause(self, container: str) -> None:
        with self._call("unpause", container) as daemon:
            record = daemon.find(container)
            if record.state is ContainerState.PAUSED:
                record.state = ContainerState.RUNNING
                daemon.emit("unpause", record)

    def remove(self, container: str) -> None:
        with self._call("remove", container) as daemon:
            record = daemon.maybe(container)
            if record is None:
                return
            record.stopped_by_hand = True
            if record.running:
                daemon.refuse_stuck(record)
                daemon.end(record, 137)
            if daemon.records.pop(record.id, None):  # else it has removed itself
                daemon.emit("destroy", record)

    def logs(
        self, container: str, *, follow: bool = False, tail: int | None = None, since: datetime | None = None
    ) -> Stream[LogLine]:
        with self._call("logs", container) as daemon:
            record = daemon.find(container)
            past = [line for line in record.log if since is None or (line.timestamp or since) >= since]
            first = len(record.log) - (len(past) if tail is None else min(tail, len(past)))

        def read(position: int) -> tuple[list[LogLine], bool]:
            return record.log[first + position :], follow and record.running and not self._closed

        return FeedStream(self._daemon.changed, read)

    def exec(
        self, container: str, command: Sequence[str], *, user: str | None = None, timeout: float = 30
    ) -> ExecResult:
        del user, timeout
        with self._call("exec", container) as daemon:
            record = daemon.running(container)
            self.execs.append((record.spec.name, tuple(command)))
            answer = record.behaviour.exec
        return answer(command) if answer else ExecResult(0, b"", b"")

    def exec_stream(self, container: str, command: Sequence[str]) -> ExecStream:
        with self._call("exec_stream", container) as daemon:
            record = daemon.running(container)
            self.execs.append((record.spec.name, tuple(command)))
            stream = record.behaviour.stream
        return stream(command) if stream else EchoStream()

    def exec_command(self, container: str, command: Sequence[str], setting: ExecSetting = HERE) -> CommandStream:
        del setting
        with self._call("exec_command", container) as daemon:
            self.execs.append((daemon.running(container).spec.name, tuple(command)))
        return EchoStream()

    def exec_terminal(self, container: str, command: Sequence[str], setting: ExecSetting = HERE) -> Terminal:
        del setting
        with self._call("exec_terminal", container) as daemon:
            self.execs.append((daemon.running(container).spec.name, tuple(command)))
        return EchoStream()

    def health_log(self, container: str) -> tuple[HealthProbe, ...]:
        with self._call("health_log", container) as daemon:
            return self.health_logs.get(daemon.find(container).spec.name, ())

    def stats(self, container: str) -> Mapping[str, object]:
        with self._call("stats", container) as daemon:
            record = daemon.running(container)
            return self.statistics.get(record.spec.name, {"name": f"/{record.spec.name}", "id": record.id})

    def put_files(self, container: str, folder: str, files: Sequence[File]) -> None:
        with self._call("put_files", container) as daemon:
            record = daemon.find(container)
            daemon.storage.write(record, folder, files)

    def variables(self, container: str) -> Mapping[str, str]:
        with self._call("variables", container) as daemon:
            return dict(daemon.find(container).spec.environment)

    def read_file(self, container: str, path: str) -> bytes:
        with self._call("read_file", container) as daemon:
            return daemon.storage.read(daemon.find(container), path)

    def list_files(self, container: str, folder: str) -> list[str]:
        with self._call("list_files", container) as daemon:
            return daemon.storage.list(daemon.find(container), folder)

    # Networks and volumes

    def ensure_network(self, name: str, labels: Mapping[str, str]) -> None:
        with self._call("ensure_network", name) as daemon:
            daemon.networks.setdefault(name, dict(labels))

    def remove_network(self, name: str) -> None:
        with self._call("remove_network", name) as daemon:
            if any(record.running and record.spec.network == name for record in daemon.records.values()):
                raise Conflict(f"error while removing network: network {name} has active endpoints")
            daemon.networks.pop(name, None)

    def join_network(self, container: str, network: str, aliases: Sequence[str]) -> None:
        with self._call("join_network", container) as daemon:
            daemon.join_network(container, network, aliases)

    def list_networks(self, labels: Mapping[str, str]) -> list[str]:
        with self._call("list_networks", "") as daemon:
            return sorted(name for name, own in daemon.networks.items() if matches(own, labels))

    def ensure_volume(self, name: str, labels: Mapping[str, str]) -> str:
        with self._call("ensure_volume", name) as daemon:
            daemon.storage.ensure(name, labels)
            return f"{self.engine_info.root_dir}/volumes/{name}/_data"

    def remove_volume(self, name: str) -> None:
        with self._call("remove_volume", name) as daemon:
            daemon.storage.remove(name, daemon.records.values())

    def list_volumes(self, labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
        with self._call("list_volumes", "") as daemon:
            return daemon.storage.with_labels(labels)

    # Images

    def image(self, reference: str) -> Image | None:
        with self._call("image", reference) as daemon:
            return daemon.image(reference)

    def list_images(self, repositories: Sequence[str]) -> list[ImageName]:
        with self._call("list_images", "") as daemon:
            return daemon.image_names(repositories)

    def remove_image_name(self, reference: str) -> None:
        with self._call("remove_image_name", reference) as daemon:
            daemon.untag(reference)

    def pull(
        self,
        reference: str,
        *,
        on_line: OnLine | None = None,
        auth: RegistryAuth | None = None,
        platform: str | None = None,
    ) -> None:
        del platform
        self._begin("pull", reference)
        if reference in self.guarded and auth != self.guarded[reference]:
            raise ImageError(f"cannot pull {reference}: unauthorized", hint="the registry wants another login")
        with self._daemon.changed:
            image = self.registry.get(reference)
            if image is None:
                raise ImageError(f"cannot pull {reference}: manifest unknown", hint="check the image's name")
            self._daemon.images[normalized(reference)] = image
        if on_line is not None:
            on_line(f"Status: Downloaded newer image for {reference}")

    def build(self, spec: BuildSpec, *, on_line: OnLine | None = None, cancelled: threading.Event | None = None) -> str:
        self._begin("build", spec.tag)
        if cancelled is not None and cancelled.is_set():
            raise ImageError(f"the build of {spec.dockerfile} failed: it was cancelled")
        check_inputs(spec)
        if on_line is not None:
            on_line(f"naming to {spec.tag}")
        with self._daemon.changed:
            self.builds.append(spec)
            return self.add_image(spec.tag).id

    def built(self, spec: BuildSpec) -> str | None:
        self._begin("built", spec.tag)
        check_inputs(spec)
        found = self.image(spec.tag)
        return found.id if found is not None and spec in self.builds else None

    def why_build(self, spec: BuildSpec) -> str:
        self._begin("why_build", spec.tag)
        return "its context changed" if self.image(spec.tag) is not None else "it has not been built here yet"

    def events(self, labels: Mapping[str, str]) -> Stream[EngineEvent]:
        with self._call("events", "") as daemon:
            first = len(daemon.events)

        def read(position: int) -> tuple[list[EngineEvent], bool]:
            new = [item for item in self._daemon.events[first:] if matches(item.labels, labels)]
            return new[position:], not self._closed

        return FeedStream(self._daemon.changed, read)

    def close(self) -> None:
        with self._daemon.changed:
            self._closed = True
            self._daemon.changed.notify_all()
