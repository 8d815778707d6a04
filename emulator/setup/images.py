"""The images that copilot-local itself runs, and those of its examples: pulled, or built where there is no registry."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from emulator.engine.interface import Engine
from emulator.errors import ImageError
from emulator.events import Emit, Event, EventKind, discard
from emulator.setup import agent_image, docker_cli, envoy_image, standins, substitutes
from emulator.setup.docker_cli import Pull
from emulator.setup.paths import locked, log_file

PAUSE_IMAGE = "busybox:1.37"
FRONT_IMAGE = "haproxy:3.0"
ROUTER_IMAGE = "public.ecr.aws/aws-observability/aws-for-fluent-bit:stable"
AGENT_BASE_IMAGE = "python:3.13-slim"


@dataclass(frozen=True, slots=True)
class Image:
    """One image. `references`: the first is pulled; a stand-in is offered for all of them. `name`: its recipe's."""

    name: str
    references: tuple[str, ...]

    @property
    def reference(self) -> str:
        return self.references[0]


IMAGES = (
    Image(
        standins.FLUENT_BIT,
        (
            ROUTER_IMAGE,
            "public.ecr.aws/aws-observability/aws-for-fluent-bit:latest",
            "amazon/aws-for-fluent-bit:stable",
            "amazon/aws-for-fluent-bit:latest",
        ),
    ),
    Image("python", (AGENT_BASE_IMAGE,)),
    Image("busybox", (PAUSE_IMAGE, "busybox:latest")),
    Image("haproxy", (FRONT_IMAGE,)),
    Image("nginx", ("nginx:1.27", "nginx:latest")),
    Image("registry", ("registry:2",)),
)

DATABASES = (
    Image("postgres", ("postgres:17",)),
    Image("mariadb", ("mysql:8.4", "mysql:8.0", "mysql:5.7", "mariadb:11.8")),
    Image("valkey", ("valkey/valkey:8", "redis:7")),
    Image("memcached", ("memcached:1.6",)),
)
"""What addons of services may need: pulled or built when something does."""
EXAMPLES = (Image("node", ("node:20-slim",)),)
"""What an example is built from beside the above."""
_RECIPES = {
    "postgres": "postgres",
    "mysql": "mariadb",
    "mariadb": "mariadb",
    "valkey/valkey": "valkey",
    "redis": "valkey",
    "memcached": "memcached",
}
"""Repository of an official image to the recipe of what stands in for it."""


def ensure_images(emit: Emit = discard, *, databases: bool = False) -> None:
    """Makes sure that every image is there: pulled, or a stand-in where its registry is absent; then the agent's. With
    `databases` those too that addons, examples and Service Connect may need.

    Writes the substitution file. Takes seconds where all is there. Raises ImageError with the last lines of what
    failed, EngineUnavailable where no daemon answers.
    """
    with locked("images", emit):
        provide((*IMAGES, *DATABASES, *EXAMPLES) if databases else IMAGES, emit)
    if databases:
        ensure_envoy_image(emit)
    ensure_agent_image(emit)


def ensure_agent_image(emit: Emit = discard, engine: Engine | None = None) -> str:
    """Makes sure that the agent's image for this very code is there. Returns its reference.

    `engine` is asked first, where there is one: a look at its image needs no copy of the sources.

    Raises ImageError, EngineUnavailable, and Unsupported for a daemon on an architecture we have no wheels for.
    """
    if engine is not None and (present := present_agent_image(engine)):
        return present
    return agent_image.ensure_image("agent", agent_image.ROOMS, agent_image.MODULES, _python_base, emit)


def present_agent_image(engine: Engine) -> str:
    """The agent's image for this very code; empty where it is not there. Raises EngineUnavailable."""
    tag = agent_image.running_tag(engine.info().architecture)
    return tag if engine.image(tag) is not None else ""


def any_agent_image(emit: Emit = discard) -> str:
    """An image of the agent, whichever code it holds; this code's is built where there is none.

    For what every version of it can do, such as draining logs. Raises as `ensure_agent_image`.
    """
    present = docker_cli.labelled_images("copilot-local/agent", agent_image.LABEL)
    return present[0] if present else ensure_agent_image(emit)


