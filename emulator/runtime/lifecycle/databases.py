"""The images that databases run on, and what becomes of those that did not come up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from emulator.engine.interface import Engine
from emulator.errors import CopilotLocalError, ImageError
from emulator.runtime.images.resolver import ImageResolver
from emulator.runtime.planning.stop_plan import DATABASE_STOP_TIMEOUT
from emulator.runtime.planning.up_request import UpRequest
from emulator.runtime.specs.aws.endpoint import parse_position
from emulator.runtime.state.database import DesiredDatabase
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import Observed


def with_images(databases: Sequence[DesiredDatabase], image: Callable[[str], str]) -> list[DesiredDatabase]:
    """The databases on local images: `image` finds, pulls or builds one. Raises `ImageError`, with the template's
    line."""
    found = []
    for database in databases:
        try:
            found.append(database.model_copy(update={"image": image(database.image)}))
        except ImageError as error:
            error.position = error.position or parse_position(database.position)
            raise
    return found


def local_image(request: UpRequest, resolver: ImageResolver) -> Callable[[str], str]:
    """What finds the image of a database: the user's own substitute, else what the set-up has for the reference. Its
    name is what people read; an id would tell them nothing."""

    def find(reference: str) -> str:
        target = request.settings.substitute.get(reference)
        own = isinstance(target, str) and target.startswith("copilot-local/")
        if (target is None or own) and request.support.database is not None:
            reference = request.support.database(reference)
        resolver.local(reference)
        return resolver.sources.stand_in(reference)

    return find


def remove_new_databases(
    engine: Engine, environment: Names, state: DesiredState, before: Observed, volumes: Mapping[str, object]
) -> None:
    """Removes databases that were not there before, with their data; never masks the error that it is for."""
    for database in state.databases:
        name = environment.database(database.key)
        try:
            if database.key not in before.databases:
                kept = environment.database_volume(database.key) in volumes
                if kept:  # it holds what earlier tasks wrote, and what these have written since
                    engine.stop(name, DATABASE_STOP_TIMEOUT)
                engine.remove(name)
                if not kept:
                    engine.remove_volume(environment.database_volume(database.key))
        except CopilotLocalError:
            continue  # `down` removes it
