"""Everything about an environment that helps to find a bug, as texts by path, without its secrets.

Each part is taken for itself: one that cannot be had is named among the problems, and the rest is there all the same.
"""

from __future__ import annotations

import contextlib
import json
import platform
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial

from emulator import __version__
from emulator.engine.interface import Container, Engine
from emulator.errors import CopilotLocalError, NotFound
from emulator.frontdoor.haproxy.configuration import CONFIGURATION_FILE
from emulator.frontdoor.options import FOLDER as FRONT_FOLDER
from emulator.model import to_plain
from emulator.runtime.control.client import Agent
from emulator.runtime.reports.redact import Redactor, secrets_of, sounds_secret
from emulator.runtime.reports.stored_state import stored_state
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.names import Names, Role
from emulator.runtime.state.observed import Observed, observe

LAST_LINES = 2000
"""Of each container."""
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_PLACEHOLDERS = ("local", "test")
"""Keys of endpoints on this machine: no secrets, and parts of many a text (`localhost`)."""
ROUTER_FILES = ("/fluent-bit/etc/fluent-bit.conf", "/fluentd/etc/fluent.conf")


@dataclass(slots=True)
class Bundle:
    """Texts by path, the problems in getting them, and what takes the secrets out of further ones."""

    redactor: Redactor
    texts: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add(self, path: str, read: Callable[[], str]) -> None:
        """Takes a part in, if it can be had; empty ones are left out."""
        try:
            text = read()
        except (CopilotLocalError, OSError, LookupError, ValueError) as error:
            self.problems.append(self.redactor(f"{path}: {error}"))
            return
        if text:
            self.texts[path] = self.redactor(text)


def collect(engine: Engine, environment: Names, known: Iterable[tuple[str, str]] = ()) -> Bundle:
    """The bundle of an environment as it is. `known` are secrets, by name, besides those of the containers.

    Raises `EngineUnavailable` where no daemon answers.
    """
    observed = observe(engine, environment)
    state = stored_state(engine, environment)
    bundle = Bundle(Redactor([*known, *_known(engine, state, observed)]))
    bundle.add("versions.json", lambda: _versions(engine))
    bundle.add("containers.json", lambda: _json([_row(container) for container in observed.containers]))
    if state is None:
        bundle.problems.append("the agent's state cannot be read: no agent, or one without a state yet")
    else:
        bundle.add("desired.json", lambda: _json(to_plain(state)))
    agent = Agent(engine, environment)
    if observed.agent is not None:
        bundle.add("status.json", lambda: _json(agent.status()))
        bundle.add("tasks.json", lambda: _json({"tasks": agent.tasks()}))
        bundle.add("events.ndjson", lambda: _lines(json.dumps(event) for event in agent.task_events(follow=False)))
    for front in observed.fronts:
        bundle.add(f"{front.labels[names.ROLE]}/{CONFIGURATION_FILE}", partial(_front_file, engine, front.name))
    for container in observed.containers:
        _of_container(bundle, engine, container)
    return bundle


def _of_container(bundle: Bundle, engine: Engine, container: Container) -> None:
    role = container.labels.get(names.ROLE, "")
    task = container.labels.get(names.TASK, "")[:8]
    where = "/".join(filter(None, (container.labels.get(names.SERVICE, ""), task)))
    name = container.labels.get(names.CONTAINER) or role
    bundle.add(f"logs/{where or 'environment'}/{name}.log", lambda: _lines(_printed(engine, container)))
    if role == Role.ROUTER:
        bundle.add(f"routers/{where}.conf", lambda: _router_file(engine, container))


def _front_file(engine: Engine, container: str) -> str:
    return engine.read_file(container, f"{FRONT_FOLDER}/{CONFIGURATION_FILE}").decode()


def _router_file(engine: Engine, container: Container) -> str:
    for path in ROUTER_FILES:
        with contextlib.suppress(NotFound):
            return engine.read_file(container.name, path).decode(errors="replace")
    raise LookupError(f"no configuration at {' or '.join(ROUTER_FILES)}")


def _printed(engine: Engine, container: Container) -> Iterator[str]:
    for line in engine.logs(container.name, tail=LAST_LINES):
        yield f"{line.timestamp.isoformat() if line.timestamp else ''} {line.stream} {line.text}"


def secrets_of_environment(engine: Engine, environment: Names) -> list[tuple[str, str]]:
    """Every secret that containers hold, by name, and what sounds like one."""
    return list(_known(engine, stored_state(engine, environment), observe(engine, environment)))


def _known(engine: Engine, state: DesiredState | None, observed: Observed) -> Iterator[tuple[str, str]]:
    found = _secrets(engine, state, observed)
    return ((name, value) for name, value in found if not (name in _KEYS and value in _PLACEHOLDERS))


def _secrets(engine: Engine, state: DesiredState | None, observed: Observed) -> Iterator[tuple[str, str]]:
    """Name and value of each private variable, and of those in the clear that sound like one.

    Where the state is gone, every variable of every container counts as private.
    """
    for desired in state.services.values() if state else ():
        yield from secrets_of(desired.service)
    for task in observed.tasks.values():
        known = state.services.get(task.service) if state else None
        for member in task.members.values():
            private = known.private_names.get(member.name, []) if known else None
            variables: Mapping[str, str] = {}
            # Inspecting a container whose log driver is stuck runs into the deadline.
            with contextlib.suppress(CopilotLocalError):
                variables = engine.variables(member.container.name)
            for name, value in variables.items():
                if private is None or name in private or sounds_secret(name) or "://" in value:
                    yield name, value


def _versions(engine: Engine) -> str:
    return _json(
        {
            "copilot-local": __version__,
            "python": sys.version,
            "platform": platform.platform(),
            "docker": {**asdict(engine.info()), "host": engine.info().host.partition("://")[0]},
        }
    )


def _row(container: Container) -> dict[str, object]:
    return {**asdict(container), "labels": dict(container.labels)}


def _json(content: object) -> str:
    return json.dumps(content, indent=2, default=str, ensure_ascii=False) + "\n"


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
