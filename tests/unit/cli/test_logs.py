"""Names and numbers on the command line of `logs`."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.cli.shell.unknown_names import (
    check_containers,
    check_services,
    log_names,
    logs_that_stay,
    refuse_after_down,
    service_names,
    why_idle,
)
from emulator.errors import InputError, UsageError
from emulator.runtime.lifecycle.down import down
from emulator.runtime.state.observed import Observed, observe
from tests.unit.cli.conftest import MANIFEST, Run
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import DEMO, desired_state, make_service


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with the services hello and web, and a job."""
    for name, kind in (("hello", ""), ("web", ""), ("nightly", "Scheduled Job")):
        manifest = tmp_path / "copilot" / name / "manifest.yml"
        manifest.parent.mkdir(parents=True)
        text = MANIFEST.replace("name: hello", f"name: {name}")
        manifest.write_text(text.replace("Load Balanced Web Service", kind) if kind else text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def running(workspace: Path) -> Bench:
    """Its hello runs."""
    del workspace
    bench = Bench()
    bench.start(desired_state(make_service({"hello": {}, "nginx": {}})))
    return bench


def look(bench: Bench) -> Observed:
    return observe(bench.engine, DEMO)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("helo", "did you mean hello?"),
        ("nosuch", "services there: hello, nightly, web"),
        ("nginx", "nginx is a container: `copilot-local logs -c nginx`"),
    ],
)
def test_a_service_that_does_not_exist_is_an_error(running: Bench, name: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"no service {name} in demo/test") as caught:
        check_services(running.engine, DEMO, look(running), ["hello", name])
    assert caught.value.hint == hint


def test_a_service_that_exists_and_does_not_run_is_told_of(running: Bench) -> None:
    assert check_services(running.engine, DEMO, look(running), ["hello", "web"]) == ["web"]
    said = why_idle(running.engine, DEMO, look(running), "web")
    assert said == "web does not run in demo/test: `copilot-local up -d web` starts it"
    assert "`copilot-local run nightly`" in why_idle(running.engine, DEMO, look(running), "nightly")


def test_a_container_that_does_not_exist_is_an_error(running: Bench) -> None:
    check_containers(look(running), [], ["nginx", "old"], ["old"])
    with pytest.raises(UsageError, match="no container ngin in hello") as caught:
        check_containers(look(running), ["hello"], ["ngin"], [])
    assert caught.value.hint == "did you mean nginx?"


def test_where_nothing_runs_no_container_is_wrong(workspace: Path) -> None:
    del workspace
    check_containers(Observed([]), [], ["nginx"], [])


def test_a_manifest_stands_for_its_service(workspace: Path) -> None:
    del workspace
    assert service_names(["web", "copilot/hello/manifest.yml", "./copilot/web"]) == ["web", "hello", "web"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-n", "5", "--compare"), "--tail cannot be combined with --compare"),
        (("-n", "-1"), "Invalid value for -n: a number of lines or all, not '-1'"),
        (("--tail", "few"), "Invalid value for '--tail': a number of lines or all, not 'few'"),
        (("--routed", "--access"), "are different views"),
        (("--join",), "--join needs --routed"),
        (("--compare", "--grep", "x"), "cannot be combined with --compare"),
    ],
)
def test_options_that_do_not_go_together(run: Run, workspace: Path, arguments: tuple[str, ...], said: str) -> None:
    del workspace
    ended = run("logs", *arguments)
    assert (ended.code, said in ended.err) == (2, True), ended


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("http=lvie", "did you mean http=live? policies: capture, local-aws, live"),
        ("captur", "did you mean capture?"),
        ("http=nowhere", "policies: capture, local-aws, live"),
    ],
)
def test_a_policy_that_does_not_exist_is_an_error(run: Run, workspace: Path, option: str, said: str) -> None:
    del workspace
    ended = run("up", "--dry-run", "--logs", option, "hello")
    assert (ended.code, said in ended.err) == (2, True), ended


