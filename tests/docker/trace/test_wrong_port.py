"""A request to a service whose port is not the one that its container listens on."""

from __future__ import annotations

import pytest

from tests.docker.project import MakeProject, wait_until

pytestmark = pytest.mark.docker


@pytest.mark.parametrize("state", ["initial", "unhealthy"])
def test_the_container_s_own_port_is_named_before_and_after_the_verdict(make_project: MakeProject, state: str) -> None:
    """Before, the load balancer asks no container; after, it asks the only one there is, which refuses."""
    project = make_project("nginx-sidecar")
    project.edit("copilot/hello/manifest.yml", "  port: 3000", "  port: 3001")
    project.edit("copilot/hello/manifest.yml", "  targetContainer: 'nginx'", "  targetContainer: 'hello'")
    interval = 300 if state == "initial" else 5
    check = f"{{path: /api/health-check, interval: {interval}s, timeout: 2s, unhealthy_threshold: 2}}"
    project.edit("copilot/hello/manifest.yml", "  healthcheck: '/api/health-check'", f"  healthcheck: {check}")
    project.run("up", "-d", "--port", str(project.port)).ok()
    wait_until(lambda: project.targets() == [state], lambda: f"{state}: {project.ps()['targets']}")
    result = project.run("trace", "/api/x")
    assert result.code == 1, result.err
    assert result.out, result.err
    said = " ".join(result.out.split())
    assert "hello listens on 3000, not 3001 hint: write `image.port: 3000` in the manifest" in said
