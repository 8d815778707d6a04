"""Files in and out of containers, as the tar archives that Docker's API carries them in. All in memory."""

from __future__ import annotations

import io
import posixpath
import tarfile
import time
from collections.abc import Sequence

from emulator.engine.docker.client import Client
from emulator.engine.interface import File
from emulator.errors import EngineError, NotFound

FILES_TIMEOUT = 60.0

_MAX_LINKS = 8


class Files:
    """Files of containers."""

    _client: Client

    def put_files(self, container: str, folder: str, files: Sequence[File]) -> None:
        """Writes files below a folder. Docker makes missing parents of a file, but not the folder that it unpacks into:
        where that is missing the archive goes in at the root, with whole paths."""
        doing = f"write files into {container}"
        try:
            with self._client.sdk(doing, FILES_TIMEOUT) as sdk:
                sdk.put_archive(container, folder, _pack(files, ""))
        except NotFound as error:
            if "No such container" in error.message:
                raise
            with self._client.sdk(doing, FILES_TIMEOUT) as sdk:
                sdk.put_archive(container, "/", _pack(files, folder.strip("/")))

    def list_files(self, container: str, folder: str) -> list[str]:
        """The files below a folder, links to files included, as absolute paths; none where the folder is not there."""
        folder = posixpath.normpath(folder)
        try:
            archive = self._archive(container, folder, f"list {folder} in {container}")
        except NotFound as error:
            if "No such container" in error.message:
                raise
            return []
        above = posixpath.dirname(folder)
        with archive:
            return sorted(posixpath.join(above, entry.name) for entry in archive if not entry.isdir())

    def read_file(self, container: str, path: str) -> bytes:
        """Reads one file, following symbolic links as Docker hands them out (it follows those of folders itself)."""
        current = path
        for _ in range(_MAX_LINKS):
            with self._archive(container, current, f"read {current} out of {container}") as archive:
                entry = archive.next()
                if entry is None:
                    raise NotFound(f"{path} is not there in {container}")
                if entry.issym():
                    current = posixpath.normpath(posixpath.join(posixpath.dirname(current), entry.linkname))
                    continue
                content = archive.extractfile(entry) if entry.isreg() else None
                if content is None:
                    raise EngineError(f"{path} in {container} is not a file")
                return content.read()
        raise EngineError(f"{path} in {container} is a symbolic link that leads nowhere")

    def _archive(self, container: str, path: str, doing: str) -> tarfile.TarFile:
        place = f"/containers/{container}/archive"
        data = self._client.get_bytes(place, doing, params={"path": path}, timeout=FILES_TIMEOUT)
        return tarfile.open(fileobj=io.BytesIO(data))


def _pack(files: Sequence[File], prefix: str) -> bytes:
    buffer = io.BytesIO()
    now = time.time()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for file in files:
            name = posixpath.normpath(file.path)
            if name.startswith(("/", "..")) or (name == "." and not file.directory):
                raise ValueError(f"not a path below the folder: {file.path!r}")
            entry = tarfile.TarInfo(posixpath.join(prefix, name))
            entry.type = tarfile.DIRTYPE if file.directory else tarfile.REGTYPE
            entry.size = len(file.content)
            entry.mode, entry.uid, entry.gid, entry.mtime = file.mode, file.uid, file.gid, now
            archive.addfile(entry, io.BytesIO(file.content))
    return buffer.getvalue()
