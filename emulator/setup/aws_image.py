"""The image of the local AWS endpoint: ministack in our own server, built like the agent's image."""

from __future__ import annotations

import shutil
from pathlib import Path

from emulator.events import Emit, discard
from emulator.setup import docker_cli
from emulator.setup.agent_image import PYTHON_VERSION, copy_rooms, fetch_wheels, locked_requirements, unpack_wheels
from emulator.setup.paths import content_key, data_path, locked, log_file
from emulator.setup.process import run
from emulator.setup.standins import step
from emulator.temporary import temporary_folder

ROOMS = ("aws", "ecs", "logstore")
MODULES = ("__init__.py", "regions.py")
_OLD = ("--filter", "label=copilot-local.image=aws", "--filter", "until=24h")


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
                _build(context, tag, base, fetch_wheels(locked_requirements("aws"), architecture, "aws"), emit)
    return tag


def _build(context: Path, tag: str, base: str, wheels: Path, emit: Emit) -> None:
    with step("aws", tag, emit):
        shutil.copyfile(data_path("aws") / "Dockerfile", context / "Dockerfile")
        unpack_wheels(wheels, context / "site")
        for path in (context, *context.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        docker_cli.build(context, tag, base, log_file("aws"))
    run(["docker", "image", "prune", "--all", "--force", *_OLD], timeout=60, log=log_file("aws"))
