"""Figures of the manifest room: start-up of commands, and throughput of `validate`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.harness import Figure, as_installed, paired

COMMAND = str(Path(sys.executable).with_name("copilot-local"))


def big_manifest(name: str, lines: int) -> str:
    """A valid manifest of about that many lines: variables, sidecars and environments, as large ones really are."""
    text = [
        f"name: {name}",
        "type: Load Balanced Web Service",
        "image:",
        "  build: ./Dockerfile",
        "  port: 3000",
        "http:",
        "  path: '/'",
        "  healthcheck: '/health'",
        "cpu: 256",
        "memory: 512",
        "count: 1",
        "variables:",
    ]
    text += [f"  VARIABLE_{number}: value-{number}" for number in range((lines - 60) // 2)]
    text += ["sidecars:"]
    for number in range(4):
        text += [
            f"  side{number}:",
            f"    port: {9000 + number}",
            "    image: nginx:1.27",
            "    variables:",
            "      A: b",
        ]
    text += ["environments:"]
    environment = 0
    while len(text) < lines:
        text += [
            f"  env{environment}:",
            f"    count: {environment % 3 + 1}",
            "    variables:",
            f"      STAGE: s{environment}",
        ]
        environment += 1
    return "\n".join(text) + "\n"


def _process(folder: str, *command: str) -> None:
    """Runs a command to its end. Bytecode is kept, below `folder`, as an installation has it."""
    subprocess.run(command, env=as_installed(Path(folder) / "bytecode"), check=True, capture_output=True, timeout=60)


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        yield paired(
            "`copilot-local --help`, a process",
            lambda: _process(folder, COMMAND, "--help"),
            lambda: _process(folder, sys.executable, "-c", "import typer, pydantic, yaml"),
            against="python -c 'import typer, pydantic, yaml'",
            bound=1.5,
        )
        manifest = Path(folder) / "copilot" / "big" / "manifest.yml"
        manifest.parent.mkdir(parents=True)
        manifest.write_text(big_manifest("big", 250), encoding="utf-8")
        (Path(folder) / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
        yield paired(
            "`copilot-local validate`, 250 lines, a process",
            lambda: _process(folder, COMMAND, "validate", str(manifest)),
            lambda: _process(folder, sys.executable, "-c", "import typer, pydantic, yaml"),
            against="python -c 'import typer, pydantic, yaml'",
            bound=2.0,
        )
    yield _throughput()


def _throughput() -> Figure:
    from emulator.manifest import load

    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number in range(250):
            path = Path(folder) / "copilot" / f"svc{number}" / "manifest.yml"
            path.parent.mkdir(parents=True)
            path.write_text(big_manifest(f"svc{number}", 60), encoding="utf-8")
            paths.append(path)
        load(paths[0], environment="env0", variables={}, app="bench")
        began = time.perf_counter()
        for path in paths:
            load(path, environment="env0", variables={}, app="bench")
        rate = len(paths) / (time.perf_counter() - began)
    note = "manifests of 60 lines, one process"
    return Figure("manifests validated a second", rate, 200, "/s", "the wanted rate", 1.0, True, note)
