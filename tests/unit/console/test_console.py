"""What the page is told and what it does, over an agent and an engine in memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.cli.shell.app import run
from emulator.console.serve import serving
from emulator.errors import InputError
from emulator.runtime.state.desired import Private
from emulator.runtime.state.observed import observe
from tests.unit.agent.rig import Rig
from tests.unit.console.conftest import Page, begin
from tests.unit.runtime.world import DEMO, make_service

CANARY = "c4n4ry-value-of-a-secret"


def task_of(rig: Rig) -> str:
    [task] = observe(rig.engine, DEMO).tasks
    return task


def events(page: Page, verb: str, body: object) -> list[dict[str, Any]]:
    answer = page.post(f"/api/{verb}", body)
    assert answer.status == 200, answer.body
    return [json.loads(line) for line in answer.body.splitlines()]


def test_a_stream_begins_with_who_speaks(page: Page) -> None:
    hello = next(page.stream("kinds=overview"))
    assert hello["k"] == "hello"
    assert {"app": "demo", "environment": "test"}.items() <= hello["v"].items()


def test_the_overview_is_that_of_ps(page: Page, rig: Rig) -> None:
    found = page.first("overview")
    assert [(row["service"], row["name"]) for row in found["containers"] if row["service"]] == [
        ("hello", "hello"),
        ("hello", "pause"),
    ]
    assert [(row["name"], row["desired_count"], row["running_count"]) for row in found["services"]] == [("hello", 1, 1)]
    assert found["listeners"] == [] or found["listeners"][0]["url"].startswith("http://")


def test_rules_and_their_places(page: Page) -> None:
    [rule] = page.first("rules")
    assert (rule["priority"], rule["service"], rule["conditions"]) == (1, "hello", ["path-pattern /*"])
    assert rule["destinations"][0]["port"] == 3000


def test_states_of_tasks_and_their_events(page: Page, rig: Rig) -> None:
    rig.run()
    tasks = page.first("tasks")
    assert [one["taskArn"].rpartition("/")[2] for one in tasks] == [task_of(rig)]
    events = next(
        it["v"]
        for it in page.stream("kinds=events")
        if it["k"] == "events" and any("taskArn" in one["detail"] for one in it["v"])
    )
    told = [one["detail"]["taskArn"] for one in events if "taskArn" in one["detail"]]  # others are of the deployment
    assert set(told) == {tasks[0]["taskArn"]}


def test_lines_of_containers(page: Page, rig: Rig) -> None:
    rig.engine.print_line(rig.container("hello"), "good <b>morning</b>")
    [line] = page.first("lines")
    assert (line["service"], line["container"], line["text"]) == ("hello", "hello", "good <b>morning</b>")


def test_a_stream_that_goes_on_is_told_what_is_new(page: Page, rig: Rig) -> None:
    stream = page.stream("kinds=lines")
    instance = next(stream)["v"]
    rig.engine.print_line(rig.container("hello"), "one")
    number = next(it["n"] for it in stream if it["k"] == "lines")
    rig.engine.print_line(rig.container("hello"), "two")
    [again] = page.first("lines", f"&after=lines:{number}&of={instance['instance']}")
    assert again["text"] == "two"


@pytest.mark.parametrize("query", ["", "kinds=", "kinds=nothing"])
def test_a_stream_is_of_some_kind(page: Page, query: str) -> None:
    answer = page.get(f"/api/stream?{query}")
    assert answer.status == 400
    assert b"kinds are some of" in answer.body


def test_where_nothing_runs_the_page_says_so(rig: Rig) -> None:
    with serving(rig.engine, DEMO) as address:
        page = Page(address)
        found = page.first("overview")
        assert (found["containers"], found["supervised"]) == ([], False)
        answer = page.post("/api/explain", {"url": "/"})
        assert (answer.status, answer.json()["error"]["message"]) == (400, "demo/test is not running")


def test_explain_is_what_route_prints(page: Page) -> None:
    found = page.post("/api/explain", {"method": "get", "url": "/x?y=1"}).json()
    assert found["reason"] == "rule default of hello (priority 1) forwards"
    assert found["destinations"][0]["container"] == "hello"
    assert found["container_path"] == "/x?y=1"
    [condition] = found["rules"][0]["conditions"]
    assert {"condition": "path-pattern /*", "matched": True, "seen": ["/x"]}.items() <= condition.items()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"url": "no path"}, "neither a path nor"),
        ({"url": 7}, "url is a text"),
        ({"headers": "X"}, "headers are a list"),
        ({"headers": [["X"]]}, "headers are a list"),
        ({"headers": [["X", 1]]}, "headers are a list"),
    ],
)
def test_what_cannot_be_explained(page: Page, body: object, why: str) -> None:
    answer = page.post("/api/explain", body)
    assert answer.status == 400
    assert why in answer.body.decode()


def test_a_task_that_is_killed_is_replaced(page: Page, rig: Rig) -> None:
    task = task_of(rig)
    assert events(page, "kill", {"task": task, "container": "hello"})[-1] == {"ok": True}
    rig.supervisor.look()
    rig.supervisor.look()
    assert task not in observe(rig.engine, DEMO).tasks


def test_scale_passes_on_the_agents_events(page: Page, rig: Rig) -> None:
    rig.run()
    told = events(page, "scale", {"counts": {"hello": 2}})
    assert told[-1] == {"ok": True}
    assert len(observe(rig.engine, DEMO).tasks) == 2


def test_restart_replaces_the_task(page: Page, rig: Rig) -> None:
    rig.run()
    before = task_of(rig)
    assert events(page, "restart", {"services": ["hello"]})[-1] == {"ok": True}
    assert task_of(rig) != before


def test_what_the_agent_refuses_is_told(page: Page) -> None:
    told = events(page, "scale", {"counts": {"nothing": 1}})
    assert "nothing" in told[-1]["error"]["message"]


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("restart", {}),
        ("restart", {"services": []}),
        ("restart", {"services": [1]}),
        ("scale", {"counts": {"hello": -1}}),
        ("scale", {"counts": {"hello": 1.5}}),
        ("scale", {"counts": {"hello": True}}),
        ("scale", {"counts": {"hello": 1000}}),
        ("scale", {"counts": []}),
        ("stop-task", {}),
        ("capture", {"on": "yes"}),
        ("aws/look", {"verb": "purge", "name": "x"}),
        ("aws/look", {"verb": ["peek"], "name": "x"}),
        ("aws/redrive", {}),
        ("send", {"url": "no path"}),
        ("send", {"url": "/", "headers": [["a b", "c"]]}),
        ("kill", {"task": "x"}),
        ("kill", {"task": "x", "container": "hello"}),
    ],
)
def test_an_action_that_does_not_fit_does_nothing(page: Page, rig: Rig, verb: str, body: object) -> None:
    before = task_of(rig)
    answer = page.post(f"/api/{verb}", body)
    assert answer.status == 400
    assert answer.json()["error"]["message"]
    assert task_of(rig) == before


def test_kill_reaches_only_containers_of_this_environments_tasks(page: Page, rig: Rig) -> None:
    for container in ("agent", "pause", DEMO.agent):
        answer = page.post("/api/kill", {"task": task_of(rig), "container": container})
        assert answer.status == 400


def test_details_of_a_task(page: Page, rig: Rig) -> None:
    found = page.get(f"/api/tasks/{task_of(rig)}").json()
    assert (found["service"], list(found["containers"])) == ("hello", ["hello"])
    assert page.get("/api/tasks/none").status == 400


def test_no_answer_holds_a_secret(rig: Rig) -> None:
    """The value of a secret is in the container's variables, and nowhere on the page."""
    secret = {"name": "hello", "image": "hello:1", "environment": [{"name": "LEVEL", "value": "debug"}],
              "secrets": [{"name": "DB_PASSWORD", "valueFrom": "/db/password"}]}  # fmt: skip
    private = Private(services={"hello": {"hello": {"DB_PASSWORD": CANARY}}})
    begin(rig, make_service({"hello": secret}, target=("hello", 3000)), private=private)
    rig.run()
    task = task_of(rig)
    assert CANARY in rig.engine.variables(rig.container("hello")).values()
    with serving(rig.engine, DEMO) as address:
        page = Page(address)
        variables = page.get(f"/api/tasks/{task}/hello/variables").json()
        assert variables["DB_PASSWORD"] is None
        assert variables["LEVEL"] == "debug"
        told = [page.first(kind) for kind in ("overview", "tasks", "rules", "services", "events")]
        told += [page.get(f"/api/tasks/{task}").json(), page.post("/api/explain", {"url": "/"}).json(), variables]
    assert CANARY not in json.dumps(told)


