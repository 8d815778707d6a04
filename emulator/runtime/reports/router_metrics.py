"""Fluent Bit's own counters, and its own words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from emulator.engine.interface import Engine
from emulator.errors import InputError, TaskError
from emulator.firelens.local import METRICS_PORT
from emulator.runtime.specs.log_router import router_problems
from emulator.runtime.state import names
from emulator.runtime.state.names import Names
from emulator.runtime.state.observed import Task, observe

# Pause is made of our agent's image where a task has a log router.
_FETCH = (
    "python3",
    "-c",
    "import sys, urllib.request as r; sys.stdout.buffer.write(r.urlopen(sys.argv[1], timeout=5).read())",
)
_PORT = re.compile(r"(?mi)^\s+http_port\s+(\d+)")


def tasks_with_routers(engine: Engine, environment: Names, services: Sequence[str]) -> list[Task]:
    """The tasks whose log router runs. Raises InputError where there is none."""
    found = [
        task
        for task in observe(engine, environment).tasks.values()
        if task.router is not None and task.router.running and (not services or task.service in services)
    ]
    if not found:
        raise InputError(
            "no log router runs in this environment",
            hint="`copilot-local up -d` starts it; a service has one where its manifest has `logging.destination`",
        )
    return found


def router_metrics(engine: Engine, task: Task) -> dict[str, Any]:
    """The counters of a task's router: `{"input": …, "filter": …, "output": {plugin: {counter: number}}}`.

    Read by way of pause, in whose network the router is. Raises TaskError where it does not answer.
    """
    if task.router is None or task.pause is None:
        raise TaskError(f"task {task.short_id} has no log router that runs")
    main = engine.read_file(task.router.container.name, "/fluent-bit/etc/fluent-bit.conf").decode(errors="replace")
    port = match[1] if (match := _PORT.search(main)) else str(METRICS_PORT)
    address = f"http://127.0.0.1:{port}/api/v1/metrics"
    result = engine.exec(task.pause.name, (*_FETCH, address), timeout=10)
    if result.exit_code != 0:
        raise TaskError(
            f"the log router of {task.service} {task.short_id} does not tell its counters",
            hint='with [logs] fidelity = "ecs" its HTTP server is on only where your own [SERVICE] says so',
        )
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def router_words(engine: Engine, task: Task, *, follow: bool) -> Iterator[tuple[str, str]]:
    """What a task's router prints, each line with the manifest's line that it is about (`file:line`, or empty)."""
    if task.router is None:
        return
    container = task.router.container
    description = container.labels.get(names.LOG_OUTPUTS, "")
    for line in engine.logs(container.name, follow=follow):
        problems = router_problems(description, [line.text])
        yield line.text, str(problems[0].position or "") if problems else ""
