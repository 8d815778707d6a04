"""What is wrong with a log router's configuration is told with the manifest's line, and ends the task as on ECS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.docker.firelens.test_whole_tasks import MANIFEST, SERVICE, WAITS

if TYPE_CHECKING:
    from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker


def line_of(project: Project, text: str) -> int:
    lines = (project.folder / MANIFEST).read_text().splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    project = make_project("")
    project.write(MANIFEST, SERVICE + WAITS)
    return project


def test_an_option_that_the_plugin_rejects_ends_the_task(project: Project) -> None:
    project.edit(MANIFEST, "    Name: cloudwatch\n", "    Name: cloudwatch_logs\n    bogus: 1\n")
    where = f"{MANIFEST}:{line_of(project, 'bogus')}:5: "
    checked = project.run("firelens", "check")
    assert checked.code == 1
    assert checked.err.startswith(f"error: {where}the output plugin cloudwatch_logs knows no option bogus\n")
    result = project.run("up", "-d", "--port", str(project.port))
    assert result.code not in (0, 3)
    assert f"error: {where}container firelens_log_router exited with code 255: " in result.err
    assert "knows no option bogus" in result.err
    assert project.containers() == []


def test_an_unknown_plugin(project: Project) -> None:
    project.edit(MANIFEST, "    Name: cloudwatch\n", "    Name: clowdwatch\n")
    result = project.run("firelens", "check")
    assert result.code == 1
    where = f"{MANIFEST}:{line_of(project, 'clowdwatch')}:5: "
    assert result.err.startswith(f"error: {where}the log router knows no output plugin clowdwatch\n")


def test_a_file_that_is_not_in_the_image(project: Project) -> None:
    project.edit(MANIFEST, "logging:\n", "logging:\n  configFilePath: /extra/gone.conf\n")
    where = f"{MANIFEST}:{line_of(project, 'gone.conf')}"
    for verb in (("firelens", "check"), ("up", "-d", "--port", str(project.port))):
        result = project.run(*verb)
        assert result.code == 1
        assert f"error: {where}:3: the log router's image has no file /extra/gone.conf" in result.err
    assert project.containers() == []


def test_a_secret_that_is_not_there(project: Project) -> None:
    project.edit(MANIFEST, "logging:\n", "logging:\n  secretOptions:\n    apikey: /datadog/key\n")
    result = project.run("up", "-d", "--port", str(project.port))
    assert result.code == 1
    assert f"{MANIFEST}:{line_of(project, 'apikey')}: apikey (hello)" in result.err
    assert "apikey" in result.err
    assert project.containers() == []
