"""Which container a command means by the name that the manifest has for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.errors import InputError

if TYPE_CHECKING:
    from emulator.runtime.observed import Member, Observed


def find_container(observed: Observed, container: str, service: str | None) -> Member:
    """The running container of that name in the newest task that has one.

    Raises `InputError` where none runs, or where several services have one and none is chosen.
    """
    found = [
        (task, member)
        for task in observed.tasks.values()
        if service in (None, task.service)
        for member in task.members.values()
        if member.name == container and member.running
    ]
    services = sorted({task.service for task, _ in found})
    if len(services) > 1:
        raise InputError(f"{container} runs in {' and '.join(services)}", hint="choose a service with -n")
    if not found:
        names = sorted({m.name for t in observed.tasks.values() for m in t.members.values() if m.running})
        raise InputError(f"no container {container} is running", hint=f"running: {', '.join(names) or 'none'}")
    return max(found, key=lambda item: item[1].container.created)[1]
