"""Images from a registry that wants a login, which a secret of the manifest holds."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import subprocess
import tarfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.docker.e2e.conftest import Beside
from tests.docker.project import docker
from tests.docker.registry import COMMAND, HTPASSWD, PASSWORD, SETTINGS, USER, until_it_answers

if TYPE_CHECKING:
    from tests.docker.project import MakeProject, Project, Result

pytestmark = pytest.mark.docker

ARN = "arn:aws:secretsmanager:us-west-2:123456789012:secret:shop/hub-AbCdE1"
LOGIN = json.dumps({"username": USER, "password": PASSWORD})
MANIFEST = "copilot/api/manifest.yml"
FAMILY = "plain"
OTHER = "copilot/other/manifest.yml"
SECRETS = ".copilot-local/secrets.env"
SLEEP = '["sh", "-c", "trap exit TERM; sleep 3600 & wait"]'
SERVICE = f"""
name: api
type: Backend Service
image:
  location: busybox:1.37
command: {SLEEP}
cpu: 256
memory: 512
sidecars:
  helper:
    image: IMAGE
    credentialsParameter: {ARN}
    command: {SLEEP}
"""


@dataclass
class Registry:
    address: str
    busybox: str
    made: list[str] = field(default_factory=list)

    def new_image(self) -> str:
        """A reference that this registry has and the daemon has no copy of."""
        image = f"{self.address}/private/{uuid.uuid4().hex[:12]}:1"
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        configuration = {"auths": {self.address: {"auth": login}}}
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(_folder())
            (folder / "config.json").write_text(json.dumps(configuration))
            docker("tag", self.busybox, image)
            docker("--config", str(folder), "push", "--quiet", image)
            docker("rmi", image)
        self.made.append(image)
        return image


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def registry(local_image: Callable[[str], str]) -> Iterator[Registry]:
    name = f"cl-test-registry-{uuid.uuid4().hex[:12]}"
    variables = [word for name, value in SETTINGS.items() for word in ("--env", f"{name}={value}")]
    docker("create", "--name", name, "--publish", "127.0.0.1::5000", *variables, local_image("registry:2"), *COMMAND)
    try:
        subprocess.run(["docker", "cp", "-", f"{name}:/"], input=_archive(), check=True, timeout=60)
        docker("start", name)
        found = Registry(docker("port", name, "5000").split()[0], local_image("busybox:1.37"))
        until_it_answers(found.address)
        yield found
        for image in found.made:
            docker("rmi", image, check=False)
    finally:
        docker("rm", "--force", "--volumes", name)


def _archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo("htpasswd")
        entry.size, entry.mode = len(HTPASSWD), 0o644
        archive.addfile(entry, io.BytesIO(HTPASSWD))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def pulled(make_shared_project: MakeProject, registry: Registry) -> tuple[Project, Result]:
    """A service that runs, whose sidecar's image needed the login, and how its `up` ended."""
    project = make_shared_project("")
    project.write(MANIFEST, SERVICE.replace("IMAGE", registry.new_image()))
    project.write(SECRETS, f"{ARN}={LOGIN}\n")
    before = docker_configuration()
    up = project.run("up", "-d", "--wait", "--port", str(project.port), "--format", "json").ok()
    assert docker_configuration() == before
    return project, up


@pytest.fixture
def beside(pulled: tuple[Project, Result], tmp_path: Path) -> Project:
    """An empty folder. What it runs is for the environment in which that service runs, whose agent is there already."""
    return Beside(tmp_path, pulled[0])


@pytest.fixture
def project(beside: Project, registry: Registry) -> Project:
    """A service with a sidecar whose image the registry does not even look for without a login."""
    beside.write(OTHER, SERVICE.replace("api", "other").replace("IMAGE", f"{registry.address}/private/never-pushed:1"))
    return beside


def line_of(project: Project, file: str, text: str) -> str:
    lines = (project.folder / file).read_text().splitlines()
    return f"{file}:{next(number for number, line in enumerate(lines, start=1) if text in line)}"


def docker_configuration() -> dict[str, str]:
    folder = Path.home() / ".docker"
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.glob("*.json")}


