"""Which files matter to an environment that is watched, and what a change of one of them means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from emulator.ecs.service import Service
from emulator.engine.docker_ignore import Ignore, ignore_file, read_ignore
from emulator.engine.interface import BuildSpec
from emulator.errors import InputError
from emulator.runtime.images.sources import ImageSources
from emulator.runtime.planning.up_request import UpRequest
from emulator.runtime.secrets.missing_values import demands, environment_files
from emulator.runtime.watch.temporary_files import is_temporary
from emulator.settings import SyncRule
from emulator.settings_files import files_of
from emulator.trust.root import root_of

MANIFESTS = "copilot"
VARIABLES_FILE = ".env"
SECRETS_FILE = ".copilot-local/secrets.env"


@dataclass(frozen=True, slots=True)
class WatchedBuild:
    """A build, of which container, and what its context leaves out."""

    service: str
    container: str
    spec: BuildSpec
    ignore: Ignore

    def concerns(self, path: Path) -> bool:
        """Whether a change of this file may change the image."""
        if path in (self.spec.dockerfile, ignore_file(self.spec.context, self.spec.dockerfile)):
            return True
        if not path.is_relative_to(self.spec.context):
            return False
        relative = path.relative_to(self.spec.context)
        return not is_temporary(relative) and relative not in self.ignore


@dataclass(frozen=True, slots=True)
class WatchedSync:
    """A `[[sync]]` rule with its container's name settled."""

    service: str
    container: str
    source: Path
    rule: SyncRule
    root: Path | None = None
    """Links may lead anywhere below it, and below the source."""

    def concerns(self, path: Path) -> bool:
        if path == self.source:
            return True
        return path.is_relative_to(self.source) and not is_temporary(path.relative_to(self.source))


@dataclass(slots=True)
class Changes:
    """What a batch of changed files means."""

    configuration: set[Path] = field(default_factory=set)
    builds: list[WatchedBuild] = field(default_factory=list)
    syncs: dict[WatchedSync, set[Path]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.configuration or self.builds or self.syncs)


class WatchedFiles:
    """The files of one `up` request.

    Raises `InputError` for a sync rule that cannot work: no such service or container, or a container whose file
    system is read-only there.
    """

    def __init__(self, request: UpRequest, sources: ImageSources, extra: Iterable[Path] = ()) -> None:
        self.builds = list(_builds(request.services, sources))
        root = root_of(request.workspace)
        syncs = [_sync(rule, request.services, root) for rule in request.settings.sync]
        # A program of this machine has the files themselves.
        native = {(one.name, one.main_container) for one in request.services if one.name in request.native}
        self.syncs = [sync for sync in syncs if (sync.service, sync.container) not in native]
        self._manifests = request.workspace / MANIFESTS
        self._files = {
            *(path.absolute() for path in extra),
            *files_of(request.workspace),
            request.workspace / VARIABLES_FILE,
            request.workspace / SECRETS_FILE,
            *(path.absolute() for path in _environment_files(request)),
        }

    def folders(self) -> list[Path]:
        """The folders to watch with all below them, none inside another one."""
        wanted = {self._manifests, *(build.spec.context for build in self.builds)}
        wanted |= {sync.source if sync.source.is_dir() else sync.source.parent for sync in self.syncs}
        there = {folder for folder in wanted if folder.is_dir()}
        return sorted(folder for folder in there if not there & set(folder.parents))

    def flat_folders(self) -> list[Path]:
        """The folders of single files that matter outside of those above, to watch without what is below them."""
        files = {*self._files, *(build.spec.dockerfile for build in self.builds)}
        deep = set(self.folders())
        parents = {file.parent for file in files if file.parent.is_dir()}
        return sorted(folder for folder in parents if not deep & {folder, *folder.parents})

    def concerns(self, path: Path) -> bool:
        """Whether a change of this file matters at all."""
        return (
            self._is_configuration(path)
            or any(sync.concerns(path) for sync in self.syncs)
            or any(build.concerns(path) for build in self.builds)
        )

    def sort(self, paths: Iterable[Path]) -> Changes:
        """What these changes mean. A file of a sync rule goes into the container and rebuilds nothing."""
        changes = Changes()
        for path in sorted(paths):
            if self._is_configuration(path):
                changes.configuration.add(path)
            synced = [sync for sync in self.syncs if sync.concerns(path)]
            for sync in synced:
                changes.syncs.setdefault(sync, set()).add(path)
            served = {(sync.service, sync.container) for sync in synced}
            changes.builds += [
                build
                for build in self.builds
                if (build.service, build.container) not in served
                and build not in changes.builds
                and build.concerns(path)
            ]
        return changes

    def _is_configuration(self, path: Path) -> bool:
        if path in self._files:
            return True
        return path.is_relative_to(self._manifests) and not is_temporary(path.relative_to(self._manifests))


def _builds(services: Sequence[Service], sources: ImageSources) -> Iterable[WatchedBuild]:
    for service in filter(demands, services):
        for container in service.task_definition.container_definitions:
            spec = sources.of(service, container).build
            if spec is not None:
                yield WatchedBuild(service.name, container.name, spec, read_ignore(spec.context, spec.dockerfile))


def _environment_files(request: UpRequest) -> Iterable[Path]:
    for files in environment_files(request.services, request.workspace, request.env_files).values():
        yield from (path for _, path in files)


def _sync(rule: SyncRule, services: Sequence[Service], root: Path) -> WatchedSync:
    found: Mapping[str, Service] = {service.name: service for service in services}
    service = found.get(rule.service)
    what = f"the sync rule for {rule.service}/{rule.container or rule.service}"
    if service is None:
        raise InputError(f"{what}: no service {rule.service} runs", hint=f"services: {', '.join(found) or 'none'}")
    name = rule.container or service.main_container
    containers = {container.name: container for container in service.task_definition.container_definitions}
    container = containers.get(name)
    if container is None:
        raise InputError(f"{what}: there is no such container", hint=f"containers: {', '.join(containers)}")
    writable = [point for point in container.mount_points if not point.read_only]
    if container.readonly_root_filesystem and not any(
        Path(rule.target).is_relative_to(point.container_path) for point in writable
    ):
        raise InputError(
            f"{what}: its file system is read-only, so nothing can be copied to {rule.target}",
            hint="set storage.readonly_fs to false for this environment, or let the change build the image",
        )
    if not Path(rule.source).exists():
        raise InputError(f"{what}: its source {rule.source} does not exist")
    return WatchedSync(service.name, name, Path(rule.source), rule, root)
