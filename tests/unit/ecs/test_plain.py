"""A plain task definition enters at the pivot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emulator.ecs.plain import read_task_definition, refuse_problems, service_of
from emulator.errors import FindingsError, InputError

CONTAINER = {"name": "web", "image": "nginx:1.27", "portMappings": [{"containerPort": 80, "protocol": "tcp"}]}
DEFINITION = {"family": "plain", "networkMode": "awsvpc", "containerDefinitions": [CONTAINER]}


def write(folder: Path, content: object) -> Path:
    path = folder / "td.json"
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")
    return path


def test_what_describe_task_definition_prints_is_read(tmp_path: Path) -> None:
    described = {"taskDefinition": {**DEFINITION, "revision": 7, "status": "ACTIVE", "taskDefinitionArn": "arn:x"}}
    definition = read_task_definition(write(tmp_path, described))
    assert definition.family == "plain"
    assert definition.container("web").port_mappings[0].container_port == 80


def test_requests_go_to_the_first_mapped_port(tmp_path: Path) -> None:
    sidecar = {"name": "side", "image": "x"}
    definition = read_task_definition(write(tmp_path, {**DEFINITION, "containerDefinitions": [sidecar, CONTAINER]}))
    service = service_of(definition, app="a", environment="test", path="td.json")
    [group] = service.target_groups
    assert (group.container_name, group.container_port) == ("web", 80)
    assert service.listener_rules[0].root


def test_without_a_port_nothing_is_routed(tmp_path: Path) -> None:
    definition = read_task_definition(
        write(tmp_path, {**DEFINITION, "containerDefinitions": [{"name": "a", "image": "x"}]})
    )
    assert service_of(definition, app="a", environment="test", path="td.json").listener_rules == []


def test_every_wrong_field_is_named_with_its_line(tmp_path: Path) -> None:
    wrong = {**DEFINITION, "containerDefinitions": [{**CONTAINER, "esential": True, "cpu": "much"}]}
    with pytest.raises(FindingsError) as raised:
        read_task_definition(write(tmp_path, wrong))
    found = {finding.path: finding for finding in raised.value.findings}
    assert found["containerDefinitions.0.esential"].message == "no such field of a task definition"
    lines = (tmp_path / "td.json").read_text(encoding="utf-8").splitlines()
    for path, key in (("containerDefinitions.0.esential", "esential"), ("containerDefinitions.0.cpu", "cpu")):
        position = found[path].position
        assert position is not None
        assert f'"{key}"' in lines[position.line - 1]


def test_broken_json_has_its_place(tmp_path: Path) -> None:
    path = tmp_path / "td.json"
    path.write_text('{"family":\n}', encoding="utf-8")
    with pytest.raises(InputError) as raised:
        read_task_definition(path)
    assert raised.value.position is not None
    assert raised.value.position.line == 2


def test_what_describe_always_prints_is_no_field_too_many(tmp_path: Path) -> None:
    described = {**DEFINITION, "placementConstraints": [], "compatibilities": ["FARGATE"]}
    assert read_task_definition(write(tmp_path, described)).family == "plain"


def test_what_only_ec2_knows_is_refused_by_name(tmp_path: Path) -> None:
    wrong = {**DEFINITION, "placementConstraints": [{"type": "memberOf", "expression": "x"}]}
    with pytest.raises(FindingsError) as raised:
        read_task_definition(write(tmp_path, wrong))
    assert raised.value.findings[0].message == (
        "Fargate compatible task definitions do not support placementConstraints"
    )


def test_every_refused_field_has_the_line_of_its_container(tmp_path: Path) -> None:
    other = {"name": "api", "image": "x", "portMappings": [{"containerPort": 80}], "privileged": True}
    path = write(tmp_path, {**DEFINITION, "containerDefinitions": [{**CONTAINER, "privileged": False}, other]})
    with pytest.raises(FindingsError) as raised:
        refuse_problems(read_task_definition(path), path)
    lines = path.read_text(encoding="utf-8").splitlines()
    found = {finding.message.split(",")[0]: finding.position for finding in raised.value.findings}
    place = found["container api is privileged"]
    assert place is not None
    assert lines[place.line - 1].strip() == '"privileged": true'
    assert "container api maps port 80" in found


def test_short_times_are_refused_with_what_lets_them_pass(tmp_path: Path) -> None:
    path = write(tmp_path, {**DEFINITION, "containerDefinitions": [{**CONTAINER, "startTimeout": 1}]})
    definition = read_task_definition(path)
    with pytest.raises(FindingsError) as raised:
        refuse_problems(definition, path)
    assert "ecs_limits = false" in raised.value.findings[0].hint
    refuse_problems(definition, path, ecs_limits=False)


def test_secrets_and_images_have_their_lines(tmp_path: Path) -> None:
    secret = {"secrets": [{"name": "TOKEN", "valueFrom": "/prod/token"}]}
    login = {"repositoryCredentials": {"credentialsParameter": "hub"}}
    containers = [{**CONTAINER, **secret, **login}, {"name": "side", "image": "nginx:1.27", **secret}]
    path = write(tmp_path, {**DEFINITION, "containerDefinitions": containers})
    lines = path.read_text(encoding="utf-8").splitlines()
    service = service_of(read_task_definition(path), app="a", environment="test", path=str(path))

    def at(key: str) -> str:
        position = service.positions[f"containerDefinitions.{key}"]
        assert position.file == str(path)
        return lines[position.line - 1].strip()

    assert at("web.credentialsParameter") == '"credentialsParameter": "hub"'
    assert at("web.secrets.TOKEN") == at("side.secrets.TOKEN") == '"valueFrom": "/prod/token"'
    web, side = (service.positions[f"containerDefinitions.{name}.image"].line for name in ("web", "side"))
    assert web < side
