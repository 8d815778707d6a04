"""Makes and starts a container: once its log router listens, and with the limits that the daemon can give."""

from __future__ import annotations

import time
import weakref
from dataclasses import replace
from functools import partial

from emulator.engine.interface import ContainerSpec, Engine
from emulator.errors import (
    CopilotLocalError,
    EngineError,
    EngineTimeout,
    EngineUnavailable,
    LogDriverNotReady,
    TaskError,
)
from emulator.runtime.execution.context import Execution
from emulator.runtime.execution.daemon_quirks import has_low_limit, remember_low_limit
from emulator.runtime.execution.trace_receiver import wait_for_receiver
from emulator.runtime.health.container_failure import container_failed
from emulator.runtime.planning.dependencies import NeverStarts, cannot_start
from emulator.runtime.specs.aws.names import wait_for_names, wait_for_relay
from emulator.runtime.specs.egress import open_reason
from emulator.runtime.specs.kernel_parameters import refused_parameter
from emulator.runtime.specs.limits import BELOW_PAUSE, below
from emulator.runtime.state import names
from emulator.runtime.state.conventions import NO_FILE, NO_IPV6
from emulator.runtime.state.observed import observe
from emulator.runtime.state.operations import Operation

SOCKET_POLL = 0.05
"""Seconds between two tries to start a container whose log router does not listen yet."""
RLIMIT_REFUSED = "error setting rlimit"
"""In runc's words: the daemon may not raise a limit that high."""
_OPEN = (
    "the network cannot be closed to the log router here: {}. Its configuration alone keeps records on this machine; "
    "what programs or plugins of its image send by themselves is not stopped"
)
_LOWERED: weakref.WeakSet[Engine] = weakref.WeakSet()
"""Daemons that refused Fargate's limit once: they are not asked again."""
_LOOKED_AT: weakref.WeakSet[Engine] = weakref.WeakSet()
"""Daemons whose containers were looked at for what another process, such as a command, has found out."""


