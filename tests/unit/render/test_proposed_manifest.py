"""Manifests proposed for Request-Driven Web Services: what they keep, what changes, and that they can be deployed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from emulator.errors import InputError, Position
from emulator.manifest import load
from emulator.render.cloudformation.writer import to_yaml
from emulator.render.proposals.request_driven import BACKEND, LOAD_BALANCED, proposed_manifest

HEAD = "name: web\ntype: Request-Driven Web Service\nimage: {build: web/Dockerfile, port: 8080}\n"
FULL = (
    HEAD
    + """\
http:
  alias: web.example.com
  healthcheck: {path: /ok, interval: 2s, timeout: 9s, healthy_threshold: 1, unhealthy_threshold: 20}
cpu: 512
count: high-availability/3
command: serve
tags: {team: a}
publish: {topics: [{name: orders}]}
network: {vpc: {placement: private}}
observability: {tracing: awsxray}
variables: {LOG: info}
secrets: {TOKEN: /token}
environments:
  test: {count: small/1, variables: {LOG: debug}, http: {healthcheck: /other}}
  prod:
"""
)


def proposed(text: str, kind: str = LOAD_BALANCED) -> tuple[dict[str, Any], str]:
    found, notes = proposed_manifest(yaml.safe_load(text), kind, lambda place: Position("manifest.yml", 7))
    return yaml.safe_load(to_yaml(found)), "\n".join(notes)


def test_everything_is_kept_or_named() -> None:
    found, notes = proposed(FULL)
    assert found == {
        "name": "web",
        "type": "Load Balanced Web Service",
        "image": {"build": "web/Dockerfile", "port": 8080},
        "http": {
            "path": "/",
            "alias": "web.example.com",
            "healthcheck": {
                "path": "/ok",
                "interval": "10s",
                "timeout": "9s",
                "healthy_threshold": 2,
                "unhealthy_threshold": 10,
            },
        },
        "cpu": 512,
        "memory": 2048,
        "count": {"range": "1-25", "requests": 1000},
        "command": "serve",
        "publish": {"topics": [{"name": "orders"}]},
        "network": {"vpc": {"placement": "private"}},
        "observability": {"tracing": "awsxray"},
        "variables": {"LOG": "info"},
        "secrets": {"TOKEN": "/token"},
        "environments": {"test": {"variables": {"LOG": "debug"}, "http": {"healthcheck": "/other"}}, "prod": None},
    }
    for word in ("tags", "high-availability/3", "environments.test.count", "interval", "healthy_threshold", "alias"):
        assert word in notes


@pytest.mark.parametrize("text", [HEAD, FULL])
@pytest.mark.parametrize("environment", [None, "test"])
def test_what_is_proposed_is_valid(text: str, environment: str | None, tmp_path: Path) -> None:
    path = tmp_path / "manifest.yml"
    path.write_text(to_yaml(proposed(text)[0]))
    assert [str(it) for it in load(path, environment=environment, variables={}, app="shop", strict=True).findings] == []


def test_a_service_without_a_health_check_has_to_answer() -> None:
    found, notes = proposed(HEAD)
    assert found["http"] == {"path": "/"}
    assert (found["cpu"], found["memory"]) == (1024, 2048)
    assert "`/` has to answer 200" in notes


def test_a_private_service_stays_private() -> None:
    private = HEAD + "http: {private: true}\n"
    with pytest.raises(InputError, match="would be reached by everybody") as caught:
        proposed(private)
    assert '--as "Backend Service"' in caught.value.hint
    found, _ = proposed(private, BACKEND)
    assert (found["type"], found["http"]) == ("Backend Service", {"path": "/"})
    with pytest.raises(InputError, match="everybody reaches this service"):
        proposed(HEAD, BACKEND)
    with pytest.raises(InputError, match=r"environments\.test\.http\.private"):
        proposed(HEAD + "environments: {test: {http: {private: {endpoint: vpce-1}}}}\n")


@pytest.mark.parametrize("kind", ["Static Site", "Load Balanced Web Service", "Environment"])
def test_other_types(kind: str) -> None:
    with pytest.raises(InputError, match=f"this is a {kind}") as caught:
        proposed(HEAD.replace("Request-Driven Web Service", kind))
    assert caught.value.position is not None
