"""A user's own Fluent Bit configuration, with what it includes, rewritten: its outputs go where they should here.

The copies stand in a folder of their own. Everything but outputs and [SERVICE] stays as it is written, comments
included. Paths are resolved as Fluent Bit does: a relative one from the working directory, else from the folder of the
main file; one with a `*` is a pattern.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping

from emulator.errors import InputError, Unsupported
from emulator.firelens.classic import INCLUDE, Kind, Line, ReadFile, read_file, refused, section_kind
from emulator.firelens.output import Entries
from emulator.firelens.placed import Placed, placed
from emulator.firelens.routing import RESERVED_PATHS

FindFiles = Callable[[str], list[str]]
"""The files of the router's image that a pattern with `*`, `?` and `[…]` matches, as absolute paths, sorted."""
ChangeOutput = Callable[[list[Line], str, str, int], tuple[str, ...] | None]
"""What stands here for an output: its entries, its file's indentation, file and line. None: it stays as it is."""

_MERGED = ("output", "service", "custom")
"""Sections that do not stay as they are written: nothing may belong to them that stands elsewhere."""


def find_in(paths: Mapping[str, str]) -> FindFiles:
    """Finds among files that were read before."""
    return lambda pattern: sorted(path for path in paths if glob_expression(pattern).fullmatch(path))


def glob_expression(pattern: str) -> re.Pattern[str]:
    """What the C library's `glob` matches, as an expression for whole paths: `*` stays within a folder, and takes no
    hidden file."""
    parts = []
    for part in plain_path(pattern).split("/"):
        hidden = "" if part.startswith(".") or not part else r"(?!\.)"
        tokens = re.findall(r"\[!?\]?[^]]*\]|.", part)
        parts.append(hidden + "".join(_token(token) for token in tokens))
    return re.compile("/".join(parts), re.DOTALL)


def plain_path(path: str) -> str:
    """An absolute path without `.`, `..` and doubled slashes."""
    return "/" + posixpath.normpath(path).lstrip("/")


