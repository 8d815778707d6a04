"""Reads as much of a Dockerfile as is needed to replace the images that it is built from.

Rules of the Dockerfile reference: FROM, ARG before the first FROM, COPY/ADD --from, RUN --mount=from=, the escape
directive, line continuation, comments between continued lines, here-documents.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from emulator.engine.interface import BuildSpec
from emulator.errors import ImageError
from emulator.files import irregular

_DIRECTIVE = re.compile(r"^#\s*([A-Za-z]+)\s*=\s*(\S+)\s*$")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::([-+])([^}]*))?\})")
_HEREDOC = re.compile(r"<<(-?)\s*([\"']?)([A-Za-z_]\w*)\2")
_FROM = re.compile(r"(?is)^(\s*FROM(?:[\s\\]+--\S+)*[\s\\]+)([^\s\\]+)((?:[\s\\]+AS[\s\\]+([^\s\\]+))?.*)$")
_COPY_FROM = re.compile(r"(?i)(--from=)([\"']?)([^\s\"']+)\2")
_MOUNT_FROM = re.compile(r"(?i)(--mount=\S*?\bfrom=)([^\s,]+)")
_FLAGS = r"(?i)^\s*(?:{})(?:[\s\\]+--\S+)*?[\s\\]+--(?:{})\b"
_NEEDS_BUILDKIT = (
    (re.compile(_FLAGS.format("RUN", "mount|network|security")), "RUN --mount"),
    (re.compile(_FLAGS.format("COPY|ADD", "chmod|link|parents|exclude|checksum")), "COPY --chmod or --link"),
)


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction with its continued lines, as they stand. `line` counts from 1."""

    line: int
    text: str
    heredoc: bool = False

    @property
    def keyword(self) -> str:
        words = self.text.split(None, 1)
        return words[0].upper() if words else ""


def check_inputs(spec: BuildSpec) -> None:
    """Raises ImageError with the path where the context or the Dockerfile is missing."""
    if not spec.context.is_dir():
        raise ImageError(
            f"the build context {spec.context} is not a folder", hint="image.build.context in the manifest names it"
        )
    for file in (spec.dockerfile, ignore_file(spec), spec.context / ".dockerignore"):
        if kind := irregular(file):
            raise ImageError(f"{file} is {kind}, not a regular file", hint="put the file itself there")
    if not spec.dockerfile.is_file():
        raise ImageError(
            f"there is no Dockerfile at {spec.dockerfile}", hint="image.build.dockerfile in the manifest names it"
        )


def ignore_file(spec: BuildSpec) -> Path:
    """The ignore file of this Dockerfile alone, which BuildKit prefers; whether it is there or not."""
    return spec.dockerfile.with_name(f"{spec.dockerfile.name}.dockerignore")


def instructions(text: str) -> Iterator[Instruction]:
    """The file in pieces that joined with newlines give it back: instructions, here-documents with them, comments
    and empty lines one by one."""
    escape = directives(text).get("escape", "\\")
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        start = at
        stripped = lines[at].strip()
        at += 1
        if not stripped or stripped.startswith("#"):
            yield Instruction(start + 1, lines[start])
            continue
        while at < len(lines) and _continues(lines[at - 1], escape):
            at += 1
        heredocs = _heredocs("\n".join(lines[start:at]))
        for tabs, word in heredocs:
            while at < len(lines) and (lines[at].lstrip("\t") if tabs else lines[at]) != word:
                at += 1
            at += 1
        yield Instruction(start + 1, "\n".join(lines[start:at]), bool(heredocs))


def _continues(line: str, escape: str) -> bool:
    """A comment or an empty line inside a continued instruction does not end it."""
    stripped = line.strip()
    return not stripped or stripped.startswith("#") or stripped.endswith(escape)


def _heredocs(text: str) -> list[tuple[bool, str]]:
    if text.split(None, 1)[0].upper() not in {"RUN", "COPY", "ADD"}:
        return []
    return [(bool(found[1]), found[3]) for found in _HEREDOC.finditer(text)]


def directives(text: str) -> dict[str, str]:
    """Parser directives (`# syntax=`, `# escape=`) at the very top of the file."""
    found: dict[str, str] = {}
    for line in text.split("\n"):
        matched = _DIRECTIVE.match(line.strip())
        if not matched:
            break
        found[matched[1].lower()] = matched[2]
    return found


