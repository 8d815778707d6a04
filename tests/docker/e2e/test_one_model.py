"""What `up` makes in Docker is what `render taskdef` prints, for every example."""

from __future__ import annotations

import pytest

from tests.docker.project import ROOT, MakeProject
from tests.docker.rendered import up_made_what_is_rendered

pytestmark = pytest.mark.docker

UNPREPARED = {"fresh-clone", "orders"}
"""Examples that lack values on purpose, or packages that are fetched first; they have tests of their own."""
BESIDE = {"nginx-sidecar", "firelens-cloudwatch", "log-pipelines"}
"""Compared where they are up anyhow: `test_nginx_sidecar.py`, `test_firelens.py`, `firelens/test_pipelines.py`."""
EXAMPLES = sorted({folder.parent.name for folder in (ROOT / "examples").glob("*/copilot")} - UNPREPARED - BESIDE)


@pytest.mark.parametrize("example", EXAMPLES)
def test_up_makes_what_is_rendered(make_project: MakeProject, example: str) -> None:
    project = make_project(example)
    project.up()
    up_made_what_is_rendered(project)
