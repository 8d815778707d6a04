"""Names on the command line that nothing here has."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.errors import CopilotLocalError, InputError, UsageError
from emulator.files import read_text

if TYPE_CHECKING:
    from emulator.engine.interface import Engine
    from emulator.runtime.state.names import Names
    from emulator.runtime.state.observed import Observed


def unknown(kind: str, name: str, known: Collection[str], where: str) -> UsageError:
    """The error for a name that is not among the known ones: with the one that was probably meant, or all there are."""
    from emulator.spelling import closest

    meant = closest(name, known)
    listed = ", ".join(sorted(known)) or "none"
    return UsageError(
        f"no {kind} {name} in {where}", hint=f"did you mean {meant}?" if meant else f"{kind}s there: {listed}"
    )


def service_names(chosen: Iterable[str]) -> list[str]:
    """Services as they are chosen, a manifest's path as the name of its folder."""
    found = []
    for name in chosen:
        path = Path(name)
        folder = path.parent if path.suffix in (".yml", ".yaml") else path
        found.append(folder.resolve().name if "/" in name or path.suffix in (".yml", ".yaml") else name)
    return found


def log_names(chosen: Sequence[str]) -> tuple[list[str], list[str]]:
    """The services and the containers (none: all) that names choose which are written as `logs` prefixes lines:
    `SERVICE/CONTAINER`, beside services and manifests' paths.

    Raises `UsageError` for different containers of different services, and for a task's id between the two.
    """
    wanted: dict[str, set[str]] = {}
    for name in chosen:
        service, _, container = name.partition("/")
        if not container or _is_path(name):
            [service], container = service_names([name]), ""
        elif "/" in container:
            raise UsageError(f"{name}: logs are not chosen by task", hint=f"{service}/{container.rpartition('/')[2]}")
        wanted.setdefault(service, set()).add(container)
    choices = list(wanted.values())
    if any(choice != choices[0] or ("" in choice and len(choice) > 1) for choice in choices):
        raise UsageError(
            f"{' '.join(chosen)}: different containers of different services",
            hint="one service at a time, or `-c` for containers of every service",
        )
    return list(wanted), sorted(choices[0] - {""}) if choices else []


def meant_as_containers(observed: Observed, chosen: Sequence[str]) -> bool:
    """Whether all names are containers' and none is a service's."""
    there = {task.service for task in observed.tasks.values()}
    return bool(chosen) and not there & {*chosen} and {*chosen} <= container_names(observed, ())


def _is_path(name: str) -> bool:
    path = Path(name)
    return path.exists() or path.suffix in (".yml", ".yaml") or not name[0].isalnum() or name.startswith("copilot/")


def check_services(engine: Engine, environment: Names, observed: Observed, chosen: Sequence[str]) -> list[str]:
    """The chosen services that have no container, though they exist. Raises `UsageError` for one that does not."""
    there = {task.service for task in observed.tasks.values()}
    idle = [name for name in chosen if name not in there]
    if not idle:
        return []
    known = {*there, *_in_workspace(), *_of_the_agent(engine, environment, observed)}
    for name in idle:
        if name in known:
            continue
        where = f"{environment.app}/{environment.environment}"
        error = unknown("service", name, known, where)
        if name in container_names(observed, ()):
            error.hint = f"{name} is a container: `copilot-local logs -c {name}`"
        raise error
    return idle


def check_containers(observed: Observed, services: Sequence[str], chosen: Sequence[str], others: Iterable[str]) -> None:
    """Raises `UsageError` for a chosen container that no task of these services (none: all) has, nor `others`. Where
    nothing of them runs, none can be told to be wrong."""
    known = {*container_names(observed, services), *others}
    for name in chosen:
        if known and name not in known:
            raise unknown("container", name, known, ", ".join(services) or "any task that runs")


def container_names(observed: Observed, services: Sequence[str]) -> set[str]:
    """The names of the containers of these services' tasks (none: all)."""
    tasks = [task for task in observed.tasks.values() if not services or task.service in services]
    proxies = {proxy.name for task in tasks if (proxy := task.proxy_member)}
    return {name for task in tasks for name in task.members} | proxies


def _in_workspace() -> Iterable[str]:
    from emulator.workspace import find_workspace

    with contextlib.suppress(CopilotLocalError, OSError):
        return find_workspace(Path.cwd()).services
    return ()


def _of_the_agent(engine: Engine, environment: Names, observed: Observed) -> Iterable[str]:
    from emulator.runtime.control.client import Agent

    if observed.agent is not None:
        with contextlib.suppress(CopilotLocalError):
            services: Iterable[str] = Agent(engine, environment).status()["services"]
            return services
    return ()


def logs_that_stay(engine: Engine, environment: Names, observed: Observed) -> str:
    """How the logs are read that `down` left; empty where something of it is there, or none are kept."""
    if observed.containers or environment.log_volume not in engine.list_volumes(environment.labels()):
        return ""
    return (
        "its logs are kept: after the next `copilot-local up -d`, `logs --previous` shows what containers printed, "
        "`logs --routed` what log routers delivered"
    )


def refuse_after_down(engine: Engine, environment: Names, observed: Observed) -> None:
    """Raises `InputError` for logs that are kept and that no agent can read now."""
    if kept := logs_that_stay(engine, environment, observed):
        raise InputError(f"{environment.app}/{environment.environment} is not running", hint=kept)


def why_idle(engine: Engine, environment: Names, observed: Observed, service: str) -> str:
    """What is said of a service of which nothing runs: that it has stopped, or was never started."""
    from emulator.runtime.control.client import Agent

    where = f"{environment.app}/{environment.environment}"
    tasks: list[dict[str, object]] = []
    if observed.agent is not None:
        with contextlib.suppress(CopilotLocalError):
            tasks = Agent(engine, environment).tasks(service)
    reason = f" ({tasks[-1]['stoppedReason']})" if tasks and tasks[-1].get("stoppedReason") else ""
    state = f"has stopped in {where}{reason}" if tasks else f"does not run in {where}"
    if _is_job(service):
        before = f"`copilot-local logs {service} --previous` has what it printed, " if tasks else ""
        return f"job {service} {state}: {before}`copilot-local run {service}` runs it and shows its logs"
    return f"{service} {state}: `copilot-local up -d {service}` starts it"


def _is_job(service: str) -> bool:
    from emulator.workspace import find_workspace

    with contextlib.suppress(CopilotLocalError, OSError, ValueError):
        text = read_text(find_workspace(Path.cwd()).manifest_path(service))
        return re.search(r"(?m)^type:\s*['\"]?Scheduled Job\b", text) is not None
    return False
