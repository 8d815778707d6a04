"""Images of this very package and the wheels of what it imports: the agent's, and that of the local AWS endpoint,
ministack in our own server.

Nothing is installed inside the build: HTTPS registries may sit behind a certificate authority that only the host
trusts. So wheels for the image's Python and the daemon's architecture are fetched here, unpacked and copied in.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path

from emulator.errors import ImageError, Unsupported
from emulator.events import Emit
from emulator.setup import docker_cli
from emulator.setup.paths import (
    PACKAGE,
    cache_dir,
    content_key,
    content_key_of,
    copy_normalised,
    data_path,
    files_of,
    locked,
    log_file,
)
from emulator.setup.process import NOT_FOUND, run
from emulator.setup.standins import step
from emulator.temporary import temporary_folder

ROOMS = (
    "agent",
    "ecs",
    "engine",
    "firelens",
    "frontdoor",
    "limits",
    "logstore",
    "runtime",
    "service_connect",
    "trace",
    "traces",
)
"""The packages of `emulator` that the agent imports (DESIGN's table, followed from `agent`), and those of the capture,
which runs from the same image; a test reads this."""

MODULES = (
    *(
        "__init__.py",
        "errors.py",
        "events.py",
        "files.py",
        "missing.py",
        "model.py",
        "redaction.py",
        "regions.py",
    ),
    *("secret_names.py", "settings.py", "settings_attended.py", "settings_files.py"),
    *("settings_rendering.py", "settings_services.py"),
    "settings_traces.py",
    *("spelling.py", "temporary.py", "visible.py", "py.typed"),
)
AWS_ROOMS = ("aws", "ecs", "limits", "logstore")
AWS_MODULES = ("__init__.py", "regions.py")
COMMAND_ONLY = ("runtime/watch*.py", "runtime/secrets/endpoint_secrets.py", "traces/collector_files.py")
"""What only the command uses: it needs watchfiles, the room `aws` and PyYAML, which the agent does without."""
REQUIREMENTS = ("aws-croniter", "dnspython", "docker", "h11", "h2", "msgpack", "opentelemetry-proto", "pydantic")
PYTHON_VERSION = "3.13"

_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_PLATFORMS = ("manylinux_2_5", "manylinux1", "manylinux_2_12", "manylinux2010", "manylinux_2_17", "manylinux2014")
LABEL = "copilot-local.image=agent"
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def pinned_closure(roots: Sequence[str] = REQUIREMENTS) -> list[str]:
    """`name==version` of those distributions and all they need, as installed in this environment, sorted.

    Extras and requirements for other platforms are those that are not installed, or stand behind an `extra` marker.
    """
    found: dict[str, str] = {}
    queue = list(roots)
    while queue:
        name = _normal(queue.pop())
        if name in found:
            continue
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            if name in roots:
                raise ImageError(f"{name} is not installed", hint="install copilot-local again") from None
            continue
        found[name] = distribution.version
        for requirement in distribution.requires or []:
            match = _NAME.match(requirement)
            if match and "extra ==" not in requirement:
                queue.append(match.group())
    return sorted(f"{name}=={version}" for name, version in found.items())


def platforms(architecture: str) -> list[str]:
    """pip's platform names for a daemon's architecture, glibc 2.17 to 2.36. Raises Unsupported for an unknown one."""
    machine = _MACHINES.get(architecture)
    if machine is None:
        raise Unsupported(
            f"Docker daemons on {architecture} are not supported", hint="the agent's image is made for amd64 and arm64"
        )
    newer = [f"manylinux_2_{minor}" for minor in range(18, 37)]
    return [f"{platform}_{machine}" for platform in (*_PLATFORMS, *newer)]


def running_tag(architecture: str) -> str:
    """The tag that the agent's image of the running code has, without a snapshot of it."""
    return image_tag("agent", room_files(ROOMS, MODULES), architecture)


def image_tag(name: str, sources: Mapping[Path, Path], architecture: str) -> str:
    """The tag of an image of ours: changes with its sources, the path in the image and where the file is, with its
    recipe, in which its dependencies are, and with the architecture."""
    key = content_key_of(sources, content_key(data_path(name)), architecture, PYTHON_VERSION)
    return f"copilot-local/{name}:{key}"


def copy_rooms(rooms: Sequence[str], target: Path, modules: Sequence[str]) -> dict[Path, Path]:
    """Copies packages and modules of the running `emulator` into `target`; the files by their paths there."""
    files = {path: target / path for path in room_files(rooms, modules)}
    for path, copy in files.items():
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PACKAGE / path, copy)
    return files


