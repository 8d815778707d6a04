"""Acquires an environment that has no agent: creates its network, volumes and agent in the background.

The agent's container name is the environment's lock. The agent takes a moment until it listens; meanwhile the command
reads manifests, finds images and decides what to do. So this imports no model.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import TYPE_CHECKING

from emulator.engine.interface import Engine, File
from emulator.errors import Conflict, CopilotLocalError, EngineError, EnvironmentBusy
from emulator.runtime.control import direct
from emulator.runtime.control.client import Agent, Lease
from emulator.runtime.control.leases import close_when_made
from emulator.runtime.specs.agent import STATE_FILE, STATE_FOLDER, agent_spec, empty_state, idle_agent_spec
from emulator.runtime.specs.log_store import agent_volumes, data_volumes
from emulator.runtime.state import names
from emulator.runtime.state.names import Names, Role
from emulator.runtime.state.observed import Observed

if TYPE_CHECKING:
    from emulator.runtime.state.desired import DesiredState, Private


class Claim:
    """The attempt of one command to acquire an environment; begins at once. One that fails removes what it has made.

    `image` returns the agent's image. `stays` says that the command holds the environment as long as it runs. `state`
    is the desired state where it is known already: where something runs, the agent needs it from its start.
    """

    def __init__(
        self,
        engine: Engine,
        environment: Names,
        observed: Observed,
        image: Callable[[], str],
        *,
        stays: bool,
        state: DesiredState | None = None,
    ) -> None:
        self.engine = engine
        self.names = environment
        self.existing_volumes: frozenset[str] = frozenset()
        """Those that are not this command's to remove; known once the agent is created."""
        self.left: list[str] = []
        """What Docker did not give up after a failure, a sentence each."""
        self.observed = observed
        """What ran before."""
        self._stays = stays
        self._state = state
        self._kept = False
        self._undone = True
        self._id = uuid.uuid4().hex
        self._pool = ThreadPoolExecutor(12, thread_name_prefix="claim")
        self._image = self._pool.submit(image)
        self._info = self._pool.submit(engine.info)  # the daemon starts programs to describe itself
        self._lock = self._pool.submit(self._make_alone)
        self._lease = self._pool.submit(self._start)

    def image(self) -> str:
        """The agent's image; waits until it is known."""
        return self._image.result()

    def lock(self) -> str:
        """The id of the agent, once it is created. Raises `EnvironmentBusy` where another command holds the
        environment, and the `CopilotLocalError` that kept it from being created: then nothing is there to take back."""
        return self._lock.result()

    def give(self, state: DesiredState, private: Private) -> Future[Lease]:
        """Sends the desired state to the agent. The future holds the lease, once the agent has answered."""

        def tell() -> Lease:
            lease = self._lease.result()
            lease.begin(state, private)
            return lease

        return self._pool.submit(tell)

    def keep_lease(self) -> None:
        """Leaves the lease to the caller, who ends it: `close` does not."""
        self._kept = True

    def close(self) -> None:
        """Stops waiting, and ends the lease unless it is kept; what was created stays."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        if not self._kept:
            close_when_made(self._lease)

    def _make_alone(self) -> str:
        """Looks, creates and removes without another command in between: what is found meanwhile is no other's."""
        with direct.alone(self.names):
            self.existing_volumes = frozenset(self.engine.list_volumes(self.names.labels()))
            try:
                return self._make()
            except EnvironmentBusy:
                raise  # nothing of what is there is ours
            except BaseException:
                self._undo()
                raise

    def undo_rest(self) -> None:
        """Removes, after a failure, what stayed because another container was there: it may have been one in which this
        command read an image meanwhile."""
        if not self._undone:
            with direct.alone(self.names):
                self._undo()

    def _undo(self) -> None:
        """Removes what was made. Where something else runs, network and volumes are what that lives in."""
        from emulator.runtime.lifecycle.down import remove_all

        try:
            found = self.engine.list_containers(self.names.labels())
            ours = [container for container in found if container.labels.get(names.CLAIM) == self._id]
            for container in ours:  # Docker may create one, and answer too late
                self.engine.remove(container.id)
            self._undone = len(ours) == len(found)
            if self._undone:
                direct.remove_folder(self.names)
                self.left = remove_all(self.engine, self.names, volumes=True, keep=self.existing_volumes)
        except CopilotLocalError as error:
            self.left = [not_removed(error)]

    def _make(self) -> str:
        """Creates network, volumes and the agent; creating the agent acquires the environment."""
        if self.observed.agent is not None:
            self.engine.remove(self.observed.agent.id)  # dead: its name is no lock any more
        labels = self.names.labels(Role.NETWORK)
        network = self._pool.submit(self.engine.ensure_network, self.names.network, labels)
        wanted = {**agent_volumes(self.names), **data_volumes(self.names)}
        volumes = [self._pool.submit(self.engine.ensure_volume, *volume) for volume in wanted.items()]
        wait(volumes)  # all of them: none is to come up when others are taken back already
        network.result()
        for volume in volumes:
            volume.result()
        folder = direct.make_folder(self.names, self._info.result())
        if self._state is None:
            spec = idle_agent_spec(self.engine, self.names, self._image.result(), folder)
        else:
            spec = agent_spec(self.engine, self.names, self._state, folder)
        try:
            made = self.engine.create_container(replace(spec, labels={**spec.labels, names.CLAIM: self._id}))
        except Conflict:
            raise EnvironmentBusy(
                f"another copilot-local command is bringing up {self.names.app}/{self.names.environment}",
                hint="wait for it, or run `copilot-local down`",
            ) from None
        if self._state is not None or self.names.state_volume in self.existing_volumes:
            # An agent that died without `down` has left there what it had to run.
            self.engine.put_files(made, STATE_FOLDER, [File(STATE_FILE, self._first_state())])
        return made

    def _first_state(self) -> bytes:
        if self._state is None:
            return empty_state(self.names, self._image.result())
        from emulator.model import to_json

        return to_json(self._state)

    def _start(self) -> Lease:
        """Starts the agent and takes charge: until it is told more, others wait for their turn."""
        self.engine.start(self._lock.result())
        try:
            return Agent(self.engine, self.names).hold(stays=self._stays)
        except EngineError as error:
            from emulator.runtime.lifecycle.join import agent_failed

            raise agent_failed(self.engine, self.names, error.message) from error


def not_removed(error: CopilotLocalError) -> str:
    """A sentence for a roll-back that Docker has ended."""
    return f"not everything could be removed; `copilot-local down` tries again: {error}"
