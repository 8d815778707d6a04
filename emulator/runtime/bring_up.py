"""Brings up an environment that has no agent; what was made is removed again if something fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from emulator.engine.interface import ContainerSpec, ContainerState, Engine, File
from emulator.errors import Conflict, ContainerFailed, CopilotLocalError, EngineError, EnvironmentBusy, TaskError
from emulator.events import Emit, Event, EventKind, discard
from emulator.model import to_json
from emulator.runtime import names
from emulator.runtime.agent_spec import STATE_FILE, STATE_FOLDER, agent_spec
from emulator.runtime.control import Agent, Lease
from emulator.runtime.desired import DesiredState
from emulator.runtime.down import down, remove_all
from emulator.runtime.executor import Executor
from emulator.runtime.failed import container_failed
from emulator.runtime.front import FrontControl, front_spec
from emulator.runtime.join import agent_failed
from emulator.runtime.names import Role
from emulator.runtime.observed import Observed, observe
from emulator.runtime.reconcile import reconcile
from emulator.runtime.restart import may_restart
from emulator.runtime.running import Running, check_front, wait_healthy
from emulator.runtime.task_specs import task_factory
from emulator.runtime.up_request import UpRequest

REMOVAL = 0.3
STOPPED_AGENT = 3.0
"""Seconds for an agent that has stopped to be removed, or started again, after an error."""


class Bringup:
    """One such attempt. `agent_patience` is how many seconds the agent may take to answer."""

    def __init__(
        self,
        engine: Engine,
        request: UpRequest,
        state: DesiredState,
        observed: Observed,
        emit: Emit,
        cancelled: threading.Event,
        on_started: Callable[[ContainerSpec], None] | None,
        before_remove: Callable[[str], None] | None,
        agent_patience: float,
    ) -> None:
        self.engine = engine
        self.request = request
        self.names = request.environment
        self.state = state
        self.observed = observed
        self.emit = emit
        self.cancelled = cancelled
        self.on_started = on_started
        self.before_remove = before_remove
        self.agent_patience = agent_patience
        self.existing_volumes = frozenset(engine.list_volumes(self.names.labels()))

    def run(self) -> Running:
        """Makes everything run and returns it, still in charge of it. Raises the `CopilotLocalError` that says what
        failed; `EnvironmentBusy` where another command has the environment."""
        lease: Future[Lease] | None = None
        lock = ""
        pool = ThreadPoolExecutor(1, thread_name_prefix="agent")
        try:
            lock = self._lock()
            lease = pool.submit(self._start_agent, lock)
            self._execute()
            running = Running(self.engine, self.names, self.state, self._answer(lease), fresh=True)
            self._check_alive()
            if self.request.wait:
                wait_healthy(running, self.cancelled, self.request.settings.time.wait_timeout)
            return running
        except EnvironmentBusy:
            raise  # nothing of what is there is ours
        except BaseException as error:
            holder = self._holder(lock, error)
            if holder in ("", lock):
                self._clean_up()
            if holder != lock and isinstance(error, CopilotLocalError):
                raise TaskError(
                    f"{self.names.app}/{self.names.environment} was taken down by another command while it came up",
                    hint="run `copilot-local up` again",
                ) from error
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _holder(self, lock: str, error: BaseException) -> str:
        """The id of the environment's agent after an error: ours (`lock`, also where Docker does not say), that of
        somebody who came after us, or "" where it is gone."""
        ends = time.monotonic()
        if isinstance(error, EngineError | ContainerFailed):
            ends += REMOVAL  # what is being removed stops first: that is heard before it is gone from the listing
        while lock:
            try:
                agent = observe(self.engine, self.names).agent
            except CopilotLocalError:
                break
            if agent is None or agent.id != lock:
                return agent.id if agent is not None else ""
            lasts = 0.0 if agent.state in (ContainerState.CREATED, ContainerState.RUNNING) else STOPPED_AGENT
            if time.monotonic() > ends + lasts:
                break
            time.sleep(0.05)
        return lock

    def _lock(self) -> str:
        """Creates network, volumes and the agent; the agent's name is the environment's lock."""
        labels = self.names.labels
        if self.observed.agent is not None:
            self.engine.remove(self.observed.agent.id)  # dead: its name is no lock any more
        data = {**labels(Role.VOLUME), names.DATA: "logs"}
        with ThreadPoolExecutor(4) as pool:
            network = pool.submit(self.engine.ensure_network, self.names.network, labels(Role.NETWORK))
            volumes = [
                pool.submit(self.engine.ensure_volume, self.names.state_volume, labels(Role.VOLUME)),
                pool.submit(self.engine.ensure_volume, self.names.front_volume, labels(Role.VOLUME)),
                pool.submit(self.engine.ensure_volume, self.names.log_volume, data),
            ]
            network.result()
            for volume in volumes:
                volume.result()
        try:
            return self.engine.create_container(agent_spec(self.engine, self.names, self.state))
        except Conflict:
            raise EnvironmentBusy(
                f"another copilot-local command is bringing up {self.names.app}/{self.names.environment}",
                hint="wait for it, or run `copilot-local down`",
            ) from None

    def _start_agent(self, agent: str) -> Lease:
        self.engine.put_files(agent, STATE_FOLDER, [File(STATE_FILE, to_json(self.state))])
        self.engine.start(agent)
        try:
            return Agent(self.engine, self.names).hold(self.request.private, stays=self.request.foreground)
        except EngineError as error:
            raise agent_failed(self.engine, self.names, error.message) from error

    def _answer(self, lease: Future[Lease]) -> Lease:
        """What the agent answers, which it should have done by now."""
        try:
            return lease.result(self.agent_patience)
        except TimeoutError:
            raise agent_failed(self.engine, self.names, f"no answer within {self.agent_patience:g} s") from None

    def _execute(self) -> None:
        factory = task_factory(self.state, self.request.private, self.engine)
        result = reconcile(factory, self.observed, front_spec(self.state), network_exists=True)
        front = FrontControl(self.names)
        front.use(self.state, self.request.private.certificates)
        executor = Executor(
            self.engine,
            self.names,
            front,
            self.emit,
            cancelled=self.cancelled,
            on_started=self.on_started,
            drain_image=self.state.agent_image,
        )
        executor.run(result.plan)

    def _check_alive(self) -> None:
        """An essential container that exited at once is a failed start, not a running task."""
        observed = observe(self.engine, self.names)
        check_front(self.engine, observed)
        if self.request.foreground:
            return  # whoever stays sees it exit, and shows what it printed
        for task in observed.tasks.values():
            for member in task.members.values():
                if member.essential and member.started and not member.running and not may_restart(member):
                    raise container_failed(
                        self.engine, member, "an essential container of the task has to keep running"
                    )

    def _clean_up(self) -> None:
        """After a failure, of which whoever asked hears whatever happens here: removes what was made, or retains it."""
        try:
            if self.request.retain:
                self.engine.remove(self.names.agent)  # it would take charge, and replace what is to be looked at
                what = "kept as it is; `copilot-local down` removes it"
                self.emit(Event(EventKind.INFO, self.names.app, what))
                return
            agent = self.state.agent_image
            before_remove = self.before_remove
            down(self.engine, self.names, discard, timeout=2, before_remove=before_remove, agent_image=lambda: agent)
            remove_all(self.engine, self.names, volumes=True, keep=self.existing_volumes, drain_image=agent)
        except CopilotLocalError as error:
            what = f"not everything could be removed; `copilot-local down` tries again: {error}"
            self.emit(Event(EventKind.WARNING, self.names.app, what))
