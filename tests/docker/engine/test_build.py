from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.engine.interface import BuildSpec, Engine
from emulator.errors import ImageError
from tests.docker.project import daemon
from tests.unit.engine.contract import Lab

pytestmark = pytest.mark.docker


def has_buildkit() -> bool:
    docker = shutil.which("docker")
    return docker is not None and subprocess.run([docker, "buildx", "version"], capture_output=True).returncode == 0


@pytest.fixture(params=["buildkit", "classic", "api"])
def builder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The three ways to build."""
    way: str = request.param
    if way == "api":
        monkeypatch.setattr(shutil, "which", lambda _: None)
    elif shutil.which("docker") is None:
        pytest.skip("there is no docker command")
    elif way == "buildkit":
        monkeypatch.delenv("DOCKER_BUILDKIT", raising=False)
        if not has_buildkit():
            pytest.skip("the docker-buildx plugin is not installed")
    else:
        monkeypatch.setenv("DOCKER_BUILDKIT", "0")
    return way


@pytest.fixture
def spec(tmp_path: Path, prefix: str, busybox: str, engine: Engine) -> Iterator[BuildSpec]:
    """A build from busybox, whose name is substituted; its images are removed at the end."""
    spec = BuildSpec(tmp_path, tmp_path / "Dockerfile", f"{prefix}:built", substitutes={"busybox:1.37": busybox})
    yield spec
    for name in images_of(engine, spec):
        engine.remove_image_name(name)


def write(spec: BuildSpec, dockerfile: str, **files: str) -> None:
    spec.dockerfile.parent.mkdir(parents=True, exist_ok=True)
    spec.dockerfile.write_text(dockerfile)
    for name, content in files.items():
        (spec.context / name).write_text(content)


def content(lab: Lab, spec: BuildSpec, *files: str) -> list[str]:
    """What files of the built image have in them."""
    container = lab.create("built", image=spec.tag)
    found = [lab.engine.read_file(container, file).decode().rstrip("\n") for file in files]
    lab.engine.remove(container)
    return found


def test_a_docker_command_whose_build_is_not_buildx(
    lab: Lab, engine: Engine, spec: BuildSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Docker 20.10 to 22 with the plugin: `docker build` does not know `--load`, `docker buildx build` does."""
    real = shutil.which("docker")
    assert has_buildkit()
    old = tmp_path / "bin" / "docker"
    old.parent.mkdir()
    old.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = build ]; then for word in "$@"; do\n'
        '  [ "$word" = --load ] && { echo "unknown flag: --load" >&2; exit 125; }\n'
        "done; fi\n"
        f'exec {real} "$@"\n'
    )
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{old.parent}:{os.environ['PATH']}")
    monkeypatch.delenv("DOCKER_BUILDKIT", raising=False)
    write(spec, "FROM busybox:1.37\nRUN echo made > /made\n")
    engine.build(spec)
    assert content(lab, spec, "/made") == ["made"]


def test_a_build_with_stages_arguments_and_substitutes(builder: str, lab: Lab, engine: Engine, spec: BuildSpec) -> None:
    """Of a Dockerfile whose frontend cannot be had, up to a stage that is not the last."""
    write(
        spec,
        """# syntax=localhost:1/docker/dockerfile:1
        ARG NAME=busybox
        ARG TAG
        FROM ${NAME}:${TAG:-1.37} AS first
        RUN echo made > /made
        FROM docker.io/library/busybox:1.37 AS second
        ARG WORD=default
        COPY --from=first /made /made
        COPY --from=busybox:1.37 /bin/busybox /copied
        COPY kept ignored* /
        RUN echo $WORD > /word; ls / | grep -c -e kept -e copied -e ignored > /count
        FROM second
        RUN echo last > /word
        """,
        kept="kept",
        ignored="ignored",
    )
    (spec.context / ".dockerignore").write_text("ignored\n")
    spec = replace(spec, args={"WORD": "given"}, labels={"made-by": "test"}, target="second")
    lines: list[str] = []
    identity = engine.build(spec, on_line=lines.append)
    image = engine.image(spec.tag)
    assert image is not None
    assert image.id == identity
    assert image.labels["made-by"] == "test"
    assert lines
    assert content(lab, spec, "/made", "/word", "/count") == ["made", "given", "2"]


