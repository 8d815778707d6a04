"""Where each container's image comes from on this machine, decided without asking Docker.

In this order: a replacement for the container (`--image`, `[images]`), a `[substitute]` entry for the reference, a
build, the reference itself. An image that lives in a private registry must never block local work.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emulator.ecs.references import ImageReference
from emulator.ecs.service import Build, Service
from emulator.ecs.task_definition import ContainerDefinition
from emulator.engine.docker.dockerfile import normalized
from emulator.engine.interface import BuildSpec
from emulator.errors import InputError, UsageError
from emulator.missing import Kind, Missing
from emulator.runtime.secrets.logins import RegistryLogins
from emulator.runtime.secrets.wanted import Wanted, position_of
from emulator.settings import BuildSettings
from emulator.spelling import did_you_mean

BUILT = "copilot-local-build"
"""Images that are built here: APPLICATION/SERVICE/CONTAINER:ENVIRONMENT below this name."""
Target = str | BuildSettings
"""What takes an image's place: a reference, a path, or a build."""


@dataclass(frozen=True, slots=True)
class ImageSource:
    """Where one image comes from: a reference, or a build. `login`: what is needed to pull the reference."""

    reference: str = ""
    build: BuildSpec | None = None
    login: Wanted | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Equal for what one pull serves."""
        return self.reference, self.login.text if self.login else ""


class ImageSources:
    """Decides for the containers of services.

    `replacements` are `--image` options, whose paths are relative to the working directory, and `images` the settings'
    table `[images]`: `SERVICE/CONTAINER` or `CONTAINER` to a target. `substitutes` is `[substitute]`; its references
    apply to the FROM lines of builds as well.
    """

    def __init__(
        self,
        workspace: Path,
        substitutes: Mapping[str, Target],
        replacements: Mapping[str, str],
        images: Mapping[str, Target] | None = None,
        logins: RegistryLogins | None = None,
    ) -> None:
        self.workspace = workspace
        self.substitutes = substitutes
        self._by_image = {normalized(name): target for name, target in substitutes.items()}
        self.replacements = replacements
        self.images = images or {}
        self.logins = logins or RegistryLogins()

    def check_names(self, services: Sequence[Service]) -> None:
        """Raises UsageError for an `--image` of no container, or of one that several services have."""
        homes = _homes(services)
        for name in self.replacements:
            _check_name(name, homes, f"--image {name}=…", services)

    def check_table(self, services: Sequence[Service]) -> None:
        """The same of `[images]`, where a name may be of a service that is not meant now."""
        homes = _homes(services)
        mine = {service.name for service in services}
        for name in self.images:
            owner, separator, _ = name.partition("/")
            if (separator and owner in mine) or (not separator and len(homes.get(name, ())) > 1):
                _check_name(name, homes, f"[images] {name} in copilot-local.toml", services)

    def of(self, service: Service, container: ContainerDefinition) -> ImageSource:
        """The source of a container's image. Raises InputError for an image that only a deployment knows, and for a
        replacement by a path that is not there."""
        for table, base in ((self.replacements, Path.cwd()), (self.images, self.workspace)):
            for name in (f"{service.name}/{container.name}", container.name):
                if (target := table.get(name)) is not None:
                    return self._replaced(service, container.name, target, base)
        if isinstance(container.image, ImageReference):
            build = service.builds[container.image.name]
            return ImageSource(build=self._manifest_build(service, container.name, build))
        if not isinstance(container.image, str):
            raise InputError(
                f"the image of container {container.name} is only known when deployed",
                position=container.image.position,
                hint=f"replace it: --image {service.name}/{container.name}=REFERENCE_OR_FOLDER",
            )
        substitute = self._by_image.get(normalized(container.image))
        if substitute is not None:
            return self._replaced(service, container.name, substitute, self.workspace)
        return ImageSource(reference=container.image, login=self.logins.secret(service.name, container.name))

    def stand_in(self, reference: str) -> str:
        """The reference that `[substitute]` gives in place of one that is not a container's of the manifest: of one of
        our own images, or of a replacement. Raises InputError where it is something to build."""
        actual = self._by_image.get(normalized(reference), reference)
        if not isinstance(actual, str) or actual.startswith("/"):
            raise InputError(
                f"{reference} is replaced by a folder, which nothing builds here: {actual}",
                hint="give an image reference in its place under [substitute] in copilot-local.toml",
            )
        return actual

    def missing(self, service: Service) -> Iterator[Missing]:
        """The Dockerfiles and build contexts that are not there, and images that only a deployment knows."""
        for container in service.task_definition.container_definitions:
            name = f"{service.name}/{container.name}"
            position = position_of(service, container.name, "image", "location")
            try:
                source = self.of(service, container)
            except InputError as error:
                known = isinstance(container.image, str | ImageReference)
                what = error.message if known else "known only where it is deployed"
                yield Missing(Kind.IMAGE, name, service.name, error.position or position, what)
                continue
            spec, build = source.build, service.builds.get(container.name)
            if spec is None or (spec.context.is_dir() and spec.dockerfile.is_file()):
                continue
            what = "" if spec.context.is_dir() else f"the folder {shown(spec.context, self.workspace)} is not there"
            dockerfile, at = shown(spec.dockerfile, self.workspace), (build and build.position) or position
            yield Missing(Kind.DOCKERFILE, dockerfile, service.name, at, what, name)

    def _replaced(self, service: Service, container: str, target: Target, base: Path) -> ImageSource:
        if isinstance(target, BuildSettings):
            dockerfile = Path(target.dockerfile) if target.dockerfile else Path(target.context) / "Dockerfile"
            context = Path(target.context) if target.context else dockerfile.parent
            spec = self._build_spec(service, container, context, dockerfile, target.target, target.args)
            return ImageSource(build=spec)
        path = (base / Path(target).expanduser()).resolve()
        if path.is_dir():
            return ImageSource(build=self._build_spec(service, container, path, path / "Dockerfile"))
        if path.is_file():
            return ImageSource(build=self._build_spec(service, container, path.parent, path))
        if target.startswith((".", "/", "~")):
            raise InputError(
                f"the image of container {container} is replaced by {target}, which does not exist",
                hint="give a folder with a Dockerfile, a Dockerfile, or an image reference",
            )
        return ImageSource(reference=target)

    def _manifest_build(self, service: Service, container: str, build: Build) -> BuildSpec:
        context, dockerfile = self.workspace / build.context, self.workspace / build.dockerfile
        return self._build_spec(service, container, context, dockerfile, build.target, build.args, build.cache_from)

    def _build_spec(
        self,
        service: Service,
        container: str,
        context: Path,
        dockerfile: Path,
        target: str | None = None,
        args: Mapping[str, str] | None = None,
        cache_from: Sequence[str] = (),
    ) -> BuildSpec:
        repository = "/".join(repository_part(part) for part in (service.app, service.name, container))
        references = {name: to for name, to in self.substitutes.items() if isinstance(to, str)}
        return BuildSpec(
            context=context,
            dockerfile=dockerfile,
            tag=f"{BUILT}/{repository}:{repository_part(service.environment)}",
            target=target,
            args=args or {},
            cache_from=tuple(cache_from),
            substitutes={name: to for name, to in references.items() if not to.startswith("/")},
        )


def _homes(services: Sequence[Service]) -> dict[str, list[str]]:
    """Container to the services that have one of that name."""
    homes: dict[str, list[str]] = {}
    for service in services:
        for container in service.task_definition.container_definitions:
            homes.setdefault(container.name, []).append(service.name)
    return homes


def _check_name(name: str, homes: Mapping[str, Collection[str]], said: str, services: Sequence[Service]) -> None:
    owner, separator, container = name.partition("/")
    if not separator:
        owner, container = "", name
    found = [home for home in homes.get(container, ()) if owner in ("", home)]
    if len(found) == 1:
        return
    if found:
        ways = " or ".join(f"{home}/{container}=…" for home in found)
        raise UsageError(
            f"{said}: {' and '.join(found)} each have a container {container}", hint=f"say which one: {ways}"
        )
    known = sorted({f"{home}/{one}" if owner else one for one, owners in homes.items() for home in owners})
    if owner and owner not in {service.name for service in services}:
        raise UsageError(
            f"{said}: there is no service {owner} among those that are meant",
            hint=did_you_mean(owner, [service.name for service in services], "services"),
        )
    raise UsageError(
        f"{said}: there is no container {container}{f' in {owner}' if owner else ''}",
        hint=did_you_mean(name, known, "containers"),
    )


def repository_part(text: str) -> str:
    """A text as a part of an image repository's name: lower case, no doubled or leading separators."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"


def shown(path: Path, workspace: Path) -> str:
    """A path relative to the workspace, where it is below it."""
    try:
        return str(path.relative_to(workspace))
    except ValueError:
        return str(path)
