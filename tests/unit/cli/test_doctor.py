from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from emulator.cli.observe import checks
from emulator.cli.observe.checks import check_build, check_port
from emulator.engine import connect
from emulator.engine.fake import FakeEngine
from emulator.engine.interface import BuildSpec, ContainerSpec, PublishedPort
from emulator.errors import EngineError, EngineTimeout, ImageError, Unsupported
from emulator.runtime.machine.open_files import gives_fargates_limit
from emulator.setup import docker_cli, images

Run = Callable[..., Any]
OURS = (images.PAUSE_IMAGE, images.FRONT_IMAGE, images.ROUTER_IMAGE, images.AGENT_BASE_IMAGE)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """A daemon with every image we need, reached by `connect`."""
    engine = FakeEngine()
    for reference in OURS:
        engine.add_image(reference)
    monkeypatch.setattr(connect, "connect", lambda: engine)
    monkeypatch.setattr(engine, "close", lambda: None)  # the next command of the test connects again
    return engine


def run_container(engine: FakeEngine, role: str, *ports: PublishedPort, app: str = "shop") -> None:
    labels = {"copilot-local.app": app, "copilot-local.env": "test", "copilot-local.role": role}
    engine.create_container(ContainerSpec(name=role, image=images.PAUSE_IMAGE, labels=labels, ports=ports))
    engine.start(role)


def checks_of(run: Run) -> tuple[int, dict[str, dict[str, str]]]:
    ended = run("doctor", "--format", "json")
    return ended.code, {check["name"]: check for check in json.loads(ended.out)}


def test_no_docker_is_125_with_what_to_do(run: Run, workspace: Path) -> None:
    ended = run("doctor")
    assert ended.code == 125
    assert ended.out.startswith(" ✗ docker: ")
    assert "     hint: " in ended.out
    assert f" ✓ workspace: {workspace}: app shop, environment test, services hello\n" in ended.out
    assert ended.err == ""


