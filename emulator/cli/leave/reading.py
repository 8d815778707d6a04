"""Files that the verbs are given."""

from __future__ import annotations

from pathlib import Path

from emulator.errors import InputError
from emulator.files import read_bytes


def read_given(file: Path) -> str:
    """The text of a file, with its own line ends. Raises InputError where it cannot be read."""
    try:
        return read_bytes(file).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        known = isinstance(error, OSError)
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8 text"
        hint = "give the path of a file" if known else "save it as UTF-8; `>` of older PowerShells writes UTF-16"
        raise InputError(f"{file} cannot be read: {reason}", hint=hint) from None
