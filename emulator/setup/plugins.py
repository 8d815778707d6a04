"""Docker's command-line plugins Compose and BuildKit, for the tests: Debian 12 packages neither.

On Debian as root they come from Debian 13's packages, unpacked into the user's own plugin folder: nothing is installed,
no other package changes. Elsewhere they come with Docker Desktop or Docker's own packages.
"""

from __future__ import annotations

import re
import shutil
import stat
from pathlib import Path

from emulator.errors import EngineUnavailable
from emulator.events import Emit, Event, EventKind, discard
from emulator.setup import consent
from emulator.setup.process import Result, run
from emulator.temporary import temporary_folder

SUITE = "trixie"
PACKAGES = {"docker-compose": "compose", "docker-buildx": "buildx"}
"""Debian's package to the subcommand of `docker` that it brings."""
SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
_HINT = "install Docker Compose: it comes with Docker Desktop, and as docker-compose-plugin in Docker's own packages"


def missing_plugins() -> list[str]:
    """The packages whose subcommands `docker` does not have."""
    return [package for package, name in PACKAGES.items() if not run(["docker", name, "version"], timeout=60).ok]


def ensure_plugins(emit: Emit = discard) -> list[str]:
    """Makes sure that `docker compose` and `docker buildx` are there. Returns what was unpacked.

    Raises EngineUnavailable where one is missing and may not be fetched, or cannot be.
    """
    wanted = missing_plugins()
    if not wanted:
        return []
    names = " and ".join(PACKAGES[package] for package in wanted)
    if not SOURCES.is_file() or not consent.allowed(f"docker has no {names}. Unpack it from Debian 13's packages?"):
        raise EngineUnavailable(f"docker has no {names}", hint=_HINT)
    emit(Event(EventKind.STEP_STARTED, "docker plugins", f"unpacking {' '.join(wanted)}"))
    with temporary_folder() as folder:
        failed = _unpack(wanted, folder, _plugin_folder())
    still = missing_plugins()
    if failed is not None or still:
        reason = failed.reason() if failed is not None else f"docker does not find {' '.join(still)}"
        emit(Event(EventKind.STEP_FAILED, "docker plugins", reason))
        tail = "\n".join(failed.tail(8)) if failed is not None else ""
        raise EngineUnavailable(f"docker {names} could not be had: {reason}\n{tail}".rstrip(), hint=_HINT)
    emit(Event(EventKind.STEP_DONE, "docker plugins", f"{names} unpacked"))
    return wanted


def newer_sources(text: str) -> str:
    """The machine's own package sources, for the newer release: same archive, same keys."""
    stanzas = [part for part in re.split(r"\n\s*\n", text.strip()) if "security" not in part]
    return "\n\n".join(re.sub(r"(?m)^Suites:.*$", f"Suites: {SUITE}", part) for part in stanzas) + "\n"


def _plugin_folder() -> Path:
    return Path.home() / ".docker" / "cli-plugins"


def _unpack(packages: list[str], work: Path, plugins: Path) -> Result | None:
    """Fetches packages into `work` and copies their plugins; returns the step that failed, if one did.

    apt gets lists and sources of its own: the machine's stay those of its release.
    """
    parts, lists, cache = work / "sources", work / "lists", work / "cache"
    for made in (parts, lists / "partial", cache / "archives" / "partial"):
        made.mkdir(parents=True)
    (parts / "newer.sources").write_text(newer_sources(SOURCES.read_text(encoding="utf-8")), encoding="utf-8")
    options = [
        f"Dir::Etc::sourceparts={parts}",
        "Dir::Etc::sourcelist=/dev/null",
        f"Dir::State::lists={lists}",
        f"Dir::Cache={cache}",
        "APT::Sandbox::User=root",
    ]
    apt = ["apt-get", "-q", *(word for option in options for word in ("-o", option))]
    for command in ([*apt, "update"], [*apt, "download", *packages]):
        done = run(command, timeout=300, cwd=work)
        if not done.ok:
            return done
    tree = work / "tree"
    for file in sorted(work.glob("*.deb")):
        done = run(["dpkg-deb", "-x", str(file), str(tree)], timeout=120)
        if not done.ok:
            return done
    plugins.mkdir(parents=True, exist_ok=True)
    for found in tree.rglob("cli-plugins/docker-*"):
        target = plugins / found.name
        shutil.copyfile(found, target)
        target.chmod(target.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return None
