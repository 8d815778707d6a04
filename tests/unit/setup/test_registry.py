"""Is there a registry? Only a failed name or connection says no."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.errors import EngineUnavailable, ImageError
from emulator.events import Event, discard
from emulator.setup import docker_cli, images, standins, substitutes
from emulator.setup.docker_cli import Pull, classify
from emulator.setup.images import Image, choose
from emulator.setup.process import TIMED_OUT, Result

HUB = 'Error response from daemon: Get "https://registry-1.docker.io/v2/": '


def answer(output: str, code: int = 1) -> Result:
    return Result(("docker", "pull"), code, output)


@pytest.mark.parametrize(
    "output",
    [
        HUB + "dial tcp: lookup registry-1.docker.io on 10.0.0.2:53: no such host",
        HUB + "dial tcp: lookup registry-1.docker.io on 127.0.0.53:53: server misbehaving",
        HUB + "dial tcp 10.0.0.1:443: connect: connection refused",
        HUB + "dial tcp 10.0.0.1:443: connect: network is unreachable",
        HUB + "dial tcp 10.0.0.1:443: connect: no route to host",
        HUB + "proxyconnect tcp: dial tcp: lookup proxy.corp on 10.0.0.2:53: no such host",
    ],
)
def test_a_failed_name_or_connection_means_no_registry(output: str) -> None:
    assert classify(answer(output)) is Pull.ABSENT


@pytest.mark.parametrize(
    "result",
    [
        answer(HUB + "net/http: TLS handshake timeout"),
        answer(HUB + "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"),
        answer(HUB + "dial tcp: lookup registry-1.docker.io on 10.0.0.2:53: read udp 1->2: i/o timeout"),
        answer(HUB + "unexpected EOF"),
        answer("", TIMED_OUT),
    ],
)
def test_a_slow_line_is_not_an_absent_registry(result: Result) -> None:
    assert classify(result) is Pull.SLOW


@pytest.mark.parametrize(
    "output",
    [
        "Error response from daemon: toomanyrequests: You have reached your pull rate limit.",
        "Error response from daemon: manifest for busybox:nope not found: manifest unknown",
        "Error response from daemon: pull access denied for x, repository does not exist",
    ],
)
def test_a_registry_that_says_no_is_there(output: str) -> None:
    assert classify(answer(output)) is Pull.REFUSED


def test_a_successful_pull_is_one_whatever_it_prints() -> None:
    assert classify(answer("warning: timeout", 0)) is Pull.PULLED


IMAGE = Image("busybox", ("busybox:1.37", "busybox:latest"))


@pytest.mark.parametrize(
    ("outcome", "stand_in_there", "stand_in_taken"),
    [
        (Pull.PULLED, True, False),
        (Pull.ABSENT, False, True),
        (Pull.SLOW, True, True),
        (Pull.REFUSED, True, True),
    ],
)
def test_when_a_stand_in_is_taken(outcome: Pull, stand_in_there: bool, stand_in_taken: bool) -> None:
    assert choose(IMAGE, outcome, stand_in_there) is stand_in_taken


@pytest.mark.parametrize("outcome", [Pull.SLOW, Pull.REFUSED])
def test_without_an_absent_registry_nothing_is_built_unasked(outcome: Pull) -> None:
    with pytest.raises(ImageError, match=r"busybox:1\.37 could not be pulled") as caught:
        choose(IMAGE, outcome, False)
    assert "SETUP_STAND_INS=1" in caught.value.hint


class Daemon:
    """A daemon with some local images, and a registry that gives one outcome."""

    def __init__(self, local: set[str], outcome: Pull) -> None:
        self.local = local
        self.outcome = outcome
        self.pulled: list[str] = []

    def image_exists(self, reference: str) -> bool:
        return reference in self.local

    def pull(self, reference: str, *, log: Path | None = None, attempts: int = 4) -> tuple[Pull, Result]:
        self.pulled.append(reference)
        if self.outcome is Pull.PULLED:
            self.local.add(reference)
        return self.outcome, answer("the registry's words", 0 if self.outcome is Pull.PULLED else 1)


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Daemon:
    fake = Daemon(set(), Pull.ABSENT)
    monkeypatch.setattr(docker_cli, "image_exists", fake.image_exists)
    monkeypatch.setattr(docker_cli, "pull", fake.pull)
    monkeypatch.setattr(
        standins, "build_stand_ins", lambda names, emit: {name: standins.stand_in_tag(name) for name in names}
    )
    monkeypatch.delenv("SETUP_STAND_INS", raising=False)
    return fake


def test_without_a_registry_every_reference_is_substituted(daemon: Daemon) -> None:
    heard: list[Event] = []
    images.provide([IMAGE], heard.append)
    tag = standins.stand_in_tag("busybox")
    assert substitutes.read() == {"busybox:1.37": tag, "busybox:latest": tag}
    assert any("no container registry answers" in event.message for event in heard)


def test_an_image_that_is_there_is_neither_pulled_nor_substituted(daemon: Daemon) -> None:
    daemon.local = {"busybox:1.37"}
    images.provide([IMAGE], discard)
    assert daemon.pulled == []
    assert substitutes.read() == {}


def test_a_real_image_of_another_tag_is_not_hidden_by_the_stand_in(daemon: Daemon) -> None:
    daemon.local = {"busybox:latest"}
    images.provide([IMAGE], discard)
    assert list(substitutes.read()) == ["busybox:1.37"]


def test_when_a_registry_is_back_the_substitution_ends(daemon: Daemon) -> None:
    images.provide([IMAGE], discard)
    daemon.outcome = Pull.PULLED
    images.provide([IMAGE], discard)
    assert daemon.pulled == ["busybox:1.37", "busybox:1.37"]
    assert not substitutes.stand_ins_file().exists()


def test_the_registrys_own_words_are_kept_with_the_error(daemon: Daemon) -> None:
    daemon.outcome = Pull.REFUSED
    with pytest.raises(ImageError) as caught:
        images.provide([IMAGE], discard)
    assert caught.value.output == ["the registry's words"]


def test_stand_ins_can_be_asked_for(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon.outcome = Pull.PULLED
    monkeypatch.setenv("SETUP_STAND_INS", "1")
    images.provide([IMAGE], discard)
    assert daemon.pulled == []
    assert "busybox:1.37" in substitutes.read()


def test_a_daemon_that_does_not_answer_is_not_a_missing_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    with pytest.raises(EngineUnavailable):
        docker_cli.image_exists("busybox:1.37")


class TestDatabases:
    def test_any_version_has_its_stand_in_where_no_registry_answers(self, daemon: Daemon) -> None:
        tag = standins.stand_in_tag("postgres")
        assert images.ensure_database_image("postgres:14") == tag
        assert substitutes.read() == {"postgres:14": tag}

    def test_one_that_is_there_is_not_looked_for_again(self, daemon: Daemon) -> None:
        daemon.local = {images.ensure_database_image("mysql:8.0")}
        daemon.pulled.clear()
        assert images.ensure_database_image("mysql:8.0") == standins.stand_in_tag("mariadb")
        assert daemon.pulled == []

    def test_an_older_stand_in_is_replaced(self, daemon: Daemon) -> None:
        substitutes.write({"memcached:1.6": "copilot-local/memcached:old"})
        daemon.local = {"copilot-local/memcached:old"}
        assert images.ensure_database_image("memcached:1.6") == standins.stand_in_tag("memcached")

    def test_with_a_registry_the_official_image_is_pulled(self, daemon: Daemon) -> None:
        daemon.outcome = Pull.PULLED
        assert images.ensure_database_image("valkey/valkey:8") == "valkey/valkey:8"
        assert daemon.pulled == ["valkey/valkey:8"]

    def test_an_image_of_ones_own_is_left_to_the_pull_of_images(self, daemon: Daemon) -> None:
        assert images.ensure_database_image("postgis/postgis:16-3.4") == "postgis/postgis:16-3.4"
        assert daemon.pulled == []
