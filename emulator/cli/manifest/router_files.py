"""Files of a log router's image that are known without the image: given ones, and those that the folder holds which the
image is built from."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path

from emulator.errors import InputError
from emulator.files import read_text
from emulator.settings import BuildSettings


def router_files(given: Mapping[str, str], substitute: str | BuildSettings | None) -> dict[str, Path]:
    """Absolute path in the image to the file here. `given` are those of `--router-file`, which win over what the
    Dockerfile copies that takes the image's place. Raises InputError where a given file is not there."""
    found = dict(_copied(substitute))
    for path, file in given.items():
        if not Path(file).is_file():
            raise InputError(f"{file} is no file", hint="give --router-file PATH=FILE, a copy of the image's file PATH")
        found[posixpath.normpath(f"/{path.lstrip('/')}")] = Path(file)
    return found


def _copied(substitute: str | BuildSettings | None) -> Iterator[tuple[str, Path]]:
    """What the Dockerfile copies from its context: files, and the files of folders."""
    dockerfile, context = _build(substitute)
    if dockerfile is None or not dockerfile.is_file():
        return
    from emulator.engine.docker.dockerfile import instructions

    folder = "/"
    try:
        text = read_text(dockerfile)
    except (OSError, UnicodeDecodeError):
        return  # what is wrong with it is said where it is built
    for instruction in instructions(text):
        words = instruction.text.replace("\\\n", " ").split()[1:]
        if instruction.keyword == "FROM":
            folder = "/"
        elif instruction.keyword == "WORKDIR" and words:
            folder = posixpath.join(folder, words[0])
        elif instruction.keyword in ("COPY", "ADD") and not any(word.startswith("--from") for word in words):
            plain = [word.strip("[],\"'") for word in words if not word.startswith("--")]
            if len(plain) > 1:
                yield from _targets(context, plain[:-1], posixpath.join(folder, plain[-1]))


def _targets(context: Path, sources: list[str], target: str) -> Iterator[tuple[str, Path]]:
    into_folder = target.endswith("/") or len(sources) > 1
    for source in sources:
        for file in sorted(context.glob(source.lstrip("/"))) if source.strip("./") else [context]:
            if file.is_dir():
                for inner in sorted(it for it in file.rglob("*") if it.is_file()):
                    yield posixpath.normpath(f"{target}/{inner.relative_to(file).as_posix()}"), inner
            elif file.is_file():
                yield posixpath.normpath(f"{target}/{file.name}" if into_folder else target), file


def _build(substitute: str | BuildSettings | None) -> tuple[Path | None, Path]:
    """The Dockerfile and the context of what takes an image's place; no Dockerfile where that is another image."""
    if isinstance(substitute, BuildSettings):
        dockerfile = Path(substitute.dockerfile or f"{substitute.context}/Dockerfile")
        return dockerfile, Path(substitute.context or dockerfile.parent)
    path = Path(substitute or "")
    if substitute and path.is_dir():
        return path / "Dockerfile", path
    return (path, path.parent) if substitute and path.is_file() else (None, path)
