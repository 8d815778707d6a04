"""Builds images: through the `docker build` command, or through the API where there is no such command.

The command brings BuildKit, its caches and the user's builder configuration. BuildKit is used where the `buildx` plugin
is installed, the classic builder elsewhere and with DOCKER_BUILDKIT=0.
"""

from __future__ import annotations

import collections
import contextlib
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from emulator.engine.docker import dockerfile as reader
from emulator.engine.docker.builds.arguments import variables_for
from emulator.engine.docker.builds.missing_source import missing_source_hint
from emulator.engine.docker.builds.unchanged import NOT_BUILT, changed_since, mark_of
from emulator.engine.docker.buildx import has_buildx
from emulator.engine.docker.client import Client
from emulator.engine.docker.images import inspect_image, pull_hint
from emulator.engine.docker.superseded import keep_until_unused
from emulator.engine.interface import BuildSpec, OnLine
from emulator.errors import ImageError, Position
from emulator.files import read_text
from emulator.temporary import temporary_folder

BUILD_TIMEOUT = 3600.0
"""Seconds for a whole build."""

_CANCEL_POLL = 0.2
MOST_TRIES = 5
"""Of one build whose cached steps others remove meanwhile."""
_LAST_LINES = 20
_REGISTRY = re.compile(r"/v2/|pull access denied|manifest|resolve source metadata")
"""Lines about an image that the build starts from, as opposed to what its own steps print."""
_NOTICE = re.compile(
    r"DEPRECATED: The legacy builder|\s+(?:BuildKit is currently disabled|environment-variable\.)|\s+Install the buildx"
)
_STEP_IS_GONE = re.compile(
    r"(?:unable to find image|No such image:|failed to get (?:digest|destination image|layer)|unknown parent image ID)"
    r" \"?sha256:"
)
"""The legacy builder, where another command removes the last image that a cached step belongs to: in its words for
each moment in which it may notice."""


def build_image(
    client: Client, spec: BuildSpec, on_line: OnLine | None, cancelled: threading.Event | None = None
) -> str:
    """Builds an image, unless it is here and nothing that it was built from has changed; returns its id. Raises
    ImageError; its output is the last lines of the build."""
    text, substituted = _texts(spec)
    mark = mark_of(client, spec, substituted)
    before = inspect_image(client, spec.tag)
    if before is not None and before.id == mark.image():
        return before.id
    command = shutil.which("docker")
    buildkit = command is not None and os.environ.get("DOCKER_BUILDKIT") != "0" and has_buildx(command)
    if not buildkit and (unknown := reader.needs_buildkit(text)):
        raise ImageError(
            f"{unknown[1]} needs BuildKit",
            hint="install the docker-buildx plugin (package docker-buildx or docker-buildx-plugin)",
            position=Position(str(spec.dockerfile), unknown[0]),
        )
    builder = _Builder(client, spec, command, buildkit, on_line, cancelled or threading.Event())
    _run_until_possible(builder, text, substituted, buildkit=buildkit)
    image = inspect_image(client, spec.tag)
    if image is None:
        raise ImageError(
            f"{spec.tag} was built, but Docker does not know it",
            hint="the selected buildx builder does not load its results: `docker buildx use default`",
        )
    if before is not None and before.id != image.id:
        keep_until_unused(client, spec.tag, before.id)
    mark.write(image.id)
    return image.id


def built_image(client: Client, spec: BuildSpec) -> str | None:
    """The id of the image that `build_image` would give without building. Raises ImageError."""
    _, substituted = _texts(spec)
    before = inspect_image(client, spec.tag)
    return before.id if before is not None and before.id == mark_of(client, spec, substituted).image() else None


def why_build(client: Client, spec: BuildSpec) -> str:
    """Why `built_image` gives None, in words."""
    if inspect_image(client, spec.tag) is None:
        return NOT_BUILT
    return changed_since(client, spec)


def _texts(spec: BuildSpec) -> tuple[str, str]:
    """The Dockerfile as it is written, and with its substitutes. Raises ImageError."""
    reader.check_inputs(spec)
    try:
        text = read_text(spec.dockerfile, errors="surrogateescape")
    except OSError as error:
        raise ImageError(f"{spec.dockerfile} cannot be read: {error.strerror}") from None
    return text, reader.substitute(text, spec.substitutes, spec.args) if spec.substitutes else text


def _run_until_possible(builder: _Builder, original: str, text: str, *, buildkit: bool) -> None:
    """Builds, and again where what the build failed for is none of its own: raises the ImageError of the last."""
    for tries_left in reversed(range(MOST_TRIES)):
        try:
            builder.run(original, text)
            return
        except ImageError as error:
            gone = any(_STEP_IS_GONE.search(line) for line in (error.message, *error.output))
            plain = reader.without_syntax(text)
            if tries_left and not buildkit and gone:
                builder.say("Docker removed a step that this build had found in its cache: building again")
            elif tries_left and buildkit and plain != text and _frontend_missing(error):
                builder.say("the frontend that `# syntax=` names cannot be had: building with BuildKit's own")
                text = plain
            else:
                raise


def _frontend_missing(error: ImageError) -> bool:
    """Whether BuildKit failed at fetching the image of its `# syntax=` line."""
    return any("docker/dockerfile" in line and "ERROR" in line.upper() for line in error.output)


