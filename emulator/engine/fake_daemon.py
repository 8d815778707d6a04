"""The state of `FakeEngine` and Docker's rules over it. Callers hold `changed`."""

from __future__ import annotations

import fnmatch
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from emulator.engine.docker.dockerfile import normalized
from emulator.engine.fake_parts import Behaviour, Record, event
from emulator.engine.fake_storage import FakeStorage
from emulator.engine.interface import (
    Attachment,
    Container,
    ContainerSpec,
    ContainerState,
    EngineEvent,
    Health,
    Image,
    ImageName,
    LogLine,
    PublishedPort,
)
from emulator.engine.labels import present_labels
from emulator.errors import Conflict, EngineError, EngineTimeout, LogDriverNotReady, NotFound, PortInUse

_FIRST_FREE_PORT = 32768


class FakeDaemon:
    """Containers by id, everything else by name."""

    def __init__(self) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.records: dict[str, Record] = {}
        self.images: dict[str, Image] = {}
        self.storage = FakeStorage()
        self.networks: dict[str, dict[str, str]] = {}
        self.behaviours: list[tuple[str, Behaviour]] = []
        self.events: list[EngineEvent] = []
        self.listening: set[str] = set()
        self.used_ports: set[int] = set()
        self._made = 0

    def create(self, spec: ContainerSpec) -> Record:
        """Image there, name free, nothing given that belongs to the owner of a shared namespace."""
        image = self.image(spec.image)
        if image is None:
            raise NotFound(f"No such image: {spec.image}")
        if any(record.spec.name == spec.name for record in self.records.values()):
            raise Conflict(f'Conflict. The container name "/{spec.name}" is already in use')
        if spec.network and spec.network.startswith("container:"):
            self._refuse_shared(spec)
        self.storage.mount(spec.mounts)
        self._made += 1
        test = spec.health_check.test if spec.health_check else ()
        checked = image.has_health_check if not test else test != ("NONE",)
        record = Record(f"{self._made:064x}", spec, self._behaviour(spec), datetime.now(UTC), checked)
        self.records[record.id] = record
        self.emit("create", record)
        return record

    def image(self, reference: str) -> Image | None:
        """A local image by id or reference."""
        by_id = {image.id: image for image in self.images.values()}
        return by_id.get(reference) or self.images.get(normalized(reference))

    def image_names(self, repositories: Sequence[str]) -> list[ImageName]:
        """The names of images in these repositories, sorted; the later it was made, the newer it is."""
        found = [
            ImageName(tag, image.id, 1000, number)
            for number, image in enumerate(self.images.values())
            for tag in image.tags
            if any(fnmatch.fnmatchcase(tag.rpartition(":")[0], wanted) for wanted in repositories)
        ]
        return sorted(found, key=lambda name: name.reference)

    def untag(self, reference: str) -> None:
        """Takes a name from an image; `Conflict` where a container uses it."""
        image = self.images.get(normalized(reference))
        if image is None:
            return
        if any(self.image(record.spec.image) == image for record in self.records.values()):
            raise Conflict(f"conflict: unable to remove repository reference {reference!r}: a container is using it")
        del self.images[normalized(reference)]

    def maybe(self, container: str) -> Record | None:
        """A container by id or name."""
        by_name = {record.spec.name: record for record in self.records.values()}
        return self.records.get(container) or by_name.get(container)

    def find(self, container: str) -> Record:
        """A container by id or name; `NotFound` without it."""
        record = self.maybe(container)
        if record is None:
            raise NotFound(f"No such container: {container}")
        return record

    def running(self, container: str) -> Record:
        """A container that runs; `Conflict` where it does not."""
        record = self.find(container)
        if not record.running:
            raise Conflict(f"Container {record.id} is not running")
        return record

    def _behaviour(self, spec: ContainerSpec) -> Behaviour:
        for pattern, behaviour in self.behaviours:
            if fnmatch.fnmatchcase(spec.name, pattern) or fnmatch.fnmatchcase(spec.image, pattern):
                return behaviour
        return Behaviour()

    def _refuse_shared(self, spec: ContainerSpec) -> None:
        """In another container's namespace these belong to that one (Docker's own messages)."""
        for given, words in (
            (spec.hostname, "hostname"),
            (spec.dns, "dns"),
            (spec.extra_hosts, "custom host-to-IP mapping"),
            (spec.ports, "port publishing"),
        ):
            if given:
                raise EngineError(f"conflicting options: {words} and the container type network mode")

    def refuse_stuck(self, record: Record) -> None:
        """A synchronous `fluentd` driver without a listener hangs stop, kill and remove in the daemon."""
        if not self._logs_arrive(record):
            raise EngineTimeout(
                f"Docker did not stop {record.spec.name} in time", hint="a container's log driver is stuck"
            )

    def _logs_arrive(self, record: Record) -> bool:
        own = {pattern for other in self.records.values() if other.running for pattern in other.behaviour.listens}
        address = record.log_address
        return not address or any(fnmatch.fnmatchcase(address, pattern) for pattern in self.listening | own)

    def begin(self, record: Record) -> None:
        """Starts it, as far as its network, log driver and ports allow, and lets its behaviour begin."""
        spec = record.spec
        if spec.network and spec.network.startswith("container:"):
            owner = self.maybe(spec.network.removeprefix("container:"))
            if owner is None:
                raise NotFound(f"No such container: {spec.network.removeprefix('container:')}")
            if not owner.running:
                raise Conflict(f"cannot join network of a non running container: {owner.id}")
        elif spec.network not in {None, "none", "host", "bridge", "default"} and spec.network not in self.networks:
            raise NotFound(f"network {spec.network} not found")
        if not self._logs_arrive(record):
            raise LogDriverNotReady(f"failed to initialize logging driver: dial {record.log_address}")
        published = (port for other in self.records.values() if other.running for port in self._ports(other))
        taken = {port.host_port for port in published} | self.used_ports
        for port in spec.ports:
            if port.host_port and port.host_port in taken:
                raise PortInUse(f"port {port.host_port} is in use: port is already allocated")
        record.state, record.exit_code, record.stopped_by_hand = ContainerState.RUNNING, None, False
        record.health = Health.STARTING if record.checked else Health.NONE
        record.listings = 0
        if spec.network not in {None, "none", "host"} and not (spec.network or "").startswith("container:"):
            record.address = f"172.30.{int(record.id, 16) // 250}.{int(record.id, 16) % 250 + 2}"
        exits = record.behaviour.exits
        code = exits[min(record.starts, len(exits) - 1)]
        record.starts += 1
        record.log += [LogLine("stdout", text, datetime.now(UTC)) for text in record.behaviour.log]
        self.emit("start", record)
        if code is not None:
            self.end(record, code)

    def end(self, record: Record, code: int) -> None:
        """Its main process is over."""
        record.state, record.exit_code = ContainerState.EXITED, code
        record.health, record.address = Health.NONE, ""
        self.emit("die", record)
        if record.restarts:
            record.state = ContainerState.RESTARTING
        elif record.spec.auto_remove:
            self.records.pop(record.id, None)
            self.emit("destroy", record)

    def advance(self, record: Record) -> None:
        """Time passes from one listing to the next: restart policies act, health checks give their next verdict."""
        if record.state is ContainerState.RESTARTING:
            self.begin(record)
        elif record.running and record.checked:
            verdicts = record.behaviour.health or (Health.STARTING,)
            verdict = verdicts[min(record.listings, len(verdicts) - 1)]
            record.listings += 1
            if verdict is not record.health:
                record.health = verdict
                self.emit(f"health_status: {verdict}", record)

    def _ports(self, record: Record) -> list[PublishedPort]:
        """Port 0 gets a free one, the same at each look."""
        return [
            replace(port, host_port=port.host_port or _FIRST_FREE_PORT + int(record.id, 16) * 16 + number)
            for number, port in enumerate(record.spec.ports)
        ]

    def row(self, record: Record) -> Container:
        """Its row in the listing."""
        return Container(
            id=record.id,
            name=record.spec.name,
            image=record.spec.image,
            state=record.state,
            status=record.status,
            labels=present_labels(record.spec.labels),
            created=record.created,
            exit_code=record.exit_code,
            health=record.health,
            addresses=self._addresses(record),
            ports=tuple(self._ports(record)) if record.running else (),
            image_id=image.id if (image := self.images.get(normalized(record.spec.image))) else "",
            attachments=self._attachments(record),
        )

    def join_network(self, container: str, network: str, aliases: Sequence[str]) -> None:
        """Puts a container into a further network."""
        if network not in self.networks:
            raise NotFound(f"network {network} not found")
        record = self.find(container)
        if network != record.spec.network:
            record.joined.setdefault(network, tuple(aliases))

    def _addresses(self, record: Record) -> dict[str, str]:
        networks = (record.spec.network or "bridge", *record.joined)
        return dict.fromkeys(networks, record.address) if record.address else {}

    def _attachments(self, record: Record) -> dict[str, Attachment]:
        if not record.address:
            return {}
        octets = [int(part) for part in record.address.split(".")]
        mac = ":".join(["02", "42", *(f"{octet:02x}" for octet in octets)])
        return {record.spec.network or "bridge": Attachment(mac, "172.30.0.1", 16)}

    def emit(self, action: str, record: Record) -> None:
        """Something happened to it."""
        self.events.append(event(action, record))
        self.changed.notify_all()
