"""Which image each container runs on this machine.

In this order: a replacement given on the command line, a `[substitute]` entry of the settings, a build, a local image,
a pull. An image that lives in somebody's private registry must never block local work.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from emulator.ecs.references import ImageReference
from emulator.ecs.service import Build, Service
from emulator.ecs.task_definition import ContainerDefinition
from emulator.engine.interface import BuildSpec, Engine, RegistryAuth
from emulator.errors import ImageError, InputError, UsageError
from emulator.events import Emit, Event, EventKind, discard
from emulator.runtime.secrets.logins import RegistryLogins
from emulator.runtime.secrets.wanted import Wanted, position_of
from emulator.runtime.task_specs import REGION_VARIABLES

if TYPE_CHECKING:
    from emulator.runtime.up_request import UpRequest


class ImageSource(Struct, frozen=True):
    """Where one image comes from: a reference, or a build. `login`: what is needed to pull the reference."""

    reference: str = ""
    build: BuildSpec | None = None
    login: Wanted | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Equal for what one pull serves."""
        return self.reference, self.login.text if self.login else ""


class ImageResolver:
    """Finds, builds and pulls the images of services.

    `replacements` are `--image` options: container name to a reference or a folder. `substitutes` is the settings'
    table; it applies to the FROM lines of builds as well. `logins` are asked only for images that are not here.
    """

    def __init__(
        self,
        engine: Engine,
        workspace: Path,
        substitutes: Mapping[str, str],
        replacements: Mapping[str, str],
        emit: Emit,
        cancelled: threading.Event | None = None,
        logins: RegistryLogins | None = None,
    ) -> None:
        self.engine = engine
        self.workspace = workspace
        self.substitutes = substitutes
        self.replacements = replacements
        self.emit = emit
        self.cancelled = cancelled or threading.Event()
        self.logins = logins or RegistryLogins()

    def check_replacements(self, services: Sequence[Service]) -> None:
        """Raises `UsageError` for a `--image` whose container no service has."""
        known = [c.name for service in services for c in service.task_definition.container_definitions]
        for name in self.replacements:
            if name not in known:
                raise UsageError(
                    f"--image {name}=…: there is no container {name}", hint=f"containers: {', '.join(sorted(known))}"
                )

    def resolve(self, services: Sequence[Service]) -> dict[str, dict[str, str]]:
        """Service to container to the id of a local image. Builds and pulls run side by side.

        Raises `ImageError`, in ECS's words, for an image that cannot be pulled, and what `require_logins` raises.
        """
        self.check_replacements(services)
        self.require_logins(services)
        wanted = [
            (service, container, self.source(service, container))
            for service in services
            for container in service.task_definition.container_definitions
        ]
        with ThreadPoolExecutor(8, thread_name_prefix="image") as pool:
            ids: dict[tuple[str, str], Future[str]] = {}
            for _, _, source in wanted:
                if source.build is None and source.key not in ids:
                    ids[source.key] = pool.submit(self._pulled, source)
            builds = [pool.submit(self.build, source.build) if source.build else None for _, _, source in wanted]
            resolved: dict[str, dict[str, str]] = {}
            for (service, container, source), build in zip(wanted, builds, strict=True):
                try:
                    found = (build or ids[source.key]).result()
                except ImageError as error:
                    raise error if build else _cannot_pull(error, service, container, source) from error
                resolved.setdefault(service.name, {})[container.name] = found
        return resolved

    def require_logins(self, services: Sequence[Service]) -> None:
        """Looks up the registry logins of those images that are not here. Raises `SecretsError` with all that lack."""
        needed = []
        for service in services:
            for container in service.task_definition.container_definitions:
                source = self.source(service, container)
                if source.login is not None and self.engine.image(source.reference) is None:
                    needed.append(source.login)
        self.logins.require(needed)

    def _pulled(self, source: ImageSource) -> str:
        """The id of a container's image, pulled with its own login if need be."""
        login = source.login
        return self.local(source.reference, (lambda: self.logins.get(login)) if login else None)

    def known(self, service: Service, container: ContainerDefinition) -> str:
        """The image a container would run, as far as that is known without building or pulling anything."""
        source = self.source(service, container)
        if source.build is not None:
            return f"(built from {_shown(source.build.dockerfile, self.workspace)})"
        return self.known_local(source.reference)

    def known_local(self, reference: str) -> str:
        """The id of the image that stands for a reference here if it is local, else its name."""
        actual = self.substitutes.get(reference, reference)
        found = self.engine.image(actual)
        return actual if found is None else found.id

    def source(self, service: Service, container: ContainerDefinition) -> ImageSource:
        """Where a container's image comes from, decided without asking anybody."""
        replacement = self.replacements.get(container.name)
        if replacement is not None:
            return self._replacement(service, container.name, replacement, Path.cwd())
        if isinstance(container.image, ImageReference):
            return ImageSource(
                build=self._manifest_build(service, container.name, service.builds[container.image.name])
            )
        if not isinstance(container.image, str):
            raise InputError(
                f"the image of container {container.name} is only known when deployed",
                position=container.image.position,
                hint=f"replace it: --image {container.name}=REFERENCE_OR_FOLDER",
            )
        substitute = self.substitutes.get(container.image)
        if substitute is not None:
            return self._replacement(service, container.name, substitute, self.workspace)
        return ImageSource(reference=container.image, login=self.logins.secret(service.name, container.name))

    def _replacement(self, service: Service, container: str, target: str, base: Path) -> ImageSource:
        path = (base / Path(target).expanduser()).resolve()
        looks_like_path = target.startswith((".", "/", "~"))
        if path.is_dir():
            return ImageSource(build=self._build_spec(service, container, path, path / "Dockerfile"))
        if path.is_file():
            return ImageSource(build=self._build_spec(service, container, path.parent, path))
        if looks_like_path:
            raise InputError(
                f"the image of container {container} is replaced by {target}, which does not exist",
                hint="give a folder with a Dockerfile, a Dockerfile, or an image reference",
            )
        return ImageSource(reference=target)

    def _manifest_build(self, service: Service, container: str, build: Build) -> BuildSpec:
        return self._build_spec(
            service, container, self.workspace / build.context, self.workspace / build.dockerfile, build
        )

    def _build_spec(
        self, service: Service, container: str, context: Path, dockerfile: Path, build: Build | None = None
    ) -> BuildSpec:
        repository = "/".join(_repository(part) for part in (service.app, service.name, container))
        return BuildSpec(
            context=context,
            dockerfile=dockerfile,
            tag=f"copilot-local-build/{repository}:{_repository(service.environment)}",
            target=build.target if build else None,
            args=build.args if build else {},
            cache_from=tuple(build.cache_from) if build else (),
            substitutes={name: to for name, to in self.substitutes.items() if not to.startswith("/")},
        )

    def build(self, spec: BuildSpec) -> str:
        """Builds an image, telling of it as it goes; returns its id."""
        subject = f"build {_shown(spec.dockerfile, self.workspace)}"
        began = time.monotonic()
        self.emit(Event(EventKind.STEP_STARTED, subject))
        try:
            built = self.engine.build(
                spec, on_line=lambda line: self._progress(subject, line), cancelled=self.cancelled
            )
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
        actual = self.substitutes.get(reference, reference)
        if actual.startswith("/"):
            raise InputError(
                f"{reference} is replaced by a folder, which nothing builds here: {actual}",
                hint="give an image reference in its place under [substitute] in copilot-local.toml",
            )
        found = self.engine.image(actual)
        if found is not None:
            return found.id
        subject = f"pull {actual}"
        self.emit(Event(EventKind.STEP_STARTED, subject))
        try:
            self.engine.pull(
                actual, on_line=lambda line: self._progress(subject, line), auth=auth() if auth is not None else None
            )
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
    """Looks up the registry logins that `up` will need: while somebody can still be asked, before anything is made.

    Raises `SecretsError` with all that lack.
    """
    resolver_of(engine, request, discard).require_logins(request.services)


