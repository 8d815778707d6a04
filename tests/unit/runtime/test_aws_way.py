"""`[aws] endpoint = "URL"`: how the endpoint's container reaches another one, and what stands between them."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from emulator.engine.interface import Container, ContainerState, EngineInfo
from emulator.errors import InputError, Position
from emulator.runtime.listeners import free_port
from emulator.runtime.listeners.endpoint_way import changed_url, checked_position, checked_way
from emulator.runtime.listeners.port_choice import AskedPorts, with_ports
from emulator.runtime.planning.local_aws import plan_endpoint
from emulator.runtime.specs.aws.endpoint import aws_spec
from emulator.runtime.specs.aws.resources import aws_request
from emulator.runtime.specs.aws.way import way_spec
from emulator.runtime.state.aws_way import AwsWay, aws_way
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.observed import Observed, sort_containers
from emulator.runtime.state.operations import Plan
from tests.unit.runtime.world import World, desired_state, make_service

LINUX = EngineInfo("29", "1.50", "linux", "amd64", "/var/lib/docker", (), 2, "systemd", False, "unix:///d", "", True)
DESKTOP = replace(LINUX, shares_folders=False)
HERE = "http://localhost:4599"
WHERE = Position("copilot-local.toml", 2)


@pytest.fixture(autouse=True)
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every port is free, whatever runs on this machine."""
    monkeypatch.setattr(free_port, "is_free", lambda port, *, udp=False: True)


def state_with(endpoint: str, info: EngineInfo = LINUX) -> DesiredState:
    state = desired_state(make_service())
    state.services["hello"].options.aws = endpoint
    state.aws_way, state.aws_image = aws_way(endpoint, info, None), "aws"
    return with_ports(state, AskedPorts(), Observed([]), frozenset())


def planned(state: DesiredState, *present: Container) -> str:
    plan = Plan()
    plan_endpoint(plan, state, sort_containers(list(present)), None, prepare=True)
    return str(plan)


def running(state: DesiredState) -> list[Container]:
    specs = [spec for spec in (aws_spec(state), way_spec(state)) if spec is not None]
    labels = {one.name: {name: value for name, value in one.labels.items() if value} for one in specs}
    return [
        Container(one.name, one.name, one.image, ContainerState.RUNNING, "Up", labels[one.name], datetime.now(UTC))
        for one in specs
    ]


def settings(folder: Path, endpoint: str) -> Path:
    """The folder, with settings that name the endpoint."""
    (folder / "copilot-local.toml").write_text(f'[aws]\nendpoint = "{endpoint}"\n', encoding="utf-8")
    return folder


class _Daemon:
    def info(self) -> EngineInfo:
        return LINUX


def test_every_service_has_it_whether_it_needs_something_there_or_not() -> None:
    state = state_with("https://aws.example")
    spec = aws_spec(state)
    assert spec is not None
    assert spec.command is not None
    assert json.loads(spec.command[0])["other"] == {"url": "https://aws.example", "host": "", "socket": ""}
    assert way_spec(state) is None
    assert aws_request(state)["other"] == "https://aws.example"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "host.docker.internal"])
def test_a_relay_leads_to_a_port_of_this_machine(host: str) -> None:
    state = state_with(f"http://{host}:4599")
    relay, endpoint = way_spec(state), aws_spec(state)
    assert relay is not None
    assert endpoint is not None
    assert (relay.network, relay.ports, relay.cap_drop) == ("host", (), ("ALL",))
    assert relay.command is not None
    assert json.loads(relay.command[1])["ports"] == {"4599": 4599}
    assert relay.mounts[0] in endpoint.mounts


def test_a_virtual_machine_has_a_name_for_this_one() -> None:
    state = state_with(HERE, DESKTOP)
    assert (state.aws_way, way_spec(state)) == (AwsWay(url=HERE, host="host.docker.internal"), None)


@pytest.mark.parametrize(
    ("info", "said"),
    [(replace(LINUX, rootless=True), "rootless"), (replace(LINUX, host="ssh://far"), "another one (ssh://far)")],
)
def test_a_daemon_that_does_not_reach_this_machine_is_refused(info: EngineInfo, said: str) -> None:
    with pytest.raises(InputError, match="is a port of this machine") as error:
        aws_way(HERE, info, WHERE)
    assert said in error.value.message
    assert error.value.position == WHERE
    assert aws_way("http://aws.example", info, WHERE) == AwsWay(url="http://aws.example")


def test_the_relay_is_made_with_the_endpoint_and_goes_with_the_url() -> None:
    here, far = state_with(HERE), state_with("http://aws.example")
    assert "cl-demo-test-aws-way" in planned(here)
    assert "aws-way" not in planned(here, *running(here))
    assert "remove" in planned(far, *running(here))
    assert "cl-demo-test-aws-way" not in planned(far)


def test_the_agent_starts_a_relay_that_is_gone() -> None:
    here = state_with(HERE)
    plan = Plan()
    plan_endpoint(plan, here, sort_containers(running(here)[:1]), None)
    assert "cl-demo-test-aws-way" in str(plan)


def test_an_up_of_a_service_that_needs_none_changes_nothing() -> None:
    here = state_with(HERE)
    assert here.merged_with(desired_state(make_service())).aws_way == here.aws_way
    back = desired_state(make_service())
    back.aws_image = "aws"
    assert here.merged_with(back).aws_way is None


def test_a_port_that_nothing_listens_on_is_an_error_with_its_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://localhost:{taken.getsockname()[1]}"
        with pytest.raises(InputError, match="nothing answers at http://localhost:") as error:
            checked_way(_Daemon(), url, settings(tmp_path, url))  # type: ignore[arg-type]
    assert error.value.position == Position(str(tmp_path / "copilot-local.toml"), 2)


def test_one_that_listens_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        way = checked_way(_Daemon(), f"http://localhost:{port}", tmp_path)  # type: ignore[arg-type]
    assert way == AwsWay(url=f"http://localhost:{port}", relayed_port=port)


def test_services_that_are_not_brought_up_keep_their_endpoint(tmp_path: Path) -> None:
    here, world = state_with(HERE), World(make_service())
    folder = settings(tmp_path, "local")
    assert changed_url(folder, None, Observed([], aws=running(here)[0]), []) == HERE  # no task is left that uses it
    world.runs_task()
    observed = replace(world.observed, aws=running(here)[0])
    assert changed_url(folder, here.aws_way, observed, []) == ""
    assert changed_url(folder, None, observed, ["hello"]) == HERE
    with pytest.raises(InputError, match=f"take the place of {HERE}, which hello may use") as error:
        changed_url(folder, None, observed, ["other"])
    assert error.value.position == Position(str(tmp_path / "copilot-local.toml"), 2)


def test_the_environments_own_port_is_refused(tmp_path: Path) -> None:
    folder, way = settings(tmp_path, HERE), AwsWay(url=HERE, relayed_port=4599)
    assert checked_position(folder, way, 4566) == f"{tmp_path / 'copilot-local.toml'}:2"
    with pytest.raises(InputError, match="own endpoint"):
        checked_position(folder, way, 4599)
