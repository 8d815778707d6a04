from __future__ import annotations

import pytest

from emulator.errors import UsageError
from emulator.setup import consent, load_generator


def test_one_that_is_there_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/wrk")
    assert load_generator.ensure_load_generator() is False


def test_who_may_not_install_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr(consent, "can_install", lambda: False)
    with pytest.raises(UsageError, match="the benchmarks need wrk") as raised:
        load_generator.ensure_load_generator()
    assert "install wrk" in raised.value.hint
