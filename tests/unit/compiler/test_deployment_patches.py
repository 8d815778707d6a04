"""Patches of how tasks are replaced, which are in force on this machine too."""

from __future__ import annotations

import pytest

from emulator.compiler.addons import SourceText
from emulator.compiler.deployment_patches import patched_breaker, patched_shift
from emulator.compiler.patches import read_patches
from emulator.ecs.deployment import CircuitBreaker, LifecycleHook, TrafficShift
from emulator.errors import InputError

HERE = "/Resources/Service/Properties/DeploymentConfiguration"
BREAKER = f"{HERE}/DeploymentCircuitBreaker"


def patched(*lines: str) -> CircuitBreaker | None:
    text = "".join(f"- {{{line}}}\n" for line in lines)
    return patched_breaker(read_patches(SourceText(text=text, file="overrides/cfn.patches.yml")))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["op: replace, path: %s/Rollback, value: false"], {"rollback": False}),
        (["op: replace, path: %s/Enable, value: false"], {"enable": False}),
        (["op: replace, path: %s/Enable, value: 'false'"], {"enable": False}),
        (["op: remove, path: %s"], {"enable": False, "rollback": False}),
        (["op: remove, path: %s/Rollback"], {"rollback": False}),
        (["op: add, path: %s/ResetOnHealthyTask, value: false"], {"reset_on_healthy_task": False}),
        (
            ["op: add, path: %s/ThresholdConfiguration, value: {Type: COUNT, Value: 1}"],
            {"threshold_type": "COUNT", "threshold_value": 1},
        ),
        (
            [
                "op: add, path: %s/ThresholdConfiguration, value: {Type: COUNT, Value: 1}",
                "op: replace, path: %s/ThresholdConfiguration/Value, value: 7",
            ],
            {"threshold_type": "COUNT", "threshold_value": 7},
        ),
        (["op: replace, path: %s, value: {Enable: true, Rollback: false}"], {"rollback": False}),
    ],
)
def test_are_applied(lines: list[str], expected: dict[str, object]) -> None:
    found = patched(*(line.replace("%s", BREAKER) for line in lines))
    assert found == CircuitBreaker.model_validate(expected)


def test_of_the_whole_configuration() -> None:
    value = "{MaximumPercent: 150, DeploymentCircuitBreaker: {Enable: true, Rollback: false}}"
    assert patched(f"op: replace, path: {HERE}, value: {value}") == CircuitBreaker(rollback=False)
    assert patched(f"op: replace, path: {HERE}, value: {{MaximumPercent: 150}}") == CircuitBreaker(
        enable=False, rollback=False
    )


def test_others_change_nothing() -> None:
    assert patched(f"op: replace, path: {HERE}/MaximumPercent, value: 150") is None


@pytest.mark.parametrize(
    "line",
    [
        "op: add, path: %s/ThresholdConfiguration, value: {Type: SHARE, Value: 1}",
        "op: add, path: %s/ThresholdConfiguration, value: {Type: COUNT, Value: many}",
        "op: add, path: %s/ThresholdConfiguration, value: 3",
        "op: add, path: %s/Threshold, value: 3",
        "op: replace, path: %s, value: true",
        "op: replace, path: %s/Enable, value: maybe",
    ],
)
def test_that_make_no_circuit_breaker_are_refused_with_their_line(line: str) -> None:
    with pytest.raises(InputError, match="circuit breaker") as caught:
        patched(line.replace("%s", BREAKER))
    assert caught.value.position is not None
    assert caught.value.position.line == 1


def shifted(*lines: str) -> TrafficShift | None:
    text = "".join(f"- {{{line}}}\n" for line in lines)
    return patched_shift(read_patches(SourceText(text=text, file="overrides/cfn.patches.yml")))


def test_a_strategy_with_what_belongs_to_it() -> None:
    hook = "{TargetType: PAUSE, LifecycleStages: [POST_SCALE_UP], TimeoutConfiguration: {TimeoutInMinutes: 5}}"
    found = shifted(
        f"op: add, path: {HERE}/Strategy, value: CANARY",
        f"op: add, path: {HERE}/CanaryConfiguration, value: {{CanaryPercent: 2.5, CanaryBakeTimeInMinutes: 3}}",
        f"op: add, path: {HERE}/LifecycleHooks, value: [{hook}]",
    )
    assert found is not None
    assert found.steps() == [(0.025, 3), (1.0, 0)]
    assert found.hooks == [LifecycleHook(target="PAUSE", stages=["POST_SCALE_UP"], timeout_minutes=5)]


@pytest.mark.parametrize(
    ("value", "steps"),
    [
        ("{Strategy: BLUE_GREEN, BakeTimeInMinutes: 15}", [(1.0, 15)]),
        ("{Strategy: CANARY}", [(0.05, 10), (1.0, 0)]),
        (
            "{Strategy: LINEAR, LinearConfiguration: {StepPercent: 40}, BakeTimeInMinutes: 1}",
            [(0.4, 6), (0.8, 6), (1.0, 1)],
        ),
        ("{Strategy: LINEAR, LinearConfiguration: {StepPercent: 100}}", [(1.0, 0)]),
        ("{Strategy: ROLLING}", None),
        ("{MaximumPercent: 150}", None),
    ],
)
def test_the_shares_of_requests_of_each_strategy(value: str, steps: list[tuple[float, int]] | None) -> None:
    found = shifted(f"op: replace, path: {HERE}, value: {value}")
    assert (found.steps() if found is not None else None) == steps


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{Strategy: SLOW}", "Strategy is 'SLOW'"),
        ("{Strategy: BLUE_GREEN}", "needs BakeTimeInMinutes"),
        ("{Strategy: CANARY, LinearConfiguration: {}}", "LinearConfiguration goes with the Strategy LINEAR"),
        ("{BakeTimeInMinutes: 5}", "go with another Strategy"),
        ("{Strategy: CANARY, CanaryConfiguration: {CanaryPercent: 0}}", "CanaryPercent is 0"),
        ("{Strategy: CANARY, CanaryConfiguration: {Percent: 1}}", "unknown property Percent"),
        ("{Strategy: LINEAR, LinearConfiguration: {StepPercent: 2}}", "StepPercent is 2"),
        ("{Strategy: CANARY, BakeTimeInMinutes: 1441}", "BakeTimeInMinutes is 1441"),
        ("{Strategy: CANARY, BakeTimeInMinutes: soon}", "bake"),
        ("{Strategy: CANARY, LifecycleHooks: [{TargetType: PAUSE}]}", "no LifecycleStages"),
        ("{Strategy: CANARY, LifecycleHooks: [{LifecycleStages: [BAKE_TIME]}]}", "cannot be at BAKE_TIME"),
        ("{Strategy: CANARY, LifecycleHooks: [5]}", "no map"),
    ],
)
def test_what_makes_no_strategy_is_refused_at_its_line(value: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        shifted(f"op: replace, path: {HERE}, value: {value}")
    assert caught.value.position is not None
    assert caught.value.position.line == 1
