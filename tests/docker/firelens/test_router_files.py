from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from emulator.ecs.task_definition import TaskDefinition
from emulator.engine.interface import Engine
from emulator.errors import InputError
from emulator.model import from_plain
from emulator.runtime.images.router_files import read_router_image
from emulator.runtime.state.names import Names

pytestmark = pytest.mark.docker

IMAGE = "public.ecr.aws/aws-observability/aws-for-fluent-bit:stable"


Read = Callable[[dict[str, Any]], dict[str, str]]


@pytest.fixture
def read(engine: Engine, environment: Names, local_image: Callable[[str], str]) -> Read:
    """Reads the files of a router with these FireLens options."""
    return lambda options: read_router_image(engine, environment, task(options), local_image(IMAGE)).files


def task(options: dict[str, Any]) -> TaskDefinition:
    return from_plain(
        TaskDefinition,
        {
            "family": "demo",
            "containerDefinitions": [
                {"name": "router", "image": IMAGE, "firelensConfiguration": {"type": "fluentbit", "options": options}}
            ],
        },
    )


@pytest.fixture
def environment(worker_id: str) -> Names:
    return Names("test", f"router-files-{worker_id}")


def test_the_users_file_is_read_from_the_image(read: Read, engine: Engine, environment: Names) -> None:
    path = "/fluent-bit/configs/parse-json.conf"
    found = read({"config-file-type": "file", "config-file-value": path})
    assert list(found) == [path]
    assert "Key_Name" in found[path]
    assert engine.list_containers(environment.labels()) == []


def test_without_a_file_of_the_users_nothing_is_read(read: Read, engine: Engine, environment: Names) -> None:
    assert read({}) == {}


def test_a_file_that_is_not_in_the_image_is_named(read: Read, engine: Engine, environment: Names) -> None:
    with pytest.raises(InputError, match=r"image has no file /nope\.conf") as error:
        read({"config-file-type": "file", "config-file-value": "/nope.conf"})
    assert "configFilePath" in error.value.hint
    assert engine.list_containers(environment.labels()) == []
