from __future__ import annotations

import pytest

from emulator.errors import EngineUnavailable, ImageError
from emulator.events import Emit
from emulator.setup import __main__ as command


@pytest.fixture(autouse=True)
def ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "ensure_daemon", lambda emit: False)
    monkeypatch.setattr(command, "ensure_images", lambda emit, *, databases: None)


def fail_with(error: Exception) -> object:
    def fail(emit: Emit, **options: bool) -> None:
        raise error

    return fail


def test_one_summary_line_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 0
    assert capsys.readouterr().out.startswith("ready: Docker answers, images pulled")


def test_a_failed_build_shows_the_last_lines_and_the_hint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = ImageError("image x could not be built", hint="see the log", output=["gcc: no", "make: stop"])
    monkeypatch.setattr(command, "ensure_images", fail_with(error))
    assert command.main([]) == 1
    captured = capsys.readouterr()
    assert captured.err == "error: image x could not be built\n  | gcc: no\n  | make: stop\nhint: see the log\n"
    assert captured.out == ""


def test_no_docker_ends_with_125(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command, "ensure_daemon", fail_with(EngineUnavailable("no Docker daemon answers", hint="h")))
    assert command.main([]) == 125
    assert "error: no Docker daemon answers\nhint: h\n" in capsys.readouterr().err


@pytest.mark.parametrize(("answers", "code"), [(True, 0), (False, 125)])
def test_ping(answers: bool, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "answers", lambda: answers)
    assert command.main(["--ping"]) == code
