"""Finds, builds and pulls the images that containers run on this machine."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from emulator.ecs.service import Service
from emulator.ecs.task_definition import ContainerDefinition
from emulator.engine.interface import BuildSpec, Engine, RegistryAuth
from emulator.errors import ImageError
from emulator.events import Emit, Event, EventKind, discard
from emulator.missing import Blockers, Kind, Missing
from emulator.runtime.images.sources import ImageSource, ImageSources, shown
from emulator.runtime.secrets.missing_values import demands
from emulator.runtime.secrets.wanted import position_of
from emulator.runtime.state.conventions import REGION_VARIABLES

if TYPE_CHECKING:
    from emulator.runtime.planning.up_request import UpRequest


class ImageResolver:
    """Finds, builds and pulls the images of services.

    `sources` says where each comes from. Logins are asked only for images that are not here.
    """

    def __init__(
        self, engine: Engine, sources: ImageSources, emit: Emit, cancelled: threading.Event | None = None
    ) -> None:
        self.engine = engine
        self.sources = sources
        self.emit = emit
        self.cancelled = cancelled or threading.Event()

    def resolve(self, services: Sequence[Service], *, must: bool = True) -> dict[str, dict[str, str]]:
        """Service to container to the id of a local image. Builds and pulls run side by side. Unless they `must` be
        had, images that cannot be pulled keep their references, and Docker refuses the containers.

        Raises `ImageError`, in ECS's words, for an image that cannot be pulled, `MissingError` for several of them, and
        what `require_logins` raises.
        """
        self.sources.check_names(services)
        self.require_logins(services)
        wanted = [
            (service, container, self.sources.of(service, container))
            for service in services
            for container in service.task_definition.container_definitions
        ]
        with ThreadPoolExecutor(8, thread_name_prefix="image") as pool:
            ids: dict[tuple[str, str], Future[str]] = {}
            for _, _, source in wanted:
                if source.build is None and source.key not in ids:
                    ids[source.key] = pool.submit(self._pulled, source)
            made: list[tuple[BuildSpec, Future[str]]] = []
            builds = [self._building(pool, source.build, made) if source.build else None for _, _, source in wanted]
            resolved: dict[str, dict[str, str]] = {service.name: {} for service in services}
            failed: list[ImageError] = []
            lacking: list[Missing] = []
            for (service, container, source), build in zip(wanted, builds, strict=True):
                try:
                    resolved[service.name][container.name] = (build or ids[source.key]).result()
                except ImageError as error:
                    if not (must or build):
                        resolved[service.name][container.name] = source.reference
                        self.emit(Event(EventKind.WARNING, f"{service.name}/{container.name}", error.message))
                        continue
                    if error in failed:
                        continue
                    failed.append(error if build else _cannot_pull(error, service, container, source))
                    if not build:
                        name = f"{service.name}/{container.name}"
                        lacking.append(Missing(Kind.IMAGE, name, service.name, failed[-1].position, failed[-1].message))
        if len(failed) == 1:
            raise failed[0]
        builds_failed = [error for error in failed if not error.message.startswith(CANNOT_PULL)]
        Blockers(lacking, [*builds_failed]).raise_any()
        return resolved

    def _building(
        self, pool: ThreadPoolExecutor, spec: BuildSpec, made: list[tuple[BuildSpec, Future[str]]]
    ) -> Future[str]:
        """An image that several containers are built as is built once, under the first one's name."""
        for other, image in made:
            if replace(other, tag=spec.tag) == spec:
                return image
        made.append((spec, pool.submit(self.build, spec)))
        return made[-1][1]

    def require_logins(self, services: Sequence[Service]) -> None:
        """Looks up the registry logins of those images that are not here. Raises `SecretsError` with all that lack."""
        needed = []
        for service in services:
            for container in service.task_definition.container_definitions:
                source = self.sources.of(service, container)
                if source.login is not None and self.engine.image(source.reference) is None:
                    needed.append(source.login)
        self.sources.logins.require(needed)

    def _pulled(self, source: ImageSource) -> str:
        """The id of a container's image, pulled with its own login if need be."""
        login = source.login
        return self.local(source.reference, (lambda: self.sources.logins.get(login)) if login else None)

    def known(self, service: Service, container: ContainerDefinition) -> str:
        """The image a container would run, as far as that is known without building or pulling anything.

        Of a build it is the image that is here, if nothing that it was built from has changed."""
        source = self.sources.of(service, container)
        if source.build is not None:
            with contextlib.suppress(ImageError):  # what a build lacks, the build says
                if found := self.engine.built(source.build):
                    return found
            return f"{UNBUILT}{shown(source.build.dockerfile, self.sources.workspace)})"
        return self.known_local(source.reference)

    def known_local(self, reference: str) -> str:
        """The id of the image that stands for a reference here if it is local, else its name."""
        actual = self.sources.stand_in(reference)
        found = self.engine.image(actual)
        return actual if found is None else found.id

    def build(self, spec: BuildSpec) -> str:
        """Builds an image, telling of it as it goes; returns its id."""
        subject = f"build {shown(spec.dockerfile, self.sources.workspace)}"
        began = time.monotonic()
        self.emit(Event(EventKind.STEP_STARTED, subject))
        hear = partial(self._progress, subject)
        try:
            built = self.engine.build(spec, on_line=hear, cancelled=self.cancelled)
        except Exception as error:
            self.emit(Event(EventKind.STEP_FAILED, subject, str(error)))
            raise
        self.emit(Event(EventKind.STEP_DONE, subject, "", {"seconds": round(time.monotonic() - began, 3)}))
        return built

    def _progress(self, subject: str, line: str) -> None:
        if self.cancelled.is_set():
            raise ImageError(f"{subject}: it was cancelled")
        self.emit(Event(EventKind.PROGRESS, subject, line))

    def local(self, reference: str, auth: Callable[[], RegistryAuth] | None = None) -> str:
        """The id of the image that stands for a reference here, pulled if need be, with `auth` if that is given."""
        actual = self.sources.stand_in(reference)
        found = self.engine.image(actual)
        if found is not None:
            return found.id
        if _OWN_NAME.match(actual):
            # What is pulled under such a name would be taken for an image of ours, and run beside the Docker socket.
            raise ImageError(
                f"{actual} is not here, and is not pulled: copilot-local names images that it makes itself so",
                hint="name the image otherwise",
            )
        subject = f"pull {actual}"
        self.emit(Event(EventKind.STEP_STARTED, subject))
        try:
            hear, login = partial(self._progress, subject), auth() if auth is not None else None
            self.engine.pull(actual, on_line=hear, auth=login)
            found = self.engine.image(actual)
        except ImageError as error:
            self.emit(Event(EventKind.STEP_FAILED, subject, str(error)))
            raise ImageError(
                error.message,
                hint=error.hint
                or f'replace it in copilot-local.toml: [substitute] "{reference}" = "./folder", '
                "or with --image CONTAINER=REFERENCE_OR_FOLDER",
                output=error.output,
            ) from error
        if found is None:
            raise ImageError(f"{actual} was pulled but is not there")
        self.emit(Event(EventKind.STEP_DONE, subject))
        return found.id


