"""Volumes and files of `FakeEngine`."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from emulator.engine.fake_parts import Record, matches
from emulator.engine.interface import File, Mount
from emulator.errors import Conflict, EngineError, NotFound


@dataclass(slots=True)
class _Volume:
    labels: dict[str, str]
    files: dict[str, File] = field(default_factory=dict)


class FakeStorage:
    """Volumes by name, and where in a container a path really lies."""

    def __init__(self) -> None:
        self._volumes: dict[str, _Volume] = {}

    def ensure(self, name: str, labels: Mapping[str, str]) -> None:
        """Makes a volume unless it exists."""
        self._volumes.setdefault(name, _Volume(dict(labels)))

    def mount(self, mounts: Iterable[Mount]) -> None:
        """Creating a container makes the volumes that it mounts, without labels."""
        for mount in mounts:
            if not mount.bind:
                self.ensure(mount.source, {})

    def remove(self, name: str, containers: Iterable[Record]) -> None:
        """Stopped containers count as users too."""
        for record in containers:
            if any(mount.source == name and not mount.bind for mount in record.spec.mounts):
                raise Conflict(f"remove {name}: volume is in use - [{record.id}]")
        self._volumes.pop(name, None)

    def with_labels(self, labels: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
        """Volumes that carry these labels."""
        return {name: volume.labels for name, volume in self._volumes.items() if matches(volume.labels, labels)}

    def write(self, record: Record, folder: str, files: Sequence[File]) -> None:
        """Refused below a read-only mount or root, as Docker does."""
        place, base, read_only = self._place(record, folder)
        if read_only:
            raise EngineError("mounted volume is marked read-only")
        for file in files:
            if file.directory:
                continue  # only files are kept
            place[posixpath.normpath(posixpath.join(base, file.path))] = file

    def read(self, record: Record, path: str) -> bytes:
        """One file's content."""
        place, inside, _ = self._place(record, path)
        if inside not in place:
            raise NotFound(f"Could not find the file {path} in container {record.spec.name}")
        return place[inside].content

    def list(self, record: Record, folder: str) -> list[str]:
        """The files below a folder; not those of volumes that are mounted deeper."""
        place, inside, _ = self._place(record, folder)
        folder, inside = posixpath.normpath(folder), inside.rstrip("/")
        found = [path[len(inside) :] for path in place if path.startswith(f"{inside}/")]
        return sorted(posixpath.join(folder, path.lstrip("/")) for path in found)

    def _place(self, record: Record, path: str) -> tuple[dict[str, File], str, bool]:
        """The files that hold a path, the path in there, and whether it may not be written."""
        path = posixpath.normpath(path)
        for mount in sorted(record.spec.mounts, key=lambda mount: -len(mount.target)):
            target = posixpath.normpath(mount.target)
            if not mount.bind and (path == target or path.startswith(f"{target.rstrip('/')}/")):
                return self._volumes[mount.source].files, "/" + path[len(target) :].strip("/"), mount.read_only
        return record.files, path, record.spec.read_only