def resolver_of(
    engine: Engine, request: UpRequest, emit: Emit, cancelled: threading.Event | None = None
) -> ImageResolver:
    """Finds, builds and pulls the images of a request."""
    return ImageResolver(
        engine,
        request.workspace,
        request.settings.substitute,
        request.replacements,
        emit,
        cancelled,
        request.logins,
    )


_REFUSED = re.compile(r"unauthorized|denied|authentication required|incorrect username or password")


def _cannot_pull(
    error: ImageError, service: Service, container: ContainerDefinition, source: ImageSource
) -> ImageError:
    """What ECS's stoppedReason says of an image that cannot be pulled, and where the manifest asks for it."""
    hint, position = error.hint, position_of(service, container.name, "image")
    if source.login is not None and _REFUSED.search(error.message):
        hint = f"{hint}\nits login is in the secret {source.login.text}"
        position = source.login.position or position
    return ImageError(f"CannotPullContainerError: {error.message}", hint=hint, position=position, output=error.output)


def _repository(text: str) -> str:
    """A text as a part of an image repository's name: lower case, no doubled or leading separators."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"


def _shown(path: Path, workspace: Path) -> str:
    try:
        return str(path.relative_to(workspace))
    except ValueError:
        return str(path)


def own_regions(engine: Engine, images: Mapping[str, str]) -> tuple[str, ...]:
    """The containers, given with their local images, whose image names an AWS region itself."""
    found = {container: engine.image(reference) for container, reference in images.items()}
    return tuple(
        container
        for container, image in found.items()
        if image is not None and any(pair.partition("=")[0] in REGION_VARIABLES for pair in image.environment)
    )
