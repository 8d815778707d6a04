"""Stand-ins: the images that the project needs, built from package registries where there is no container registry.

Real programs all of them: Debian 13's HAProxy, nginx, Python, BusyBox and registry, and Fluent Bit from its source, in
the layout of the image that each one stands in for. A tag is the content key of its recipe, so each is built once.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from emulator.errors import ImageError
from emulator.events import Emit, Event, EventKind, discard
from emulator.setup import apt, consent, docker_cli
from emulator.setup.paths import cache_dir, content_key, copy_normalised, data_path, log_file
from emulator.setup.process import run

SUITE = "trixie"  # Debian 13: HAProxy 3.0, nginx 1.26, Python 3.13. Debian 12's HAProxy 2.6 is too old.
SOURCE_PACKAGE = "fluent-bit@0.0.3"  # on npm: it ships the source of Fluent Bit 1.8.15
SOURCE_SHA256 = "0827e9dee7f83efa92939956e264f73afebc2da704cd15ea6eef0da8aa219a78"
FLUENT_BIT = "fluent-bit"

_BASE_OPTIONS = ("--variant=minbase", "--include=ca-certificates", '--aptopt=Acquire::Retries "3"')
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_RECIPE_FOLDERS = {FLUENT_BIT: "fluentbit"}

_installing = threading.Lock()


def base_tag() -> str:
    """The tag of the Debian image that all stand-ins are built from."""
    key = hashlib.sha256(" ".join((SUITE, *_BASE_OPTIONS)).encode()).hexdigest()[:12]
    return f"copilot-local/base:{key}"


def stand_in_tag(name: str) -> str:
    """The tag of the stand-in `name`; changes with its recipe and with the base."""
    more = (SOURCE_PACKAGE, SOURCE_SHA256) if name == FLUENT_BIT else ()
    return f"copilot-local/{name}:{content_key(_recipe(name), base_tag(), *more)}"


def build_stand_ins(names: Sequence[str], emit: Emit = discard) -> dict[str, str]:
    """Builds those stand-ins that are not there. Returns name → tag.

    The base first, fetching Fluent Bit's source at the same time; then the images side by side, the longest first.
    Raises ImageError with the last lines of what failed, and where tools are missing that may not be installed.
    """
    tags = {name: stand_in_tag(name) for name in names}
    missing = [name for name in names if not docker_cli.image_exists(tags[name])]
    if not missing:
        return tags
    missing.sort(key=lambda name: name != FLUENT_BIT)
    with ThreadPoolExecutor(max_workers=3) as pool:
        source = pool.submit(fetch_source, emit) if FLUENT_BIT in missing else None
        build_base(emit)
        builds = [pool.submit(_build, name, tags[name], source, emit) for name in missing]
    for future in builds:
        future.result()
    # The classic builder keeps a nameless image of each build stage: the compiler alone is 900 MB.
    run(["docker", "image", "prune", "--force", "--filter", "label=copilot-local.stage=build"], timeout=120)
    return tags


def build_base(emit: Emit = discard) -> None:
    """Makes the Debian base image with mmdebstrap and `docker import`, if it is not there. Raises ImageError."""
    if docker_cli.image_exists(base_tag()):
        return
    log = log_file("base")
    with step("base", f"Debian {SUITE} from its packages", emit), _work_folder() as folder:
        present = bool(shutil.which("mmdebstrap")) and _KEYRING.is_file()
        _need("mmdebstrap", present, ("mmdebstrap", "debian-archive-keyring", "ca-certificates"), log)
        archive = folder / "base.tar"
        result = run(["mmdebstrap", "--quiet", *_BASE_OPTIONS, SUITE, str(archive)], timeout=900, log=log)
        docker_cli.require(result, "the base of the stand-in images could not be made", log)
        changes = [f"--change={change}" for change in (f"ENV {_PATH}", 'CMD ["bash"]')]
        result = run(["docker", "import", *changes, str(archive), base_tag()], timeout=300, log=log)
        docker_cli.require(result, "the base of the stand-in images could not be imported", log)


def fetch_source(emit: Emit = discard) -> Path:
    """The archive with Fluent Bit's source, fetched with npm once and checked by its hash. Raises ImageError."""
    kept = cache_dir() / "sources" / f"{SOURCE_PACKAGE.replace('@', '-')}.tgz"
    if kept.is_file() and _sha256(kept) == SOURCE_SHA256:
        return kept
    log = log_file(FLUENT_BIT)
    with step("fluent-bit source", SOURCE_PACKAGE, emit), _work_folder() as folder:
        _need("npm", bool(shutil.which("npm")), ("npm", "ca-certificates"), log)
        result = run(["npm", "pack", "--ignore-scripts", SOURCE_PACKAGE], timeout=600, cwd=folder, log=log)
        docker_cli.require(result, "the source of Fluent Bit could not be fetched", log)
        fetched = next(folder.glob("*.tgz"), None)
        if fetched is None or _sha256(fetched) != SOURCE_SHA256:
            raise ImageError(
                f"npm's {SOURCE_PACKAGE} is not the archive that this version of copilot-local knows",
                hint="a proxy or mirror of npm changes packages; nothing was built from it",
            )
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(fetched, kept.with_suffix(".part"))
        kept.with_suffix(".part").replace(kept)
    return kept


@contextmanager
def step(subject: str, message: str, emit: Emit) -> Iterator[None]:
    """One step as events: started, then done or failed, with `seconds`."""
    emit(Event(EventKind.STEP_STARTED, subject, message))
    start = time.monotonic()
    try:
        yield
    except BaseException:
        emit(Event(EventKind.STEP_FAILED, subject, message, {"seconds": round(time.monotonic() - start, 1)}))
        raise
    emit(Event(EventKind.STEP_DONE, subject, message, {"seconds": round(time.monotonic() - start, 1)}))


def _build(name: str, tag: str, source: Future[Path] | None, emit: Emit) -> None:
    log = log_file(name)
    archive = source.result() if source is not None and name == FLUENT_BIT else None
    with step(name, f"stand-in {tag}", emit), _work_folder() as folder:
        context = folder / "context"
        copy_normalised(_recipe(name), context)
        if archive is not None:
            (context / "source").mkdir()
            inside = "package/src/fluent-bit"
            options = ["--extract", "--gzip", "--no-same-owner", "--strip-components=3", f"--exclude={inside}/tests"]
            folders = ["--file", str(archive), "--directory", str(context / "source"), inside]
            result = run(["tar", *options, *folders], timeout=300, log=log)
            docker_cli.require(result, "the source of Fluent Bit could not be unpacked", log)
        docker_cli.build(context, tag, base_tag(), log)


def _recipe(name: str) -> Path:
    return data_path(_RECIPE_FOLDERS.get(name, name))


def _need(program: str, present: bool, packages: Sequence[str], log: Path) -> None:
    """Makes sure that a program of the host is there; installs it where that is allowed. Raises ImageError."""
    if present:
        return
    if not consent.allowed(f"Without a container registry, {program} is needed. Install it?"):
        raise ImageError(
            f"there is no container registry, and {program}, which stand-in images are made with, is not installed",
            hint=f"on Debian or Ubuntu: apt-get install {' '.join(packages)}; elsewhere a registry is needed",
        )
    with _installing:
        result = apt.install(packages, log)
    if result is not None:
        docker_cli.require(result, f"{program} could not be installed", log)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def _work_folder() -> Iterator[Path]:
    # Under /var/tmp: /tmp may be small and in memory, and a base is 130 MB.
    with tempfile.TemporaryDirectory(prefix="copilot-local-", dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        yield Path(folder)
