"""With a registry and without one, for real: a registry on loopback that has an image, and a port where there is
none."""

from __future__ import annotations

import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from emulator.errors import ImageError
from emulator.events import discard
from emulator.setup import docker_cli, images, standins, substitutes
from emulator.setup.docker_cli import Pull
from emulator.setup.images import PAUSE_IMAGE, Image
from tests.docker.project import free_port

pytestmark = pytest.mark.docker

Docker = Callable[..., str]
Eventually = Callable[[Callable[[], str]], str]


@dataclass(frozen=True)
class Registry:
    address: str
    image: str


@pytest.fixture(scope="module")
def registry(docker: Docker, image: Callable[[str], str], eventually: Eventually) -> Iterator[Registry]:
    """A registry that has one image, of which this daemon has no copy."""
    name = f"setup-test-{uuid.uuid4().hex[:12]}"
    docker("run", "--detach", "--name", name, "--publish", "127.0.0.1::5000", image("registry:2"))
    reference = ""
    try:
        address = docker("port", name, "5000").split()[0]

        def ask() -> str:
            with urllib.request.urlopen(f"http://{address}/v2/", timeout=5) as answer:
                return str(answer.status)

        eventually(ask)
        reference = f"{address}/pause:{uuid.uuid4().hex[:8]}"
        docker("tag", image(PAUSE_IMAGE), reference)
        docker("push", "--quiet", reference)
        docker("rmi", reference)
        yield Registry(address, reference)
    finally:
        docker("rm", "--force", "--volumes", name)
        if reference and docker_cli.image_exists(reference):
            docker("rmi", reference)


@pytest.fixture
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("SETUP_STAND_INS", raising=False)


@pytest.mark.usefixtures("own_settings")
def test_with_a_registry_the_real_image_is_pulled(registry: Registry, docker: Docker) -> None:
    assert not docker_cli.image_exists(registry.image)
    images.provide([Image("busybox", (registry.image,))], discard)
    assert docker("run", "--rm", registry.image, "echo", "pulled") == "pulled\n"
    assert substitutes.read() == {}


@pytest.mark.usefixtures("own_settings")
def test_a_registry_without_the_image_is_not_an_absent_registry(registry: Registry) -> None:
    missing = f"{registry.address}/nothing:1"
    assert docker_cli.pull(missing)[0] is Pull.REFUSED
    # No stand-in of that name can be there already, so this must be an error and build nothing.
    with pytest.raises(ImageError, match="could not be pulled: the registry refused it"):
        images.choose(Image("busybox", (missing,)), Pull.REFUSED, stand_in_there=False)


@pytest.mark.usefixtures("own_settings")
def test_without_the_registry_the_stand_in_takes_its_place(docker: Docker) -> None:
    if not docker_cli.image_exists(standins.stand_in_tag("busybox")):
        pytest.skip("this machine has a registry: no stand-in was built")
    absent = f"127.0.0.1:{free_port()}/pause:1"
    assert docker_cli.pull(absent)[0] is Pull.ABSENT
    images.provide([Image("busybox", (absent,))], discard)
    stand_in = substitutes.read()[absent]
    assert docker("run", "--rm", stand_in, "echo", "standing in") == "standing in\n"
