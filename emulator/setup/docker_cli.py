"""What the set-up asks of Docker: the engine what Docker's API can say, the `docker` command the rest."""

from __future__ import annotations

import enum
import os
import time
from contextlib import closing
from pathlib import Path

from emulator.engine.connect import connect
from emulator.errors import ImageError
from emulator.setup.paths import log_file
from emulator.setup.process import NOT_FOUND, TIMED_OUT, Result, run

PULL_TIMEOUT = 1800.0  # a slow line is not an absent registry
BUILD_TIMEOUT = 1800.0
MANIFEST_TIMEOUT = 20.0
LONGEST_REASON = 200

# What the daemon says when the registry's name does not resolve or nothing takes the connection.
_ABSENT = (
    "no such host",
    "server misbehaving",
    "temporary failure in name resolution",
    "name or service not known",
    "connection refused",
    "network is unreachable",
    "no route to host",
    "host is down",
)
_SLOW = ("timeout", "timed out", "deadline exceeded", "unexpected eof", "connection reset", "502", "503", "504")


class Pull(enum.StrEnum):
    """How a pull ended."""

    PULLED = "pulled"
    ABSENT = "absent"  # there is no registry: its name or the connection failed
    SLOW = "slow"  # there may be one: it did not answer in time, or broke off
    REFUSED = "refused"  # there is one, and it said no


def classify(result: Result) -> Pull:
    """What the output of `docker pull` means. Only a failed name or connection makes a registry absent."""
    if result.ok:
        return Pull.PULLED
    text = result.output.lower()
    if any(sign in text for sign in _ABSENT):
        return Pull.ABSENT
    if result.code == TIMED_OUT or any(sign in text for sign in _SLOW):
        return Pull.SLOW
    return Pull.REFUSED


def pull(reference: str, *, log: Path | None = None, attempts: int = 4) -> tuple[Pull, Result]:
    """Pulls an image; tries again, with growing pauses, while the registry is slow."""
    for attempt in range(attempts):
        if attempt:
            time.sleep(2.0**attempt)
        result = run(["docker", "pull", "--quiet", reference], timeout=PULL_TIMEOUT, log=log)
        outcome = classify(result)
        if outcome is not Pull.SLOW:
            break
    return outcome, result


def why_not_pullable(reference: str) -> str:
    """Asks the registry for the image's manifest only. Empty where it answers, or where nothing can be asked."""
    result = run(["docker", "manifest", "inspect", reference], timeout=MANIFEST_TIMEOUT)
    if result.ok or result.code == NOT_FOUND:
        return ""
    if any(sign in result.output.lower() for sign in _ABSENT):
        return "its registry cannot be reached"
    return (" ".join(result.tail(1)) or result.reason())[:LONGEST_REASON]


def image_exists(reference: str) -> bool:
    """Whether the daemon has that image. Raises EngineUnavailable where no daemon answers."""
    with closing(connect()) as engine:
        return engine.image(reference) is not None


def labelled_images(repository: str, label: str) -> list[str]:
    """The ids of the images of a repository with a label, `name=value`, newest first; none where no daemon answers.

    A label alone says nothing: any Dockerfile can set it.
    """
    filters = ["--filter", f"label={label}"]
    result = run(["docker", "image", "ls", "--quiet", "--no-trunc", *filters, repository], timeout=60)
    return list(dict.fromkeys(result.output.split())) if result.ok else []


def server_architecture() -> str:
    """The daemon's architecture in Docker's spelling: amd64, arm64. Raises EngineUnavailable."""
    with closing(connect()) as engine:
        return engine.info().architecture


def build(context: Path, tag: str, base: str, log: Path) -> None:
    """Builds the Dockerfile of a folder, with the argument BASE, under a tag. Raises ImageError with the last lines."""
    result = run(
        ["docker", "build", "--tag", tag, "--build-arg", f"BASE={base}", str(context)],
        timeout=BUILD_TIMEOUT,
        env=_builder(),
        log=log,
    )
    require(result, f"image {tag} could not be built", log)


def prune(name: str) -> None:
    """Removes those of our images of a name that nothing uses and that are older than a day: each change of the code
    makes one. A failure is of no consequence."""
    old = ["--filter", f"label=copilot-local.image={name}", "--filter", "until=24h"]
    run(["docker", "image", "prune", "--all", "--force", *old], timeout=60, log=log_file(name))


def require(result: Result, message: str, log: Path) -> None:
    """Raises ImageError with the last lines of a program that failed."""
    if not result.ok:
        raise ImageError(f"{message}: {result.reason()}", hint=f"the whole output is in {log}", output=result.tail())


def _builder() -> dict[str, str]:
    # A user's default builder may be a remote one, which neither sees local images nor leaves its result in the daemon.
    # The builder named after the context is the daemon's own.
    if os.environ.get("BUILDX_BUILDER"):
        return {}
    context = run(["docker", "context", "show"], timeout=60)
    return {"BUILDX_BUILDER": context.output.strip()} if context.ok else {}
