"""`up --watch`: stays with an environment and makes it follow the files it is made from.

A changed build context builds that image and replaces that container where it is; a changed manifest, settings or
variables file is planned and applied as a difference; a `[[sync]]` rule copies files and builds nothing. What cannot be
applied is reported, and the running tasks stay as they are.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from emulator.engine.interface import Engine
from emulator.errors import CopilotLocalError, ExitCode, Finding, FindingsError, Severity
from emulator.events import Emit, Event, EventKind
from emulator.runtime.control.client import Agent
from emulator.runtime.execution.context import Cancelled
from emulator.runtime.images.resolver import ImageResolver, resolver_of
from emulator.runtime.lifecycle.contention import Turns
from emulator.runtime.lifecycle.foreground import STILL_RUNNING
from emulator.runtime.lifecycle.join import provision
from emulator.runtime.lifecycle.prepare import prepare, refuse_unsupported_in
from emulator.runtime.lifecycle.provide import provide
from emulator.runtime.lifecycle.running import Running, taken_down
from emulator.runtime.lifecycle.up import FIRST_MOMENTS, up
from emulator.runtime.listeners.port_choice import with_ports
from emulator.runtime.planning.up_request import UpRequest, asked_ports, log_subjects
from emulator.runtime.reports.follow import Death, EnvironmentFollower
from emulator.runtime.state.desired import DesiredState, Private
from emulator.runtime.state.observed import Member, observe
from emulator.runtime.watch.changes import FileChanges
from emulator.runtime.watch.files import WatchedBuild, WatchedFiles, WatchedSync
from emulator.runtime.watch.sync import copy

Reload = Callable[[], UpRequest]
"""Reads settings and manifests again. Raises the `CopilotLocalError` that says what is wrong with them."""

TICK = 0.25
"""Seconds that the loop waits for changes at a time."""
LOOK_EVERY = 8
"""Ticks between two looks whether anything runs still."""
WATCHED_WITHIN = 5.0
"""Seconds that the system has to begin to tell of changes before it is said that they are watched for."""
SETTLES_WITHIN = 10.0
"""Seconds within which an end of a new container is put down to the change that made it."""


def run_watch(
    engine: Engine,
    request: UpRequest,
    reload: Reload,
    emit: Emit,
    *,
    extra_files: Sequence[Path] = (),
    interrupted: threading.Event,
    killed: threading.Event,
    joined: threading.Event | None = None,
    owned: bool = False,
    held: threading.Event | None = None,
) -> int:
    """Brings an environment up, follows its files until interrupted, takes it down; returns the exit code.

    Where the environment ran before, `joined` is set, and it is left running, unless it is `owned`: this command itself
    has brought it up. While `held` is set, changes are kept for later. Raises `TaskError` where another command took it
    down.

    An essential container that exits does not end it: the agent replaces its task, and the next change may mend it.
    """
    watch = Watch(engine, request, reload, emit, extra_files)
    subjects = log_subjects(request)
    follower = EnvironmentFollower(
        *(engine, request.environment, emit, subjects, watch.container_started, watch.container_died),
        show_router=request.show_router,
    )
    if not owned and observe(engine, request.environment).agent is not None:
        where = f"{request.environment.app}/{request.environment.environment}"
        emit(Event(EventKind.INFO, where, "runs already: Ctrl-C will end this command and leave it running"))
    follower.start()
    follower.wait()
    try:
        running = up(engine, request, emit, cancelled=interrupted, before_remove=follower.finish)
        running.hand_over()
        running.fresh |= owned
        if not running.fresh and joined is not None:
            joined.set()
        watch.run(running, interrupted, held or threading.Event())
        if not interrupted.is_set():
            raise taken_down(request.environment)
        if running.fresh:
            emit(Event(EventKind.INFO, request.environment.app, "stopping"))
            if not running.end(emit, killed, follower.finish):
                raise taken_down(request.environment)
        else:
            emit(Event(EventKind.INFO, request.environment.app, STILL_RUNNING))
    except Cancelled:
        return ExitCode.INTERRUPTED
    finally:
        watch.close()
        follower.close()
    return ExitCode.INTERRUPTED


class Watch:
    """The files of an environment, and what is done when they change. Watches from when it is made."""

    def __init__(
        self, engine: Engine, request: UpRequest, reload: Reload, emit: Emit, extra_files: Sequence[Path] = ()
    ) -> None:
        self._engine = engine
        self._request = request
        self._reload = reload
        self._emit = emit
        self._extra_files = extra_files
        self._agent = Agent(engine, request.environment)
        self._state: DesiredState | None = None
        self._synced: dict[WatchedSync, set[Path]] = {}
        """What was copied since the watch began: a container that starts anew gets it again."""
        self._started: queue.Queue[tuple[str, str]] = queue.Queue()
        self._applied: set[str] = set()
        """Ids of the containers that were there once the last change was applied: others may be of what it mends."""
        self._deaths: queue.Queue[Death] = queue.Queue()
        self._private = request.private
        """The private values that were last applied."""
        self._unsure: set[str] = set()
        """The services that could not be applied last: what runs of them is not known."""
        self._unsettled = ""
        """The services of the last change, in words, until it failed."""
        self._settled_at = 0.0
        self._several = len(request.services) > 1
        self._files, self._changes = self._watch(request)

    def subject(self, service: str, container: str) -> str:
        """What lines of a container are prefixed with: its name; with its service's where several run."""
        return f"{service}/{container}" if self._several else container

    def container_started(self, container: str, service: str, name: str) -> None:
        """Called from another thread."""
        del container
        self._started.put((service, name))

    def container_died(self, death: Death) -> None:
        """Called from another thread."""
        self._deaths.put(death)

    def close(self) -> None:
        """Stops watching."""
        try:
            self._changes.close()
        finally:
            self._agent.close()

    def run(self, running: Running, interrupted: threading.Event, held: threading.Event) -> None:
        """Applies changes until interrupted, or until nothing of the environment is left. Keeps them while `held`."""
        self._state = running.state
        app = running.environment.app
        self._changes.await_start(WATCHED_WITHIN)
        self._emit(Event(EventKind.INFO, app, running.ready(", watching for changes")))
        running.tell_trust(self._emit)
        ticks = 0
        kept: set[Path] = set()
        while not interrupted.is_set():
            ticks += 1
            try:
                # First: where nothing is left, all that follows may fail each time.
                if ticks % LOOK_EVERY == 0 and not observe(self._engine, running.environment).containers:
                    return
                self._agent.connect_ahead()
                self._copy_again()
                self._fails(0)
                kept.update(self._changes.next(TICK))
                if kept and not held.is_set():
                    changed, kept = kept, set()
                    self.step(changed)
            except CopilotLocalError as error:
                self._report("watch", error)
                interrupted.wait(TICK)

    def step(self, paths: Collection[Path]) -> None:
        """Makes the environment follow these changed files."""
        self._emit(Event(EventKind.INFO, "watch", f"{self._briefly(paths)} changed"))
        changes = self._files.sort(paths)
        routers = {(s.name, router.name) for s in self._request.services if (router := s.task_definition.log_router)}
        if changes.configuration or any((build.service, build.container) in routers for build in changes.builds):
            # A router's image holds configuration that the whole task depends on.
            self._reconfigure(changes.configuration)
        elif changes.builds:
            self._rebuild(changes.builds)
        for sync, files in changes.syncs.items():
            self._synced.setdefault(sync, set()).update(files)
            self._sync(sync, files)

    def _reconfigure(self, paths: Collection[Path]) -> None:
        """Reads everything again and applies the difference."""
        began = time.monotonic()
        try:
            request = self._reload()
            refuse_unsupported_in(request, self._emit)
            files, changes = self._watch(request)
            self._changes.close()
            self._request, self._files, self._changes = request, files, changes
            state = prepare(self._engine, request, self._emit)
            observed = observe(self._engine, request.environment)
            state = with_ports(state, asked_ports(request), observed, frozenset())
            state, private = self._provide(request, state)
            self._request = replace(request, private=private)
            if state == self._present and private == self._private and not self._unsure:
                self._emit(Event(EventKind.INFO, self._shown(paths), "what runs is as it says already"))
            else:
                self._apply(state, began)
        except CopilotLocalError as error:
            self._report(self._shown(paths), error)

    def _provide(self, request: UpRequest, state: DesiredState) -> tuple[DesiredState, Private]:
        never = threading.Event()
        with provision(self._engine, request.environment, Turns(self._engine, request.environment, self._emit, never)):
            observed = observe(self._engine, request.environment)
            return provide(self._engine, request, state, observed, self._emit, never)

    def _rebuild(self, builds: Sequence[WatchedBuild]) -> None:
        """Builds these images, and replaces the containers whose image is another one then."""
        began = time.monotonic()
        resolver = self._resolver(self._request)
        try:
            with ThreadPoolExecutor(4, thread_name_prefix="build") as pool:
                images = list(pool.map(lambda build: resolver.build(build.spec), builds))
        except CopilotLocalError as error:
            self._report("build", error)
            return
        services = dict(self._present.services)
        changed = set()
        for build, image in zip(builds, images, strict=True):
            desired = services[build.service]
            if desired.options.images.get(build.container) != image or build.service in self._unsure:
                services[build.service] = desired.with_options(
                    images={**desired.options.images, build.container: image}
                )
                changed.add(build.service)
        if not changed:
            names = ", ".join(self.subject(build.service, build.container) for build in builds)
            self._emit(Event(EventKind.INFO, names, "the image is the same as before"))
            return
        try:
            self._apply(self._present.model_copy(update={"services": services}), began, changed)
        except CopilotLocalError as error:
            self._report("replace", error)

    def _apply(self, state: DesiredState, began: float, services: Collection[str] | None = None) -> None:
        """Sends what should run (of `services` only) to the agent, and waits until it runs."""
        chosen = {name: d for name, d in state.services.items() if services is None or name in services}
        only = state.model_copy(update={"services": chosen})
        values = {name: v for name, v in self._request.private.services.items() if name in chosen}
        private = self._request.private.model_copy(update={"services": values})
        before, known = self._present.services, self._private.services
        other = [name for name, d in chosen.items() if d != before.get(name) or values.get(name) != known.get(name)]
        self._unsettled = names = ", ".join(other or chosen)
        self._unsure.update(chosen)
        self._agent.apply(only, private, self._emit, in_place=True)
        self._state = state
        if services is None:
            self._private, self._unsure = self._request.private, set()
        else:
            self._private = private.model_copy(update={"services": {**known, **values}})
            self._unsure.difference_update(chosen)
        self._applied = self._ids()
        seconds = round(time.monotonic() - began, 3)
        self._settled_at = time.monotonic() + SETTLES_WITHIN
        if not self._fails(FIRST_MOMENTS):
            self._emit(Event(EventKind.INFO, names, f"the change runs, after {seconds:.1f} s", {"seconds": seconds}))

    def _fails(self, seconds: float) -> bool:
        """Whether an essential container of the last change ends within these seconds, or did; reports the first."""
        until = time.monotonic() + seconds
        if time.monotonic() > self._settled_at:
            self._unsettled = ""
        while True:
            try:
                death = self._deaths.get(timeout=max(until - time.monotonic(), 0.001))
            except queue.Empty:
                return False
            if self._unsettled and self._is_essential(death) and death.id in self._applied | self._ids():
                who = self.subject(death.service, death.container)
                last = f" (its last line: {death.last})" if death.last else ""
                what = f"the change does not run: {who} exited with code {death.code}{last}"
                self._emit(Event(EventKind.WARNING, self._unsettled, what))
                self._unsettled = ""
                return True

    def _ids(self) -> set[str]:
        return {container.id for container in observe(self._engine, self._request.environment).containers}

    def _is_essential(self, death: Death) -> bool:
        services = (service for service in self._request.services if service.name == death.service)
        containers = (c for service in services for c in service.task_definition.container_definitions)
        return any(c.essential for c in containers if c.name == death.container)

    def _sync(self, sync: WatchedSync, files: Collection[Path]) -> None:
        began = time.monotonic()
        subject = f"sync {self.subject(sync.service, sync.container)}"
        self._emit(Event(EventKind.STEP_STARTED, subject))
        try:
            count = copy(self._engine, sync, self._members(sync), files)
        except CopilotLocalError as error:
            self._report(subject, error)
            return
        where = "" if count == 1 else f" into {count} tasks"
        what = next(iter(files)).name if len(files) == 1 else f"{len(files)} files"
        seconds = round(time.monotonic() - began, 3)
        self._emit(Event(EventKind.STEP_DONE, subject, f"{what}{where}", {"seconds": seconds}))

    def _copy_again(self) -> None:
        """Gives a container that started anew the files that its image does not have yet."""
        while True:
            try:
                started = self._started.get_nowait()
            except queue.Empty:
                return
            for sync, files in self._synced.items():
                if (sync.service, sync.container) == started:
                    self._sync(sync, files)

    def _members(self, sync: WatchedSync) -> list[Member]:
        tasks = observe(self._engine, self._request.environment).tasks_of(sync.service)
        return [task.members[sync.container] for task in tasks if sync.container in task.members]

    def _watch(self, request: UpRequest) -> tuple[WatchedFiles, FileChanges]:
        files = WatchedFiles(request, self._resolver(request).sources, self._extra_files)
        changes = FileChanges(files.folders(), files.flat_folders(), files.concerns)
        changes.start()
        return files, changes

    def _resolver(self, request: UpRequest) -> ImageResolver:
        return resolver_of(self._engine, request, self._emit)

    @property
    def _present(self) -> DesiredState:
        assert self._state is not None
        return self._state

    def _shown(self, paths: Collection[Path]) -> str:
        root = self._request.workspace
        return ", ".join(str(path.relative_to(root) if path.is_relative_to(root) else path) for path in sorted(paths))

    def _briefly(self, paths: Collection[Path]) -> str:
        """Up to three of the files."""
        first = sorted(paths)[:3]
        more = f" and {len(paths) - len(first)} more" if len(paths) > len(first) else ""
        return f"{self._shown(first)}{more}"

    def _report(self, subject: str, error: CopilotLocalError) -> None:
        """Tells of something that could not be applied."""
        for event in failure_events(subject, error):
            self._emit(event)
        self._emit(Event(EventKind.INFO, self._request.environment.app, "the running tasks stay as they are"))


def failure_events(subject: str, error: CopilotLocalError) -> list[Event]:
    """An error as events: what failed, the findings or last lines it carries, the hint."""
    if isinstance(error, FindingsError):
        return [event for finding in error.findings for event in _finding_events(finding)]
    events = [Event(EventKind.STEP_FAILED, subject, str(error))]
    events += [Event(EventKind.INFO, "", f"  {line}") for line in error.output]
    return [*events, *_hint(error.hint)]


def _finding_events(finding: Finding) -> list[Event]:
    if finding.severity is Severity.WARNING:
        return []  # told when it came up; only what stops us is news
    what = f"{finding.path}: {finding.message}" if finding.path else finding.message
    failed = Event(EventKind.STEP_FAILED, str(finding.position or ""), f"{what} [{finding.code}]")
    return [failed, *_hint(finding.hint)]


def _hint(hint: str) -> list[Event]:
    return [Event(EventKind.INFO, "hint", hint)] if hint else []