def test_a_sidecar_is_pulled_with_the_login_and_the_password_is_nowhere(pulled: tuple[Project, Result]) -> None:
    project, up = pulled
    assert '"pull 127.0.0.1' in up.out
    helper = project.container("helper")
    assert helper

    agent = project.container("agent")
    everything = {
        "output": up.out + up.err,
        "inspect": f"{project.inspected()} {docker('inspect', *project.networks(), *project.volumes())}",
        "image": docker("inspect", docker("inspect", "--format", "{{.Image}}", helper).strip()),
        "agent's log": str(subprocess.run(["docker", "logs", agent], capture_output=True, text=True, timeout=60)),
        "agent's state": docker("exec", agent, "cat", "/copilot-local/state/desired.json"),
        "events": project.run("events").ok().out,
        "tasks": project.run("inspect").ok().out,
        "logs": project.run("logs").ok().out,
    }
    encoded = base64.b64encode(PASSWORD.encode()).decode().rstrip("=")
    for where, text in everything.items():
        assert text or where == "logs", where
        for secret in (PASSWORD, encoded):
            assert secret not in text, where

    (project.folder / SECRETS).unlink(missing_ok=True)
    project.run("up", "-d").ok()  # the image is here now, and needs none
    assert project.container("helper") == helper


def test_a_wrong_password_is_refused_in_ecs_words_and_leaves_nothing(project: Project) -> None:
    project.write(SECRETS, f"shop/hub={LOGIN.replace(PASSWORD, 'open-barley')}\n")
    ended = project.run("up", "-d")
    assert ended.code == 1
    assert f"{line_of(project, OTHER, ARN)}:" in ended.err
    assert "CannotPullContainerError: cannot pull 127.0.0.1" in ended.err
    assert "hint: the registry refused the user name and password" in ended.err
    assert f"its login is in the secret {ARN}" in ended.err
    assert "open-barley" not in ended.err + ended.out
    assert "Traceback" not in ended.err
    assert project.everything() == []


def test_a_missing_login_is_named_with_whatever_else_is_missing(project: Project) -> None:
    ended = project.run("up", "-d")
    assert ended.code == 1
    said = "ResourceInitializationError: unable to pull secrets or registry auth: 1 secret has no value here"
    assert said in ended.err
    assert f"{line_of(project, OTHER, ARN)}: the registry login of other/helper: {ARN}" in ended.err
    assert ".copilot-local/secrets.env" in ended.err
    assert "SHOP_HUB" in ended.err
    assert project.everything() == []

    project.append(OTHER, "secrets: {TOKEN: /prod/token}\n")
    both = project.run("up", "-d").err
    assert f"{line_of(project, OTHER, ARN)}: {ARN} (other): to pull the image of helper" in both
    assert f"{line_of(project, OTHER, 'TOKEN')}: TOKEN (other): /prod/token" in both


def test_a_plain_task_definition_has_its_login_from_the_shell_and_answers(beside: Project, registry: Registry) -> None:
    container = {
        "name": "web",
        "image": registry.new_image(),
        "repositoryCredentials": {"credentialsParameter": "hub"},
        "command": ["sh", "-c", "trap exit TERM; mkdir /www; echo plain > /www/index.html; httpd -f -h /www & wait"],
        "portMappings": [{"containerPort": 80}],
    }
    definition = {"family": FAMILY, "networkMode": "awsvpc", "containerDefinitions": [container]}
    beside.write("td.json", json.dumps(definition, indent=1))
    up = ("up", "-d", "--task-definition", "td.json")
    where = line_of(beside, "td.json", "credentialsParameter")
    missing = beside.run(*up)
    assert missing.code == 1
    assert f"{where}: the registry login of {FAMILY}/web: hub" in missing.err
    refused = beside.run(*up, variables={"HUB": LOGIN.replace(PASSWORD, "open-barley")})
    assert f"{where}: CannotPullContainerError: " in refused.err
    beside.run(*up, "--wait", "--port", str(beside.port), variables={"HUB": LOGIN}).ok()
    assert beside.get("/").text == "plain\n"
