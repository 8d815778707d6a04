"""Names of containers, networks and volumes: different things never share one."""

from __future__ import annotations

from itertools import product

import pytest

from emulator.runtime.state.names import Names

TASK = "0123456789abcdef0123456789abcdef"
PARTS = [
    *("sec-x", "y-z", "sec-x-y", "z", "sec", "x-y-z", "a", "b", "a-b", "a.b", "a b", "a_b"),
    *("agent", "front", "internal", "internal-front", "logs", "aws", "aws-key", "key", "efs", "state", "access"),
]


def everything(environment: Names) -> dict[str, list[str]]:
    """The names that an environment has for itself, by what they name."""
    containers = [environment.agent, environment.front, environment.internal_front, environment.aws]
    volumes = [environment.aws_volume, environment.aws_key_volume, environment.state_volume, environment.log_volume]
    volumes += [environment.front_volume, environment.internal_front_volume, environment.access_volume]
    volumes += [environment.file_system_volume(part) for part in ("fs-1", "logs", "fs.1", "fs 1")]
    return {"network": [environment.network], "container": containers, "volume": volumes}


def test_no_two_environments_share_a_name() -> None:
    owners: dict[tuple[str, str], tuple[str, str]] = {}
    for app, environment in product(PARTS, PARTS):
        for kind, found in everything(Names(app, environment)).items():
            for name in found:
                assert owners.setdefault((kind, name), (app, environment)) == (app, environment), name


def test_the_usual_names_are_plain() -> None:
    assert Names("demo", "test").agent == "cl-demo-test-agent"
    assert Names("my-app", "prod").network == "cl-my-app-prod"
    assert Names("my-app", "prod").container("web-api", TASK, "nginx") == "cl-my-app-prod-web-api-01234567-nginx"


@pytest.mark.parametrize("sidecar", ["pause", "agent", "front", "drain", "aws", "internal-front"])
def test_a_sidecar_may_be_called_as_it_likes(sidecar: str) -> None:
    names = Names("demo", "test")
    ours = {*everything(names)["container"], names.pause(TASK), f"{names.prefix}-{TASK[:8]}-drain"}
    assert names.container("web", TASK, sidecar) not in ours


def test_volumes_of_a_task_are_apart() -> None:
    names = Names("demo", "test")
    assert len({names.task_volume(TASK, volume) for volume in ("a b", "a-b", "a.b", "a_b")}) == 4
