"""What does not fit is said once: nothing is said of what would follow if it were not there."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.manifest.conftest import BACKEND, WEB

START = "{s: start}"


@pytest.mark.parametrize(
    ("kind", "blocks", "expected"),
    [
        (WEB, {"http": "{path: /, hosted_zone: Z, alias: [[a]]}"}, ("CL103", "http.alias[0]")),
        (
            BACKEND, {"image": "{location: x, healthcheck: {command: curl x, interval: 10s}}"},
            ("CL103", "image.healthcheck.command"),
        ),
        (BACKEND, {"count": "{range: 5, cpu_percentage: 70}"}, ("CL107", "count.range")),
        (
            WEB, {"http": "{path: /, target_container: s}", "sidecars": "{s: {image: x, port: 0}}"},
            ("CL107", "sidecars.s.port"),
        ),
        (
            WEB, {"http": "{path: /, target_container: s}", "sidecars": "{s: {port: 81}}"}, ("CL106", "sidecars.s"),
        ),
        (BACKEND, {"image": f"{{location: x, depends_on: {START}}}", "sidecars": "{s: {}}"}, ("CL106", "sidecars.s")),
        (
            BACKEND,
            {
                "storage": "{volumes: {d: {efs: true}}}",
                "sidecars": "{s: {image: x, mount_points: [{source_volume: d, path: /d}]}}",
            },
            ("CL106", "storage.volumes.d"),
        ),
        (BACKEND, {"image": "{location: [x], port: 80}"}, ("CL103", "image.location")),
        (BACKEND, {"image": "{build: {}, port: 80}"}, ("CL103", "image.build")),
        (BACKEND, {"sidecars": "{s: {image: {location: [x]}}}"}, ("CL103", "sidecars.s.image.location")),
        (
            BACKEND,
            {"image": "{location: x, depends_on: {s: success}}", "sidecars": "{s: {image: x, essential: 'false'}}"},
            ("CL103", "sidecars.s.essential"),
        ),
        (
            BACKEND,
            {"image": "{location: x, depends_on: {firelens_log_router: start}}", "logging": "{destination: [a]}"},
            ("CL103", "logging.destination"),
        ),
        (BACKEND, {"image": "{location: x, port: '80'}", "http": "{path: /}"}, ("CL103", "image.port")),
        (
            BACKEND, {"image": "{location: x, port: '80'}", "network": "{connect: {alias: a}}"},
            ("CL103", "image.port"),
        ),
    ],
)  # fmt: skip
def test_what_follows_is_not_said(manifests: Any, kind: str, blocks: dict[str, str], expected: tuple[str, str]) -> None:
    assert manifests.bad(kind, **blocks) == [expected]


def test_an_empty_alias_is_none(manifests: Any) -> None:
    assert manifests.bad(http="{path: /, hosted_zone: Z, alias: []}") == [("CL121", "http.hosted_zone")]
