"""Cuts a task off from others, and slows down what leaves it: inside the task's own network namespace."""

from __future__ import annotations

import contextlib
import ipaddress
import secrets
import time
from collections.abc import Iterator, Sequence

from emulator.engine.interface import Container, ContainerSpec, ContainerState, Engine
from emulator.errors import CopilotLocalError, InputError, TaskError
from emulator.runtime.specs.limits import NO_NEW_PRIVILEGES, OWN_PIDS
from emulator.runtime.state.names import Names, sealed
from emulator.runtime.state.observed import observe

TC_TIMEOUT = 20.0
BURST = 4000
"""Bytes that may leave at once under a limited rate: two full packets."""
_QUEUE = "10s"
"""How long a packet may wait under a limited rate before it is dropped."""


def running_pauses(engine: Engine, environment: Names, service: str) -> list[Container]:
    """The owners of the network of a service's running tasks. Raises `InputError` where there is none."""
    tasks = observe(engine, environment).tasks_of(service)
    found = [task.pause for task in tasks if task.pause is not None and task.pause.state is ContainerState.RUNNING]
    if not found:
        raise InputError(f"no task of {service} is running", hint="give the name of a service that runs")
    return found


@contextlib.contextmanager
def partition(engine: Engine, environment: Names, service: str, other: str | None) -> Iterator[None]:
    """Within this block nothing passes between the tasks of a service and those of another (None: everybody).

    Packets vanish, as they do where a network is split: a client that waits for an answer runs into a timeout.
    Only tasks that run when the block begins are cut off.
    """
    cut: list[tuple[str, str]] = []
    try:
        for pause in running_pauses(engine, environment, service):
            for route in _everybody(pause, environment) if other is None else _tasks_of(engine, environment, other):
                _route(engine, pause.name, "add", route)
                cut.append((pause.name, route))
        yield
    finally:
        for pause_name, route in cut:
            with contextlib.suppress(CopilotLocalError):  # its task is gone, and its network with it
                _route(engine, pause_name, "del", route)


def _everybody(pause: Container, environment: Names) -> list[str]:
    """Halves of the network and of the rest of the world: more specific than the routes that are there."""
    attachment = pause.attachments[environment.network]
    network = ipaddress.ip_network(f"{pause.addresses[environment.network]}/{attachment.prefix_length}", strict=False)
    return [*(str(half) for half in network.subnets()), "0.0.0.0/1", "128.0.0.0/1"]


def _tasks_of(engine: Engine, environment: Names, service: str) -> list[str]:
    return [f"{pause.addresses[environment.network]}/32" for pause in running_pauses(engine, environment, service)]


def _route(engine: Engine, pause: str, verb: str, route: str) -> None:
    result = engine.exec(pause, ("ip", "route", verb, "blackhole", route))
    if result.exit_code != 0:
        raise TaskError(f"cannot {verb} the route that cuts off {route}: {result.stderr.decode(errors='replace')}")


@contextlib.contextmanager
def slow(
    engine: Engine, environment: Names, image: str, service: str, delay: float | None, rate: int | None
) -> Iterator[None]:
    """Within this block what leaves the tasks of a service comes `delay` seconds later, at `rate` bytes a second.

    `image` has `tc`. Raises `InputError` where neither is given, or where the kernel that Docker runs on cannot.
    """
    if delay is None and rate is None:
        raise InputError("slow needs a delay or a rate", hint='slow("api", delay=0.5) or slow("api", rate=10_000)')
    slowed: list[str] = []
    try:
        for pause in running_pauses(engine, environment, service):
            failure = _tc(engine, environment, image, pause.name, ("add", *_discipline(delay, rate)))
            if "qdisc kind is unknown" in failure:
                raise InputError(
                    "the kernel that Docker runs on cannot delay packets: it lacks sch_netem",
                    hint="load it (`modprobe sch_netem`), or give a rate in place of a delay",
                )
            if failure:
                raise TaskError(f"the network of {service} cannot be slowed down: {failure}")
            slowed.append(pause.name)
        yield
    finally:
        for name in slowed:
            with contextlib.suppress(CopilotLocalError):  # its task is gone
                _tc(engine, environment, image, name, ("del",))


def _discipline(delay: float | None, rate: int | None) -> tuple[str, ...]:
    if delay is None:
        return ("tbf", "rate", f"{rate}bps", "burst", f"{BURST}b", "latency", _QUEUE)
    limited = () if rate is None else ("rate", f"{rate}bps")
    return ("netem", "delay", f"{round(delay * 1000)}ms", *limited)


def _tc(engine: Engine, environment: Names, image: str, pause: str, words: Sequence[str]) -> str:
    """Runs `tc` in a task's network, in a container that may do nothing else. Returns what it complains of."""
    verb, *discipline = words
    name = f"{environment.prefix}-tc-{secrets.token_hex(4)}"
    spec = ContainerSpec(
        name=name,
        image=image,
        labels=sealed(environment.labels()),
        entrypoint=("tc",),
        command=("qdisc", verb, "dev", "eth0", "root", *discipline),
        network=f"container:{pause}",
        cap_drop=("ALL",),
        cap_add=("NET_ADMIN",),
        security_options=NO_NEW_PRIVILEGES,
        pids_limit=OWN_PIDS,
    )
    try:
        engine.create_container(spec)
        engine.start(name)
        code = _exit_code(engine, environment, name)
        printed = " ".join(line.text for line in engine.logs(name))
        return "" if code == 0 else printed or f"exit code {code}"
    finally:
        engine.remove(name)


def _exit_code(engine: Engine, environment: Names, name: str) -> int:
    deadline = time.monotonic() + TC_TIMEOUT
    while time.monotonic() < deadline:
        for row in engine.list_containers(environment.labels()):
            if row.name == name and row.state is ContainerState.EXITED:
                return row.exit_code or 0
        time.sleep(0.05)
    raise TaskError(f"tc did not end within {TC_TIMEOUT:g} s")
