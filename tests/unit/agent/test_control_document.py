"""docs/reference/control-api.yaml says what the agent does: every request of the client and every answer fits it."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml
from jsonschema import Draft202012Validator

from emulator.agent.api.server import ROUTES
from emulator.ecs.job import JobSchedule
from emulator.engine.interface import File
from emulator.errors import CopilotLocalError
from emulator.events import discard
from emulator.runtime.control import direct
from emulator.runtime.control import http as control_http
from emulator.runtime.state.desired import DesiredService, Private
from emulator.settings import LocalOptions
from tests.unit.agent.rig import Rig
from tests.unit.runtime.world import DEMO, desired_state, make_service

DOCUMENT: dict[str, Any] = yaml.load(
    (Path(__file__).parents[3] / "docs" / "reference" / "control-api.yaml").read_text(encoding="utf-8"),
    yaml.CSafeLoader,
)
OPERATIONS = {
    (method.upper(), f"/v1{path}"): operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}


def check(content: object, schema: dict[str, Any]) -> None:
    Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(content)


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """What a reference within the document stands for."""
    if "$ref" not in node:
        return node
    found: Any = DOCUMENT
    for name in node["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    assert isinstance(found, dict)
    return found


def test_it_has_every_request_that_the_agent_answers_and_no_other() -> None:
    assert set(OPERATIONS) == set(ROUTES)


class Watched(control_http.Connection):
    """A connection whose requests and answers are checked against the document."""

    seen: set[tuple[str, str]] = set()  # noqa: RUF012 - of the whole test

    def ask(self, data: bytes) -> Iterator[dict[str, Any]]:
        head, _, body = data.partition(b"\r\n\r\n")
        method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
        url = urlsplit(target)
        self.seen.add((method, url.path))
        self.operation = OPERATIONS[method, url.path]
        content = self.operation.get("requestBody", {}).get("content", {})
        if body:
            check(json.loads(body), content["application/json"]["schema"])
        else:
            assert not self.operation.get("requestBody", {}).get("required")
        known = {resolved(parameter)["name"] for parameter in self.operation.get("parameters", [])}
        assert {name for name, _ in parse_qsl(url.query)} <= known
        yield from super().ask(data)

    def _line(self) -> bytes:
        line = super()._line()
        if match := re.match(rb"HTTP/1.1 (\d+)", line):
            self.answer = resolved(self.operation["responses"][match[1].decode()])
        elif line.startswith(b"{"):
            [media] = self.answer["content"].values()
            check(json.loads(line), media["schema"])
        return line


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """The requests that were made."""
    from emulator.runtime.control import client as control

    monkeypatch.setattr(Watched, "seen", set())
    monkeypatch.setattr(control, "Connection", Watched)
    monkeypatch.setattr(direct, "Connection", Watched)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    return Watched.seen


def test_requests_and_answers_fit_it(
    rig: Rig,
    watched: set[tuple[str, str]],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    until: Callable[[Callable[[], object]], None],
) -> None:
    rig.spawn = lambda work: threading.Thread(target=work, daemon=True).start()
    state = desired_state(make_service())
    supervisor = rig.boot(state)
    agent = rig.agent
    lease = agent.hold(Private(services={"hello": {"hello": {"PASSWORD": "hunter2"}}}))
    lease.begin(state, Private())
    lease.status()
    with pytest.raises(CopilotLocalError, match="bringing this environment up"):
        agent.apply(state, Private(), discard)
    lease.hand_over()
    supervisor.look()
    rig.run()
    agent.apply(state, Private(), discard)
    agent.order(state, Private())
    agent.run_task(state.services["hello"], Private(), ["0" * 32], "{}")
    another = make_service({"made": {"image": "hello:1"}}, name="made")
    agent.order(desired_state(another), Private())
    with pytest.raises(CopilotLocalError, match="a manifest's service"):
        agent.remove_service("made")
    agent.scale({"hello": 2}, discard)
    agent.restart(["hello"], discard)
    agent.stop_task(rig.tasks[0].id, discard)
    with pytest.raises(CopilotLocalError, match="nobody does not run here"):
        agent.scale({"nobody": 1}, discard)
    with pytest.raises(CopilotLocalError, match="no deployment of hello waits"):
        agent.answer_hook("hello", "CONTINUE")
    with pytest.raises(CopilotLocalError, match="nobody does not run here"):
        agent.stop_deployment("nobody")
    nightly = make_service(name="cleanup", count=0, type="Scheduled Job").model_copy(
        update={"schedule": JobSchedule(expression="rate(1 day)")}
    )
    agent.apply(desired_state(nightly), Private(), discard)
    run = agent.run_job("cleanup")
    until(lambda: agent.status()["jobs"]["cleanup"]["runs"])
    assert agent.status()["jobs"]["cleanup"]["runs"][0]["id"] == run["id"]
    agent.set_clock(datetime.now(UTC))
    agent.protect([agent.tasks("hello")[0]["taskArn"]], 5)
    assert agent.protection()
    agent.urls()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    made = direct.make_folder(DEMO, replace(rig.engine.info(), host="unix:///nowhere/docker.sock", shares_folders=True))
    assert made is not None
    (made / direct.SOCKET).symlink_to(rig.socket)
    assert direct.answer(DEMO, "overview")
    printed = direct.messages(DEMO, "lines", {"service": ["hello"], "tail": "1", "router": True})
    assert printed is not None
    assert list(printed)
    assert agent.tasks("hello")
    assert agent.services()
    assert agent.state().services
    assert list(agent.task_events(follow=False))
    list(agent.records(follow=False, services=["hello"], kept=True))
    list(agent.access(follow=False, services=[]))
    rig.receive_a_trace()
    [one] = agent.traces(service=["hello"], slow="0")["traces"]
    assert agent.trace(one["id"])["spans"]
    assert agent.trace_map(since="0")["edges"]
    job = DesiredService(service=make_service(name="nightly", type="Scheduled Job"), options=LocalOptions())
    agent.attend(job, Private()).close()
    agent.provide(deploys=True).close()
    assert not agent.retire_if_idle()
    leaving = agent.hold(Private()).leave()
    retirement = agent.retire()
    retirement.began = 1.0
    assert retirement.stops() == frozenset()
    assert retirement.store([File("hello.0.@hello@0", b"said")])
    assert retirement.finish()
    retirement.close()
    assert not supervisor.abandoned.is_set()
    leaving.close()
    until(supervisor.abandoned.is_set)
    assert watched == set(ROUTES)
