"""What ECS's API says of the health of tasks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from emulator.engine.fake import Behaviour
from emulator.engine.interface import ExecResult, Health
from tests.unit.agent.rig import Rig
from tests.unit.api.conftest import answering
from tests.unit.runtime.world import make_service

CHECK = {"healthCheck": {"command": ["CMD-SHELL", "curl -f localhost"], "interval": 300}}


def test_a_task_is_healthy_once_the_agents_own_check_has_succeeded(
    rig: Rig, tmp_path: Path, until: Callable[[Callable[[], object]], None]
) -> None:
    rig.engine.behave("*-hello", Behaviour(health=(Health.STARTING,), exec=lambda _: ExecResult(0, b"", b"")))
    with answering(rig, tmp_path, make_service({"hello": CHECK}, cpu="256", memory="512")) as api:
        ecs = api.client()
        [arn] = ecs.list_tasks(cluster="demo-test")["taskArns"]
        rig.supervisor.look()
        until(rig.supervisor.early.results)
        rig.monitor.look()
        [task] = ecs.describe_tasks(cluster="demo-test", tasks=[arn])["tasks"]
        assert (task["healthStatus"], task["containers"][0]["healthStatus"]) == ("HEALTHY", "HEALTHY")
