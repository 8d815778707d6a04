"""Where the settings files are. What is in them is read by `emulator.settings`; who can do without that asks here
first."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.errors import InputError
from emulator.files import read_text

if TYPE_CHECKING:
    from emulator.model import Keys

FILE_NAME = "copilot-local.toml"
STAND_INS_NAME = "stand-ins.toml"
OWN_FILE = ".copilot-local/copilot-local.toml"
"""What one person wants in one workspace: in the folder that git ignores."""


def files_of(workspace: Path) -> tuple[Path, Path]:
    """The settings files of a workspace, a later one wins: the team's, and one person's."""
    return workspace / FILE_NAME, workspace / OWN_FILE


def configuration_folder(environment: Mapping[str, str] | None = None) -> Path:
    """The user's configuration folder of copilot-local (`$XDG_CONFIG_HOME/copilot-local`)."""
    variables = os.environ if environment is None else environment
    base = variables.get("XDG_CONFIG_HOME") or str(Path(variables.get("HOME") or "~").expanduser() / ".config")
    return Path(base) / "copilot-local"


def has_settings(workspace: Path) -> bool:
    """Whether there are settings that hold for the workspace. Substitutions by the set-up are none."""
    return any(os.path.lexists(file) for file in (configuration_folder() / FILE_NAME, *files_of(workspace)))


def text_of(file: Path) -> str:
    """The text of a settings file; empty where there is none. Raises InputError where it cannot be read."""
    refuse_dangling(file)
    try:
        return read_text(file)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {file}: {error}") from None


def refuse_dangling(file: Path) -> None:
    """Raises InputError for a symbolic link to a file that is not there: its owner believes that it is read."""
    if file.is_symlink() and not file.exists():
        raise InputError(
            f"{file} is a link to {file.readlink()}, which is not there", hint="mend the link, or remove it"
        )


def line_of(text: str, keys: Keys, missing: int = 1) -> int:
    """The line of the innermost key: the first that has it after the section's own. `missing` where there is none."""
    names = [key for key in keys if isinstance(key, str)]
    lines = text.splitlines()
    key = names[-1] if names else ""
    section = re.compile(rf"\s*\[\[?\s*[\"']?{re.escape(names[0] if names else '')}\b")
    start = next((number for number, line in enumerate(lines, start=1) if section.match(line)), 0)
    if start and len(names) == 1:
        return start
    heading = re.compile(rf"\s*\[\[?\s*{re.escape('.'.join(names[:-1]))}\s*\.\s*[\"']?{re.escape(key)}[\"']?\s*\]")
    if (found := next((number for number, line in enumerate(lines, start=1) if heading.match(line)), 0)) and key:
        return found
    for first in (start, 0):
        for number, line in enumerate(lines[first:], start=first + 1):
            if key in line.split("=", 1)[0]:
                return number
    inline = (number for number, line in enumerate(lines, start=1) if key and key in line)
    return next(inline, missing)
