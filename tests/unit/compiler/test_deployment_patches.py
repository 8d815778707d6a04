"""Patches of the circuit breaker, which are in force on this machine too."""

from __future__ import annotations

import pytest

from emulator.compiler.addons import SourceText
from emulator.compiler.deployment_patches import patched_breaker
from emulator.compiler.patches import read_patches
from emulator.ecs.deployment import CircuitBreaker
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
