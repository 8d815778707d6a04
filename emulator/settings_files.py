"""Where the settings files are. What is in them is read by `emulator.settings`; who can do without that asks here
first."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

FILE_NAME = "copilot-local.toml"
STAND_INS_NAME = "stand-ins.toml"


def configuration_folder(environment: Mapping[str, str] | None = None) -> Path:
    """The user's configuration folder of copilot-local (`$XDG_CONFIG_HOME/copilot-local`)."""
    variables = os.environ if environment is None else environment
    base = variables.get("XDG_CONFIG_HOME") or str(Path(variables.get("HOME") or "~").expanduser() / ".config")
    return Path(base) / "copilot-local"


def has_settings(workspace: Path) -> bool:
    """Whether there are settings that hold for the workspace. Substitutions by the set-up are none."""
    return any((folder / FILE_NAME).exists() for folder in (configuration_folder(), workspace))
