"""Who has a port of this machine."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from emulator.runtime.listeners.port_owner import program_on


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's tables are Linux's")
def test_the_program_that_listens_is_named() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        assert program_on(port) == "", "it does not listen yet"
        server.listen()
        name = Path("/proc/self/comm").read_text(encoding="utf-8").strip()
        assert program_on(port) == f"{name}, process {os.getpid()}"


def test_a_port_that_docker_publishes_is_a_container_s(tmp_path: Path) -> None:
    row = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1"
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(row, encoding="ascii")
    (tmp_path / "12" / "fd").mkdir(parents=True)
    (tmp_path / "12" / "comm").write_text("docker-proxy\n", encoding="utf-8")
    (tmp_path / "12" / "fd" / "4").symlink_to("socket:[4711]")
    assert program_on(8080, tmp_path) == "a container: `docker ps --filter publish=8080`"
    assert program_on(8081, tmp_path) == ""


def test_what_the_system_does_not_say_is_not_said(tmp_path: Path) -> None:
    assert program_on(8080, tmp_path) == ""
