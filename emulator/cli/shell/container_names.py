"""Which container a command means by the name that the manifest has for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.errors import InputError, UsageError
from emulator.spelling import did_you_mean

if TYPE_CHECKING:
    from emulator.runtime.state.observed import Member, Observed


_START = "start it with `copilot-local up -d`; -a and -e choose another environment"


def find_container(observed: Observed, container: str, service: str | None) -> Member:
    """The running container of that name, or SERVICE/NAME as `logs` shows it, in the newest task that has one.

    Raises `InputError` where none runs, or where several services have one and none is chosen.
    """
    named, _, container = container.rpartition("/")
    if named and service not in (None, named):
        raise UsageError(f"-n {service} and {named}/{container} are two services", hint="leave one of them out")
    service = named or service
    found = [
        (task, member)
        for task in observed.tasks.values()
        if service in (None, task.service)
        for member in task.members.values()
        if member.name == container and member.running
    ]
    services = sorted({task.service for task, _ in found})
    if len(services) > 1:
        raise InputError(
            f"{container} runs in {' and '.join(services)}",
            hint=f"choose a service with -n, or write {services[0]}/{container}",
        )
    if not found:
        refuse_unknown_service(observed, service)
        mine = [task for task in observed.tasks.values() if service in (None, task.service)]
        running = {member.name for task in mine for member in task.members.values() if member.running}
        where = f" in {service}" if service else ""
        if not any(member.running for task in observed.tasks.values() for member in task.members.values()):
            raise InputError(f"no container {container} is running{where}: nothing is", hint=_START)
        raise InputError(
            f"no container {container} is running{where}", hint=did_you_mean(container, running, "running")
        )
    return max(found, key=lambda item: item[1].container.created)[1]


def refuse_unknown_service(observed: Observed, service: str | None) -> None:
    """Raises `InputError` for the name of a service that has no task here, where others have."""
    known = {task.service for task in observed.tasks.values()}
    if service is not None and known and service not in known:
        raise InputError(f"{service} does not run here", hint=did_you_mean(service, known, "services that run"))


def refuse_native(member: Member) -> None:
    """Raises `InputError` for a main container that a program of this machine runs in place of."""
    from emulator.runtime.state.names import NATIVE

    if NATIVE in member.container.labels:
        raise InputError(
            f"the program of {member.name} runs on this machine (up --native), not in a container",
            hint=f"`copilot-local env {member.name}` prints its variables",
        )
