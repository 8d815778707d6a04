"""The image of the local AWS endpoint: ministack in our own server, built like the agent's image."""

from __future__ import annotations

from pathlib import Path

from emulator.events import Emit, discard
from emulator.setup import docker_cli
from emulator.setup.agent_image import PYTHON_VERSION, build_image, copy_rooms, fetch_wheels, locked_requirements
from emulator.setup.paths import content_key, data_path, locked
from emulator.temporary import temporary_folder

ROOMS = ("aws", "ecs", "logstore")
MODULES = ("__init__.py", "regions.py")


def aws_tag(sources: Path, architecture: str) -> str:
    """The tag of the image: changes with its sources, its dependencies, its recipe and the architecture."""
    recipe = content_key(data_path("aws"))
    return f"copilot-local/aws:{content_key(sources, recipe, architecture, PYTHON_VERSION)}"


def ensure_aws_image(base: str, architecture: str, emit: Emit = discard) -> str:
    """Makes sure that the image for this very code is there, on a local Python image. Returns its reference.

    Raises ImageError, and Unsupported for a daemon on an architecture we have no wheels for.
    """
    with temporary_folder() as context:
        copy_rooms(ROOMS, context / "emulator", MODULES)
        tag = aws_tag(context / "emulator", architecture)
        if docker_cli.image_exists(tag):
            return tag
        with locked("aws", emit):
            if not docker_cli.image_exists(tag):
                wheels = fetch_wheels(locked_requirements("aws"), architecture, "aws")
                build_image("aws", context, tag, base, wheels, emit)
    return tag
