"""Makes sure that a Docker daemon answers, and stops the one that we started."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from emulator.errors import EngineUnavailable
from emulator.events import Emit, Event, EventKind, discard
from emulator.setup import apt, consent
from emulator.setup.process import run

STATE = Path("/run/copilot-local")
PID_FILE = STATE / "dockerd.pid"
LOG_FILE = Path("/var/log/copilot-local-dockerd.log")

_PACKAGES = ("docker.io", "iptables", "ca-certificates")
_START_TIMEOUT = 60.0
_STOP_TIMEOUT = 30.0
_GOGC = "600"
"""How far the memory of `dockerd`, and of each process that it starts, may grow between two collections, in percent. At
Go's own 100, those that make a container ready spend a seventh of their processor time on them, and end right after."""
_HINT = (
    "install Docker Engine (https://docs.docker.com/engine/install/) or Docker Desktop and start it;\n"
    "on Debian and Ubuntu, `make setup` as root does both"
)


def answers(timeout: float = 20.0) -> bool:
    """Whether the daemon that the `docker` command talks to answers. A client alone proves nothing."""
    return run(["docker", "version", "--format", "{{.Server.Version}}"], timeout=timeout).ok


def daemon_elsewhere() -> str:
    """The daemon that DOCKER_HOST, DOCKER_CONTEXT or the current context names, "" for this machine's default."""
    host = os.environ.get("DOCKER_HOST", "")
    if host:
        return "" if host.endswith("/var/run/docker.sock") else f"DOCKER_HOST={host}"
    context = os.environ.get("DOCKER_CONTEXT", "")
    if not context:
        folder = Path(os.environ.get("DOCKER_CONFIG", "") or Path.home() / ".docker")
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            context = str(config.get("currentContext", ""))
        except (OSError, ValueError, AttributeError):
            context = ""
    return "" if context in {"", "default"} else f"Docker context {context}"


def ensure_daemon(emit: Emit = discard) -> bool:
    """Makes sure that a Docker daemon answers. Returns whether this call started one: it installs and starts only as
    root on Debian or Ubuntu, and asks a person at a terminal first, unless CI=true or SETUP_YES=1.

    Raises EngineUnavailable (exit 125) where none answers and none may be installed, or the start fails.
    """
    if answers():
        return False
    if elsewhere := daemon_elsewhere():
        raise EngineUnavailable(f"no Docker daemon answers at {elsewhere}", hint="start it, or unset that")
    if not consent.allowed("No Docker daemon answers. Install Docker Engine and start it?"):
        raise EngineUnavailable("no Docker daemon answers", hint=_HINT)
    install_engine(emit)
    if answers():  # only the client was missing, or the package started its service
        return False
    start_daemon(emit)
    return True


def install_engine(emit: Emit = discard) -> None:
    """Installs Docker Engine and its client from Debian's packages, if they are missing."""
    if shutil.which("dockerd") and shutil.which("docker") and shutil.which("iptables"):
        return
    emit(Event(EventKind.STEP_STARTED, "docker engine", "installing " + " ".join(_PACKAGES)))
    result = apt.install(_PACKAGES, LOG_FILE)
    if result is not None and not result.ok:
        emit(Event(EventKind.STEP_FAILED, "docker engine", result.reason()))
        raise EngineUnavailable(
            f"Docker Engine could not be installed: {result.reason()}\n" + "\n".join(result.tail(8)),
            hint=f"the whole output is in {LOG_FILE}",
        )
    emit(Event(EventKind.STEP_DONE, "docker engine", "installed"))


def start_daemon(emit: Emit = discard) -> None:
    """Starts the daemon and waits until it answers.

    With systemd, its service does it. Elsewhere `dockerd` runs in its own session with no descriptor of ours, so that
    a reader of our output does not wait for the daemon; its process id is kept for `stop_daemon`.
    """
    emit(Event(EventKind.STEP_STARTED, "docker daemon", "starting"))
    if Path("/run/systemd/system").is_dir():
        run(["systemctl", "start", "docker"], timeout=_START_TIMEOUT)
        process = None
    else:
        _remove_stale_pid_file()
        STATE.mkdir(parents=True, exist_ok=True)
        with LOG_FILE.open("ab") as log:
            process = subprocess.Popen(
                ["dockerd"],
                env={"GOGC": _GOGC, **os.environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                start_new_session=True,
                close_fds=True,
            )
        PID_FILE.write_text(f"{process.pid}\n", encoding="utf-8")
    deadline = time.monotonic() + _START_TIMEOUT
    while not answers():
        ended = process is not None and process.poll() is not None
        if ended or time.monotonic() > deadline:
            emit(Event(EventKind.STEP_FAILED, "docker daemon", "does not answer"))
            raise EngineUnavailable(
                "dockerd ended at once" if ended else f"dockerd does not answer after {_START_TIMEOUT:.0f} s",
                hint=f"its output is in {LOG_FILE}" if process else "see `journalctl -u docker`",
            )
        time.sleep(0.2)
    emit(Event(EventKind.STEP_DONE, "docker daemon", "answers"))


def stop_daemon(emit: Emit = discard) -> bool:
    """Stops the daemon that `start_daemon` started, containers included. Returns whether there was one.

    A daemon that was started by other means is never touched.
    """
    try:
        pid = int(PID_FILE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    if not _is_dockerd(pid):
        PID_FILE.unlink(missing_ok=True)
        return False
    emit(Event(EventKind.STEP_STARTED, "docker daemon", "stopping"))
    for number in (signal.SIGTERM, signal.SIGKILL):
        os.kill(pid, number)
        deadline = time.monotonic() + _STOP_TIMEOUT
        while _is_dockerd(pid) and time.monotonic() < deadline:
            time.sleep(0.1)
        if not _is_dockerd(pid):
            break
    PID_FILE.unlink(missing_ok=True)
    emit(Event(EventKind.STEP_DONE, "docker daemon", "stopped"))
    return True


def _is_dockerd(pid: int) -> bool:
    """Whether that process is a living dockerd: process ids are reused, and a zombie keeps its own."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    name = stat[stat.index("(") + 1 : stat.rindex(")")]
    state = stat[stat.rindex(")") + 2]
    return name == "dockerd" and state != "Z"


def _remove_stale_pid_file(pid_file: Path = Path("/var/run/docker.pid")) -> None:
    # dockerd refuses to start while its pid file names any living process, a reused id included.
    try:
        pid = int(pid_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if not _is_dockerd(pid):
        pid_file.unlink(missing_ok=True)
