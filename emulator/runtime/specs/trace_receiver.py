"""What runs in the place of a collector of traces, and why it is there first.

What SDKs send before something listens is lost: X-Ray's datagrams at once, OpenTelemetry's exports within seconds; and
X-Ray's samples by its own rule for five minutes then. So the receiver starts before the other containers of its task,
whatever the order of the manifest is, and ends after them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from emulator.ecs.task_definition import ContainerDefinition
from emulator.engine.interface import ContainerSpec, File, HealthCheckSpec
from emulator.events import Emit, Event, EventKind
from emulator.firelens.routing import find_router, routed_containers
from emulator.runtime.specs.limits import NO_NEW_PRIVILEGES, OWN_PIDS
from emulator.runtime.specs.pause_script import UNPRIVILEGED
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredService, DesiredState
from emulator.settings_traces import LocalCollector
from emulator.traces.collectors import CONTENT, DAEMON_FILE

_BARE = (
    "/usr/bin/env",
    "-i",
    "PATH=/usr/local/bin:/usr/bin:/bin",
    "PYTHONPATH=/opt/copilot-local/site:/opt/copilot-local",
)
_RUN = (*_BARE, "PYTHONUNBUFFERED=1", "python3", "-S", "-m", "emulator.traces.receiver")
_KEYS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}


def with_receiver_images(services: dict[str, DesiredService], agent_image: str) -> dict[str, DesiredService]:
    """Services whose captured collectors run from the agent's image."""
    for desired in services.values():
        for name, collector in desired.options.collectors.items():
            if collector.policy == "capture":
                desired.options.images[name] = agent_image
    return services


def captured(desired: DesiredService) -> list[str]:
    """The collectors of a service in whose place a receiver runs."""
    return [name for name, one in desired.options.collectors.items() if one.policy == "capture"]


def with_receivers(
    desired: DesiredService, container: ContainerDefinition, dependencies: list[tuple[str, str]]
) -> list[tuple[str, str]]:
    """What a container waits for: the receivers too, but for a receiver, which waits for its log router alone, and for
    what that router waits for."""
    receivers = captured(desired)
    if not receivers:
        return dependencies
    definition = desired.service.task_definition
    router = find_router(definition)
    name = router.container.name if router is not None else ""
    if container.name in receivers:
        return [one for one in dependencies if one[0] == name]
    routed = {one.name for one in routed_containers(definition)} if router is not None else set()
    first = _closure(desired, name) if routed & set(receivers) else set()
    if container.name in first:
        return dependencies
    named = {dependency for dependency, _ in dependencies}
    return [*dependencies, *((one, "START") for one in receivers if one not in named)]


def _closure(desired: DesiredService, container: str) -> set[str]:
    """A container and everything that it waits for."""
    needs: Mapping[str, list[str]] = {
        one.name: [dependency.container_name for dependency in one.depends_on]
        for one in desired.service.task_definition.container_definitions
    }
    found, todo = set(), [container]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += needs.get(name, [])
    return found


def collector_member(member: ContainerSpec, name: str, collector: LocalCollector) -> ContainerSpec:
    """The container of a collector as it runs here."""
    labels = {**member.labels, names.TRACES: collector.policy}
    if collector.policy == "live":
        return replace(member, labels=labels)
    if collector.policy == "real":
        given = {CONTENT: collector.configuration} if collector.program != "daemon" else {}
        return replace(member, labels=labels, environment={**_KEYS, **member.environment, **given})
    health = member.health_check
    if health is not None and health.test[:1] != ("NONE",):
        health = replace(health, test=("CMD", *_RUN, "check"))
    return replace(
        member,
        labels=labels,
        entrypoint=_RUN,
        command=(name, str(collector.rate), *map(str, collector.without)),
        user=f"{UNPRIVILEGED}:{UNPRIVILEGED}",
        working_directory="/",
        health_check=health or HealthCheckSpec(("NONE",)),
        init=True,
        read_only=True,
        tmpfs={**member.tmpfs, "/tmp": "size=1m,mode=1777,noexec,nosuid,nodev"},
        cap_add=(),
        cap_drop=("ALL",),
        security_options=NO_NEW_PRIVILEGES,
        pids_limit=OWN_PIDS,
    )


def collector_files(collector: LocalCollector | None) -> tuple[tuple[str, tuple[File, ...]], ...]:
    """Files of a collector that runs itself, by folder."""
    if collector is None or collector.policy != "real" or collector.program != "daemon":
        return ()
    folder, _, name = DAEMON_FILE.rpartition("/")
    return ((folder, (File(name, collector.configuration.encode()),)),)


def check_collectors(state: DesiredState, policies: Mapping[str, str], emit: Emit) -> None:
    """Says of every collector whose traces leave this machine, and of a policy that no collector answers to."""
    known: set[str] = set()
    for name, desired in state.services.items():
        known |= desired.options.collectors.keys()
        for container, collector in desired.options.collectors.items():
            if collector.policy == "live":
                emit(Event(EventKind.WARNING, name, f"traces of {container} leave this machine, as deployed"))
    for unknown in sorted(policies.keys() - known - {"*"}):
        listed = ", ".join(sorted(known)) or "none"
        emit(Event(EventKind.WARNING, "traces", f"no collector is called {unknown}; those there are: {listed}"))
