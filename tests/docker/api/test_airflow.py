"""Airflow's ECS operator, unmodified, against real containers. `requirements/tools.sh` installs it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.docker.api.conftest import Pipeline

PYTHON = Path(__file__).parents[3] / "build" / "airflow" / "bin" / "python"
pytestmark = [
    pytest.mark.docker,
    pytest.mark.xdist_group("pipeline"),
    pytest.mark.skipif(not PYTHON.exists(), reason="requirements/tools.sh installs Airflow"),
]
TASKS = """
import datetime
import json
import sys
import types

from airflow.providers.amazon.aws.operators.ecs import EcsRunTaskOperator


def run(name, **asked):
    # As a worker of Airflow does once the scheduler has decided that it is time.
    kept = {}
    instance = types.SimpleNamespace(xcom_push=lambda key, value: kept.update({key: value}))
    often = {"waiter_delay": 1, "waiter_max_attempts": 120, "awslogs_fetch_interval": datetime.timedelta(seconds=1)}
    operator = EcsRunTaskOperator(task_id=name, launch_type="FARGATE", **often, **asked)
    try:
        ended = operator.execute({"ti": instance})
    except Exception as error:
        ended = f"{type(error).__name__}: {error}"
    return [ended, kept["ecs_task_arn"]]


print(json.dumps({name: run(name, **asked) for name, asked in json.loads(sys.argv[1]).items()}))
"""


def test_the_operator_runs_one_task_to_its_exit_code(pipeline: Pipeline, tmp_path: Path) -> None:
    ecs, definition = pipeline.ecs, pipeline.service()["taskDefinition"]
    broken = pipeline.definition(image="registry.invalid/no/such:1")
    nowhere = ecs.register_task_definition(**broken)["taskDefinition"]["taskDefinitionArn"]
    group = f"/copilot/{pipeline.cluster}-web"
    logs = {"awslogs_group": group, "awslogs_region": "us-east-1", "awslogs_stream_prefix": "copilot/web"}
    ended = executed(
        pipeline,
        tmp_path,
        {
            "succeeds": {**asked(pipeline, definition, "echo first; echo last"), **logs, "container_name": "web"},
            "fails": asked(pipeline, definition, "exit 3"),
            "cannot-start": asked(pipeline, nowhere, "exit 0"),
        },
    )
    assert ended["succeeds"][0] == "last"
    assert ended["fails"][0].startswith("AirflowException: This task is not in success state")
    assert "'exitCode': 3" in ended["fails"][0]
    pulled = "EcsTaskFailToStart: The task failed to start due to: CannotPullContainerError"
    assert ended["cannot-start"][0].startswith(pulled)
    arns = [arn for _, arn in ended.values()]
    tasks = ecs.describe_tasks(cluster=pipeline.cluster, tasks=arns)["tasks"]
    codes = {task["taskArn"]: (task["stopCode"], task["containers"][0].get("exitCode")) for task in tasks}
    exited = "EssentialContainerExited"
    assert [codes[arn] for arn in arns] == [(exited, 0), (exited, 3), ("TaskFailedToStart", None)]


def asked(pipeline: Pipeline, definition: str, script: str) -> dict[str, Any]:
    """The operator's arguments."""
    override = {"name": "web", "command": ["sh", "-c", script]}
    network = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": "ENABLED"}}
    return {
        "cluster": pipeline.cluster,
        "task_definition": definition,
        "overrides": {"containerOverrides": [override]},
        "network_configuration": network,
    }


def executed(pipeline: Pipeline, home: Path, tasks: dict[str, dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """By name, what each operator gives back or fails with, and the ARN of its task."""
    connection = {"conn_type": "aws", "extra": {"endpoint_url": pipeline.url, "region_name": "us-east-1"}}
    variables = {
        **os.environ,
        **pipeline.variables,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(connection),
        "PYTHONWARNINGS": "ignore",
    }
    words = [str(PYTHON), "-c", TASKS, json.dumps(tasks)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=240, check=False, env=variables)
    assert done.returncode == 0, done.stdout + done.stderr
    return {name: (ended, arn) for name, (ended, arn) in json.loads(done.stdout.splitlines()[-1]).items()}
