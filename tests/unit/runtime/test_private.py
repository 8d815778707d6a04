"""Secrets and environment files: read as ECS reads them, asked for together where they are missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator.ecs.service import Service
from emulator.errors import InputError, Unsupported
from emulator.events import discard
from emulator.missing import MissingError
from emulator.runtime.planning.local_variables import check_local_variables, local_variables
from emulator.runtime.secrets.secret_values import collect_private, parse_environment_file
from emulator.runtime.secrets.sources import SecretValues
from emulator.runtime.secrets.wanted import Finder
from emulator.runtime.specs.task import TaskFactory
from emulator.runtime.specs.unsupported_features import refuse_unsupported
from emulator.runtime.state.desired import Private
from tests.unit.runtime.world import ROOT, ROUTER, desired_state, make_service


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=1\nB=2\n", {"A": "1", "B": "2"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("A=1", {"A": "1"}),
        ("A=", {"A": ""}),
        ("A=x=y", {"A": "x=y"}),
        ("=x", {}),
        ("A", {}),
        ("", {}),
        ("# A=1\nB=2", {"B": "2"}),
        (" # A=1", {" # A": "1"}),
        ("A=1 # one", {"A": "1 # one"}),
        ('A="x y"', {"A": '"x y"'}),
        ("A='x'", {"A": "'x'"}),
        ("A= x ", {"A": " x "}),
        (" A =1", {" A ": "1"}),
        ("export A=1", {"export A": "1"}),
        ("A=$HOME ${B}", {"A": "$HOME ${B}"}),
        ("A=x\\ny", {"A": "x\\ny"}),
        ("A=1\nA=2", {"A": "2"}),
        ("A=a\rb\r\n", {"A": "a\rb"}),
        ("A=zwölf", {"A": "zwölf"}),
    ],
)
def test_an_environment_file_is_read_as_ecs_reads_it(text: str, expected: dict[str, str]) -> None:
    assert parse_environment_file(text) == expected


def with_files(*files: str, **fields: Any) -> Service:
    environment_files = [{"type": "s3", "value": {"kind": "env-file", "name": file}} for file in files]
    return make_service({"hello": {"environmentFiles": environment_files, **fields}})


def collect_all(services: list[Service], root: Path, **variables: str) -> Private:
    return collect_private(services, root, Finder({}, "us-east-1"), SecretValues(variables))


def collect(service: Service, root: Path, **variables: str) -> dict[str, str]:
    return collect_all([service], root, **variables).of("hello", "hello")


def test_the_first_file_that_has_a_variable_wins(tmp_path: Path) -> None:
    (tmp_path / "one.env").write_text("A=1\nB=1\n")
    (tmp_path / "two.env").write_text("B=2\nC=2\n")
    assert collect(with_files("one.env", "two.env"), tmp_path) == {"A": "1", "B": "1", "C": "2"}


def test_line_ends_are_those_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "one.env").write_bytes(b"A=x\ry\r\nB=2\r\n")
    assert collect(with_files("one.env"), tmp_path) == {"A": "x\ry", "B": "2"}


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"environment file: .*\n  one\.env \(hello\)"):
        collect(with_files("one.env"), tmp_path)


def test_a_file_in_s3_is_refused() -> None:
    files = {"environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::bucket/one.env"}]}
    with pytest.raises(Unsupported, match=r"environment file in S3, .*: arn:aws:s3:::bucket/one\.env"):
        refuse_unsupported([make_service({"hello": files})], discard)


def test_a_secret_is_the_variable_of_its_name(tmp_path: Path) -> None:
    secrets = {"secrets": [{"name": "TOKEN", "valueFrom": "/prod/token"}]}
    assert collect(make_service({"hello": secrets}), tmp_path, TOKEN="t", OTHER="o") == {"TOKEN": "t"}


def test_all_missing_secrets_are_one_error(tmp_path: Path) -> None:
    def secrets(*names: str) -> dict[str, Any]:
        return {"secrets": [{"name": name, "valueFrom": f"/{name}"} for name in names]}

    services = [
        make_service({"hello": secrets("A", "B"), "side": secrets("C")}),
        make_service({"web": secrets("D")}, name="web"),
    ]
    with pytest.raises(MissingError) as caught:
        collect_all(services, tmp_path, B="b")
    assert caught.value.output[1:] == ["  A (hello): /A", "  C (hello): /C", "  D (web): /D"]
    assert "ResourceInitializationError: unable to pull secrets" in caught.value.output[0]
    assert "copilot-local init" in caught.value.hint


def test_a_secret_log_option_reaches_the_router(tmp_path: Path) -> None:
    options = {"Name": "datadog"}
    log = {
        "logDriver": "awsfirelens",
        "options": options,
        "secretOptions": [{"name": "apikey", "valueFrom": "/key"}],
    }
    service = make_service({"hello": {"logConfiguration": log}, "firelens_log_router": ROUTER})
    with pytest.raises(InputError, match=r"apikey \(hello\)"):
        collect_all([service], tmp_path)
    values = collect_all([service], tmp_path, apikey="k").of("hello", "firelens_log_router")
    assert list(values.values()) == ["k"]


def test_a_definitions_variable_wins_over_a_file_and_a_secret_over_both() -> None:
    service = make_service(
        {
            "hello": {
                "environment": [{"name": "A", "value": "definition"}, {"name": "C", "value": "definition"}],
                "secrets": [{"name": "C", "valueFrom": "/c"}],
            }
        }
    )
    private = Private(services={"hello": {"hello": {"A": "file", "B": "file", "C": "secret"}}})
    state = desired_state(service)
    [member] = TaskFactory(state, private, ROOT).task(state.services["hello"], "t" * 32).members
    found = member.spec.environment
    assert {name: found[name] for name in "ABC"} == {"A": "definition", "B": "file", "C": "secret"}


def test_a_variable_of_this_machine_wins_over_all_but_secrets_of_its_container_alone() -> None:
    environment = [{"name": "A", "value": "definition"}]
    service = make_service({"hello": {"environment": environment}, "nginx": {"environment": environment}})
    private = Private(services={"hello": {"hello": {"B": "file"}}})
    table = {"hello": {"A": "here", "B": "here", "C": "here"}, "other": {"A": "no"}}
    state = desired_state(service)
    state.services["hello"].options.variables = local_variables(table, service)
    members = TaskFactory(state, private, ROOT).task(state.services["hello"], "t" * 32).members
    found = {member.definition.name: member.spec.environment for member in members}
    assert {name: found["hello"][name] for name in "ABC"} == {"A": "here", "B": "here", "C": "here"}
    assert found["nginx"]["A"] == "definition"
    assert "C" not in found["nginx"]


def test_a_table_of_a_container_wins_over_that_of_its_service() -> None:
    service = make_service({"hello": {}, "nginx": {}})
    table = {"hello/hello": {"A": "container"}, "hello": {"A": "service", "B": "service"}, "hello/nginx": {"A": "n"}}
    assert local_variables(table, service) == {"hello": {"A": "container", "B": "service"}, "nginx": {"A": "n"}}


def test_a_container_that_is_not_there_and_a_secret_are_refused_with_their_lines(tmp_path: Path) -> None:
    service = make_service({"hello": {"secrets": [{"name": "KEY", "valueFrom": "/key"}]}})
    (tmp_path / "copilot-local.toml").write_text('[container_variables."hello/ngnix"]\nA = "1"\n')
    with pytest.raises(InputError, match="hello has no container ngnix") as error:
        check_local_variables({"hello/ngnix": {"A": "1"}}, [service], tmp_path)
    assert error.value.position is not None
    assert error.value.position.line == 1
    (tmp_path / "copilot-local.toml").write_text('[container_variables.hello]\nA = "1"\nKEY = "x"\n')
    with pytest.raises(InputError, match="KEY is a secret of the container") as error:
        check_local_variables({"hello": {"A": "1", "KEY": "x"}}, [service], tmp_path)
    assert error.value.position is not None
    assert error.value.position.line == 3
    assert "secrets.env" in error.value.hint
