"""Container restart policies, as the ECS agent applies them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from emulator.runtime.specs.restart import restartable
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import desired_state, make_service

HELLO = "cl-demo-test-hello-task0001-hello"


def policy(**fields: Any) -> dict[str, Any]:
    return {"restartPolicy": {"enabled": True, **fields}}


@pytest.mark.parametrize(
    ("definition", "code", "lived", "again"),
    [
        pytest.param({}, 1, 1000, False, id="no policy"),
        pytest.param({"restartPolicy": {"enabled": False}}, 1, 1000, False, id="a policy that is off"),
        pytest.param(policy(), 1, 300, True, id="five minutes by default"),
        pytest.param(policy(), 1, 299, False, id="not before"),
        pytest.param(policy(restartAttemptPeriod=60), 1, 60, True, id="its own period"),
        pytest.param(policy(restartAttemptPeriod=60), 1, 59, False, id="not before its own period"),
        pytest.param(policy(), 0, 1000, True, id="code 0 too"),
        pytest.param(policy(ignoredExitCodes=[0, 143]), 143, 1000, False, id="an ignored code"),
        pytest.param(policy(ignoredExitCodes=[0, 143]), 1, 1000, True, id="another code"),
    ],
)
def test_when_a_container_is_started_again(
    bench: Bench, definition: dict[str, Any], code: int, lived: float, again: bool
) -> None:
    task = bench.start(desired_state(make_service({"hello": definition})))
    container = task.members["hello"].container.id
    bench.engine.finish(HELLO, code)
    due = restartable(bench.observed, {container: 5000.0}, now=5000.0 + lived)
    assert [member.name for member in due] == (["hello"] if again else [])


def test_one_that_runs_or_never_started_is_left_alone(bench: Bench) -> None:
    waits = {"dependsOn": [{"containerName": "hello", "condition": "START"}]}
    bench.start(desired_state(make_service({"hello": policy(), "web": {**policy(), **waits}})))
    assert restartable(bench.observed, {}, now=10_000.0) == []


@pytest.mark.parametrize(("age", "again"), [(299, False), (301, True)])
def test_of_one_that_started_before_anybody_looked_its_making_counts(bench: Bench, age: int, again: bool) -> None:
    """An agent may begin to look after containers have exited, or begin anew itself."""
    task = bench.start(desired_state(make_service({"hello": policy()})))
    bench.engine.finish(HELLO, 1)
    today = task.members["hello"].container.created + timedelta(seconds=age)
    due = restartable(bench.observed, {}, now=0.0, today=today)
    assert [member.name for member in due] == (["hello"] if again else [])
