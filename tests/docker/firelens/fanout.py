"""A service of two tasks whose router has two destinations, as fanout of examples/log-pipelines, without its build."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from tests.docker.project import ROOT, wait_until

if TYPE_CHECKING:
    from tests.docker.project import Project

LONG = 40_000
"""Characters of the line that each task prints first: more than 16 KB, which Docker splits."""
MANIFEST = f"""\
name: fanout
type: Backend Service
image:
  location: busybox:1.37
command: >-
  sh -c 'head -c {LONG} /dev/zero | tr "\\0" x; echo; echo INFO order 16; echo ERROR no order 17; echo INFO order 18;
  trap "exit 0" TERM; sleep 3600 & wait'
cpu: 256
memory: 512
count: 2
logging:
  image: router:own
  configFilePath: /extra/fanout.conf
  destination:
    Name: cloudwatch
    region: us-west-2
    log_group_name: /copilot/pipelines-test-fanout
    log_stream_prefix: copilot/
"""
COMPARED = [
    *["fanout/fanout to fanout (cloudwatch): 4 lines in, 4 records out"] * 2,
    *["fanout/fanout to output-1 (http): 4 lines in, 1 records out; 3 went to another destination"] * 2,
]


def add_fanout(project: Project, manifest: str = MANIFEST) -> None:
    """Adds the service, and to the files of a router image that has them all in /extra the example's."""
    project.write("copilot/fanout/manifest.yml", manifest)
    (project.folder / "router").mkdir(exist_ok=True)
    shutil.copy(ROOT / "examples/log-pipelines/router/fanout.conf", project.folder / "router")
    project.write(
        "router/Dockerfile",
        "FROM public.ecr.aws/aws-observability/aws-for-fluent-bit:stable\nCOPY *.conf /extra/\n",
    )
    project.write("copilot-local.toml", '[substitute]\n"router:own" = "./router"\n')


def lines(project: Project, *options: str) -> list[str]:
    return project.run("logs", *options).ok().out.splitlines()


def compared(project: Project) -> list[str]:
    return sorted(re.sub(r" [0-9a-f]{8} ", " ", line) for line in lines(project, "--compare", "fanout"))


def wait_until_compared(project: Project) -> None:
    """The other destination is further away: the router tries again where that is busy."""
    wait_until(lambda: compared(project) == COMPARED, lambda: "\n".join(compared(project)), timeout=150)
