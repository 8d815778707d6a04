"""The images of a daemon of the test's own stay in build/ from one run to the next: to copy them takes ten seconds of a
processor, and nothing is tried by it."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

from docker import APIClient

from tests.docker.project import ROOT
from tests.docker.remote.private_daemon import PrivateDaemon

KEPT = ROOT / "build" / "remote"
WHOLE = KEPT / "whole"
"""Is there while the data is that of a daemon that has ended as it should, with nothing but images."""


@contextlib.contextmanager
def kept_data() -> Iterator[Path]:
    """A folder for the data of one daemon at a time."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / "lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        data = KEPT / "data"
        if not WHOLE.exists():
            shutil.rmtree(data, ignore_errors=True)
        WHOLE.unlink(missing_ok=True)
        yield data


@contextlib.contextmanager
def images_of(daemon: PrivateDaemon, images: Sequence[str]) -> Iterator[None]:
    """Gives a daemon that runs these images, where it has not kept them; at the end it has no others, and ends."""
    with contextlib.closing(APIClient(base_url=daemon.host, version="1.41", timeout=60)) as client:
        there = {tag for row in client.images() for tag in row["RepoTags"] or []}
        if missing := [image for image in images if image not in there]:
            daemon.load(*missing)
        yield
        for row in client.images():
            if not set(row["RepoTags"] or []) & set(images):
                client.remove_image(row["Id"], force=True)
        nothing_else = not (client.containers(all=True) or client.volumes()["Volumes"])
    daemon.end(signal.SIGTERM)
    if nothing_else:
        WHOLE.touch()
