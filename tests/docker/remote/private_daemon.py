"""A Docker daemon of the test's own, to be restarted and killed: the one that everybody uses must not be.

It lives in network, mount and process namespaces of its own. So its firewall rules, bridges and ports are not the
machine's, and it ends with everything that it started when the first process of its namespace is killed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.docker.project import wait_until

CALL = 60.0
"""Seconds for a command that does little."""


def missing() -> str:
    """Why no daemon can be started here; empty where one can."""
    if os.geteuid() != 0:
        return "starting a Docker daemon takes root"
    absent = [name for name in ("dockerd", "unshare", "nsenter", "ip") if shutil.which(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else ""


class PrivateDaemon:
    """A daemon on `host`. `close` ends it and everything in it, and removes its folder."""

    PREPARE = ""
    """Commands of a shell in the namespaces, each with `&&` after it, before anything else runs there."""

    def __init__(self, data: Path | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cl-d-"))  # not below pytest's: a socket's path is short
        self.data = data or self.folder / "data"
        self.host = f"unix://{self.folder}/docker.sock"
        self._log = (self.folder / "log").open("ab")
        # A shell collects the orphans that the daemon leaves when it is killed, as the machine's first process does.
        script = f"{self.PREPARE}ip link set lo up && echo ready && while :; do sleep 3600; done"
        options = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"]
        self._init = subprocess.Popen(
            ["unshare", *options, "sh", "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            start_new_session=True,
        )
        self._daemon: subprocess.Popen[bytes] | None = None
        assert self._init.stdout is not None
        if self._init.stdout.readline().strip() != "ready":
            reason = (self.folder / "log").read_text().strip()
            self.close()
            pytest.skip(f"no namespaces for a Docker daemon: {reason}")

    @property
    def _inside(self) -> list[str]:
        children = Path(f"/proc/{self._init.pid}/task/{self._init.pid}/children").read_text().split()
        return ["nsenter", "--target", children[0], "--net", "--mount", "--pid"]

    def start(self) -> None:
        """Starts the daemon, and waits until it answers."""
        command = [
            *("dockerd", f"--data-root={self.data}", f"--exec-root={self.folder}/exec"),
            *(f"--pidfile={self.folder}/pid", f"--host={self.host}"),
            # On a machine that runs a containerd of its own, dockerd would use that.
            *("--containerd-namespace=cl-d", "--containerd-plugins-namespace=cl-d-plugins"),
            *self.options(),
        ]
        self._daemon = subprocess.Popen(
            [*self._inside, *command], stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )
        wait_until(self._answers, lambda: f"the daemon's answer:\n{self._last_words()}")

    def options(self) -> list[str]:
        """Further words for `dockerd`."""
        return []

    def _answers(self) -> bool:
        assert self._daemon is not None
        assert self._daemon.poll() is None, f"dockerd ended:\n{self._last_words()}"
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(CALL)
            stream.connect(self.host.removeprefix("unix://"))
            stream.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            return b" 200 OK" in stream.recv(64)
        return False

    def _last_words(self) -> str:
        return "\n".join((self.folder / "log").read_text(errors="replace").splitlines()[-10:])

    def end(self, number: int) -> None:
        """Sends the daemon a signal that ends it, and waits for that."""
        assert self._daemon is not None
        pid = (self.folder / "pid").read_text().strip()
        subprocess.run([*self._inside, "kill", f"-{number}", pid], check=True, timeout=CALL)
        self._daemon.wait(CALL)

    def load(self, *images: str) -> None:
        """Copies images from the daemon that everybody uses."""
        with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as save:
            load = ["docker", "--host", self.host, "load", "--quiet"]
            subprocess.run(load, stdin=save.stdout, stdout=subprocess.DEVNULL, timeout=4 * CALL, check=True)
        assert save.returncode == 0

    def request(self, url: str) -> str:
        """What an HTTP server in the daemon's network answers; empty where none does."""
        script = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())"
        command = [*self._inside, "python3", "-c", script, url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=CALL, check=False)
        return done.stdout.strip()

    def close(self) -> None:
        """Bounded, whatever state it is in."""
        if self._daemon is not None and self._daemon.poll() is None:
            with contextlib.suppress(subprocess.SubprocessError, OSError):
                self.end(signal.SIGTERM)
        self._init.kill()  # and with it everything in its namespace
        self._init.wait(CALL)
        if self._init.stdout is not None:
            self._init.stdout.close()
        if self._daemon is not None:
            self._daemon.wait(CALL)
        self._log.close()
        # The last mounts go with the last process of the namespace, an instant later.
        wait_until(self._removed, f"the end of {self.folder}")

    def _removed(self) -> bool:
        shutil.rmtree(self.folder, ignore_errors=True)
        return not self.folder.exists()
