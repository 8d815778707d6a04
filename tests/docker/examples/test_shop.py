"""examples/shop has tests of its own, on the plugin: they pass, as a team would run them beside their work. What they
ran on is what `render taskdef` prints, and `down` leaves nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.docker.project import MakeProject, wait_until
from tests.docker.rendered import services, up_made_what_is_rendered
from tests.docker.testing.conftest import WITHOUT

pytestmark = pytest.mark.docker

OPTIONS = """

@pytest.fixture(scope="session")
def copilot_options():
    return {{"instance": "{instance}", "port": {port}}}
"""
"""What runs has a name of its own. The application keeps the one that its tests know."""


def test_the_shop_passes_its_own_tests_and_is_what_is_rendered(make_project: MakeProject) -> None:
    project = make_project("shop")
    project.append("tests/conftest.py", OPTIONS.format(instance=project.app, port=project.port))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--copilot-reuse", "-p", "no:cacheprovider", *WITHOUT),
            *("--junitxml", "report.xml"),
        ],
        cwd=project.folder,
        env={name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COPILOT_"))},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b7 passed in", done.stdout)
    assert 'tests="7"' in (project.folder / "report.xml").read_text(encoding="utf-8")

    # They have ended two tasks, which may still be on their way out.
    wait_until(lambda: len(project.tasks()) == len(services(project)), lambda: str(project.containers()))
    up_made_what_is_rendered(project, application="shop")
    project.run("down", "-v").ok()
    assert project.everything() == []
