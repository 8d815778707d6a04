"""`up --watch`: what runs follows its files."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import uuid
from collections.abc import Iterator

import pytest
from docker.errors import NotFound

from tests.docker.project import MakeProject, Project, Running, daemon, docker, wait_until

pytestmark = pytest.mark.docker

SIDE = """
env_file: values.env
sidecars:
  side:
    image: busybox:1.37
    command: ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"]
"""
DOCKERFILE = 'FROM busybox:1.37\nCOPY start answer /app/\nCOPY words /app/words/\nCMD ["/app/start"]\n'
SYNC = """
[[sync]]
service = "hello"
source = "./hello/words"
target = "/app/words"
command = "echo synced > /proc/1/fd/1"
"""


class Watched:
    """A project that answers `/api/x`, under `up --watch`."""

    def __init__(self, project: Project, *arguments: str) -> None:
        self.project = project
        self.running: Running = project.start("up", "--watch", "--port", str(project.port), *arguments)
        self.running.wait_for("watching for changes")
        wait_until(lambda: project.answers("/api/x"), "it answers")

    def ids(self) -> dict[str, str]:
        """The id of every running container of the task, by its name in the manifest."""
        with daemon() as client:
            rows = client.containers(filters={"label": f"copilot-local.app={self.project.app}"})
        labels = [(row["Id"], row["Labels"]) for row in rows]
        return {of.get("copilot-local.container") or of.get("copilot-local.role", ""): found for found, of in labels}

    def replaced(self, name: str, before: dict[str, str]) -> bool:
        """Whether another container of that name runs than before."""
        return self.ids().get(name, before[name]) != before[name]

    def greets(self, greeting: str) -> None:
        """Waits until the main container answers with this."""
        wait_until(lambda: greeting in self.project.get("/api/x").text, lambda: self.running.printed())

    def save(self, greeting: str) -> None:
        """Makes the main container answer another greeting."""
        answer = self.project.folder / "hello" / "answer"
        text = answer.read_text(encoding="utf-8")
        old = text.split('body="')[1].split(" from")[0]
        new = self.project.folder / "answer.new"
        shutil.copy2(answer, new)
        new.write_text(text.replace(f'body="{old} from', f'body="{greeting} from'), encoding="utf-8")
        os.replace(new, answer)  # whole at once: a file that is written may be read while it is empty

    def has(self, variable: str) -> bool:
        """Whether the main container has this variable of that value."""
        with daemon() as client, contextlib.suppress(NotFound):
            return variable in client.inspect_container(self.ids().get("hello", "none"))["Config"]["Env"]
        return False

    def word(self) -> str:
        """What its container has of the file that a sync rule copies."""
        return docker("exec", self.ids().get("hello", "none"), "cat", "/app/words/word", check=False)

    def said(self, text: str) -> int:
        """How many lines it has printed with this so far."""
        return sum(text in line for line in [*self.running.out, *self.running.err])

    def builds(self) -> int:
        return self.said("✓ build hello/Dockerfile")


@pytest.fixture(scope="module")
def watched(make_shared_project: MakeProject) -> Iterator[Watched]:
    """One that the tests save files of; each leaves it serving. Ctrl-C at the end leaves nothing running."""
    project = make_shared_project("nginx-sidecar")
    project.edit("copilot/hello/manifest.yml", "  targetContainer: 'nginx'\n", "")
    manifest = project.folder / "copilot" / "hello" / "manifest.yml"
    service, _, _ = manifest.read_text(encoding="utf-8").partition("sidecars:")
    manifest.write_text(service + SIDE, encoding="utf-8")
    project.write("copilot-local.toml", SYNC)
    project.write("hello/.dockerignore", "*.md\n")
    project.write("hello/words/word", "first\n")
    project.write("hello/Dockerfile", DOCKERFILE)
    project.write("values.env", "WORD=old\n")
    watched = Watched(project)
    yield watched
    watched.running.signal(signal.SIGINT)
    assert watched.running.wait().code == 130
    assert project.containers() == []
    assert project.networks() == []


def test_a_saved_file_replaces_its_container_and_nothing_else(watched: Watched) -> None:
    project = watched.project
    before, builds = watched.ids(), watched.builds()

    project.write("hello/notes.md", "left out of the build\n")
    project.write("hello/.answer.swp", "an editor's\n")
    watched.save("one")
    watched.greets("one from the main container")
    watched.save("two")
    watched.greets("two from the main container")
    after = watched.ids()
    assert (after["pause"], after["side"]) == (before["pause"], before["side"])
    assert after["hello"] != before["hello"]
    wait_until(lambda: project.targets() == ["healthy"], "a healthy target")
    assert watched.builds() == builds + 2

    same = watched.said("the image is the same")
    for number in range(100):
        project.write(f"hello/many/file{number}", "x\n")
    wait_until(lambda: watched.said("the image is the same") > same, watched.running.printed)
    # One for all of them, unless the first ones came before the rest.
    assert builds + 3 <= watched.builds() <= builds + 4


def test_what_is_broken_is_told_and_what_ran_goes_on(watched: Watched) -> None:
    project, before = watched.project, watched.ids()
    manifest = project.folder / "copilot" / "hello" / "manifest.yml"
    good = manifest.read_text(encoding="utf-8")

    project.append("copilot/hello/manifest.yml", "variables: [\n")
    watched.running.wait_for("✗ copilot/hello/manifest.yml:")
    watched.running.wait_for("the running tasks stay as they are")
    project.write("hello/Dockerfile", "FROM busybox:1.37\nRUN echo no luck here && false\n")
    watched.running.wait_for("no luck here")
    assert watched.ids() == before
    assert project.get("/api/x").status_code == 200

    project.write("hello/Dockerfile", DOCKERFILE)
    temporary = manifest.with_suffix(".yml.new")
    temporary.write_text(good + "variables:\n  GREETING: hi\n", encoding="utf-8")
    os.replace(temporary, manifest)
    wait_until(lambda: watched.has("GREETING=hi"), watched.running.printed)
    assert watched.ids()["side"] == before["side"]
    wait_until(lambda: project.answers("/api/x"), watched.running.printed)


def test_another_value_in_a_variables_file_reaches_the_container(watched: Watched) -> None:
    watched.project.write("values.env", "WORD=new\n")
    wait_until(lambda: watched.has("WORD=new"), watched.running.printed)
    wait_until(lambda: watched.project.answers("/api/x"), watched.running.printed)


def test_a_container_that_exits_is_told_and_the_next_save_mends_it(watched: Watched) -> None:
    project = watched.project
    good = (project.folder / "hello" / "start").read_text(encoding="utf-8")
    project.write("hello/start", "#!/bin/sh\necho no configuration\nexit 7\n")
    watched.running.wait_for(
        "hello: the change does not run: hello exited with code 7 (its last line: no configuration)"
    )
    watched.running.wait_for("| no configuration")
    assert any("hello" in line and "| no configuration" in line for line in watched.running.out)
    project.write("hello/start", good)
    wait_until(lambda: project.answers("/api/x"), watched.running.printed)


def test_a_sync_rule_copies_and_builds_nothing(watched: Watched) -> None:
    before, builds, synced = watched.ids(), watched.builds(), watched.said("| synced")
    word = watched.project.folder / "hello" / "words" / "word"
    saved = f"{uuid.uuid4()}\n"
    word.write_text(saved, encoding="utf-8")
    wait_until(lambda: watched.word() == saved, watched.running.printed)
    wait_until(lambda: watched.said("| synced") > synced, watched.running.printed)
    assert watched.ids() == before
    assert watched.builds() == builds

    docker("kill", before["hello"])
    wait_until(lambda: watched.replaced("hello", before), watched.running.printed)
    wait_until(lambda: watched.word() == saved, watched.running.printed)
    wait_until(lambda: watched.project.answers("/api/x"), watched.running.printed)