def check_logins(engine: Engine, request: UpRequest) -> None:
    """Looks up the registry logins that `up` will need: while it can still prompt, before anything is made.

    Raises `SecretsError` with all that lack.
    """
    demanding = [service for service in request.services if demands(service)]
    resolver_of(engine, request, discard).require_logins(demanding)


def resolver_of(
    engine: Engine, request: UpRequest, emit: Emit, cancelled: threading.Event | None = None
) -> ImageResolver:
    """Finds, builds and pulls the images of a request."""
    return ImageResolver(engine, sources_of(request), emit, cancelled)


def sources_of(request: UpRequest) -> ImageSources:
    """Where the images of a request come from."""
    settings = request.settings
    return ImageSources(request.workspace, settings.substitute, request.replacements, settings.images, request.logins)


UNBUILT = "(built from "
"""What the image that `known` gives begins with where it is to be built."""
CANNOT_PULL = "CannotPullContainerError"
_OWN_NAME = re.compile(r"(?:(?:index\.)?docker\.io/)?copilot-local(?:-build)?/")
_REFUSED = re.compile(r"unauthorized|denied|authentication required|incorrect username or password")


def _cannot_pull(
    error: ImageError, service: Service, container: ContainerDefinition, source: ImageSource
) -> ImageError:
    """What ECS's stoppedReason says of an image that cannot be pulled, and where the manifest asks for it."""
    hint, position = error.hint, position_of(service, container.name, "image")
    if source.login is not None and _REFUSED.search(error.message):
        hint = f"{hint}\nits login is in the secret {source.login.text}"
        position = source.login.position or position
    return ImageError(f"{CANNOT_PULL}: {error.message}", hint=hint, position=position, output=error.output)


def own_regions(engine: Engine, images: Mapping[str, str]) -> tuple[str, ...]:
    """The containers, given with their local images, whose image names an AWS region itself."""
    found = {container: engine.image(reference) for container, reference in images.items()}
    return tuple(
        container
        for container, image in found.items()
        if image is not None and any(pair.partition("=")[0] in REGION_VARIABLES for pair in image.environment)
    )