@pytest.mark.parametrize("builder", ["buildkit", "classic"], indirect=True)
def test_values_of_build_arguments_are_on_no_command_line(
    builder: str, lab: Lab, engine: Engine, spec: BuildSpec
) -> None:
    write(spec, "FROM busybox:1.37\nARG NPM_TOKEN\nARG EDITION\nRUN echo $NPM_TOKEN $EDITION > /word && cat /word\n")
    seen: list[bytes] = []

    def look(line: str) -> None:
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                seen.append(file.read_bytes())

    value = uuid.uuid4().hex
    engine.build(replace(spec, args={"NPM_TOKEN": value, "EDITION": f"x{value}"}), on_line=look)
    assert seen
    # What the build's own steps run stands in the Dockerfile; the value is in their variables.
    assert not [line for line in seen if value.encode() in line]
    assert content(lab, spec, "/word") == [f"{value} x{value}"]


def images_of(engine: Engine, spec: BuildSpec) -> dict[str, str]:
    """Name to id of every image of the build's repository."""
    repository = spec.tag.rpartition(":")[0]
    return {name.reference: name.id for name in engine.list_images([repository])}


@pytest.mark.parametrize("builder", ["buildkit", "api"], indirect=True)
def test_rebuilds_leave_no_image_without_a_name(builder: str, lab: Lab, engine: Engine, spec: BuildSpec) -> None:
    built: list[str] = []
    for number in range(4):
        write(spec, "FROM busybox:1.37\nCOPY x /\n", x=f"{number} {uuid.uuid4()}")
        built.append(engine.build(spec))
        if number == 0:
            container = lab.run("uses-the-first", image=spec.tag, command=("sleep", "600"))
    # The newest, the one before it, and the first, which a container runs on.
    assert set(images_of(engine, spec).values()) == {built[3], built[2], built[0]}
    assert engine.image(built[1]) is None
    lab.engine.remove(container)
    engine.build(spec)
    assert set(images_of(engine, spec).values()) == {built[3], built[2], built[0]}, "an equal image supersedes nothing"
    write(spec, "FROM busybox:1.37\nCOPY x /\n", x=str(uuid.uuid4()))
    built.append(engine.build(spec))
    assert set(images_of(engine, spec).values()) == {built[4], built[3]}
    assert [identity for identity in built if engine.image(identity)] == built[3:]


def test_a_dockerfile_may_lie_outside_of_its_context(builder: str, lab: Lab, engine: Engine, spec: BuildSpec) -> None:
    """Built again unchanged it gives the same image.

    The classic builder takes the newest of equal steps, so no other test may build the same meanwhile.
    """
    context = spec.context / "context"
    context.mkdir()
    spec = replace(spec, context=context, dockerfile=spec.context / "elsewhere" / "Dockerfile.dev")
    write(spec, "FROM busybox:1.37\nCOPY . /in\n", file=lab.prefix)
    assert engine.build(spec) == engine.build(spec)
    assert content(lab, spec, "/in/file") == [lab.prefix]


def test_a_failed_build_shows_its_last_lines(builder: str, lab: Lab, engine: Engine, spec: BuildSpec) -> None:
    write(spec, f"FROM busybox:1.37\nRUN echo 'what went wrong in {lab.prefix}' && exit 7\n")
    with pytest.raises(ImageError, match=r"the build of .*Dockerfile failed") as caught:
        engine.build(spec)
    assert any(f"what went wrong in {lab.prefix}" in line for line in caught.value.output)
    assert len(caught.value.output) <= 20
    with daemon() as client:
        assert not [row for row in client.containers(all=True) if lab.prefix in row["Command"]]


def test_an_image_that_cannot_be_had_fails_the_build(builder: str, lab: Lab, engine: Engine, spec: BuildSpec) -> None:
    write(spec, "FROM localhost:1/nothing:1\n")
    with pytest.raises(ImageError) as caught:
        engine.build(spec)
    assert "localhost:1/nothing" in str(caught.value) + "\n".join(caught.value.output)
    assert "registry" in caught.value.hint


