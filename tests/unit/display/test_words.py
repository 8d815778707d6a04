from __future__ import annotations

import pytest

from emulator.display.durations import human
from emulator.display.table import table


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0s"),
        (0.44, "0.4s"),
        (9.94, "9.9s"),
        (9.96, "10s"),
        (59.4, "59s"),
        (59.6, "1m 0s"),
        (184, "3m 4s"),
        (7500, "2h 5m"),
        (273600, "3d 4h"),
        (-1, "0.0s"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert human(seconds) == text


def test_a_table_is_as_wide_as_its_cells() -> None:
    assert table(["name", "state"], [["hello", "running"], ["firelens_log_router", ""]]).splitlines() == [
        "NAME                  STATE",
        "hello                 running",
        "firelens_log_router",
    ]
    assert table(["name", "state"], []) == "NAME   STATE"
