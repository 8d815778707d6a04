from __future__ import annotations

from typing import Any

import pytest

from emulator.ecs.task_definition import TaskDefinition
from emulator.engine.interface import Engine
from emulator.errors import InputError
from emulator.runtime.names import Names
from emulator.runtime.router_files import read_router_files
from emulator.settings import load_settings

pytestmark = pytest.mark.docker

IMAGE = "public.ecr.aws/aws-observability/aws-for-fluent-bit:stable"


def read(engine: Engine, environment: Names, options: dict[str, Any]) -> dict[str, str]:
    definition = TaskDefinition.model_validate(
        {
            "family": "demo",
            "containerDefinitions": [
                {"name": "router", "image": IMAGE, "firelensConfiguration": {"type": "fluentbit", "options": options}}
            ],
        }
    )
    return read_router_files(engine, environment, definition, load_settings().substitute.get(IMAGE, IMAGE))


@pytest.fixture
def environment(worker_id: str) -> Names:
    return Names("test", f"router-files-{worker_id}")


def test_the_users_file_is_read_from_the_image(engine: Engine, environment: Names) -> None:
    path = "/fluent-bit/configs/parse-json.conf"
    found = read(engine, environment, {"config-file-type": "file", "config-file-value": path})
    assert list(found) == [path]
    assert "Key_Name" in found[path]
    assert engine.list_containers(environment.labels()) == []


def test_without_a_file_of_the_users_nothing_is_read(engine: Engine, environment: Names) -> None:
    assert read(engine, environment, {}) == {}


def test_a_file_that_is_not_in_the_image_is_named(engine: Engine, environment: Names) -> None:
    with pytest.raises(InputError, match=r"image has no file /nope\.conf") as error:
        read(engine, environment, {"config-file-type": "file", "config-file-value": "/nope.conf"})
    assert "configFilePath" in error.value.hint
    assert engine.list_containers(environment.labels()) == []
