"""Faults and commands in a random order on one environment, which has to come to what is desired after each.

It takes another order every time. What failed prints its seed: COPILOT_LOCAL_FAULT_SEED=… repeats that order,
COPILOT_LOCAL_FAULT_SECONDS=… goes on for longer.
"""

from __future__ import annotations

import os
import random
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.docker.faults.services import LOGGING, MANIFEST, SERVES, WEB
from tests.docker.project import docker, wait_until

if TYPE_CHECKING:
    from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

SECONDS = 5.0
CONVERGES = 180.0
"""Seconds that a step may take until what is desired runs, on a busy machine."""
PRINTS = f"""
count: 2
command: sh -c '{SERVES}; trap "exit 0" TERM; while :; do echo line; sleep 0.2; done'
"""


class Chaos:
    """One environment, what happens to it, and what should run of it."""

    def __init__(self, project: Project, seed: int) -> None:
        self.project = project
        self.random = random.Random(seed)
        self.count = 2
        self._changes = 0

    # what goes wrong

    def kill(self, name: str) -> Callable[[], None]:
        def fault() -> None:
            named = [c for c in self.project.containers() if c.state == "running" and called(c.labels) == name]
            if named:
                # It may die of an earlier fault meanwhile.
                docker("kill", self.random.choice(sorted(c.name for c in named)), check=False)

        fault.__name__ = f"kill {name}"
        return fault

    def kill_a_router_for_good(self) -> None:
        router = self.project.container("firelens_log_router")
        if router:
            docker("exec", router, "rm", "-f", "/entrypoint.sh", check=False)
            docker("kill", router, check=False)

    def crash_the_agent(self) -> None:
        """Docker starts it again; one that `docker kill` ended would stay down, as a person's wish."""
        docker(
            "exec", self.project.container("agent"), "sh", "-c", "kill -9 $(cat /proc/1/task/1/children)", check=False
        )

    # what people do

    def scale(self) -> list[str]:
        self.count = self.random.choice([1, 2, 3])
        return ["scale", f"hello={self.count}"]

    def restart(self) -> list[str]:
        return ["restart"]

    def change(self) -> list[str]:
        self._changes += 1
        self.project.write("copilot/hello/manifest.yml", self._manifest + f"variables:\n  CHANGE: '{self._changes}'\n")
        self.count = 2
        return ["up", "-d", "--port", str(self.project.port)]

    def stop_a_task(self) -> list[str]:
        return ["stop", self.random.choice(sorted(self.project.tasks()))]

    @property
    def _manifest(self) -> str:
        return (self.project.folder / MANIFEST).read_text().partition("variables:\n")[0]

    def step(self) -> str:
        """One or two faults, or a command, or a command and a fault in the middle of it; returns what it was."""
        kills = [self.kill(name) for name in ("hello", "pause", "firelens_log_router", "front")]
        faults = [*kills, self.kill_a_router_for_good, self.crash_the_agent]
        chosen = self.random.sample(faults, self.random.choice([0, 1, 2]))
        verb = self.random.choice([self.scale, self.restart, self.change, self.stop_a_task])
        with_verb = not chosen or (len(chosen) == 1 and self.random.random() < 0.5)
        words = verb() if with_verb else []
        told = ", ".join([" ".join(words), *(fault.__name__ for fault in chosen)]).strip(", ")
        print(told, flush=True)
        command = self.project.start(*words) if words else None
        for fault in chosen:
            fault()
        if command is not None:
            result = command.wait(CONVERGES)
            assert "Traceback" not in result.err
            if result.code:
                # It says that it failed, because of the fault: then it is asked for again.
                assert chosen, result.err
                assert result.err
                self.project.run("up", "-d", "--port", str(self.project.port), timeout=CONVERGES).ok()
                self.count = 2
        return told

    # what has to be true

    def unsettled(self) -> str:
        """What is not as it should be; empty where all is."""
        containers = self.project.containers()
        tasks = {container.task for container in containers} - {""}
        problems = [f"{c.name} is {c.state}" for c in containers if c.state != "running"]
        if len(tasks) != self.count:
            problems.append(f"{len(tasks)} tasks, not {self.count}")
        expected = sorted(["agent", "front", *["pause", "hello", "firelens_log_router"] * self.count])
        found = sorted(called(container.labels) for container in containers)
        if found != expected:
            problems.append(f"there are {found}")
        orphans = [name for name in self.project.volumes() if name.startswith("cl-fl-")]
        if {name.removeprefix("cl-fl-") for name in orphans} != {task[:16] for task in tasks}:
            problems.append(f"volumes {orphans} for tasks {tasks}")
        if not problems and self.project.targets() != ["healthy"] * self.count:
            problems.append("targets are not healthy")
        return "; ".join(problems)


def called(labels: object) -> str:
    assert isinstance(labels, dict)
    return str(labels.get("copilot-local.container", labels.get("copilot-local.role", "")))


def test_what_is_desired_runs_again_whatever_happens(make_project: MakeProject) -> None:
    seed = int(os.environ.get("COPILOT_LOCAL_FAULT_SEED") or secrets.randbelow(2**32))
    seconds = float(os.environ.get("COPILOT_LOCAL_FAULT_SECONDS") or SECONDS)
    print(f"COPILOT_LOCAL_FAULT_SEED={seed} repeats this:")
    project = make_project("")
    project.write(MANIFEST, WEB + PRINTS + LOGGING)
    project.up()
    chaos = Chaos(project, seed)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        chaos.step()
        wait_until(lambda: not chaos.unsettled(), chaos.unsettled, CONVERGES)
    wait_until(lambda: project.answers("/hello"), "an answer", CONVERGES)
    project.run("down", "-v", timeout=CONVERGES).ok()
    assert project.everything() == []
