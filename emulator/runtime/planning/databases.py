"""Operations that make databases and caches run."""

from __future__ import annotations

from emulator.engine.interface import ContainerState
from emulator.runtime.planning.stop_plan import DATABASE_STOP_TIMEOUT
from emulator.runtime.specs.databases.container import database_spec
from emulator.runtime.specs.databases.programs import PROGRAMS
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.names import Names, Role
from emulator.runtime.state.observed import Observed
from emulator.runtime.state.operations import Plan, Verb

START_TIMEOUT = 90
_RUNS = (ContainerState.RUNNING, ContainerState.RESTARTING)


def plan_databases(
    plan: Plan, state: DesiredState, observed: Observed, network: int | None, *, endpoint: int | None = None
) -> None:
    """Adds operations that make every database run. One that is not needed any more stays until `down`.

    Each is waited for and, after `endpoint`, the operation that makes the local AWS endpoint ready, given the account
    that the endpoint has for it.
    """
    environment = Names(state.app, state.environment)
    for database in state.databases:
        spec, what = database_spec(state, database), f"{database.program} {database.logical_id}"
        present = observed.databases.get(database.key)
        ready: list[int | None] = [network]
        if present is not None and present.labels.get(names.CONFIG_HASH) != spec.labels.get(names.CONFIG_HASH):
            cause = "its image or port changed"
            stop = plan.add(
                Verb.STOP_CONTAINER, present.name, cause, timeout=DATABASE_STOP_TIMEOUT, title=f"stop {what}"
            )
            ready.append(plan.add(Verb.REMOVE_CONTAINER, present.name, cause, [stop]))
            present = None
        if present is None:
            cause = f"{database.logical_id} is a database"
            if PROGRAMS[database.program].folder:
                labels = {**environment.labels(Role.VOLUME), names.DATA: what}
                volume = environment.database_volume(database.key)
                ready.append(plan.add(Verb.CREATE_VOLUME, volume, cause, labels=labels))
            ready = [plan.add(Verb.CREATE_CONTAINER, spec.name, cause, ready, spec=spec)]
        if present is None or present.state not in _RUNS:
            ready = [plan.add(Verb.START_CONTAINER, spec.name, what, ready, timeout=START_TIMEOUT)]
        waited = plan.add(
            Verb.AWAIT_DATABASE,
            spec.name,
            "services connect to it",
            ready,
            database=database,
            timeout=START_TIMEOUT,
            title=f"wait until {what} answers",
        )
        plan.add(Verb.GIVE_ACCOUNT, spec.name, "its user and password", [waited, endpoint], database=database)


def restart_databases(plan: Plan, state: DesiredState, observed: Observed) -> None:
    """Adds operations that start databases again which have ended, with the data and the account that they had. One
    whose container is gone is made by the next `up` alone, which may be about to replace it just now."""
    for database in state.databases:
        present = observed.databases.get(database.key)
        if present is not None and present.state not in (*_RUNS, ContainerState.CREATED):
            what = f"{database.program} {database.logical_id}"
            plan.add(Verb.START_CONTAINER, present.name, f"{what} ended", timeout=START_TIMEOUT, title=f"start {what}")
