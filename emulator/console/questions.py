"""What the page asks once: answers are made by the functions that the commands print from."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Final

from emulator.engine.interface import Engine
from emulator.errors import CopilotLocalError, InputError
from emulator.frontdoor.routing.explain import asked_balancer, explain
from emulator.frontdoor.routing.export import as_json, rules_as_json
from emulator.redaction import redact_forms, sounds_secret
from emulator.runtime.control.client import Agent, agent_of
from emulator.runtime.reports.stored_state import stored_state
from emulator.runtime.specs.load_balancer import all_options
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import Member, Task, observe

HERE: Final = "127.0.0.1"
Body = Mapping[str, Any]


class Questions:
    """Asks one environment."""

    def __init__(self, engine: Engine, environment: Names) -> None:
        self._engine = engine
        self._names = environment

    @property
    def agent(self) -> Agent:
        """The agent. Raises InputError where the environment does not run."""
        return agent_of(self._engine, self._names)

    def explain(self, body: Body) -> dict[str, object]:
        """What `route --format json` prints, of the rules that run, and each rule's place in its manifest.

        `body`: `method`, `url`, and where they are given `headers` (pairs) and `from`. Raises `UsageError` for what is
        no URL, `InputError` where nothing runs.
        """
        services = [desired.service for desired in self._state().services.values()]
        method, url = _text(body, "method", "GET").upper(), _text(body, "url", "/")
        headers = pairs_of(body)
        options = all_options(self._state())
        host = next((value for name, value in headers if name.lower() == "host"), "")
        balancer = asked_balancer(services, f"http://{host}" if host and url.startswith("/") else url, options)
        found = explain(services, method, url, headers, _text(body, "from", HERE), options[balancer])
        return {**as_json(found), "placed": rules_as_json(services)}

    def task(self, task_id: str) -> dict[str, object]:
        """DescribeTasks' `Task`, and of each of its containers what it waited for and how its health checks went."""
        task = self._task(task_id)
        described = [one for one in self.agent.tasks() if one["taskArn"].rpartition("/")[2] == task.id]
        return {
            "task": described[0] if described else None,
            "id": task.id,
            "service": task.service,
            "revision": task.revision,
            "containers": {name: self._container(member) for name, member in task.members.items()},
        }

    def variables(self, task_id: str, container: str) -> dict[str, str | None]:
        """The variables of a container. None stands for the value of a secret, and for what sounds like one."""
        task = self._task(task_id)
        member = task.members.get(container)
        if member is None:
            raise InputError(f"task {task.short_id} has no container {container}")
        desired = self._state().services.get(task.service)
        private = None if desired is None else desired.private_names.get(container, [])
        found = self._engine.variables(member.container.name)
        return {
            name: None if private is None or name in private or sounds_secret(name) else redact_forms(value)
            for name, value in sorted(found.items())
        }

    def docker_name(self, task_id: str, container: str) -> str:
        """The Docker name of a container of a task. Raises InputError where there is none."""
        member = self._task(task_id).members.get(container)
        if member is None or not member.running:
            raise InputError(f"no container {container} runs in task {task_id[:8]}")
        return member.container.name

    def _container(self, member: Member) -> dict[str, object]:
        container = member.container
        probes: list[dict[str, object]] = []
        with contextlib.suppress(CopilotLocalError):  # one whose log driver is stuck cannot be inspected
            probes = [
                {"at": probe.ended.isoformat(), "exit_code": probe.exit_code, "output": redact_forms(probe.output)}
                for probe in self._engine.health_log(container.name)
            ]
        return {
            "docker_name": container.name,
            "image": container.image,
            "essential": member.essential,
            "role": member.role,
            "status": container.status,
            "created": container.created.isoformat(),
            "waits_for": [{"container": name, "condition": condition} for name, condition in member.dependencies],
            "given_up": member.given_up,
            "health_log": probes,
        }

    def _task(self, task_id: str) -> Task:
        found = observe(self._engine, self._names).tasks.get(task_id)
        if found is None:
            raise InputError(f"task {task_id[:8]} does not run any more")
        return found

    def _state(self) -> DesiredState:
        return state_of(self._engine, self._names)


def state_of(engine: Engine, environment: Names) -> DesiredState:
    """What should run. Raises InputError where nothing does."""
    state = stored_state(engine, environment)
    if state is None:
        raise InputError(f"{environment.app}/{environment.environment} is not running")
    return state


def services_of(body: Body) -> list[str]:
    """The services that a body names. Raises InputError."""
    services = body.get("services") or []
    if not isinstance(services, list) or not all(isinstance(name, str) for name in services):
        raise InputError("services are a list of names")
    return services


def pairs_of(body: Body) -> list[tuple[str, str]]:
    """The headers of a body as pairs. Raises InputError where they are none."""
    headers = body.get("headers") or []
    if not isinstance(headers, list) or not all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair) for pair in headers
    ):
        raise InputError("headers are a list of [name, value]")
    return [(pair[0], pair[1]) for pair in headers]


def _text(body: Body, name: str, default: str) -> str:
    value = body.get(name) or default
    if not isinstance(value, str):
        raise InputError(f"{name} is a text")
    return value
