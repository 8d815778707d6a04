"""`firelens check` fails for whatever `up` would fail over, and says which line of the user's file it is."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.docker.firelens.conftest import ROUTER_IMAGE
from tests.docker.firelens.egress import MANIFEST
from tests.docker.project import built_for, docker

if TYPE_CHECKING:
    from tests.docker.project import MakeProject, Project, Result

pytestmark = pytest.mark.docker

DESTINATION = '  destination:\n    Name: "null"\n'
POSITION = "error: copilot/bad/manifest.yml:10:3: "
NOT_STREAMS = "[STREAM_TASK]\n    Name x\n    Exec NONSENSE;\n"
REJECTED = {
    "[STREAM_TASK]\n    Name x\n    Exec SELECT 1;\n": "unexpected section [STREAM_TASK]",
    "\n[FILTER]\n    Name nosuch\n": "the log router knows no filter plugin nosuch ({file}:3 in",
    "[INPUT]\n    Name tcp\n    Port 8877\n": "could not bind address",
    "[SERVICE]\n  Flush 1\n  Parsers_File /no.conf\n": "cannot open its parsers file (Parsers_File) ({file}:3",
    "[FILTER]\n    Name multiline\n    Match *\n    mode partial_message\n": (
        "the filter plugin multiline knows no option mode ({file}:4 in"
    ),
}
REJECTED_BY_UP_TOO = {
    "[SERVICE]\n  Streams_File /streams.conf\n": "the stream processor: syntax error",
    "[FILTER]\n    Name grep\n  Match *\n": "{file}:3 in the log router's image: Invalid indentation level",
}
FINE = (
    "[SERVICE] # mine\n  Flush 1\n  Parsers_File /fluent-bit/parsers/parsers.conf\n\n"
    "[FILTER]\n  Name grep\n  Match *\n  Exclude log never\n\n[OUTPUT]\n  Name http\n  Match x\n",
    "[SERVICE]\n\tLog_Level error\n[FILTER]\n\tName grep\n\tMatch *\n[OUTPUT]\n\tName http\n\tMatch x\n",
)
FILES = {text: f"/{number}.conf" for number, text in enumerate((*REJECTED, *REJECTED_BY_UP_TOO, *FINE))}
OWN_MAIN_FILE = "/fluent-bit/etc/fluent-bit.conf"
"""Where FireLens puts the file that it generates."""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory, local_image: Callable[[str], str]) -> str:
    """A log router's image with all of these files, and one in the place of FireLens's own. It is removed with what
    other tests build, when all have ended."""
    folder = tmp_path_factory.mktemp("router")
    own = "[SERVICE]\n    Flush 1\n[FILTER]\n    Name record_modifier\n    Match *\n    Record team payments\n"
    texts = {path: text for text, path in FILES.items()} | {"/streams.conf": NOT_STREAMS, OWN_MAIN_FILE: own}
    for path, text in texts.items():
        file = folder / "files" / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (folder / "Dockerfile").write_text(f"FROM {local_image(ROUTER_IMAGE)}\nCOPY files/ /\n", encoding="utf-8")
    name = f"copilot-local-build/{built_for(f'cl-test-{uuid.uuid4().hex[:8]}')}/checked/router:test"
    docker("build", "--quiet", "--tag", name, str(folder), timeout=280)
    return name


@pytest.fixture
def project(image: str, make_project: MakeProject) -> Project:
    """A workspace without a service."""
    return make_project("")


def add_service(project: Project, image: str, path: str, *, name: str = "bad", options: str = "") -> None:
    """A service whose router includes that file of the image; `options` are further ones of its destination."""
    manifest = MANIFEST.format(name=name).replace(f"router:{name}", image)
    project.write(f"copilot/{name}/manifest.yml", f"{manifest}  configFilePath: {path}\n{DESTINATION}{options}")


def check_rejected(project: Project, image: str, text: str) -> Result:
    """What `firelens check` says of a service whose router has that file."""
    add_service(project, image, FILES[text])
    checked = project.run("firelens", "check")
    assert checked.code == 1
    assert POSITION in checked.err
    return checked


@pytest.mark.parametrize(("text", "says"), REJECTED.items())
def test_what_the_router_rejects_is_told(project: Project, image: str, text: str, says: str) -> None:
    """`up` has the same diagnosis of what a router prints."""
    assert says.format(file=FILES[text]) in check_rejected(project, image, text).err


@pytest.mark.parametrize(("text", "says"), REJECTED_BY_UP_TOO.items())
def test_what_the_router_rejects_is_told_before_up(project: Project, image: str, text: str, says: str) -> None:
    said = says.format(file=FILES[text])
    assert said in check_rejected(project, image, text).err
    result = project.run("up", "-d", "--port", str(project.port))
    assert said in result.err
    assert (result.code, project.containers()) == (1, []) or "goes on without" in result.err


def test_what_the_router_takes_is_fine_and_an_images_own_main_file_is_said_to_be_unused(
    project: Project, image: str
) -> None:
    for number, text in enumerate(FINE):
        add_service(project, image, FILES[text], name=f"good{number}")
        checked = project.run("firelens", "check", f"good{number}").ok()
        assert f"takes the configuration of good{number}" in checked.out
    result = project.up("good0")
    assert f"has a configuration of its own at {OWN_MAIN_FILE}; it is not used" in result.err
    assert project.container("good0")


def test_a_line_end_in_an_option_is_told_with_its_own_line(project: Project, image: str) -> None:
    option = '    Host: "x\\n[OUTPUT]\\n    Name http\\n    Match *"\n'
    add_service(project, image, FILES[FINE[0]], options=option)
    for verb in (("firelens", "config"), ("firelens", "check"), ("up", "-d", "--port", str(project.port))):
        result = project.run(*verb)
        assert result.code == 1
        assert "error: copilot/bad/manifest.yml:13:5: the value of log option 'Host' of container bad" in result.err
    assert project.containers() == []


def test_the_path_of_firelens_own_file_is_refused(project: Project, image: str) -> None:
    add_service(project, image, "//fluent-bit/x/../etc/fluent-bit.conf")
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