def substitute(text: str, substitutes: Mapping[str, str], arguments: Mapping[str, str]) -> str:
    """The Dockerfile with every image that `substitutes` names replaced.

    `arguments` are the build arguments; they and the defaults of ARG lines before the first FROM stand for `${NAME}`
    in FROM lines. Stage names and numbers are not images. An image is the same with and without `docker.io/library/`
    and `:latest`.
    """
    wanted = {normalized(name): reference for name, reference in substitutes.items()}
    return _replaced(text, arguments, lambda image: wanted.get(normalized(image), image))


def images_in(text: str, arguments: Mapping[str, str]) -> set[str]:
    """The images that a Dockerfile names, as `substitute` finds them."""
    found: set[str] = set()

    def note(image: str) -> str:
        found.add(image)
        return image

    _replaced(text, arguments, note)
    return found


def _replaced(text: str, arguments: Mapping[str, str], by: Callable[[str], str]) -> str:
    defaults: dict[str, str] = {}
    stages: set[str] = set()
    pieces: list[str] = []
    for piece in instructions(text):
        changed = piece.text
        if piece.keyword == "ARG" and not stages:
            _declare(piece.text, defaults, arguments)
        elif piece.keyword == "FROM":
            changed, stage = _replace_from(piece.text, by, {**defaults}, stages)
            stages.add(stage.lower() if stage else str(len(stages)))
        elif piece.keyword in {"COPY", "ADD"}:
            changed = _COPY_FROM.sub(lambda found: found[1] + _lookup(found[3], by, stages), piece.text, count=1)
        elif piece.keyword == "RUN":
            changed = _MOUNT_FROM.sub(lambda found: found[1] + _lookup(found[2], by, stages), piece.text)
        pieces.append(changed)
    return "\n".join(pieces)


def _declare(text: str, defaults: dict[str, str], arguments: Mapping[str, str]) -> None:
    for word in re.sub(r"\\\s*\n", " ", text).split()[1:]:
        name, _, value = word.partition("=")
        value = _expand(value.strip("\"'"), defaults)
        defaults[name] = arguments.get(name, value)


def _replace_from(
    text: str, by: Callable[[str], str], variables: Mapping[str, str], stages: set[str]
) -> tuple[str, str]:
    matched = _FROM.match(text)
    if not matched:
        return text, ""
    image = _expand(matched[2], variables)
    replaced = _lookup(image, by, stages)
    return matched[1] + (matched[2] if replaced == image else replaced) + matched[3], matched[4] or ""


def _lookup(image: str, by: Callable[[str], str], stages: set[str]) -> str:
    if image.lower() in stages or image.isdigit() or image.lower() == "scratch":
        return image
    return by(image)


def _expand(text: str, variables: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        name, operator, word = found[1] or found[2], found[3], found[4] or ""
        known = variables.get(name, "")
        if operator == "-":
            return known or word
        if operator == "+":
            return word if known else ""
        return known

    return _VARIABLE.sub(value, text)


def normalized(reference: str) -> str:
    """One spelling for an image: registry and tag written out (`nginx` is `docker.io/library/nginx:latest`)."""
    name, at, digest = reference.partition("@")
    head, colon, tag = name.rpartition(":")
    name, tag = (head, tag) if colon and "/" not in tag else (name, "" if at else "latest")
    registry, slash, rest = name.partition("/")
    if not slash or not ("." in registry or ":" in registry or registry == "localhost"):
        registry, rest = "docker.io", name
    if registry in {"docker.io", "index.docker.io"}:
        registry, rest = "docker.io", rest if "/" in rest else f"library/{rest}"
    return f"{registry}/{rest}" + (f":{tag}" if tag else "") + (f"@{digest}" if at else "")


def needs_buildkit(text: str) -> tuple[int, str] | None:
    """Line and name of the first thing that the classic builder does not know, None where there is none."""
    for piece in instructions(text):
        if piece.heredoc:
            return piece.line, f"a here-document in {piece.keyword}"
        for pattern, name in _NEEDS_BUILDKIT:
            if pattern.search(piece.text):
                return piece.line, name
    return None


def without_syntax(text: str) -> str:
    """The Dockerfile without its `# syntax=` line, so that the builder's own frontend reads it; lines keep their
    numbers."""
    lines = text.split("\n")
    for index in range(len(directives(text))):
        if re.match(r"(?i)^\s*#\s*syntax\s*=", lines[index]):
            # An empty line would end the directives, so another directive goes first where there is one.
            rest = [line for number, line in enumerate(lines[: len(directives(text))]) if number != index]
            return "\n".join([*rest, "#", *lines[len(directives(text)) :]])
    return text
