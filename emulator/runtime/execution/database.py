"""Waits for a database, and gives it its user, password and first database."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from emulator.engine.interface import ContainerState, ExecResult
from emulator.errors import ContainerFailed, EngineError, EngineTimeout, EngineUnavailable
from emulator.events import Event, EventKind
from emulator.runtime.execution.context import Execution
from emulator.runtime.health.container_failure import LAST_LINES, last_lines
from emulator.runtime.specs.aws.endpoint import parse_position
from emulator.runtime.specs.databases.account import account
from emulator.runtime.specs.databases.programs import NOT_YET, PROGRAMS
from emulator.runtime.state.database import DesiredDatabase
from emulator.runtime.state.operations import Operation

_GAP = 0.05
_WITH_USERS = ("postgres", "mysql", "mariadb")


def await_database(execution: Execution, operation: Operation) -> None:
    """Waits until a database answers inside its container; tells which program it is, where that is another than the
    template asks for. Raises `ContainerFailed` with its log as soon as it has ended, or is not ready in time."""
    database = operation.database
    assert database is not None
    deadline = time.monotonic() + operation.timeout
    while True:
        try:
            said = _ask(execution, operation.subject, PROGRAMS[database.program].wait)
        except EngineTimeout:  # the machine is busy: that says nothing of the database
            said = ExecResult(NOT_YET, b"", b"")
        if said is None or said.exit_code not in (0, NOT_YET):
            raise _failed(execution, operation.subject, database, "ended before it was ready")
        if said.exit_code == 0:
            break
        if time.monotonic() > deadline:
            raise _failed(execution, operation.subject, database, f"was not ready within {operation.timeout} s")
        execution.pause(_GAP)
    running = said.stdout.decode(errors="replace").strip()
    if runs := difference(database, running):
        execution.emit(Event(EventKind.INFO, database.logical_id, f"{runs} ({database.position})"))


def give_account(execution: Execution, operation: Operation, answer: Mapping[str, Any]) -> None:
    """Gives a database the account that the local AWS endpoint answered. Raises `ContainerFailed`."""
    database = operation.database
    assert database is not None
    known = answer.get("databases", {}).get(database.key)
    given = account(database.program, known) if known is not None else None
    if given is None:
        return
    if database.program in _WITH_USERS and not given.password:
        what = "its template gives no password, as where it is made from a snapshot"
        execution.warn(database.logical_id, f"{what}: it is empty, and nothing can log in ({database.position})")
    execution.engine.put_files(operation.subject, given.folder, given.files)
    said = _ask(execution, operation.subject, given.script)
    if said is None or said.exit_code != 0:
        output = b"" if said is None else said.stdout + said.stderr
        lines = output.decode(errors="replace").splitlines()[-LAST_LINES:]
        raise ContainerFailed(
            f"{database.logical_id}: the database does not take its user and password",
            container=database.logical_id,
            output=[line.replace(given.password, "***") if given.password else line for line in lines],
        )


def difference(database: DesiredDatabase, running: str) -> str:
    """A sentence where another program, or another major version, runs than the template asks for; else empty."""
    name, _, version = running.partition(" ")
    alike = name.lower().startswith(database.program)
    if alike and (not database.major or f"{version}.".startswith(f"{database.major}.")):
        return ""
    return f"{f'{database.engine} {database.version}'.strip()} is asked for, {running} runs here"


def _ask(execution: Execution, container: str, script: str) -> ExecResult | None:
    """None where the container does not run. Raises `EngineTimeout` where nothing is said in a minute."""
    try:
        return execution.engine.exec(container, ("sh", "-c", script), timeout=60)
    except (EngineTimeout, EngineUnavailable):
        raise
    except EngineError:  # in what words a daemon refuses depends on the moment at which the container ended
        if _runs(execution, container):
            raise
        return None


def _runs(execution: Execution, container: str) -> bool:
    found = execution.engine.list_containers(execution.names.labels())
    return any(one.name == container and one.state is ContainerState.RUNNING for one in found)


def _failed(execution: Execution, container: str, database: DesiredDatabase, why: str) -> ContainerFailed:
    failed = ContainerFailed(
        f"{database.logical_id}: the {database.program} database {why}",
        container=database.logical_id,
        output=last_lines(execution.engine, container, LAST_LINES),
        hint=f"it runs on {database.image}: [backing] in copilot-local.toml names another image; data that does not "
        "fit goes with `copilot-local down -v`",
    )
    failed.position = parse_position(database.position)
    return failed
