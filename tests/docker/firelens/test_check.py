"""`firelens check` fails for whatever `up` would fail over, and says which line of the user's file it is."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.docker.firelens.egress import add_service

if TYPE_CHECKING:
    from tests.docker.project import MakeProject, Project, Result

pytestmark = pytest.mark.docker

FILE = '  configFilePath: /extra.conf\n  destination:\n    Name: "null"\n'
POSITION = "error: copilot/bad/manifest.yml:10:3: "
NOT_STREAMS = "[STREAM_TASK]\n    Name x\n    Exec NONSENSE;\n"


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    """A workspace without a service."""
    project = make_project("firelens-cloudwatch")
    shutil.rmtree(project.folder / "copilot/hello")
    return project


REJECTED = {
    "[STREAM_TASK]\n    Name x\n    Exec SELECT 1;\n": "unexpected section [STREAM_TASK]",
    "\n[FILTER]\n    Name nosuch\n": "the log router knows no filter plugin nosuch (/extra.conf:3 in",
    "[INPUT]\n    Name nosuch\n": "the log router knows no input plugin nosuch (/extra.conf:2 in",
    "[INPUT]\n    Name tcp\n    Port 8877\n": "could not bind address",
    "[SERVICE]\n  Flush 1\n  Parsers_File /no.conf\n": "cannot open its parsers file (Parsers_File) (/extra.conf:3",
    "[FILTER]\n    Name multiline\n    Match *\n    mode partial_message\n": (
        "the filter plugin multiline knows no option mode (/extra.conf:4 in"
    ),
}
REJECTED_BY_UP_TOO = {
    "[SERVICE]\n  Streams_File /streams.conf\n": "the stream processor: syntax error",
    "[FILTER]\n    Name grep\n  Match *\n": "/extra.conf:3 in the log router's image: Invalid indentation level",
}


def add_rejected(project: Project, text: str) -> Result:
    """What `firelens check` says of a service whose router has that file."""
    add_service(project, "bad", {"extra.conf": text, "streams.conf": NOT_STREAMS}, logging=FILE)
    checked = project.run("firelens", "check")
    assert checked.code == 1
    assert POSITION in checked.err
    return checked


@pytest.mark.parametrize(("text", "says"), REJECTED.items())
def test_what_the_router_rejects_is_told(project: Project, text: str, says: str) -> None:
    """`up` has the same diagnosis of what a router prints."""
    assert says in add_rejected(project, text).err


@pytest.mark.parametrize(("text", "says"), REJECTED_BY_UP_TOO.items())
def test_what_the_router_rejects_is_told_before_up(project: Project, text: str, says: str) -> None:
    assert says in add_rejected(project, text).err
    result = project.run("up", "-d", "--port", str(project.port))
    assert says in result.err
    assert (result.code, project.containers()) == (1, []) or "goes on without" in result.err


FINE = (
    "[SERVICE] # mine\n    Flush 1\n    Parsers_File /fluent-bit/parsers/parsers.conf\n",
    "[FILTER]\n  Name grep\n  Match *\n  Exclude log never\n\n[OUTPUT]\n  Name http\n  Match x\n",
    "[FILTER]\n\tName grep\n\tMatch *\n[OUTPUT]\n\tName http\n\tMatch x\n",
    "[SERVICE]\n    Log_Level error\n",
)


def test_what_the_router_takes_is_fine_and_an_images_own_main_file_is_said_to_be_unused(project: Project) -> None:
    for number, text in enumerate(FINE):
        add_service(project, f"good{number}", {"extra.conf": text}, logging=FILE)
        checked = project.run("firelens", "check", f"good{number}").ok()
        assert f"takes the configuration of good{number}" in checked.out
    own = "[SERVICE]\n    Flush 1\n[FILTER]\n    Name record_modifier\n    Match *\n    Record team payments\n"
    add_service(project, "own", {"fluent-bit/etc/fluent-bit.conf": own}, logging='  destination:\n    Name: "null"\n')
    result = project.up("own", "good1")
    assert "has a configuration of its own at /fluent-bit/etc/fluent-bit.conf; it is not used" in result.err
    assert project.container("own")
    assert project.container("good1")


def test_a_line_end_in_an_option_is_told_with_its_own_line(project: Project) -> None:
    option = '    Host: "x\\n[OUTPUT]\\n    Name http\\n    Match *"\n'
    add_service(project, "bad", {"extra.conf": "[FILTER]\n    Name grep\n"}, logging=FILE + option)
    for verb in (("firelens", "config"), ("firelens", "check"), ("up", "-d", "--port", str(project.port))):
        result = project.run(*verb)
        assert result.code == 1
        assert "error: copilot/bad/manifest.yml:13:5: the value of log option 'Host' of container bad" in result.err
    assert project.containers() == []


@pytest.mark.parametrize("path", ["/fluent-bit/etc/fluent-bit.conf", "//fluent-bit/x/../etc/fluent-bit.conf"])
def test_the_path_of_firelens_own_file_is_refused(project: Project, path: str) -> None:
    add_service(project, "bad", {"fluent-bit/etc/fluent-bit.conf": "[FILTER]\n    Name grep\n"}, logging=FILE)
    project.edit("copilot/bad/manifest.yml", "/extra.conf", path)
    for verb in (
        ("validate",),
        ("firelens", "config"),
        ("firelens", "check"),
        ("up", "-d", "--port", str(project.port)),
    ):
        result = project.run(*verb)
        assert result.code == 1
        assert "copilot/bad/manifest.yml:10:" in result.err + result.out
        assert "is where FireLens puts" in result.err + result.out
    assert project.containers() == []
