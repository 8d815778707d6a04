"""A build that fails for what is none of its own is done again, and no other."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.engine.docker.build import MOST_TRIES, _run_until_possible
from emulator.errors import ImageError

GONE = 'the build of Dockerfile failed: unable to find image "sha256:a6256ddcfe65"'


class Builder:
    """Fails as often as it is given errors."""

    def __init__(self, *errors: ImageError) -> None:
        self.errors = list(errors)
        self.texts: list[str] = []
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def run(self, original: str, text: str) -> None:
        del original
        self.texts.append(text)
        if self.errors:
            raise self.errors.pop(0)


def run(builder: Any, *, buildkit: bool = False, text: str = "FROM x") -> None:
    _run_until_possible(builder, text, text, buildkit=buildkit)


@pytest.mark.parametrize(
    "error",
    [
        ImageError(GONE),
        ImageError("it failed", output=["Step 2/3", GONE]),
        *(
            ImageError(f"the build of Dockerfile failed: {words}")
            for words in (
                "No such image: sha256:36bdf39886f9",
                "failed to get digest sha256:649e7a3b09bc: open /var/lib/docker/image/…: no such file or directory",
                'failed to get destination image "sha256:649e7a3b09bc": No such image: sha256:649e7a3b09bc',
                "failed to get layer sha256:649e7a3b09bc: layer does not exist",
                "unknown parent image ID sha256:1e211c29ce68",
            )
        ),
    ],
)
def test_a_cached_step_that_another_command_removed(error: ImageError) -> None:
    builder = Builder(error)
    run(builder)
    assert builder.texts == ["FROM x"] * 2
    assert "building again" in builder.lines[0]


def test_others_may_remove_steps_several_times() -> None:
    builder = Builder(*[ImageError(GONE)] * 3)
    run(builder)
    assert builder.texts == ["FROM x"] * 4


def test_what_is_gone_each_time_is_an_error() -> None:
    builder = Builder(*[ImageError(GONE)] * MOST_TRIES)
    with pytest.raises(ImageError, match="unable to find image"):
        run(builder)
    assert len(builder.texts) == MOST_TRIES


@pytest.mark.parametrize("buildkit", [False, True])
def test_a_step_that_fails_fails_the_build(buildkit: bool) -> None:
    builder = Builder(ImageError("the build failed: exit code 1"))
    with pytest.raises(ImageError, match="exit code 1"):
        run(builder, buildkit=buildkit)
    assert len(builder.texts) == 1


def test_a_frontend_that_cannot_be_had_is_left_out() -> None:
    builder = Builder(ImageError("it failed", output=["ERROR: docker.io/docker/dockerfile:1: not found"]))
    run(builder, buildkit=True, text="# syntax=docker/dockerfile:1\nFROM x")
    assert "syntax" not in builder.texts[1]
