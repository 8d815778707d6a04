"""A small project behind a load balancer: two containers of an image that nothing has to build.

For tests that are not about builds or proxies. Without a load balancer: `tests/docker/faults/services.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.docker.project import Project

MANIFEST = "copilot/hello/manifest.yml"

WEB = """
name: hello
type: Load Balanced Web Service
image:
  location: busybox:1.37
  port: 3000
http:
  path: api
  healthcheck: /api/health-check
  targetContainer: hello
cpu: 256
memory: 512
count: 1
entrypoint: ["sh", "-c"]
command:
  - |
    trap 'echo stopping; exit 0' TERM
    mkdir -p /www/api
    echo healthy > /www/api/health-check
    echo hello > /www/api/x
    httpd -f -vv -p 3000 -h /www &
    echo listening on port 3000
    wait
"""
"""It answers `/api/x`, and prints the path of every request."""

SIDE = """
sidecars:
  side:
    image: busybox:1.37
    command: ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"]
"""
"""A container beside it."""


def web(project: Project, more: str = "") -> Project:
    """Makes it a project of this service; `more` goes to the end of its manifest."""
    project.write(MANIFEST, WEB + more)
    return project
