"""Builds that would give the image that is here: asking the builder takes longer than a look at the context's files.

A mark, in a file of this user, says what an image was built from: the Dockerfile, its arguments, the images it names,
and path, mode, size and times of every file of the context. Where anything cannot be known this way the builder is
asked, as it is wherever something differs: it compares their content, or as BuildKit what the file system says of them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from emulator.engine.docker import dockerfile as reader
from emulator.engine.docker.client import Client
from emulator.engine.docker.images import inspect_image
from emulator.engine.interface import BuildSpec
from emulator.files import read_text

NOT_BUILT = "it has not been built here yet"
MOST_FILES = 5000
"""Of a context; looking at more takes longer than it saves."""
_NAMED = 3
"""Changed files that are named."""
_RECENT_NS = 1_000_000_000
"""A file that changed this recently may change again without its times telling."""
_OBEYED = ("DOCKER_BUILDKIT", "BUILDX_BUILDER", "DOCKER_CONTEXT")
_FROM_AFAR = re.compile(r"(?is)^\s*ADD\b.*(?:://|\bgit@)")


@dataclass(frozen=True, slots=True)
class Mark:
    """What a build is made from; `key` is empty where that cannot be known."""

    file: Path
    key: str

    def image(self) -> str:
        """The id of the image that was built from just this; empty where none was."""
        if not self.key:
            return ""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            found = json.loads(read_text(self.file))
            if found.get("key") == self.key:
                return str(found.get("image", ""))
        return ""

    def write(self, image: str) -> None:
        """Says that this image was built from it."""
        if not self.key:
            return
        with contextlib.suppress(OSError):  # the builder is asked next time
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            partial = self.file.with_name(f"{self.file.name}.{os.getpid()}")
            partial.write_text(json.dumps({"key": self.key, "image": image}), encoding="utf-8")
            partial.replace(self.file)


def mark_of(client: Client, spec: BuildSpec, text: str) -> Mark:
    """What a build would be made from now; `text` is the Dockerfile with its substitutes."""
    return Mark(_file(client, spec), _key(client, spec, text))


def _file(client: Client, spec: BuildSpec) -> Path:
    name = _digest([client.endpoint.host, spec.tag, str(spec.context.absolute())])
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return caches / "copilot-local" / "builds" / f"{name[:32]}.json"


def changed_since(client: Client, spec: BuildSpec) -> str:
    """What of a build's context has changed since its image was built, in words. Files that the build ignores count
    too, as they do in the mark."""
    try:
        built = _file(client, spec).stat().st_mtime_ns
        names = sorted(_changed(spec.context.resolve(), built))
    except OSError:
        return NOT_BUILT
    names = [name for name in names if not name.endswith("/")] or names
    if not names:
        return "its Dockerfile, arguments or base images changed"
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"changed in its context since it was built: {', '.join(names[:_NAMED])}{more}"


def _changed(folder: Path, since: int) -> Iterator[str]:
    """Files that changed after that time, relative to the folder; folders that did, with a slash at their end."""
    for name, found in islice(_entries(folder), MOST_FILES):
        if found.st_ctime_ns > since:
            yield f"{name}{'/' if stat.S_ISDIR(found.st_mode) else ''}"


def _key(client: Client, spec: BuildSpec, text: str) -> str:
    if any(_FROM_AFAR.match(piece.text) for piece in reader.instructions(text)):
        return ""
    images = {}
    for reference in sorted(reader.images_in(text, spec.args)):
        found = inspect_image(client, reference) if reference and "$" not in reference else None
        if found is None:  # only its registry knows what it is by now
            return ""
        images[reference] = found.id
    try:
        files = list(_files(spec.context.resolve(), time.time_ns() - _RECENT_NS))
        ignore = reader.ignore_file(spec)
        ignored = read_text(ignore) if ignore.is_file() else None
    except (OSError, UnicodeDecodeError, _UnknownError):
        return ""
    variables = {name: os.environ.get(name) for name in _OBEYED}
    arguments, labels = (dict(sorted(values.items())) for values in (spec.args, spec.labels))
    options = [spec.target, spec.platform, arguments, labels, list(spec.cache_from)]
    return _digest(["1", text, options, images, ignored, variables, files])


class _UnknownError(Exception):
    """The files do not tell whether they are the same."""


def _files(folder: Path, recent: int) -> Iterator[list[object]]:
    """Every file and folder below. Raises `_UnknownError` where they are many, or one has changed since `recent`."""
    for count, (name, found) in enumerate(_entries(folder)):
        if count >= MOST_FILES or found.st_ctime_ns > recent:
            raise _UnknownError
        content = (
            [] if stat.S_ISDIR(found.st_mode) else [found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]
        )
        yield [f"/{name}", found.st_mode, found.st_uid, found.st_gid, *content]


def _entries(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Every file and folder below by its path from there on, with what the system says of it, links not followed."""
    waiting = [(folder, "")]
    while waiting:
        path, above = waiting.pop()
        with os.scandir(path) as entries:
            for entry in sorted(entries, key=lambda one: one.name):
                found = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(found.st_mode):
                    waiting.append((Path(entry.path), f"{above}{entry.name}/"))
                yield f"{above}{entry.name}", found


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode("utf-8", "surrogatepass")).hexdigest()
