"""What tests set and read of `FakeEngine`: images, behaviours, failures, what happens to containers by itself."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from emulator.engine.docker.dockerfile import normalized
from emulator.engine.fake_daemon import FakeDaemon
from emulator.engine.fake_parts import Behaviour, Failure
from emulator.engine.interface import (
    BuildSpec,
    ContainerSpec,
    EngineInfo,
    Health,
    HealthProbe,
    Image,
    LogLine,
    RegistryAuth,
)
from emulator.errors import CopilotLocalError, EngineUnavailable


class FakeControls:
    """The state of an engine in memory. All public attributes may be set and read by tests.

    `calls` is every verb with its target in order; `before` runs ahead of each one, outside of all locks, so a test can
    hold a call back. `registry` is what can be pulled, `guarded` the login that some of it takes, `builds` what was
    built, `execs` the commands that ran, with their containers, `stop_timeouts` the last one given for each,
    `health_logs` and `statistics` what a container's name is answered. `reachable` False: no daemon answers.
    """

    def __init__(self) -> None:
        self.engine_info = EngineInfo(
            version="28.0.0",
            api_version="1.48",
            os="linux",
            architecture="amd64",
            root_dir="/var/lib/docker",
            log_drivers=("fluentd", "json-file", "local", "none"),
            cgroup_version=2,
            cgroup_driver="systemd",
            rootless=False,
            host="fake://",
        )
        self.reachable = True
        self.calls: list[tuple[str, str]] = []
        self.before: Callable[[str, str], None] | None = None
        self.registry: dict[str, Image] = {}
        self.guarded: dict[str, RegistryAuth] = {}
        self.builds: list[BuildSpec] = []
        self.stop_timeouts: dict[str, int] = {}
        self.execs: list[tuple[str, tuple[str, ...]]] = []
        self.health_logs: dict[str, tuple[HealthProbe, ...]] = {}
        self.statistics: dict[str, dict[str, object]] = {}
        self._daemon = FakeDaemon()
        self._failures: list[Failure] = []
        self._closed = False

    @property
    def listening(self) -> set[str]:
        """`fluentd-address` values (shell patterns) that accept connections without a container; change it in place."""
        return self._daemon.listening

    @property
    def used_ports(self) -> set[int]:
        """Host ports that another process uses; change it in place."""
        return self._daemon.used_ports

    # For tests

    def add_image(self, reference: str, *, has_health_check: bool = False, **config: tuple[str, ...]) -> Image:
        """Makes a local image; `config` takes Image's tuple fields (`command=("serve",)`)."""
        fields = {name: config.get(name, ()) for name in ("entrypoint", "command", "environment", "volumes")}
        image = Image(
            id=f"sha256:{hashlib.sha256(reference.encode()).hexdigest()}",
            tags=(reference,),
            user="",
            working_directory="",
            labels={},
            has_health_check=has_health_check,
            **fields,
        )
        self._daemon.images[normalized(reference)] = image
        return image

    def remove_image(self, reference: str) -> None:
        """Removes a local image by force; containers made from it stay."""
        del self._daemon.images[normalized(reference)]

    def behave(self, pattern: str, behaviour: Behaviour) -> None:
        """Containers created from now on whose name or image matches (shell pattern) behave so; the last one wins."""
        self._daemon.behaviours.insert(0, (pattern, behaviour))

    def fail(self, verb: str, error: CopilotLocalError, *, target: str = "*", times: int | None = 1) -> None:
        """The next `times` calls of `verb` (None: all) on a target that matches (shell pattern on its name) raise."""
        self._failures.append(Failure(verb, target, error, times))

    def finish(self, container: str, code: int = 0) -> None:
        """The container's main process ends by itself."""
        with self._daemon.changed:
            self._daemon.end(self._daemon.find(container), code)

    def set_health(self, container: str, health: Health) -> None:
        """Its health check gives this verdict from now on."""
        with self._daemon.changed:
            record = self._daemon.find(container)
            record.behaviour = replace(record.behaviour, health=(health,))
            record.listings = 0
            if record.health is not health:
                record.health = health
                self._daemon.emit(f"health_status: {health}", record)

    def print_line(self, container: str, text: str, stream: str = "stdout", at: datetime | None = None) -> None:
        """The container prints a line, now or at a moment."""
        with self._daemon.changed:
            self._daemon.find(container).log.append(LogLine(stream, text, at or datetime.now(UTC)))
            self._daemon.changed.notify_all()

    def spec(self, container: str) -> ContainerSpec:
        """What a container was created from."""
        with self._daemon.changed:
            return self._daemon.find(container).spec

    # Ahead of every verb

    @contextlib.contextmanager
    def _call(self, verb: str, target: str) -> Iterator[FakeDaemon]:
        """A verb on a target: within this block the daemon is this call's alone."""
        self._begin(verb, target)
        with self._daemon.changed:
            yield self._daemon

    def _begin(self, verb: str, target: str) -> None:
        with self._daemon.changed:
            record = self._daemon.maybe(target)
            name = record.spec.name if record else target
            self.calls.append((verb, name))
            reachable = self.reachable and not self._closed
            failure = next((item for item in self._failures if item.strikes(verb, name)), None)
        if self.before is not None:
            self.before(verb, name)
        if not reachable:
            raise EngineUnavailable("no Docker daemon answers", hint="start Docker")
        if failure is not None:
            raise failure.error