@dataclass(slots=True)
class _Builder:
    """One build: which tool, with what, and where its lines go."""

    client: Client
    spec: BuildSpec
    command: str | None
    buildkit: bool
    on_line: OnLine | None
    cancelled: threading.Event
    _lines: collections.deque[str] = field(default_factory=lambda: collections.deque(maxlen=_LAST_LINES), init=False)

    def say(self, line: str) -> None:
        """One line of progress."""
        self._lines.append(line)
        if self.on_line is not None:
            self.on_line(line)

    def run(self, original: str, text: str) -> None:
        """Builds from `text`, which goes into a temporary file outside of the context where it is not the original."""
        self._lines.clear()
        with self._dockerfile(text if text != original else None) as path:
            if self.command is None:
                self._run_api(path)
            else:
                self._run_command(self.command, path)

    @contextlib.contextmanager
    def _dockerfile(self, text: str | None) -> Iterator[Path]:
        source = self.spec.dockerfile
        if text is None:
            yield source
            return
        with temporary_folder() as folder:
            path = folder / source.name
            path.write_text(text, encoding="utf-8", errors="surrogateescape")
            # BuildKit prefers a `<Dockerfile>.dockerignore` beside the Dockerfile over the context's own file.
            ignore = reader.ignore_file(self.spec)
            if ignore.is_file():
                shutil.copyfile(ignore, path.with_name(ignore.name))
            yield path

    def _arguments(self, command: str, path: Path) -> list[str]:
        spec = self.spec
        # `docker build` is buildx only from Docker 23 on; before, it does not know `--load`.
        verb = ["buildx", "build"] if self.buildkit else ["build"]
        arguments = [command, *verb, "--file", str(path), "--tag", spec.tag]
        if self.buildkit:
            arguments += ["--progress", "plain", "--load"]
        else:
            arguments.append("--force-rm")  # else a failed step leaves its container behind
        if spec.target:
            arguments += ["--target", spec.target]
        if spec.platform:
            arguments += ["--platform", spec.platform]
        by_variable = variables_for(spec.args)
        for name, value in spec.args.items():
            arguments += ["--build-arg", name if name in by_variable else f"{name}={value}"]
        for name, value in spec.labels.items():
            arguments += ["--label", f"{name}={value}"]
        for image in spec.cache_from:
            arguments += ["--cache-from", image]
        return [*arguments, str(spec.context)]

    def _run_command(self, command: str, path: Path) -> None:
        variables = {**os.environ, **self.client.endpoint.variables, "DOCKER_BUILDKIT": "1" if self.buildkit else "0"}
        if not variables.get("BUILDX_BUILDER"):
            # As `docker build` chooses: the daemon's own builder, named after the context, which sees local images.
            in_context = "" if variables.get("DOCKER_HOST") else variables.get("DOCKER_CONTEXT", "")
            variables["BUILDX_BUILDER"] = in_context or "default"
        try:
            process = subprocess.Popen(
                self._arguments(command, path),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**variables, **variables_for(self.spec.args)},
                text=True,
                errors="replace",
            )
        except OSError as error:
            raise ImageError(f"{command} cannot be run: {error}") from error
        ended = threading.Event()
        expired = threading.Event()

        def watch() -> None:
            deadline = time.monotonic() + BUILD_TIMEOUT
            while not ended.wait(_CANCEL_POLL):
                if self.cancelled.is_set():
                    process.terminate()
                if time.monotonic() > deadline:
                    expired.set()
                    process.kill()

        threading.Thread(target=watch, daemon=True, name="build").start()
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if line.strip() and not _NOTICE.match(line):
                    self.say(line.rstrip())
            code = process.wait()
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            ended.set()
            if process.stdout is not None:
                process.stdout.close()
        if code != 0 and self.cancelled.is_set():
            raise self._failed("it was cancelled")
        if expired.is_set():
            raise self._failed(f"it did not end within {BUILD_TIMEOUT:g} s")
        if code != 0:
            raise self._failed(f"docker build ended with code {code}")

    def _run_api(self, path: Path) -> None:
        spec = self.spec
        with self.client.sdk("build an image", BUILD_TIMEOUT) as sdk:
            stream = sdk.build(
                path=str(spec.context),
                dockerfile=str(path.resolve()),
                tag=spec.tag,
                target=spec.target or "",
                platform=spec.platform,
                buildargs=dict(spec.args),
                labels=dict(spec.labels),
                cache_from=list(spec.cache_from),
                rm=True,
                forcerm=True,
                decode=True,
            )
            error = ""
            for document in stream:  # to its end, which gives the connection back
                if self.cancelled.is_set():
                    error = "it was cancelled"
                    break
                error = error or str(document.get("error") or "").strip()
                for line in str(document.get("stream") or document.get("status") or "").splitlines():
                    if line.strip():
                        self.say(line.rstrip())
        if error:
            raise self._failed(error)

    def _failed(self, reason: str) -> ImageError:
        last = list(self._lines)
        from_registry = [line for line in (*last, reason) if _REGISTRY.search(line)]
        hint = missing_source_hint((*last, reason), self.spec) or pull_hint("\n".join(from_registry))
        return ImageError(
            f"the build of {self.spec.dockerfile} failed: {reason}",
            hint=hint or "the last lines of the build say why",
            output=last,
        )
