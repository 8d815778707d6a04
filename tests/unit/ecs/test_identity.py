from __future__ import annotations

import re

import pytest

from emulator.ecs.identity import container_id, fnv1a_32, new_task_id, task_identity


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("app", 527074092),
        ("curl", 2495160603),
        ("log_router", 1714341083),
        ("firelens_log_router", 1407198212),
        ("nginx", 2531612879),
    ],
)
def test_hash_is_the_one_in_fargates_container_ids(name: str, digest: int) -> None:
    assert fnv1a_32(name) == digest


def test_container_id_as_a_fargate_record_shows_it() -> None:
    assert container_id("cd189a933e5849daa93386466019ab50", "app") == "cd189a933e5849daa93386466019ab50-527074092"


def test_task_ids_are_32_hexadecimal_digits_and_differ() -> None:
    first, second = new_task_id(), new_task_id()
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert first != second


def test_a_tasks_arn_names_its_cluster() -> None:
    identity = task_identity(cluster="demo-test", family="demo-test-hello", task_id="ab" * 16, region="eu-west-1")
    assert identity.task_arn == f"arn:aws:ecs:eu-west-1:000000000000:task/demo-test/{'ab' * 16}"
    assert identity.task_definition == "demo-test-hello:1"


def test_partition_follows_the_region() -> None:
    assert task_identity(cluster="c", family="f", region="cn-north-1").task_arn.startswith("arn:aws-cn:ecs:")