def until(holds: Callable[[], bool]) -> None:
    """Waits until something holds."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.1)


def test_what_has_not_changed_is_not_asked_of_the_builder(
    lab: Lab, engine: Engine, spec: BuildSpec, busybox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing but the files' times tells: content of the same size and time of change, modes, names, images.

    It is decided before a builder is chosen, so this takes the one that starts no process.
    """
    monkeypatch.setattr(shutil, "which", lambda _: None)
    spec = replace(spec, args={"BASE": "busybox:1.37"})
    write(spec, "ARG BASE\nFROM ${BASE}\nCOPY . /\n", file="one\n")
    (spec.context / "inner").mkdir()
    file, other = spec.context / "file", spec.context / "inner" / "other"
    other.write_text("other")

    def asks() -> list[str]:
        lines: list[str] = []
        engine.build(spec, on_line=lines.append)
        return lines

    def settle() -> None:
        """Waits until no file has changed so lately that it might change again unnoticed."""
        passed(1.1, max(path.stat().st_ctime for path in spec.context.rglob("*")))

    def passed(seconds: float, since: float) -> None:
        until(lambda: time.time() - since > seconds)

    def rewritten() -> None:
        times = file.stat()
        file.write_text("two\n")
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))

    assert engine.built(spec) is None
    assert engine.why_build(spec) == "it has not been built here yet"
    first = engine.build(spec)
    assert asks(), "its files have hardly been written"
    settle()
    assert asks()
    assert not asks()
    assert engine.build(spec) == engine.built(spec) == first
    for change in (rewritten, lambda: other.chmod(0o755), lambda: other.rename(other.with_name("another"))):
        passed(0.1, time.time())  # the clock of files ticks a hundred times a second
        change()
        settle()
        assert engine.built(spec) is None
        assert engine.why_build(spec).startswith("changed in its context since it was built: ")
        assert asks()
        assert not asks()
    assert content(lab, spec, "/inner/another", "/file") == ["other", "two"]
    before = engine.build(spec)
    subprocess.run(["docker", "tag", busybox, f"{lab.prefix}:base"], check=True)
    spec = replace(spec, args={"BASE": f"{lab.prefix}:base"})
    try:
        assert asks()
        assert not asks()
        subprocess.run(["docker", "tag", before, f"{lab.prefix}:base"], check=True)
        assert engine.why_build(spec) == "its Dockerfile, arguments or base images changed"
        assert asks(), "the image it is built from is another one now"
        engine.remove_image_name(spec.tag)
        assert asks()
    finally:
        subprocess.run(["docker", "rmi", f"{lab.prefix}:base"], capture_output=True)


def test_run_mount_works_with_buildkit_and_is_refused_without(
    builder: str, lab: Lab, engine: Engine, spec: BuildSpec
) -> None:
    write(spec, "FROM busybox:1.37\nRUN --mount=type=cache,target=/c echo cached > /c/x && cp /c/x /x\n")
    if builder == "buildkit":
        engine.build(spec)
        assert content(lab, spec, "/x") == ["cached"]
        return
    with pytest.raises(ImageError, match="RUN --mount needs BuildKit") as caught:
        engine.build(spec)
    assert str(caught.value.position) == f"{spec.dockerfile}:2"
    assert "buildx" in caught.value.hint


def test_names_of_images_are_listed_and_taken_away(lab: Lab, engine: Engine, prefix: str, busybox: str) -> None:
    mine, other = f"{prefix}/web/web:test", f"{prefix}/web/web:other"
    for name in (mine, other):
        subprocess.run(["docker", "tag", busybox, name], check=True, timeout=60)
    try:
        listed = engine.list_images([f"{prefix}/*/*"])
        assert [name.reference for name in listed] == sorted([mine, other])
        assert {name.id for name in listed} == {found.id for found in [engine.image(busybox)] if found}
        assert all(name.size > 0 and name.created > 0 for name in listed)
        engine.remove_image_name(mine)
        engine.remove_image_name(mine)
        assert [name.reference for name in engine.list_images([f"{prefix}/*/*"])] == [other]
        assert engine.image(busybox) is not None, "it has other names"
    finally:
        subprocess.run(["docker", "rmi", mine, other], capture_output=True, timeout=60)