def ensure_aws_image(emit: Emit = discard) -> str:
    """Makes sure that the image of the local AWS endpoint is there. Returns its reference. Raises as the agent's."""
    return agent_image.ensure_image("aws", agent_image.AWS_ROOMS, agent_image.AWS_MODULES, _python_base, emit)


def ensure_envoy_image(emit: Emit = discard, engine: Engine | None = None) -> str:
    """Makes sure that the image of Service Connect's proxy is there. Returns its reference. Raises as the agent's."""
    architecture = engine.info().architecture if engine is not None else docker_cli.server_architecture()
    tag = envoy_image.envoy_tag(architecture)
    if engine.image(tag) is not None if engine is not None else docker_cli.image_exists(tag):
        return tag
    return envoy_image.build_envoy_image(_python_base(emit), architecture, emit)


def ensure_database_image(reference: str, emit: Emit = discard) -> str:
    """The local image for the reference of a database's: pulled, or a stand-in where its registry is absent. One that
    nothing here stands in for is returned as it is. Raises ImageError."""
    recipe = _RECIPES.get(reference.partition(":")[0])
    if recipe is None or docker_cli.image_exists(reference):
        return reference
    stand_in = standins.stand_in_tag(recipe)
    if substitutes.read().get(reference) != stand_in or not docker_cli.image_exists(stand_in):
        with locked("images", emit):
            provide([Image(recipe, (reference,))], emit)
    return substitutes.read().get(reference, reference)


def _python_base(emit: Emit) -> str:
    """The local image with the Python that our own images are built on."""
    base = _local(AGENT_BASE_IMAGE, substitutes.read())
    if base is None:
        with locked("images", emit):
            provide([image for image in IMAGES if image.reference == AGENT_BASE_IMAGE], emit)
        base = _local(AGENT_BASE_IMAGE, substitutes.read()) or AGENT_BASE_IMAGE
    return base


def choose(image: Image, outcome: Pull, stand_in_there: bool) -> bool:
    """Whether a stand-in takes the image's place, after a pull that ended so. Raises ImageError where neither is had.

    Only an absent registry calls for building one. One that is there already also serves while a registry is slow.
    """
    if outcome is Pull.PULLED:
        return False
    if outcome is Pull.ABSENT or stand_in_there:
        return True
    what = "did not answer in time" if outcome is Pull.SLOW else "refused it"
    raise ImageError(
        f"{image.reference} could not be pulled: the registry {what}",
        hint="try again; SETUP_STAND_INS=1 builds stand-ins from package registries instead",
    )


def provide(images: Sequence[Image], emit: Emit) -> None:
    """Pulls what is not there, builds stand-ins for what cannot be pulled, writes the substitution file."""
    forced = os.environ.get("SETUP_STAND_INS") == "1"
    with ThreadPoolExecutor(max_workers=3) as pool:
        absent = [image for image in pool.map(lambda image: _find(image, forced, emit), images) if image is not None]
    if absent:
        names = ", ".join(image.name for image in absent)
        emit(Event(EventKind.INFO, "images", f"no container registry answers: stand-ins for {names}"))
    tags = standins.build_stand_ins([image.name for image in absent], emit)
    table = substitutes.read()
    for image in images:
        for reference in image.references:
            table.pop(reference, None)
        if image.name in tags:
            absent_here = (it for it in image.references if not docker_cli.image_exists(it))
            table.update(dict.fromkeys(absent_here, tags[image.name]))
    substitutes.write(table)


def _find(image: Image, forced: bool, emit: Emit) -> Image | None:
    """None where the image is there or was pulled; the image itself where a stand-in must take its place."""
    if docker_cli.image_exists(image.reference):
        return None
    if forced:
        return image
    there = docker_cli.image_exists(standins.stand_in_tag(image.name))
    outcome, result = docker_cli.pull(image.reference, log=log_file(image.name), attempts=1 if there else 4)
    if outcome is Pull.PULLED:
        emit(Event(EventKind.INFO, image.name, f"pulled {image.reference}"))
    try:
        return image if choose(image, outcome, there) else None
    except ImageError as error:
        error.output = result.tail()
        raise


def _local(reference: str, table: dict[str, str]) -> str | None:
    """The local image for a reference: itself, or its stand-in; None where neither is there."""
    candidates = (reference, table.get(reference, ""))
    return next((it for it in candidates if it and docker_cli.image_exists(it)), None)
