"""What a restarted agent takes back: private values stand in no file, but in the containers that were given them; and
what the one before it left."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable

from emulator.engine.interface import Engine
from emulator.errors import CopilotLocalError
from emulator.events import Emit, Event, EventKind, discard
from emulator.runtime.execution.context import Cancelled
from emulator.runtime.execution.executor import Executor
from emulator.runtime.state.desired import DesiredState, Private
from emulator.runtime.state.names import TASK, Names
from emulator.runtime.state.observed import Observed, Task, observe
from emulator.runtime.state.operations import Plan, Verb

log = logging.getLogger(__name__)

LOST = "its secrets are gone, run up again"


def recover_private(
    engine: Engine, state: DesiredState, observed: Observed, *, exact: bool = False
) -> tuple[Private, set[str]]:
    """The private values of every service, and the services for which some are nowhere any more. `exact`: only tasks
    that are made as it is desired are looked at."""
    private = Private()
    lost: set[str] = set()
    for name, desired in state.services.items():
        if not any(desired.private_names.values()):
            continue
        wanted = desired.accepted_hashes()
        tasks = [task for task in observed.tasks_of(name) if not exact or task.config_hash in wanted]
        found = _from_tasks(engine, desired.private_names, tasks)
        if found is None:
            lost.add(name)
        else:
            private.services[name] = found
    return private, lost


def remove_left_volumes(engine: Engine, environment: Names) -> None:
    """Removes the volumes of tasks that are gone: the agent before this one may have died before it came to them, and
    no later plan knows of them."""
    volumes = engine.list_volumes(environment.labels())
    tasks = observe(engine, environment).tasks
    for volume, labels in volumes.items():
        if labels.get(TASK, "") not in ("", *tasks):
            engine.remove_volume(volume)


class Leftovers:
    """What the steps of plans have begun to stop, and what they could not remove."""

    def __init__(self) -> None:
        self.told_to_stop: set[str] = set()
        """Names of containers; no restart policy starts them again."""
        self._volumes: set[str] = set()
        """Names of volumes, and ids of tasks whose volumes they are."""

    def note(self, event: Event) -> None:
        """Takes an event of a plan."""
        operation = event.fields.get("operation")
        if event.kind is EventKind.STEP_STARTED and operation == Verb.STOP_CONTAINER:
            self.told_to_stop.add(str(event.fields["object"]))
        elif event.kind is EventKind.STEP_DONE and operation == Verb.REMOVE_CONTAINER:
            self.told_to_stop.discard(str(event.fields["object"]))
        elif event.kind is EventKind.STEP_FAILED and operation == Verb.REMOVE_VOLUME:
            self._volumes.add(str(event.fields["object"]))

    def remove(self, executor: Callable[[Emit], Executor]) -> None:
        """Tries again to remove what is left. Raises nothing: what still fails is tried at the next call."""
        left, self._volumes = self._volumes, set()
        for subject in left:
            plan = Plan()
            plan.add(Verb.REMOVE_VOLUME, subject, "its task is gone")
            try:
                executor(discard).run(plan)
            except (CopilotLocalError, Cancelled) as error:
                log.warning("%s has volumes that are not removed yet: %s", subject, error)
                self._volumes.add(subject)


def _from_tasks(engine: Engine, wanted: dict[str, list[str]], tasks: list[Task]) -> dict[str, dict[str, str]] | None:
    """The values of one service, from the first container of each name that still has them; None if one has not."""
    found: dict[str, dict[str, str]] = {}
    for container, variables in wanted.items():
        for task in tasks:
            member = task.members.get(container)
            if member is None:
                continue
            # Inspecting a container whose log driver is stuck runs into the deadline: then another task may have them.
            with contextlib.suppress(CopilotLocalError):
                present = engine.variables(member.container.name)
                if all(variable in present for variable in variables):
                    found[container] = {variable: present[variable] for variable in variables}
                    break
        if variables and container not in found:
            return None
    return found
