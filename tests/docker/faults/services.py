"""Services that tests of faults run: small ones, of one image."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.docker.project import Project

MANIFEST = "copilot/hello/manifest.yml"

BACKEND = """
name: hello
type: Backend Service
image:
  location: busybox:1.37
cpu: 256
memory: 512
count: {count}
command: sh -c '{command}'
"""

WEB = """
name: hello
type: Load Balanced Web Service
image:
  location: busybox:1.37
  port: 3000
http:
  path: 'hello'
  healthcheck: '/'
cpu: 256
memory: 512
"""
"""Whose command is still to be given."""
SERVES = "mkdir /www && echo served > /www/index.html && cp /www/index.html /www/hello && httpd -p 3000 -h /www"
"""Starts a server for it, in the background."""

LOGGING = """
logging:
  destination: {Name: cloudwatch, region: us-west-2, log_group_name: /hello, log_stream_prefix: copilot/}
"""

WAITS = 'trap "exit 0" TERM; sleep 3600 & wait'
"""A command that waits for SIGTERM."""
DEAF = 'trap "" TERM; sleep 3600 & wait'
"""One that does not hear it."""


def backend(project: Project, command: str = WAITS, *, count: int = 1, more: str = "") -> Project:
    """Makes it a project of one service without a load balancer; `more` goes to the end of its manifest."""
    project.write(MANIFEST, BACKEND.format(command=command, count=count) + more)
    return project


def built_backend(project: Project, dockerfile: str, command: str = WAITS, *, more: str = "") -> Project:
    """The same, of an image that is built."""
    backend(project, command, more=more)
    project.edit(MANIFEST, "  location: busybox:1.37\n", "  build: Dockerfile\n")
    project.write("Dockerfile", dockerfile)
    return project


def stopped(project: Project, task: str = "") -> list[dict[str, Any]]:
    """The tasks that have stopped, or that one, as `inspect` prints them."""
    tasks = json.loads(project.run("inspect").ok().out)["tasks"]
    return [t for t in tasks if t["lastStatus"] == "STOPPED" and t["taskArn"].endswith(task)]


def deployed(project: Project) -> bool:
    """Whether the deployments of all services are complete."""
    services = json.loads(project.run("inspect").ok().out)["services"]
    return all(service["deployments"][0]["rolloutState"] == "COMPLETED" for service in services)


def replaced(project: Project, old: set[str], count: int = 1) -> bool:
    """Whether tasks of other ids run in place of these, as many as desired, with all of their containers."""
    containers = [container for container in project.containers() if container.task]
    tasks = {container.task for container in containers}
    return not tasks & old and len(tasks) == count and all(c.state == "running" for c in containers)
