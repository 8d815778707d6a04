"""A worker that subscribes to what its service does not publish: `validate` and `up` say so."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.cli.shell.app import run

SHOP = """name: shop
type: Backend Service
image: {location: nginx, port: 80}
publish: {topics: [{name: orders}, {name: bills, fifo: true}]}
"""
WORKER = """name: worker
type: Worker Service
image: {{location: nginx}}
subscribe:
  topics:
    - {{{topic}}}
  queue: {{{queue}}}
environments:
  prod:
    subscribe: {{queue: {{fifo: true}}}}
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "copilot" / "shop").mkdir(parents=True)
    (tmp_path / "copilot" / "worker").mkdir()
    (tmp_path / "copilot" / ".workspace").write_text("application: shop\n")
    (tmp_path / "copilot" / "shop" / "manifest.yml").write_text(SHOP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")  # `up` gets as far as Docker
    return tmp_path


def worker(workspace: Path, topic: str, queue: str = "timeout: 30s") -> None:
    (workspace / "copilot" / "worker" / "manifest.yml").write_text(WORKER.format(topic=topic, queue=queue))


def said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    run(arguments)
    both = capsys.readouterr()
    return " ".join((both.out + both.err).split())


WRONG = {
    "another name": ("name: order, service: shop", "shop publishes no topic order", "did you mean orders?"),
    "a FIFO topic": ("name: bills, service: shop", "shop publishes no topic bills", "that topic is FIFO"),
    "a FIFO queue of its own": (
        "name: orders, service: shop, queue: {fifo: true}",
        "shop publishes no topic orders.fifo",
        "a FIFO queue reads a FIFO topic",
    ),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize(
    "arguments", [["validate"], ["validate", "-n", "worker"], ["up", "-d"], ["up", "-d", "worker"]]
)
def test_what_is_not_published_is_said(
    workspace: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], name: str
) -> None:
    topic, message, hint = WRONG[name]
    worker(workspace, topic)
    text = said(arguments, capsys)
    assert text.count("CL167") == 1 + (arguments[0] == "validate"), text
    assert f"copilot/worker/manifest.yml:6:8: subscribe.topics[0].name: {message}" in text
    assert hint in text


def test_the_queue_of_all_topics_counts(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    worker(workspace, "name: orders, service: shop", "fifo: true")
    assert "shop publishes no topic orders.fifo" in said(["validate"], capsys)


def test_each_environment_has_its_own(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    worker(workspace, "name: orders, service: shop")
    assert run(["validate"]) == 0
    assert "shop publishes no topic orders.fifo" in said(["validate", "-e", "prod"], capsys)
    assert said(["validate", "--all-envs"], capsys).count("publishes no topic") == 1


@pytest.mark.parametrize(
    ("topic", "queue"),
    [
        ("name: orders, service: shop", "timeout: 30s"),
        ("name: bills, service: shop", "fifo: true"),
        ("name: bills, service: shop, queue: {fifo: {high_throughput: true}}", "timeout: 30s"),
        ("name: orders, service: shop, queue: {timeout: 1s}", "fifo: true"),
        ("name: events, service: elsewhere", "timeout: 30s"),
    ],
)
def test_what_is_published_or_not_known_is_no_finding(workspace: Path, topic: str, queue: str) -> None:
    worker(workspace, topic, queue)
    assert run(["validate"]) == 0


def test_it_can_be_silenced(workspace: Path) -> None:
    worker(workspace, "name: nothing, service: shop} # copilot-local: ignore CL167\n    - {name: orders, service: shop")
    assert run(["validate"]) == 0
