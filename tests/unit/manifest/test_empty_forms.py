"""Maps in which Copilot finds nothing set, so that it tries the other form of the block and fails."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.manifest.conftest import BACKEND, WORKER
from tests.unit.manifest.test_modes import checked, write

VPC = "network.vpc"


@pytest.mark.parametrize(
    ("kind", "block", "text", "path"),
    [
        (BACKEND, "network", "{vpc: {placement: {subnets: []}}}", f"{VPC}.placement"),
        (BACKEND, "network", "{vpc: {placement: {subnets: {from_tags: {}}}}}", f"{VPC}.placement.subnets"),
        (BACKEND, "network", "{vpc: {security_groups: {groups: []}}}", f"{VPC}.security_groups"),
        (BACKEND, "storage", "{volumes: {v: {path: /v, efs: {auth: {}}}}}", "storage.volumes.v.efs"),
        (BACKEND, "storage", "{volumes: {v: {path: /v, efs: {auth: {iam: ~}}}}}", "storage.volumes.v.efs"),
        (BACKEND, "count", "{range: 1-2, cpu_percentage: {cooldown: {}}}", "count.cpu_percentage"),
        (
            WORKER, "subscribe", "{topics: [{name: a, service: ab, queue: {dead_letter: {}}}]}",
            "subscribe.topics[0].queue",
        ),
    ],
)  # fmt: skip
def test_maps_in_which_nothing_is_set(manifests: Any, kind: str, block: str, text: str, path: str) -> None:
    assert manifests.bad(kind, **{block: text}) == [("CL103", path)]


def test_a_map_of_an_environment_in_which_nothing_is_set(tmp_path: Any) -> None:
    text = "name: test\ntype: Environment\ncdn: {static_assets: {}}\n"
    assert [code for code, _ in checked(write(tmp_path, "copilot/environments/test", text))] == ["CL103"]


@pytest.mark.parametrize(
    ("block", "text"),
    [
        ("network", "{vpc: {security_groups: []}}"),
        ("network", "{vpc: {security_groups: {deny_default: true, groups: []}}}"),
        ("network", "{vpc: {placement: {subnets: {from_tags: {a: []}}}}}"),
        ("count", "{range: 1-2, cpu_percentage: {value: 5, cooldown: {}}}"),
    ],
)
def test_empty_lists_and_maps_beside_what_is_set(manifests: Any, block: str, text: str) -> None:
    assert manifests.good(BACKEND, **{block: text}) is not None
