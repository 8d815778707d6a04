"""The substitution file: which local image stands in for which reference where there is no registry.

`settings` reads it below the user's own `copilot-local.toml`; it is written here, whole, and never by hand:

    [substitute]
    "nginx:1.27" = "copilot-local/nginx:0123456789ab"
"""

from __future__ import annotations

import json
import os
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

from emulator.setup.paths import config_dir

_HEADER = "# Written by copilot-local's set-up. There was no container registry: these images stand in.\n"


def stand_ins_file() -> Path:
    """Where the file is: `$XDG_CONFIG_HOME/copilot-local/stand-ins.toml`."""
    return config_dir() / "stand-ins.toml"


def read() -> dict[str, str]:
    """The table: reference → stand-in. Empty where there is no file, or none that parses: the set-up writes it anew."""
    try:
        document = tomllib.loads(stand_ins_file().read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError):
        return {}
    table = document.get("substitute", {})
    return {str(key): str(value) for key, value in table.items()} if isinstance(table, dict) else {}


def write(table: Mapping[str, str]) -> None:
    """Replaces the file whole, or removes it where nothing is substituted. An unchanged file is left alone."""
    path = stand_ins_file()
    if not table:
        path.unlink(missing_ok=True)
        return
    if read() == dict(table):
        return
    # JSON's string syntax is a subset of TOML's basic strings.
    lines = [f"{json.dumps(key)} = {json.dumps(table[key])}\n" for key in sorted(table)]
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".stand-ins-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(_HEADER + "[substitute]\n" + "".join(lines))
    Path(name).chmod(0o644)
    Path(name).replace(path)
