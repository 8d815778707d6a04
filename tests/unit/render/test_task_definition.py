from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import botocore.session
import pytest
from botocore.validate import ParamValidator

from emulator.compiler import compile_service
from emulator.ecs.service import Service
from emulator.ecs.task_definition import TaskDefinition
from emulator.errors import InputError
from emulator.manifest import load
from emulator.model import from_json, from_plain
from emulator.render.task_definition import render_task_definition, task_definition_json, to_json

Compile = Callable[..., Service]
SHARED = Path(__file__).parents[3].parent / "shared"
VALUES = {
    "image:hello": "hello:1",
    "TaskRole.Arn": "arn:aws:iam::1:role/task",
    "ExecutionRole.Arn": "arn:aws:iam::1:role/execution",
    "AWS::Region": "eu-west-1",
    "PublicLoadBalancer.DNSName": "lb.example.com",
}
MANIFEST = """\
    name: hello
    type: Load Balanced Web Service
    image:
      build: ./Dockerfile
      port: 3000
    http:
      path: /
    secrets:
      DB:
        secretsmanager: demo/db
    variables:
      EXPORTED:
        from_cfn: Some-Export
    env_file: ./hello.env
    logging:
      enableMetadata: true
"""


@pytest.fixture(scope="session")
def validate() -> Callable[[object], None]:
    """The AWS SDK's own check of a call's input."""
    model = botocore.session.get_session().get_service_model("ecs")
    shape = model.operation_model("RegisterTaskDefinition").input_shape
    assert shape is not None

    def run(document: object) -> None:
        report = ParamValidator().validate(document, shape)
        assert not report.has_errors(), report.generate_report()

    return run


def test_all_missing_values_are_named_at_once_with_their_lines(compile: Compile) -> None:
    with pytest.raises(InputError) as error:
        render_task_definition(compile(MANIFEST))
    lines = error.value.message.splitlines()[1:]
    assert [line.split("=…")[0].strip() for line in lines] == [
        "--value TaskRole.Arn",
        "--value ExecutionRole.Arn",
        "--value image:hello",
        "--value PublicLoadBalancer.DNSName",
        "--value Some-Export",
        "--value env-file:./hello.env",
        "--value AWS::Partition",
        "--value AWS::Region",
        "--value AWS::AccountId",
    ]
    [export] = [line for line in lines if "Some-Export" in line]
    assert "manifest.yml:12:3" in export
    assert "--placeholders" in error.value.hint


def test_values_take_the_place_of_references(compile: Compile, validate: Callable[[object], None]) -> None:
    values = {
        **VALUES,
        "Some-Export": "exported",
        "env-file:./hello.env": "arn:aws:s3:::bucket/hello.env",
        "AWS::AccountId": "123456789012",
    }
    document = render_task_definition(compile(MANIFEST), values)
    validate(document)
    container = from_plain(TaskDefinition, document).container("hello")
    assert container.image == "hello:1"
    [secret] = container.secrets
    assert secret.value_from == "arn:aws:secretsmanager:eu-west-1:123456789012:secret:demo/db"
    assert {pair.name: pair.value for pair in container.environment}["EXPORTED"] == "exported"


def test_placeholders_stand_for_what_is_missing(compile: Compile, validate: Callable[[object], None]) -> None:
    document = render_task_definition(compile(MANIFEST), {"image:hello": "hello:1"}, placeholders=True)
    validate(document)
    assert document["taskRoleArn"] == "${TaskRole.Arn}"
    container = from_plain(TaskDefinition, document).container("hello")
    assert container.image == "hello:1"
    assert container.environment_files[0].value == "${env-file:./hello.env}"


def test_a_container_without_log_options_has_an_empty_map(compile: Compile) -> None:
    document = json.loads(to_json(render_task_definition(compile(MANIFEST), placeholders=True)))
    assert document["containerDefinitions"][0]["logConfiguration"] == {"logDriver": "awsfirelens", "options": {}}


def test_output_reads_back_as_the_same_task_definition(compile: Compile) -> None:
    document = render_task_definition(compile(MANIFEST), placeholders=True)
    text = to_json(document)
    again = task_definition_json(from_json(TaskDefinition, text), {})
    assert to_json(again) == text
    assert list(document)[:2] == ["family", "taskRoleArn"]


def golden_manifests() -> Iterator[tuple[Path, str | None]]:
    folder = SHARED / "copilot-golden"
    yield from ((folder / "svc-manifest.yml", environment) for environment in ("test", "staging", "prod"))
    yield from (
        (folder / name, "test") for name in ("svc-grpc-manifest.yml", "worker-manifest.yml", "job-manifest.yml")
    )
    for name in ("http-full-config-manifest", "http-only-path-manifest", "simple-manifest-without-port-config"):
        yield folder / "backend" / f"{name}.yml", None
    yield folder / "backend" / "simple-manifest.yml", None


@pytest.mark.skipif(not SHARED.is_dir(), reason="Copilot's expected stacks are not here")
@pytest.mark.parametrize(
    ("path", "environment"),
    list(golden_manifests()),
    ids=lambda value: value.stem if isinstance(value, Path) else value,
)
def test_every_manifest_of_copilots_own_tests_renders(
    path: Path, environment: str | None, validate: Callable[[object], None]
) -> None:
    loaded = load(path, environment=environment, variables={"TAG": "cicdtest"}, app="my-app", strict=False)
    service = compile_service(loaded.manifest, app="my-app", environment=environment or "my-env")
    validate(render_task_definition(service, placeholders=True))