def room_files(rooms: Sequence[str], modules: Sequence[str]) -> dict[Path, Path]:
    """The files of packages and modules of `emulator` that an image gets: the path in it, and where the file is."""
    found = {Path(name): PACKAGE / name for name in modules if (PACKAGE / name).is_file()}
    for room in rooms:
        for path in files_of(PACKAGE / room):
            if not any(fnmatch(f"{room}/{path}", pattern) for pattern in COMMAND_ONLY):
                found[Path(room) / path] = PACKAGE / room / path
    return found


def locked_requirements(recipe: str) -> list[str]:
    """What the image of a recipe holds beside our code: `name==version --hash=sha256:… …` of everything, in order.

    The file is written by `make lock`. pip refuses what does not have one of these hashes.
    """
    text = (data_path(recipe) / "requirements.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = (" ".join(line.split()) for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def fetch_wheels(requirements: Sequence[str], architecture: str, image: str = "agent") -> Path:
    """The folder with the wheels of those requirements, fetched by pip once and kept.

    Where they have hashes, each of them needs one, and nothing else is taken. Raises ImageError.
    """
    key = hashlib.sha256(" ".join((*requirements, architecture, PYTHON_VERSION)).encode()).hexdigest()[:12]
    kept = cache_dir() / "wheels" / key
    if kept.is_dir():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    log = log_file(image)
    with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".fetching-") as folder:
        options = ["--only-binary=:all:", "--no-deps", "--implementation=cp", f"--python-version={PYTHON_VERSION}"]
        options += [f"--platform={platform}" for platform in platforms(architecture)]
        if any("--hash=" in requirement for requirement in requirements):
            options.append("--require-hashes")
        wheels, listed = Path(folder) / "wheels", Path(folder) / "requirements.txt"
        listed.write_text("".join(f"{requirement}\n" for requirement in requirements), encoding="utf-8")
        result = run(
            [sys.executable, "-m", "pip", "download", *options, "--dest", str(wheels), "--requirement", str(listed)],
            timeout=900,
            log=log,
        )
        if "No module named pip" in result.output or result.code == NOT_FOUND:
            raise ImageError(
                f"pip, which fetches the wheels of the image {image}, is not installed beside copilot-local",
                hint=f"run `{sys.executable} -m ensurepip`",
            )
        docker_cli.require(result, f"the wheels of the image {image} could not be fetched", log)
        try:
            wheels.replace(kept)
        except OSError:
            if not kept.is_dir():
                raise  # else another process fetched the same at the same time
    return kept


def unpack_wheels(wheels: Path, target: Path) -> None:
    """Unpacks wheels into a folder for PYTHONPATH: a wheel is an archive of what it installs."""
    target.mkdir(parents=True, exist_ok=True)
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(target)


def ensure_image(
    name: str, rooms: Sequence[str], modules: Sequence[str], base: Callable[[Emit], str], emit: Emit
) -> str:
    """Makes sure that an image with packages and modules of this very code is there, on the local image that `base`
    gives. Returns its reference. Key and image see one state of the sources: they are copied first.

    Raises ImageError, EngineUnavailable, and Unsupported for a daemon on an architecture we have no wheels for.
    """
    architecture = docker_cli.server_architecture()
    with temporary_folder() as context:
        tag = image_tag(name, copy_rooms(rooms, context / "emulator", modules), architecture)
        if docker_cli.image_exists(tag):
            return tag
        with locked(name, emit):
            if not docker_cli.image_exists(tag):
                wheels = fetch_wheels(locked_requirements(name), architecture, name)
                _build(name, context, tag, base(emit), wheels, emit)
    return tag


def _build(name: str, context: Path, tag: str, base: str, wheels: Path, emit: Emit) -> None:
    with step(name, tag, emit):
        copy_normalised(data_path(name), context)
        unpack_wheels(wheels, context / "site")
        for path in (context, *context.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        docker_cli.build(context, tag, base, log_file(name))
    docker_cli.prune(name)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