MANIFEST = """\
name: hello
type: Backend Service
image: {location: "hello:1"}
variables: {LEVEL: info, URL: "http://${API_TOKEN}@x"}
logging: {destination: {Name: cloudwatch, region: us-east-1, log_group_name: x, log_stream_prefix: y}}
environments:
  test: {count: 2}
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace in this folder."""
    folder = tmp_path / "work"
    (folder / "copilot" / "hello").mkdir(parents=True)
    (folder / "copilot" / ".workspace").write_text("application: demo\n", encoding="utf-8")
    (folder / "copilot" / "hello" / "manifest.yml").write_text(MANIFEST, encoding="utf-8")
    (folder / ".env").write_text(f"API_TOKEN={CANARY}\n", encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


def test_the_manifest_with_the_origin_of_each_line(page: Page, workspace: Path) -> None:
    answer = page.get("/api/services/hello/manifest")
    found = answer.json()
    lines = {line["text"]: line for line in found["lines"]}
    assert (lines["count: 2"]["environment"], lines["count: 2"]["line"]) == ("test", 7)
    [url] = [line for text, line in lines.items() if "URL" in text]
    assert url["variables"] == ["API_TOKEN"]
    assert "API_TOKEN" in url["text"]
    assert CANARY.encode() not in answer.body


def test_a_broken_manifest_is_its_findings(page: Page, workspace: Path) -> None:
    (workspace / "copilot" / "hello" / "manifest.yml").write_text(f"{MANIFEST}cpu: many\n", encoding="utf-8")
    found = page.get("/api/services/hello/manifest").json()
    assert found["lines"] == []
    assert [(one["severity"], one["path"], one["line"]) for one in found["findings"]] == [("error", "cpu", 8)]


def test_both_configurations_of_a_log_router(page: Page, workspace: Path) -> None:
    answer = page.get("/api/services/hello/firelens")
    found = answer.json()
    assert "Name cloudwatch" in found["ecs"]
    assert found["local"] != found["ecs"]
    assert all(one["reason"] for one in found["differences"])
    assert CANARY.encode() not in answer.body
    assert page.get("/api/services/hello/router").json() == {"counters": []}


@pytest.mark.parametrize("path", ["services/hello/manifest", "services/hello/firelens"])
def test_without_a_workspace_the_page_says_so(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = page.get(f"/api/{path}")
    assert answer.status == 400
    assert answer.json()["error"]["message"]


def test_without_a_local_aws_endpoint_the_page_says_so(page: Page) -> None:
    answer = page.get("/api/aws")
    assert answer.status == 400
    assert "no local AWS endpoint is running" in answer.json()["error"]["message"]


def test_a_port_that_is_taken_is_said(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(rig.engine, DEMO) as address:
        with pytest.raises(InputError, match="cannot listen") as caught, serving(rig.engine, DEMO, port=address.port):
            pass
        assert "--port" in caught.value.hint


def test_each_console_has_a_token_of_its_own(rig: Rig) -> None:
    with serving(rig.engine, DEMO) as one, serving(rig.engine, DEMO) as other:
        assert one.token != other.token
        assert len(one.token) >= 43
        assert Page(other).raw("GET", "/api/tasks/x", {"Authorization": f"Bearer {one.token}"}).status == 401
        assert "#token=" in one.url
        assert one.token not in one.url.partition("#")[0]


def test_the_command_line_takes_a_port(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["console", "--port", "70000"]) == 2
