"""`render compose`: both published examples run under plain Docker Compose and behave as under `up`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_docker.plugin import get_docker_services

from tests.docker.command import COMMAND, Command
from tests.docker.project import Running, wait_until

pytestmark = pytest.mark.docker

EXAMPLES = Path(__file__).parents[3] / "examples"
ROUTER = "public.ecr.aws/aws-observability/aws-for-fluent-bit:stable"

LocalImage = Callable[[str], str]


def run(*words: str, cwd: Path | None = None) -> str:
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"
    return done.stdout


@dataclass
class Stack:
    """A rendered Compose file that runs."""

    file: Path
    project: str
    port: int

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=10, verify=False)

    def answers(self, path: str) -> bool:
        try:
            return self.get(path).status_code == 200
        except httpx.TransportError:
            return False

    def compose(self, *words: str) -> str:
        return run("docker", "compose", "-f", str(self.file), "-p", self.project, *words)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory, local_image: LocalImage) -> Iterator[Callable[[Path, Path], str]]:
    """Builds a Dockerfile whose base may be a stand-in here, once; the image is gone at the end."""
    made: dict[Path, str] = {}

    def image(context: Path, dockerfile: Path) -> str:
        if dockerfile in made:
            return made[dockerfile]
        text = re.sub(r"(?m)^FROM (\S+)", lambda found: f"FROM {local_image(found[1])}", dockerfile.read_text())
        changed = tmp_path_factory.mktemp("build") / "Dockerfile"
        changed.write_text(text)
        name = f"copilot-local-test-compose:{uuid.uuid4().hex[:12]}"
        run("docker", "build", "-q", "-t", name, "-f", str(changed), str(context))
        made[dockerfile] = name
        return name

    yield image
    run("docker", "rmi", "-f", *made.values())


@contextmanager
def running(example: str, folder: Path, images: dict[str, str], root: Path = EXAMPLES) -> Iterator[Stack]:
    """The example, which is in the folder `root`, rendered by the command and started by pytest-docker."""
    app = f"compose-{uuid.uuid4().hex[:8]}"
    options = [word for name, image in images.items() for word in ("--image", f"{name}={image}")]
    words = [str(COMMAND), "render", "compose", "-a", app, "-e", "test", "-o", str(folder), *options]
    Running(Command(words, root / example, os.environ)).wait().ok()
    file = folder / "hello-test.compose.yml"
    data = run("docker", "info", "--format", "{{.DockerRootDir}}").strip()
    command = f"env DOCKER_ROOT_DIR={data} PORT=0 docker compose"
    # Started within, not as its set-up: it cleans up only after a set-up that succeeded.
    with get_docker_services(command, str(file), app, [], ["down -v -t 0"]):
        run(*command.split(), "-f", str(file), "-p", app, "up", "-d", "--wait")
        pause = run("docker", "ps", "-q", "--filter", f"label=com.docker.compose.project={app}",
                    "--filter", "label=com.docker.compose.service=pause").strip()  # fmt: skip
        target = {"nginx-sidecar": 80, "firelens-cloudwatch": 3000}[example]
        port = int(run("docker", "port", pause, str(target)).split(":")[-1])
        yield Stack(file, app, port)
    assert run("docker", "ps", "-aq", "--filter", f"label=com.docker.compose.project={app}") == ""


def test_nginx_sidecar_answers_through_nginx(
    tmp_path: Path, build: Callable[[Path, Path], str], local_image: LocalImage
) -> None:
    example = EXAMPLES / "nginx-sidecar"
    images = {
        "hello": build(example / "hello", example / "hello" / "Dockerfile"),
        "nginx": build(example / "nginx", example / "nginx" / "Dockerfile"),
        "pause": local_image("busybox:1.37"),
    }
    with running("nginx-sidecar", tmp_path, images) as stack:
        wait_until(lambda: stack.answers("/api/health-check"), "nginx answers for hello")
        response = stack.get("/api/some/thing?x=1")
        assert response.status_code == 200
        assert "hello from the main container" in response.text
        assert "GET /api/some/thing?x=1" in response.text
        assert "X-Proxy: nginx" in response.text
        assert stack.get("/elsewhere").status_code == 404  # nginx's own: there is no load balancer to say 503

        def logged() -> set[str]:
            """The services that wrote of the request."""
            return set(re.findall(r"(hello|nginx)-1 +\| .*/api/some/thing", stack.compose("logs", "--no-color")))

        wait_until(lambda: logged() == {"hello", "nginx"}, lambda: stack.compose("logs"))


def test_firelens_records_have_the_fields_of_ecs(
    tmp_path: Path, build: Callable[[Path, Path], str], local_image: LocalImage
) -> None:
    example = EXAMPLES / "firelens-cloudwatch"
    images = {
        "hello": build(example, example / "Dockerfile"),
        "pause": local_image("busybox:1.37"),
        "firelens_log_router": local_image(ROUTER),
    }
    with running("firelens-cloudwatch", tmp_path, images) as stack:
        wait_until(lambda: stack.answers("/hello"), "hello answers")
        assert stack.get("/hello/records").status_code == 200
        router = f"{stack.project}-firelens_log_router-1"

        def records() -> list[dict[str, Any]]:
            found = run("docker", "exec", router, "sh", "-c", "cat /copilot-local/logs/* || true")
            lines = [line[line.index("{") :] for line in found.splitlines() if "/hello/records" in line]
            # Fluent Bit's `file` output writes tag and time around each record.
            return [json.JSONDecoder().raw_decode(line)[0] for line in lines]

        wait_until(lambda: bool(records()), "a record of the request")
        [record] = records()
        assert record["ecs_cluster"] == f"{stack.project}-test"
        assert record["ecs_task_arn"].startswith(f"arn:aws:ecs:us-east-1:000000000000:task/{stack.project}-test/")
        assert record["ecs_task_definition"] == f"{stack.project}-test-hello:1"
        assert record["container_name"] == "hello"
        assert record["source"] == "stdout"


def test_a_router_with_a_file_of_its_image_captures_what_that_makes_of_the_records(
    tmp_path: Path, build: Callable[[Path, Path], str], local_image: LocalImage
) -> None:
    name = "firelens-cloudwatch"
    shutil.copytree(EXAMPLES / name, tmp_path / name)
    manifest = tmp_path / name / "copilot" / "hello" / "manifest.yml"
    text = manifest.read_text()
    changed = text.replace("\nlogging:\n", "\nlogging:\n  configFilePath: /fluent-bit/configs/parse-json.conf\n")
    assert changed != text
    manifest.write_text(changed)
    images = {
        "hello": build(EXAMPLES / name, EXAMPLES / name / "Dockerfile"),
        "pause": local_image("busybox:1.37"),
        "firelens_log_router": local_image(ROUTER),
    }
    with running(name, tmp_path / "out", images, tmp_path) as stack:
        wait_until(lambda: stack.answers("/hello"), "hello answers")
        router = f"{stack.project}-firelens_log_router-1"
        command = "cat /copilot-local/logs/* /copilot-local/config/fluent-bit/configs/parse-json.conf || true"
        printed: list[str] = []

        def captured() -> bool:
            printed.append(run("docker", "exec", router, "sh", "-c", command))
            return "/hello" in printed[-1]

        wait_until(captured, "a record of the request")
        assert "Name parser" in printed[-1]
