"""Docker Compose, as the `docker` command runs it: what a team's Compose files come to, and bringing them up."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator.engine.docker.endpoint import find_endpoint
from emulator.errors import ContainerFailed, InputError, UsageError

CONFIG_TIMEOUT = 60.0
UP_TIMEOUT = 1800.0
"""Seconds for builds and pulls too."""
_POLL = 0.05
_GRACE = 10.0
"""Seconds that Compose gets to end once it is asked to."""
_LINES = 15
_HINT = "install Docker Compose 2.20 or later: it comes with Docker Desktop, and as docker-compose-plugin elsewhere"
_UNKNOWN = ("is not a docker command", "unknown shorthand flag", "unknown flag: --file")


@dataclass(frozen=True, slots=True)
class ComposeFiles:
    """Files of one project, later ones over earlier ones, and the profiles that are on."""

    files: tuple[Path, ...]
    profiles: tuple[str, ...] = ()

    def config(self, variables: Mapping[str, str], *, interpolate: bool = True) -> dict[str, Any]:
        """What the files come to, with everything that they include: Compose's own JSON. `variables` are those of the
        shell. Without `interpolate` no value of theirs is in it.

        Raises UsageError where there is no Compose, InputError with what Compose says of the files.
        """
        words = ["docker", "compose", *(word for file in self.files for word in ("--file", str(file)))]
        words += [word for profile in self.profiles for word in ("--profile", profile)]
        words += ["config", "--format", "json", *([] if interpolate else ["--no-interpolate"])]
        try:
            done = subprocess.run(
                words,
                cwd=self.files[0].parent,
                env=dict(variables),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=CONFIG_TIMEOUT,
                check=False,
            )
        except FileNotFoundError:
            raise UsageError("[beside] needs `docker compose`, and there is no `docker` on PATH", hint=_HINT) from None
        except subprocess.TimeoutExpired:
            raise InputError(f"`docker compose config` did not end within {CONFIG_TIMEOUT:.0f} s") from None
        if done.returncode == 0:
            found: dict[str, Any] = json.loads(done.stdout)
            return found
        said = done.stderr.strip()
        if any(words in said for words in _UNKNOWN):
            raise UsageError("[beside] needs `docker compose`, which this machine does not have", hint=_HINT)
        raise InputError(f"Compose refuses {', '.join(map(str, self.files))}: {said}")


def compose_up(project: str, model: Mapping[str, Any], directory: Path, cancelled: threading.Event) -> bool:
    """Builds, pulls, makes and starts the services of a model, which Compose reads from standard input: nothing of it
    is in a file. Services of the project that are not in it go. Returns False where it was `cancelled`.

    Raises ContainerFailed with the last lines of what Compose says.
    """
    words = ["docker", "compose", "--progress", "plain", "--project-name", project]
    words += ["--project-directory", str(directory), "--file", "-", "up", "--detach", "--remove-orphans"]
    variables = {**os.environ, **find_endpoint(os.environ, Path.home()).variables}
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as said:
        asked.write(json.dumps(model).encode())
        asked.seek(0)
        # A session of its own: Ctrl-C at the terminal is for us, and we end it.
        process = subprocess.Popen(
            words, env=variables, stdin=asked, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            ended = _wait(process, cancelled)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if ended and process.returncode:
            said.seek(0)
            lines = said.read().decode(errors="replace").splitlines()
            raise ContainerFailed("Compose could not start what is beside", output=lines[-_LINES:])
    return ended


def _wait(process: subprocess.Popen[bytes], cancelled: threading.Event) -> bool:
    """Until it has ended; whether it has by itself."""
    deadline = time.monotonic() + UP_TIMEOUT
    while process.poll() is None:
        if cancelled.wait(_POLL) or time.monotonic() > deadline:
            process.terminate()
            try:
                process.wait(_GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
            if cancelled.is_set():
                return False
            raise ContainerFailed(f"Compose did not end within {UP_TIMEOUT:.0f} s")
    return True
