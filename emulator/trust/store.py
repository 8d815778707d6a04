"""Which permissions the user gave to which workspace.

One file for each workspace, in `trust/` of the user's configuration folder, readable by the user alone. It is keyed by
the workspace's real path and holds digests: content that changes is not trusted any more.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from emulator.errors import InputError
from emulator.files import read_bytes
from emulator.settings_files import configuration_folder
from emulator.trust.permission import Permission

FOLDER = "trust"


def trust_file(workspace: Path) -> Path:
    """Where the trust in a workspace is kept."""
    name = hashlib.sha256(os.fsencode(workspace.resolve())).hexdigest()[:32]
    return configuration_folder() / FOLDER / f"{name}.json"


def trusted(workspace: Path) -> dict[str, str]:
    """The permissions that were given: digest to words. Raises InputError where the file cannot be read."""
    file = trust_file(workspace)
    try:
        document = json.loads(read_bytes(file))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise InputError(f"cannot read {file}: {error}") from None
    except ValueError:
        document = None
    given = document.get("permissions") if isinstance(document, dict) else None
    if not isinstance(given, dict) or document.get("workspace") != str(workspace.resolve()):
        raise InputError(f"{file} is damaged", hint="`copilot-local trust-workspace --revoke` removes it")
    return {str(digest): str(words) for digest, words in given.items()}


def trust(workspace: Path, permissions: Iterable[Permission]) -> None:
    """Gives these permissions besides those that were given before. Raises InputError where it cannot be written."""
    given: Mapping[str, str] = {**trusted(workspace), **{one.digest: one.words for one in permissions}}
    file = trust_file(workspace)
    document = {"workspace": str(workspace.resolve()), "permissions": given}
    temporary = ""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=".new-")  # readable by its owner alone
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            json.dump(document, out, indent=2)
        os.replace(temporary, file)
    except OSError as error:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        raise InputError(f"cannot write {file}: {error.strerror}", hint="XDG_CONFIG_HOME moves it") from None


def revoke(workspace: Path) -> bool:
    """Takes every permission back; whether there was one."""
    file = trust_file(workspace)
    try:
        file.unlink()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise InputError(f"cannot remove {file}: {error.strerror}") from None
    return True