def test_a_trace_of_which_no_line_was_printed_is_said(
    running: Bench, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.engine.connect.connect", lambda: running.engine)
    ended = run("logs", "--trace", "1-6b0c1ce7-62c1e0a508f307dc4c7dd07a", "-a", "demo", "-e", "test")
    assert ended.code == 1
    assert ended.out == ""
    assert "error: no container printed the id of trace 1-6b0c1ce7-62c1e0a508f307dc4c7dd07a" in ended.err


@pytest.mark.parametrize(
    ("names", "services", "containers"),
    [
        (["hello/nginx"], ["hello"], ["nginx"]),
        (["hello/nginx", "hello/hello"], ["hello"], ["hello", "nginx"]),
        (["copilot/hello"], ["hello"], []),
        (["copilot/hello/manifest.yml", "web"], ["hello", "web"], []),
        ([], [], []),
    ],
)
def test_names_may_be_those_that_lines_are_prefixed_with(
    workspace: Path, names: list[str], services: list[str], containers: list[str]
) -> None:
    assert log_names(names) == (services, containers)


@pytest.mark.parametrize("names", [["hello/nginx", "web"], ["hello/nginx", "web/app"], ["hello", "hello/nginx"]])
def test_different_containers_of_different_services_are_refused(workspace: Path, names: list[str]) -> None:
    with pytest.raises(UsageError, match="different containers of different services"):
        log_names(names)


def test_a_task_between_service_and_container_is_refused(workspace: Path) -> None:
    with pytest.raises(UsageError) as caught:
        log_names(["hello/61e51792/nginx"])
    assert caught.value.hint == "hello/nginx"


@pytest.mark.parametrize("name", ["nginx", "hello/nginx"])
def test_a_container_is_chosen_by_its_name(
    running: Bench, run: Run, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("emulator.engine.connect.connect", lambda: running.engine)
    for container in ("hello", "nginx"):
        running.engine.print_line(f"cl-demo-test-hello-task0001-{container}", f"from {container}")
    ended = run("logs", name, "-a", "demo", "-e", "test")
    assert ended.code == 0, ended.err
    assert "from nginx" in ended.out
    assert "from hello" not in ended.out


def test_after_down_it_is_said_how_the_logs_are_read_that_stay() -> None:
    bench = Bench()
    bench.up(make_service()).hand_over()
    assert logs_that_stay(bench.engine, DEMO, look(bench)) == ""
    down(bench.engine, DEMO, bench.emit)
    with pytest.raises(InputError, match="demo/test is not running") as caught:
        refuse_after_down(bench.engine, DEMO, look(bench))
    assert "after the next `copilot-local up -d`, `logs --previous` shows" in caught.value.hint
    down(bench.engine, DEMO, bench.emit, volumes=True)
    refuse_after_down(bench.engine, DEMO, look(bench))
    assert logs_that_stay(bench.engine, DEMO, look(bench)) == ""


@pytest.mark.parametrize("verb", ["logs --routed", "events", "inspect", "scale hello=2", "restart", "targets"])
@pytest.mark.parametrize("gone", ["removed", "killed"])
def test_without_an_agent_tasks_that_run_are_not_said_to_be_gone(
    running: Bench, run: Run, monkeypatch: pytest.MonkeyPatch, verb: str, gone: str
) -> None:
    monkeypatch.setattr("emulator.engine.connect.connect", lambda: running.engine)
    running.engine.ensure_volume(DEMO.log_volume, DEMO.labels())
    if gone == "removed":
        running.engine.remove(DEMO.agent)
    else:
        running.engine.kill(DEMO.agent)
    ended = run(*verb.split(), "-a", "demo", "-e", "test")
    assert ended.code == 1
    assert ended.err == (
        "error: no agent looks after demo/test, whose tasks run\n\n"
        "hint: `copilot-local up -d` brings it back; `copilot-local down` stops what runs\n"
    )