class UsersFiles:
    """The user's files: `load` reads them all, then `rewrite` gives the copies."""

    def __init__(self, read: Callable[[str], str | None], find: FindFiles | None, folders: tuple[str, str]) -> None:
        self._read = read
        self._find = find
        self._folders = folders
        """Where relative paths lead: the working directory, and the folder of the main file."""
        self._files: dict[str, ReadFile] = {}
        self._included: dict[tuple[str, int], list[str]] = {}
        self.variables: dict[str, str] = {}
        """What `@SET` commands say; they count for every file."""
        self.service: Entries = []
        """What [SERVICE] sections said."""
        self.copies: dict[str, str] = {}
        """Absolute path in the image to the new text."""
        self.placed: list[Placed] = []

    def load(self, written: str) -> list[str]:
        """Reads a file, or those that a pattern matches, and all that they include; returns their absolute paths.
        Raises InputError and Unsupported."""
        paths = self._resolve(written, "", 0)
        for path in paths:
            if path in self._files:
                message = f"{written} matches {path}, which another file that it matches includes"
                raise InputError(message, hint="Fluent Bit reads a file once: leave out the @INCLUDE")
            self._load(path)
        return paths

    def _load(self, path: str) -> None:
        text = self._read(path)
        if text is None:
            raise InputError(
                f"the log router's image has no file {path}",
                hint="build the file into the image that `logging.image` names, or correct `configFilePath`",
            )
        file = self._files[path] = read_file(text, path)
        for line in file.lines:
            if line.kind is Kind.COMMAND and line.key.upper() == "SET":
                name, _, value = line.value.partition("=")
                self.variables[name] = value
            elif line.kind is Kind.INCLUDE:
                found = self._resolve(line.key, path, line.number)
                self._included[path, line.number] = found
                for nested in found:
                    if nested in self._files:
                        message = f"includes {nested} a second time; Fluent Bit reads a file once"
                        raise refused(path, line.number, message)
                    self._load(nested)

    def _resolve(self, written: str, file: str, number: int) -> list[str]:
        """The absolute paths that an include leads to."""
        working, root = self._folders
        where = f"{file}:{number}: " if file else ""
        if "*" in written:
            if self._find is None:
                raise Unsupported(
                    f"{where}the log router's configuration includes {written}, a pattern",
                    hint="include each file by its own path",
                )
            found = self._find(plain_path(posixpath.join(root, written)))
            if not found and not file:
                raise InputError(
                    f"the log router's image has no file that {written} matches",
                    hint="build the files into the image that `logging.image` names, or correct `configFilePath`",
                )
            if not found:
                raise refused(file, number, f"includes {written}, which matches no file")
        elif written.startswith("/"):
            found = [plain_path(written)]
        else:
            tried = [plain_path(posixpath.join(folder, written)) for folder in (working, root)]
            there = [path for path in tried if path in RESERVED_PATHS or self._read(path) is not None]
            if not there:
                raise InputError(
                    f"{where}the log router's image has no file {' nor '.join(dict.fromkeys(tried))}, which {written} "
                    "would be",
                    hint="use the absolute path of the file in the router's image",
                )
            found = there[:1]
        for path in found:
            refuse_reserved(path, where)
        return found

    def rewrite(
        self, path: str, change_output: ChangeOutput, folder: str, *, above: str = "filter", custom: bool = False
    ) -> str:
        """Makes the copies of a loaded file and of those that it includes, for `folder`.

        Returns the kind of the section that is read last. `above`: the kind of the one before the file. `custom`:
        [CUSTOM] sections may stay.
        """
        file, kind = self._files[path], above
        lines: list[str] = []
        for header, body in _segments(file):
            own = [line for line in body if line.kind is Kind.ENTRY]
            if header is not None:
                kind = section_kind(header.key)
                if kind == "custom" and not custom:
                    raise Unsupported(
                        f"{path}:{header.number} in the log router's image: a [CUSTOM] section sends what it likes",
                        hint='remove it, or choose [logs.destinations] "*" = "live"',
                    )
            elif own and kind in _MERGED:
                raise refused(path, own[0].number, f"a key of the [{kind.upper()}] section in the file before")
            first = kind
            changed = self._changed(file, header, own, change_output) if header is not None else None
            lines += ([header.text] if header is not None else []) if changed is None else changed
            last = own[-1].number if own else 0
            for line in body:
                if line.kind is Kind.INCLUDE:
                    for nested in self._included[path, line.number]:
                        kind = self.rewrite(nested, change_output, folder, above=kind, custom=custom)
                        lines.append(f"{INCLUDE}{folder}{nested}")
                    self._refuse_parted(path, line, own, first, kind)
                elif changed is None or line.kind is Kind.COMMAND or line.number > last:
                    lines.append(line.text)
        self.copies[path] = "\n".join(lines) + "\n"
        return kind

    def _changed(
        self, file: ReadFile, header: Line, own: list[Line], change_output: ChangeOutput
    ) -> tuple[str, ...] | None:
        """What stands for a section's header and its entries; None where they stay."""
        kind = section_kind(header.key)
        if kind == "output":
            for line in own:
                if line.key.startswith("["):
                    message = f"{file.path}:{line.number} in the log router's image: {line.key} in an output"
                    raise Unsupported(message, hint="leave out what an output does to records beside sending them")
            return change_output(own, file.indent, file.path, header.number)
        if header.key.lower() == "service":
            self.service += [(line.key, line.value) for line in own]
            self.placed.append(placed("service", own, self.variables, file=file.path, line=header.number))
            return ()
        if kind in ("input", "filter"):
            self.placed.append(placed(kind, own, self.variables, file=file.path, line=header.number))
        return None

    def _refuse_parted(self, path: str, line: Line, own: list[Line], first: str, last: str) -> None:
        later = next((entry for entry in own if entry.number > line.number), None)
        if later is not None and {first, last} & set(_MERGED):
            raise Unsupported(
                f"{path}:{later.number} in the log router's image: a key after an @INCLUDE within a section: versions "
                "of Fluent Bit differ in the section it belongs to",
                hint="put the @INCLUDE behind the section's keys",
            )


def refuse_reserved(path: str, where: str = "") -> None:
    """Raises InputError for the path at which FireLens puts its own file, whichever way it is written."""
    if plain_path(path) in RESERVED_PATHS:
        raise InputError(
            f"{where}{path} is where FireLens puts the file that it generates: it would include itself, and the log "
            "router ends over it on ECS",
            hint="put your file under another path in the router's image, and name that",
        )


def _segments(file: ReadFile) -> Iterator[tuple[Line | None, list[Line]]]:
    """The file cut before each header; the first part is what stands before any."""
    header: Line | None = None
    body: list[Line] = []
    for line in file.lines:
        if line.kind is Kind.HEADER:
            yield header, body
            header, body = line, []
        else:
            body.append(line)
    yield header, body


def _token(token: str) -> str:
    if token == "*":
        return "[^/]*"
    if token == "?":
        return "[^/]"
    if len(token) > 1:
        inner = token[1:-1].replace("\\", r"\\")
        return f"[{'^' + inner[1:] if inner.startswith('!') else inner}]"
    return re.escape(token)
