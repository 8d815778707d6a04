"""A runner of GitHub workflows: jobs in their order, each step's lines in the shell that GitHub would use. Actions are
doubles, and so are docker, gh and python; the AWS command line and copilot-local are the real ones, which do not start
anew for each call (`programs.py`)."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.stacks.programs import programs

_EXPRESSION = re.compile(r"\$\{\{ (.*?) \}\}")
_SHELLS = {"bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail"], None: ["bash", "-e"]}
SHA = "0123456789abcdef0123456789abcdef01234567"
_DOUBLE = """\
#!/bin/sh
[ "$1" != login ] || cat > /dev/null
echo "$(basename "$0") $*" >> "$CALLS"
[ "$(basename "$0")" != gh ] || echo "$RULES"
"""


class StepFailed(Exception):
    """A step ended with another code than 0; the message has its name and output."""


@dataclass
class Runner:
    """Runs workflows in `folder`, on a copy of `workspace` for each job, against the endpoint."""

    workspace: Path
    folder: Path
    endpoint: str
    region: str
    after_step: Callable[[str, Path], None] = lambda name, place: None
    rules: str = "required_reviewers"
    """What protects environments."""
    steps: list[str] = field(default_factory=list)
    """`job: step` of every step that ran."""
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def calls(self) -> list[str]:
        """The calls of doubles."""
        return self._file("calls").read_text().splitlines()

    @property
    def actions(self) -> list[str]:
        """What the users' commands left in `actions.txt`, job by job."""
        return [line for job in self.outputs for line in self._lines(self.folder / job / "actions.txt")]

    def run(self, workflow: Mapping[str, Any]) -> None:
        """Every job, after those that it needs. Raises StepFailed."""
        for name in ("docker", "gh", "python"):
            double = self._file("bin", name)
            double.write_text(_DOUBLE)
            double.chmod(0o755)
        self._file("calls").touch()
        left = dict(workflow["jobs"])
        with programs(self._file("bin")):
            while left:
                name = next(name for name, job in left.items() if set(job.get("needs", ())) <= set(self.outputs))
                self._job(name, left.pop(name))

    def _file(self, *names: str) -> Path:
        file = self.folder.joinpath("runner", *names)
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    def _lines(self, file: Path) -> list[str]:
        return file.read_text().splitlines() if file.exists() else []

    def _job(self, name: str, job: Mapping[str, Any]) -> None:
        place = self.folder / name
        place.mkdir()
        known: dict[str, str] = {
            "github.sha": SHA, "github.token": "token", "github.workspace": str(place), "vars.AWS_REGION": self.region,
            "vars.BUILD_ROLE": "arn:aws:iam::123456789012:role/build", "'${{'": "${{",
            "vars.DEPLOY_ROLE": "arn:aws:iam::123456789012:role/deploy",
        }  # fmt: skip
        for needed, found in self.outputs.items():
            known |= {f"needs.{needed}.outputs.{key}": value for key, value in found.items()}
        environment = self._environment()
        environment |= {key: self._filled(value, known) for key, value in job.get("env", {}).items()}
        for step in job["steps"]:
            if "uses" in step:
                self._use(step, place, environment, known)
            else:
                self._step(name, step, place, environment, known)
        self.outputs[name] = {key: self._filled(value, known) for key, value in job.get("outputs", {}).items()}

    def _environment(self) -> dict[str, str]:
        path = f"{self._file('bin')}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        home = self._file("home")
        home.mkdir(exist_ok=True)
        return {
            "PATH": path, "HOME": str(home), "GITHUB_SHA": SHA, "GITHUB_REPOSITORY": "example/shop", "CI": "true",
            "CALLS": str(self._file("calls")), "RULES": self.rules, "AWS_ENDPOINT_URL": self.endpoint,
        }  # fmt: skip

    def _use(self, step: Mapping[str, Any], place: Path, environment: dict[str, str], known: dict[str, str]) -> None:
        action, _, commit = step["uses"].partition("@")
        assert re.fullmatch(r"[0-9a-f]{40}", commit)
        given = {key: self._filled(str(value), known) for key, value in step.get("with", {}).items()}
        if action == "actions/checkout":
            shutil.copytree(self.workspace, place, dirs_exist_ok=True)
        elif action == "aws-actions/configure-aws-credentials":
            assert given["role-to-assume"].startswith("arn:")
            keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
            environment |= {**keys, "AWS_REGION": given["aws-region"], "AWS_DEFAULT_REGION": given["aws-region"]}
        else:
            assert action == "actions/setup-python"

    def _step(
        self, job: str, step: Mapping[str, Any], place: Path, environment: dict[str, str], known: dict[str, str]
    ) -> None:
        script, outputs = self._file("script"), self._file("outputs")
        script.write_text(self._filled(step["run"], known))
        outputs.write_text("")
        own = {key: self._filled(str(value), known) for key, value in step.get("env", {}).items()}
        ended = subprocess.run(
            [*_SHELLS[step.get("shell")], str(script)], cwd=place, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=120, env={**environment, **own, "GITHUB_OUTPUT": str(outputs)},
        )  # fmt: skip
        self.steps.append(f"{job}: {step['name']}")
        if ended.returncode:
            raise StepFailed(f"{job}: {step['name']}\n{ended.stdout}{ended.stderr}")
        for line in self._lines(outputs):
            key, _, value = line.partition("=")
            known[f"steps.{step['id']}.outputs.{key}"] = value
        self.after_step(step["name"], place)

    def _filled(self, text: str, known: Mapping[str, str]) -> str:
        return _EXPRESSION.sub(lambda found: known[found[1]], text)
