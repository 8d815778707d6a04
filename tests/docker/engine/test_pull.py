"""Pulls from a real registry on loopback that wants a login."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from emulator.engine.connect import connect
from emulator.engine.interface import Engine, File, PublishedPort, RegistryAuth
from emulator.errors import ImageError
from tests.docker.registry import COMMAND, HTPASSWD, PASSWORD, SETTINGS, USER, until_it_answers
from tests.unit.engine.contract import Lab

pytestmark = pytest.mark.docker


@dataclass(frozen=True)
class Registry:
    address: str
    image: str
    configuration: Path
    """A configuration folder of the docker command with a login."""


@pytest.fixture(scope="module")
def registry(
    shared_lab: Lab,
    engine: Engine,
    busybox: str,
    local_image: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Registry:
    """A registry with one image."""
    container = engine.create_container(
        shared_lab.spec(
            "registry",
            image=local_image("registry:2"),
            environment=SETTINGS,
            ports=(PublishedPort(5000, 0),),
            command=COMMAND,
        )
    )
    engine.put_files(container, "/", [File("htpasswd", HTPASSWD)])
    engine.start(container)
    address = f"127.0.0.1:{shared_lab.rows()['registry'].ports[0].host_port}"
    until_it_answers(address)
    credentials = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    folder = tmp_path_factory.mktemp("docker")
    (folder / "config.json").write_text(json.dumps({"auths": {address: {"auth": credentials}}}))
    image = f"{address}/{shared_lab.prefix}:1"
    docker("tag", busybox, image)
    docker("--config", str(folder), "push", image)
    return Registry(address, image, folder)


@pytest.fixture(autouse=True)
def no_copy(engine: Engine, registry: Registry) -> Iterator[None]:
    """This daemon has no copy of the image under that name."""
    engine.remove_image_name(registry.image)
    yield
    engine.remove_image_name(registry.image)


def docker(*arguments: str) -> None:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_pull_with_credentials_reports_its_progress(engine: Engine, registry: Registry) -> None:
    lines: list[str] = []
    engine.pull(registry.image, auth=RegistryAuth(USER, PASSWORD), on_line=lines.append)
    assert engine.image(registry.image) is not None
    assert any(line.startswith("Status: ") for line in lines)


def test_a_login_of_the_docker_command_counts(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(registry.configuration))
    engine = connect()
    engine.pull(registry.image)
    assert engine.image(registry.image) is not None
    engine.close()


def test_without_a_login_the_hint_is_to_log_in(engine: Engine, registry: Registry) -> None:
    with pytest.raises(ImageError, match="cannot pull") as caught:
        engine.pull(registry.image)
    assert "docker login" in caught.value.hint


def test_a_wrong_password_says_so_too(engine: Engine, registry: Registry) -> None:
    with pytest.raises(ImageError) as caught:
        engine.pull(registry.image, auth=RegistryAuth(USER, "wrong"))
    assert "refused the user name and password" in caught.value.hint
    assert "wrong" not in str(caught.value)


def test_a_missing_tag_is_told_from_a_missing_login(engine: Engine, registry: Registry) -> None:
    with pytest.raises(ImageError) as caught:
        engine.pull(registry.image.removesuffix(":1") + ":2", auth=RegistryAuth(USER, PASSWORD))
    assert "no such tag" in caught.value.hint


def test_a_registry_that_is_not_there_is_told_from_both(engine: Engine) -> None:
    with pytest.raises(ImageError) as caught:
        engine.pull("localhost:1/image:1")
    assert "cannot be reached" in caught.value.hint