def test_all_well(run: Run, workspace: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulator.cli.observe.checks.port_is_free", lambda port: True)
    ended = run("doctor")
    assert ended.code == 0, ended.out
    assert all(line.startswith(" ✓ ") for line in ended.out.splitlines())
    assert "Docker 28.0.0, API 1.48, linux/amd64" in ended.out
    assert " ✓ port: 127.0.0.1:8080 is free\n" in ended.out
    assert " ✓ environments: no environment runs\n" in ended.out


def test_an_address_that_is_not_supported_is_1(run: Run, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> FakeEngine:
        raise Unsupported("no such address", hint="another")

    monkeypatch.setattr(connect, "connect", refuse)
    code, checks = checks_of(run)
    assert code == 1
    assert (checks["docker"]["status"], checks["docker"]["hint"]) == ("broken", "another")


def test_a_daemon_that_hangs_is_1(run: Run, workspace: Path, engine: FakeEngine) -> None:
    engine.fail("list_containers", EngineTimeout("no answer within 10 s"))
    code, checks = checks_of(run)
    assert code == 1
    assert checks["docker"]["message"] == "no answer within 10 s"


def test_a_daemon_without_the_fluentd_driver_is_broken(run: Run, workspace: Path, engine: FakeEngine) -> None:
    engine.engine_info = replace(engine.engine_info, log_drivers=("json-file", "journald"))
    code, checks = checks_of(run)
    assert code == 1
    assert checks["fluentd"]["status"] == "broken"
    assert "Podman" in checks["fluentd"]["hint"]


def test_an_image_that_can_be_pulled_is_a_note_and_one_that_cannot_is_broken(
    run: Run, workspace: Path, monkeypatch: pytest.MonkeyPatch, engine: FakeEngine
) -> None:
    bare = FakeEngine()
    monkeypatch.setattr(bare, "close", lambda: None)
    monkeypatch.setattr(connect, "connect", lambda: bare)
    monkeypatch.setattr(docker_cli, "why_not_pullable", lambda reference: "")
    code, checks = checks_of(run)
    assert code == 0
    assert checks["image front"]["status"] == "note"
    assert checks["image front"]["message"].endswith("is not here yet; `up` pulls it")
    monkeypatch.setattr(docker_cli, "why_not_pullable", lambda reference: "no such host")
    code, checks = checks_of(run)
    assert code == 1
    assert checks["image front"]["message"].endswith("is not here and cannot be pulled: no such host")
    assert "make setup" in checks["image front"]["hint"]


def test_a_yaml_parser_without_c_is_broken(
    run: Run, workspace: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert checks_of(run)[1]["yaml"]["status"] == "ok"
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    code, checks = checks_of(run)
    assert (code, checks["yaml"]["status"]) == (1, "broken")
    assert "libyaml" in checks["yaml"]["hint"]


def test_stand_ins_are_named_and_missing_ones_are_broken(
    run: Run, workspace: Path, engine: FakeEngine, home: Path
) -> None:
    file = home / ".config" / "copilot-local" / "stand-ins.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f'[substitute]\n"{images.FRONT_IMAGE}" = "copilot-local/haproxy:1"\n')
    code, checks = checks_of(run)
    assert code == 1
    assert checks["stand-ins"]["message"] == "stand-ins are gone: copilot-local/haproxy:1"
    assert checks["stand-ins"]["hint"] == "run `make setup`"
    engine.add_image("copilot-local/haproxy:1")
    code, checks = checks_of(run)
    assert code == 0
    assert images.FRONT_IMAGE in checks["stand-ins"]["message"]
    assert checks["image front"]["message"] == f"{images.FRONT_IMAGE} (here copilot-local/haproxy:1) is here"


def test_a_front_of_ours_on_the_port_is_fine(run: Run, workspace: Path, engine: FakeEngine) -> None:
    (workspace / "copilot-local.toml").write_text("[front]\nport = 9090\n")
    run_container(engine, "agent")
    run_container(engine, "front", PublishedPort(8080, 9090))
    code, checks = checks_of(run)
    assert code == 0
    assert checks["port"]["message"] == "127.0.0.1:9090 is the front of shop/test"
    assert checks["environments"]["message"] == "shop/test: 2 of 2 containers run"


@pytest.mark.parametrize(("app", "code", "status"), [("shop", 1, "broken"), ("demo", 0, "note")])
def test_an_environment_without_its_agent_is_broken_and_a_note_where_it_is_of_another_app(
    run: Run, workspace: Path, engine: FakeEngine, app: str, code: int, status: str
) -> None:
    run_container(engine, "pause", app=app)
    ended, checks = checks_of(run)
    assert (ended, checks["environments"]["status"]) == (code, status)
    assert "no agent looks after them" in checks["environments"]["message"]
    assert f"copilot-local down -a {app} -e test" in checks["environments"]["hint"]


def test_a_package_without_its_makefile_names_the_module_that_sets_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "__file__", str(tmp_path / "emulator" / "cli" / "observe" / "checks.py"))
    assert checks.set_up() == f"{sys.executable} -m emulator.setup"
    (tmp_path / "Makefile").touch()
    assert checks.set_up() == "make setup"


def test_a_taken_port_says_which_is_next() -> None:
    taken = check_port(8080, None, lambda port: port >= 8082)
    assert taken.status == "note"
    assert taken.message == "127.0.0.1:8080 is taken by another program; `up` takes 8082"
    none = check_port(8080, None, lambda port: False)
    assert none.status == "broken"
    assert "--port" in none.hint


def test_broken_settings_and_a_missing_workspace_are_reported(
    run: Run, workspace: Path, tmp_path: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (workspace / "copilot-local.toml").write_text("[frontt]\n")
    code, checks = checks_of(run)
    assert code == 1
    assert "frontt" in checks["settings"]["message"]
    monkeypatch.chdir(tmp_path)
    code, checks = checks_of(run)
    assert (code, checks["workspace"]["status"]) == (0, "note")


def test_a_build_that_fails_is_broken_with_its_last_lines(tmp_path: Path) -> None:
    def build(spec: BuildSpec) -> str:
        raise ImageError("the build failed", hint="install buildx", output=["1", "2", "unknown flag: --load"])

    found = check_build(build, tmp_path)
    assert (found.status, found.message) == ("broken", "the build failed")
    assert found.hint.splitlines() == [
        "install buildx",
        "the last lines of the build:",
        "1",
        "2",
        "unknown flag: --load",
    ]


def test_something_tiny_is_built(run: Run, workspace: Path, engine: FakeEngine) -> None:
    _, checks = checks_of(run)
    assert checks["build"]["status"] == "ok"
    [build] = engine.builds
    assert build.tag.startswith("copilot-local-build/doctor")


def test_what_tasks_can_inject_is_a_note_where_the_kernel_lacks_something() -> None:
    assert checks.check_faults("").status is checks.Status.OK
    found = checks.check_faults("Error: Specified qdisc kind is unknown.")
    assert found.status is checks.Status.NOTE
    assert found.message.endswith("but no latency: Specified qdisc kind is unknown")
    assert "sch_netem" in found.hint


def test_a_daemon_that_cannot_give_fargates_open_file_limit_is_told(engine: FakeEngine) -> None:
    assert gives_fargates_limit(engine, images.PAUSE_IMAGE)
    refused = EngineError('error setting rlimits for ready process: error setting rlimit type 7: "not permitted"')
    engine.fail("start", refused)
    assert not gives_fargates_limit(engine, images.PAUSE_IMAGE)
    assert engine.list_containers({}) == []
    found = checks.check_open_files(False)
    assert (found.status, "they get 16384" in found.message) == (checks.Status.NOTE, True)
