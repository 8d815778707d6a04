"""What environments that are gone have left on this machine, and its removal.

An environment is gone when it has no container, running or not. What bears no name of ours is never looked at.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from emulator.engine.interface import Container, Engine, ImageName
from emulator.errors import EngineError, EngineUnavailable
from emulator.runtime.execution.executor import remove_volume
from emulator.runtime.images.sources import BUILT, repository_part
from emulator.runtime.state import names
from emulator.runtime.state.names import Names

OWN = ("copilot-local/agent", "copilot-local/aws", "copilot-local/envoy")
"""Repositories of images that are made anew for each version of copilot-local."""


class LeftKind(enum.StrEnum):
    """What is left."""

    NETWORK = "network"
    VOLUME = "volume"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Left:
    """One thing that an environment, or an earlier version of copilot-local, has left. `size` in bytes, where Docker
    tells it; `data`: logs, file systems and databases, which the next `up` would find again."""

    kind: LeftKind
    name: str
    of: str
    size: int = 0
    data: bool = False


def leftovers(
    engine: Engine,
    *,
    volumes: bool = False,
    own: bool = False,
    app: str | None = None,
    environment: str | None = None,
) -> list[Left]:
    """What can be removed: networks, volumes and images. Volumes with data only with `volumes`, the newest of our own
    images only with `own`; only what is of the application, or of one of its environments, where these are given.

    Raises `EngineError`.
    """
    containers = engine.list_containers({names.APP: ""})
    there = {_environment(container.labels) for container in containers}
    kept = {name for one, other in there for name in engine.list_networks(Names(one, other).labels())}
    asked = {names.APP: app or ""} | ({names.ENVIRONMENT: environment} if environment else {})
    found = [Left(LeftKind.NETWORK, name, "") for name in engine.list_networks(asked) if name not in kept]
    for name, labels in sorted(engine.list_volumes(asked).items()):
        of, data = _environment(labels), names.DATA in labels
        if of not in there and (volumes or not data):
            found.append(Left(LeftKind.VOLUME, name, "/".join(of), data=data))
    found += _built(engine, there, app, environment)
    return found if app else [*found, *_our_own(engine, engine.list_containers({}), newest_too=own)]


def remove_leftovers(engine: Engine, left: list[Left]) -> Iterator[tuple[Left, str]]:
    """Removes them, one after the other; gives each with the reason why Docker did not give it up, else an empty text.

    Raises `EngineUnavailable` where no daemon answers any more.
    """
    remove = {
        LeftKind.NETWORK: engine.remove_network,
        LeftKind.VOLUME: lambda name: remove_volume(engine, name),
        LeftKind.IMAGE: engine.remove_image_name,
    }
    for one in left:
        try:
            remove[one.kind](one.name)
        except EngineUnavailable:
            raise
        except EngineError as error:
            yield one, error.message
        else:
            yield one, ""


def _environment(labels: Mapping[str, str]) -> tuple[str, str]:
    return labels[names.APP], labels.get(names.ENVIRONMENT, "")


def _built(engine: Engine, there: set[tuple[str, str]], app: str | None, environment: str | None) -> Iterator[Left]:
    """Images that were built for services of environments that are gone: of all, or of those that are meant."""
    living = {(repository_part(one), repository_part(other)) for one, other in there}
    meant = {repository_part(environment)} if environment else set()
    for image in engine.list_images([f"{BUILT}/{repository_part(app) if app else '*'}/*/*"]):
        repository, _, tag = image.reference.rpartition(":")
        owner, of = repository.split("/")[1], tag.partition("-before-")[0]
        if (owner, of) not in living and (not meant or of in meant):
            yield Left(LeftKind.IMAGE, image.reference, f"{owner}/{of}", image.size)


def _our_own(engine: Engine, containers: list[Container], *, newest_too: bool) -> Iterator[Left]:
    """Our own images as far as no container uses them: but the newest of each kind, unless these too are meant."""
    used = {container.image for container in containers}
    newest: dict[str, ImageName] = {}
    images = sorted(engine.list_images(OWN), key=lambda image: image.created)
    for image in images:
        newest[image.reference.rpartition(":")[0]] = image
    for image in images:
        if (newest_too or image not in newest.values()) and not used & {image.reference, image.id}:
            yield Left(LeftKind.IMAGE, image.reference, "copilot-local", image.size)
