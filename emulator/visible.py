"""Makes text from strangers harmless for a terminal: container output, names of files, keys of manifests, errors. Pure.

A terminal obeys control characters: they move the cursor, clear the screen, set the clipboard or the title. Marks of
writing direction make a text read as another one. Both become visible escapes. Colours and styles (SGR of ECMA-48)
are kept where that is asked for, and ended with their line; elsewhere they go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TextIO

STREAMS = ("standard output", "standard error")
"""The names under which the streams of a process are told, also by an error of theirs (`OSError.filename`)."""

_SGR = r"\x1b\[[0-9;:]*m"
_UNSAFE = (
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, DEL, C1
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks of direction
    r"\u2028\u2029\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"  # separators, invisible marks, no characters
)
_ANY = re.compile(f"({_SGR})|({_UNSAFE})")
_RESET = "\x1b[0m"


def unwritable(error: Exception) -> str:
    """Why standard output takes no more; empty where its reader went away, which needs no word."""
    if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
        return f"{STREAMS[0]} cannot be written: {error.strerror or error}"
    return ""


def visible(text: str, *, sgr: bool = False) -> str:
    """The text with control characters and marks of direction as escapes (`\\x1b`, `\\u202e`); newlines and tabs stay.

    `sgr`: colours and styles stay too, and are ended before each newline and at the end; else they are taken out.
    A carriage return before a newline goes.
    """
    if _ANY.search(text) is None:
        return text
    text = text.replace("\r\n", "\n")
    if text.endswith("\r"):
        text = text[:-1]
    if not sgr:
        return _ANY.sub(lambda found: "" if found[1] else _escape(found[2]), text)
    return "\n".join(_styled(line) for line in text.split("\n"))


def visible_line(text: str, *, sgr: bool = False) -> str:
    """The same for what is one line: newlines become visible too."""
    shown = visible(text, sgr=sgr)
    return shown.replace("\n", "\\n") if "\n" in shown else shown


def _styled(line: str) -> str:
    open_style = False

    def replaced(found: re.Match[str]) -> str:
        nonlocal open_style
        if found[1]:
            open_style = found[1] not in ("\x1b[m", _RESET)
            return found[1]
        return _escape(found[2])

    shown = _ANY.sub(replaced, line)
    return f"{shown}{_RESET}" if open_style else shown


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return f"\\x{code:02x}"
    # JSON's own form, so that a document that holds such a character (it holds none below) means the same.
    units = [code] if code <= 0xFFFF else [0xD800 + (code - 0x10000 >> 10), 0xDC00 + (code & 0x3FF)]
    return "".join(f"\\u{unit:04x}" for unit in units)


class GuardedStream:
    """A text stream that makes all that is written to it visible. `unguarded` is the stream itself, for what moves the
    cursor on purpose. `sgr`: colours are passed on, and reset by the code that sets them. `name` is told by errors."""

    def __init__(self, stream: TextIO, *, sgr: bool, name: str = STREAMS[0]) -> None:
        self.unguarded = stream
        self._sgr = sgr
        self._name = name

    def write(self, text: str) -> int:
        """Writes the text, made visible; returns how many characters of `text` were taken."""
        length = len(text)
        if _ANY.search(text) is not None:
            text = self._shown(text)
        try:
            self.unguarded.write(text)
        except OSError as error:
            error.filename = self._name
            raise
        return length

    def flush(self) -> None:
        try:
            self.unguarded.flush()
        except OSError as error:
            error.filename = self._name
            raise

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def _shown(self, text: str) -> str:
        if not self._sgr:
            return visible(text)
        # A colour may be begun by one write and ended by the next.
        return _ANY.sub(lambda found: found[1] or _escape(found[2]), text.replace("\r\n", "\n"))

    def __getattr__(self, name: str) -> object:
        return getattr(self.unguarded, name)


def unguarded(stream: TextIO) -> TextIO:
    """The stream below a guard, or the stream itself."""
    found: TextIO = getattr(stream, "unguarded", stream)
    return found
