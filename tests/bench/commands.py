"""Figures of the commands that a person runs all day, against the same ones of Docker Compose."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench.harness import Figure, free_port, medians, seconds
from tests.bench.up import EXAMPLE, Compose, Ours, built

PAIRS = 9


def figures() -> Iterator[Figure]:
    """The nginx example runs on both sides, its images built beforehand, as for the figure of `up`."""
    with tempfile.TemporaryDirectory(prefix="bench-commands-") as name:
        folder = Path(name)
        workspace = folder / "workspace"
        shutil.copytree(EXAMPLE, workspace)
        with built(workspace) as images:
            ours = Ours(workspace, f"bench-{uuid.uuid4().hex[:8]}", folder / "bytecode", images)
            theirs = Compose(workspace, f"bench-{uuid.uuid4().hex[:8]}", folder / "compose", images)
            try:
                yield from _figures(ours, theirs)
            finally:
                ours.down()
                theirs.down()


def _figures(ours: Ours, theirs: Compose) -> Iterator[Figure]:
    port, other = free_port(), free_port()

    def our_up() -> None:
        ours.command("up", "-d", "--wait", "--port", str(port), *ours.images_given())

    def their_up() -> None:
        theirs.command("up", "-d", "--wait", "--quiet-pull", port=other)

    our_up()
    their_up()
    yield _figure("ps", lambda: ours.command("ps"), lambda: theirs.command("ps", port=other), 2.0)
    yield _figure("logs", lambda: ours.command("logs"), lambda: theirs.command("logs", port=other), 1.5)
    yield _figure("up -d --wait", our_up, their_up, 1.2, "nothing to change")
    yield _figure(
        "down", lambda: ours.command("down"), lambda: theirs.command("down", port=other), 1.2,
        "not timed: an `up` before each", before=(our_up, their_up),
    )  # fmt: skip


def _figure(
    command: str,
    ours: Callable[[], None],
    theirs: Callable[[], None],
    bound: float,
    note: str = "",
    *,
    before: tuple[Callable[[], None], Callable[[], None]] | None = None,
) -> Figure:
    def timed(call: Callable[[], None], prepare: Callable[[], None] | None) -> float:
        if prepare is not None:
            prepare()
        return seconds(call)

    first, second = before or (None, None)
    mine, baseline = medians(lambda: timed(ours, first), lambda: timed(theirs, second), pairs=PAIRS)
    against = f"`docker compose {command}` of the rendered file with the same front, no agent"
    notes = "; ".join(filter(None, (f"{PAIRS} pairs", note)))
    return Figure(f"`{command}` of the nginx example", mine, baseline, "s", against, bound, note=notes)