class ContainerStarter:
    """Creates and starts the containers of one plan."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self.engine = execution.engine
        self.names = execution.names
        self._ids: dict[str, str] = {}
        """Container name to id, of what was made here."""
        self._made: dict[str, ContainerSpec] = {}
        self._made_anew: set[str] = set()
        """Names of containers that were made a second time, to be startable."""
        self._told_of_limit = False

    def create(self, operation: Operation) -> None:
        """Creates a container and puts its files into it. Raises `EngineError`."""
        assert operation.spec is not None
        spec = operation.spec
        if self._has_low_limit():
            spec = _with_lower_limit(spec)
        if spec.cgroup_parent == BELOW_PAUSE and spec.network:
            # The name that says whose network it joins is that of its pause.
            spec = replace(spec, cgroup_parent=below(self._id_of(spec.network.removeprefix("container:"))))
        self._ids[spec.name] = self.engine.create_container(spec)
        self._made[spec.name] = spec
        for folder, files in operation.files:
            self.engine.put_files(operation.spec.name, folder, files)

    def _id_of(self, name: str) -> str:
        """The id of a container that was made here, or that was there before."""
        if name not in self._ids:
            self._ids |= {container.name: container.id for container in observe(self.engine, self.names).containers}
        return self._ids[name]

    def start(self, operation: Operation) -> None:
        """Starts a container, again and again until its log router listens or the operation's time is over.

        Raises `ContainerFailed` where the router has exited, `TaskError` where it never listens, `NeverStarts` where
        Docker refuses a container that its task can do without, `EngineError` where it refuses another.
        """
        deadline = time.monotonic() + operation.timeout
        lowered = rejoined = False
        if operation.spec is not None and (reason := open_reason(self.engine, operation.spec)):
            self._execution.warn(operation.spec.labels.get(names.SERVICE, ""), _OPEN.format(reason))
        if operation.spec is not None:
            wait_for_names(self.engine, operation.spec)
        if operation.router:
            from emulator.runtime.execution.router_outputs import verify_outputs

            find_task = partial(self._execution.task, operation.task_id)
            for problem in verify_outputs(self.engine, find_task, operation.timeout, self._execution.pause):
                self._execution.warn("log router", f"it goes on without what it rejects: {problem}")
        while True:
            try:
                self.engine.start(operation.subject)
                break
            except LogDriverNotReady as error:
                # The daemon's own answer is the readiness check: the router has not opened its socket yet.
                task = self._execution.task(operation.task_id)
                if task is not None and (router := task.router) is not None and router.ended:
                    raise container_failed(
                        self.engine, router, "the log router exited before it opened its socket"
                    ) from error
                if time.monotonic() > deadline:
                    raise TaskError(
                        f"the log router did not open its socket within {operation.timeout} s",
                        hint="`copilot-local firelens config` shows what it runs on",
                    ) from error
                self._execution.pause(SOCKET_POLL)
            except EngineError as error:
                if self._create_without_parameter(operation, error):
                    continue
                if not rejoined and operation.spec is not None and self._lost_its_pause(operation.spec, error):
                    rejoined = True
                    self.engine.remove(operation.spec.name)
                    self.create(operation)
                    continue
                if lowered or operation.spec is None or RLIMIT_REFUSED not in str(error):
                    if isinstance(error, (EngineTimeout, EngineUnavailable)) or not _may_fail(operation):
                        raise
                    raise self.give_up(operation, error.message, error) from error
                lowered = True
                self._create_with_lower_limit(operation, operation.spec)
        if operation.spec is not None:
            wait_for_receiver(self.engine, operation.spec)
        if (made := self._made.get(operation.subject)) is not None:
            wait_for_relay(self.engine, made)

    def give_up(self, operation: Operation, reason: str, error: CopilotLocalError) -> CopilotLocalError | NeverStarts:
        """Leaves a mark in place of a container that will not start; returns what that means for its task."""
        assert operation.spec is not None
        spec, why = operation.spec, cannot_start(reason)
        self.engine.remove(spec.name)
        self.create(replace(operation, spec=replace(spec, labels={**spec.labels, names.GIVEN_UP: why}), files=()))
        if not _may_fail(operation):
            error.hint = error.hint or f"ECS says: {why}"
            return error
        subject = f"{spec.labels.get(names.SERVICE, '')}/{spec.labels.get(names.CONTAINER, '')}"
        message = f"it never starts: {error.message}. It is not essential, so its task goes on without it"
        self._execution.warn(subject, message)
        return NeverStarts(spec.labels.get(names.CONTAINER, ""), reason, error)

    def _lost_its_pause(self, spec: ContainerSpec, error: EngineError) -> bool:
        """Whether a container was made to join the network of a pause that was made anew since: Docker keeps its id."""
        pause = (spec.network or "").partition("container:")[2]
        return pause in self._made_anew and "No such container" in error.message

    def _create_without_parameter(self, operation: Operation, error: EngineError) -> bool:
        """Makes the container anew without a kernel parameter that is not here; False where the error is another one.
        Where a value is refused, the error says so in the end."""
        made = self._made.get(operation.subject)
        refused = refused_parameter(error.message, made.sysctls) if made is not None else None
        if made is None or refused is None:
            return False
        if not refused.missing:
            value = made.sysctls[refused.name]
            error.message = f"the kernel does not take {value!r} for {refused.name}: {refused.reason}"
            error.hint = "correct the value in SystemControls of the task definition"
            return False
        # A kernel without IPv6 has nothing to be switched off.
        if refused.name != NO_IPV6:
            message = f"{refused.name} of systemControls is skipped: this machine does not let a task set it"
            self._execution.warn(made.labels.get(names.SERVICE, ""), f"{message} ({refused.reason})")
        rest = {name: value for name, value in made.sysctls.items() if name != refused.name}
        self.engine.remove(made.name)
        self._made_anew.add(made.name)
        self.create(replace(operation, spec=replace(made, sysctls=rest)))
        return True

    def _create_with_lower_limit(self, operation: Operation, spec: ContainerSpec) -> None:
        """Makes the container anew with an open-file limit that a daemon may give which cannot raise its own."""
        self._made_anew.add(spec.name)
        self.engine.remove(spec.name)
        self.create(replace(operation, spec=_with_lower_limit(spec)))
        if self.engine not in _LOWERED:
            _LOWERED.add(self.engine)
            remember_low_limit(self.engine.info())
            self._tell_of_limit()

    def _has_low_limit(self) -> bool:
        """Whether it is known of this daemon that it cannot give Fargate's open-file limit: from a file that commands
        keep, or, for the agent, from the containers of others."""
        if self.engine not in _LOWERED and (has_low_limit(self.engine.info()) or self._others_have()):
            _LOWERED.add(self.engine)
        return self.engine in _LOWERED

    def _others_have(self) -> bool:
        if self.engine in _LOOKED_AT:
            return False
        _LOOKED_AT.add(self.engine)
        return bool(self.engine.list_containers({names.LOW_LIMIT: ""}))

    def _tell_of_limit(self) -> None:
        """When it is found out of a daemon, not at every start: several containers may find it out at the same time."""
        if not self._told_of_limit:
            self._told_of_limit = True
            message = f"this Docker daemon cannot give containers Fargate's open-file limit; they get {NO_FILE.hard}"
            self._execution.warn("nofile", message)


def _with_lower_limit(spec: ContainerSpec) -> ContainerSpec:
    limits = tuple(
        NO_FILE if limit.name == NO_FILE.name and limit.hard > NO_FILE.hard else limit for limit in spec.ulimits
    )
    lowered = {} if limits == spec.ulimits else {names.LOW_LIMIT: str(NO_FILE.hard)}
    return replace(spec, ulimits=limits, labels={**spec.labels, **lowered})


def _may_fail(operation: Operation) -> bool:
    """Whether a task goes on without the container that an operation starts."""
    return operation.spec is not None and operation.spec.labels.get(names.ESSENTIAL) == "false"
