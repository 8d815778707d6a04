"""A stand-in for HAProxy's sockets: keeps servers as it is told, and gives each the verdict that a test chose."""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from emulator.frontdoor.haproxy.configuration import CONFIGURATION_FILE, KEY_VARIABLE
from emulator.frontdoor.options import ADMIN_SOCKET, MASTER_SOCKET

COLUMNS = ("pxname", "svname", "scur", "status", "lastchg", "check_status", "check_code", "addr")


@dataclass(frozen=True)
class Row:
    """A server as `show stat` has it."""

    backend: str
    name: str
    address: str
    status: str = "MAINT"
    check_status: str = "INI"
    check_code: str = ""
    sessions: int = 0
    since: int = 0

    @property
    def line(self) -> str:
        cells = (self.backend, self.name, self.sessions, self.status, self.since, self.check_status, self.check_code)
        return ",".join(str(cell) for cell in (*cells, self.address))


class FrontDouble:
    """Listens on the sockets below `folder`.

    `servers` by backend and name, `commands` everything that was said on the admin socket other than questions.
    `verdict` is what checks say of servers from now on: status, check status and code. `complaint`: why a reload fails.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.servers: dict[tuple[str, str], Row] = {}
        self.commands: list[str] = []
        self.reloads = 0
        self.verdict = ("UP", "L7OK", "200")
        self.complaint = ""
        self.rules = ""
        self.problems: list[str] = []
        """What this double could not answer: the end of every test asks for it."""
        self.lock = threading.RLock()
        self._listeners = [self._listen(ADMIN_SOCKET, self.admin), self._listen(MASTER_SOCKET, self.master)]

    def admin(self, command: str) -> str:
        """Answers as HAProxy's admin socket."""
        with self.lock:
            if command.startswith("show stat"):
                self._check()
                rows = [row.line for row in self.servers.values()]
                return "\n".join([f"# {','.join(COLUMNS)}", *rows, ""])
            if command.startswith("show env"):
                return f"{KEY_VARIABLE}={self.rules}\n"
            if command.startswith("show servers state"):
                return "1\n"
            self.commands.append(command)
            return "".join(self._change(one.strip()) for one in command.split(";"))

    def master(self, command: str) -> str:
        """Answers as the master socket."""
        assert command == "reload", command
        with self.lock:
            self.reloads += 1
            if self.complaint:
                return f"Success=0\n--\n[ALERT]    (1) : {self.complaint}\n"
            self.load()
            return "Success=1\n--\n"

    def load(self) -> None:
        """Reads the configuration file, as at a start: its rules are in force, its servers are there."""
        with self.lock:
            text = (self.folder / CONFIGURATION_FILE).read_text()
            found = re.search(rf"setenv {KEY_VARIABLE} '?([0-9a-f]+)", text)
            assert found, text
            self.rules = found[1]
            self.servers = {}
            backend = ""
            for line in text.splitlines():
                words = line.split()
                if line.startswith("backend "):
                    backend = words[1]
                elif line.startswith("  server "):
                    self.servers[backend, words[1]] = Row(backend, words[1], words[2], status="DOWN")

    def names(self, backend: str = "") -> list[str]:
        """The servers of backends that begin so."""
        with self.lock:
            return sorted(name for back, name in self.servers if back.startswith(backend))

    def set_sessions(self, count: int) -> None:
        """Every server has so many requests."""
        with self.lock:
            self.servers = {key: replace(row, sessions=count) for key, row in self.servers.items()}

    def close(self) -> None:
        for listener in self._listeners:
            listener.shutdown()
            listener.server_close()

    def _check(self) -> None:
        status, check_status, code = self.verdict
        since = 0 if check_status == "INI" else 60
        for key, row in self.servers.items():
            if not row.status.startswith("MAINT") and not row.backend.startswith("open:"):
                self.servers[key] = replace(row, status=status, check_status=check_status, check_code=code, since=since)

    def _change(self, command: str) -> str:
        words = command.split()
        if words[:2] == ["add", "server"]:
            backend, name = words[2].split("/")
            self.servers[backend, name] = Row(backend, name, words[3])
            return "New server registered.\n"
        if words[:2] == ["del", "server"]:
            backend, name = words[2].split("/")
            if self.servers[backend, name].sessions:
                return "Server still has connections attached to it, cannot remove it.\n"
            del self.servers[backend, name]
            return "Server deleted.\n"
        if words[:2] == ["enable", "health"]:
            return "\n"
        key = (words[-1] if words[0] in ("enable", "shutdown") else words[2]).split("/")
        row = self.servers[key[0], key[1]]
        if words[0] == "shutdown":
            row = replace(row, sessions=0)
        elif words[:2] == ["enable", "server"]:
            row = replace(row, status="no check" if row.backend.startswith("open:") else "DOWN")
        elif words[3:] == ["state", "maint"]:
            row = replace(row, status="MAINT")
        else:
            assert words[3] == "health", command
        self.servers[key[0], key[1]] = row
        return "\n"

    def _listen(self, path: str, answer: Callable[[str], str]) -> socketserver.UnixStreamServer:
        problems = self.problems

        class Connection(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                command = self.rfile.readline().decode().strip()
                try:
                    self.wfile.write(answer(command).encode())
                except Exception as error:
                    problems.append(f"{command}: {error!r}")

        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        listener = socketserver.ThreadingUnixStreamServer(str(self.folder / path), Connection)
        listener.daemon_threads = True
        threading.Thread(target=listener.serve_forever, args=(0.01,), daemon=True).start()
        return listener
