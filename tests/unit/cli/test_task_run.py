"""`copilot-local aws task run`: where the task runs, and with which code the lines end."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from awscli.shorthand import ShorthandParser  # type: ignore[import-untyped]

from tests.unit.cli.conftest import Run
from tests.unit.render.golden import read_template
from tests.unit.render.pipelines import FILES, write_workspace

AWS = """\
#!/bin/sh
here={folder}
case "$1 $2" in
  "ecs describe-services") cat $here/service.json ;;
  "stepfunctions describe-state-machine") cat $here/definition.json ;;
  "ecs run-task") printf '%s\\n' "$@" > $here/run-task; echo arn:task/1 ;;
  "ecs describe-tasks")
    case "$*" in
      *length*) echo left >> $here/asked; [ $(grep -c left $here/asked) -gt {polls} ] && echo 0 || echo 1 ;;
      *"[exitCode]"*) printf '%b' '{codes}' ;;
      *) echo '[]' ;;
    esac ;;
  *) echo "$2" ;;
esac
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(write_workspace(tmp_path / "shop"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def ran(lines: str, here: Path, codes: str = "0\\n", polls: int = 0) -> subprocess.CompletedProcess[str]:
    """The lines run by bash, with an `aws` that answers, and a `sleep` that does not."""
    for name, text in (("aws", AWS.format(folder=here, codes=codes, polls=polls)), ("sleep", "#!/bin/sh\n")):
        (here / name).write_text(text)
        (here / name).chmod(0o755)
    words = ["bash", "-euo", "pipefail", "-c", lines]
    return subprocess.run(words, capture_output=True, text=True, timeout=120)


def network(here: Path) -> Any:
    words = (here / "run-task").read_text().split("\n--")
    [given] = [it.partition("\n")[2] for it in words if it.startswith("network-configuration\n")]
    return json.loads(given) if given.startswith("{") else ShorthandParser().parse(given)


def test_a_task_of_a_service_runs_in_the_network_of_its_tasks(run: Run, here: Path) -> None:
    """Whatever decides on it: own subnets, `deny_default`, the group of an addon."""
    deployed = {
        "awsvpcConfiguration": {"subnets": ["subnet-own"], "securityGroups": ["sg-db"], "assignPublicIp": "DISABLED"}
    }
    (here / "service.json").write_text(json.dumps(deployed, indent=4))
    lines = run("aws", "task", "run", "-n", "api", "-e", "prod", "-c", "migrate")
    assert lines.code == 0, lines.err
    ended = ran(lines.out, here)
    assert ended.returncode == 0, ended.stderr
    assert network(here) == deployed


@pytest.mark.parametrize("placement", ["public", "private"])
def test_a_task_of_a_job_runs_in_the_network_of_its_state_machine(placement: str, run: Run, here: Path) -> None:
    manifest = FILES["copilot/report/manifest.yml"] + f"network: {{vpc: {{placement: {placement}}}}}\n"
    write_workspace(here / "shop", {"copilot/report/manifest.yml": manifest})
    stack: Any = read_template(run("render", "cloudformation", "report", "-e", "prod", "--in-copilot-environment").out)
    text = stack["Resources"]["StateMachine"]["Properties"]["DefinitionString"]["Fn::Sub"][0]
    between = '", "'
    text = text.replace("${Subnets}", between.join(["subnet-1", "subnet-2"])).replace("${SecurityGroups}", "sg-job")
    (here / "definition.json").write_text(text)
    ended = ran(run("aws", "task", "run", "-n", "report", "-e", "prod", "-c", "date").out, here)
    assert ended.returncode == 0, ended.stderr
    assert network(here)["awsvpcConfiguration"] == {
        "subnets": ["subnet-1", "subnet-2"],
        "securityGroups": ["sg-job"],
        "assignPublicIp": "ENABLED" if placement == "public" else "DISABLED",
    }


@pytest.mark.parametrize(("codes", "code"), [("0\\n", 0), ("3\\n", 3), ("0\\n137\\n", 137), ("None\\n", 1), ("", 1)])
def test_the_lines_end_with_the_code_of_the_container(codes: str, code: int, run: Run, here: Path) -> None:
    """None where the container did not start. Pasted into a shell, they do not end that."""
    (here / "service.json").write_text("{}")
    lines = run("aws", "task", "run", "-n", "api", "-e", "prod", "-c", "migrate", "--count", "2").out
    assert ran(lines, here, codes).returncode == code
    pasted = subprocess.run(["bash", "-c", f"{lines}echo alive"], capture_output=True, text=True, timeout=120)
    assert pasted.stdout.endswith("alive\n")


def test_a_task_is_waited_for_however_long_it_runs(run: Run, here: Path) -> None:
    (here / "service.json").write_text("{}")
    lines = run("aws", "task", "run", "-n", "api", "-e", "prod", "-c", "migrate").out
    assert "wait tasks-stopped" not in lines
    assert ran(lines, here, polls=150).returncode == 0
    assert len((here / "asked").read_text().split()) == 151
