"""When EventBridge starts a job: the examples and rules of its user guide."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from emulator.ecs.schedule_times import next_time
from emulator.errors import Unsupported

NOW = datetime(2026, 11, 29, 0, 50, 30, tzinfo=UTC)  # a Sunday
MADE = datetime(2026, 11, 29, 0, 40, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "at"),
    [
        ("rate(5 minutes)", "2026-11-29 00:55:10"),
        ("rate(1 hour)", "2026-11-29 01:40:10"),
        ("rate(7 days)", "2026-12-06 00:40:10"),
        ("cron(50 0 * * ? *)", "2026-11-30 00:50:00"),  # that of today is over
        ("cron(51 0 * * ? *)", "2026-11-29 00:51:00"),
        ("cron(0/15 * * * ? *)", "2026-11-29 01:00:00"),
        ("cron(0 18 ? * MON-FRI *)", "2026-11-30 18:00:00"),
        ("cron(0 8 1 * ? *)", "2026-12-01 08:00:00"),
        ("cron(15 12 ? * 1 *)", "2026-11-29 12:15:00"),  # 1 is Sunday
        ("cron(0 0 L * ? *)", "2026-11-30 00:00:00"),
        ("cron(0 0 ? * L *)", "2026-12-05 00:00:00"),  # the last day of a week: Saturday
        ("cron(0 0 ? * 6L *)", "2026-12-25 00:00:00"),  # the last Friday of a month
        ("cron(0 0 15W * ? *)", "2026-12-15 00:00:00"),
        ("cron(0 0 ? * 2#1 *)", "2026-12-07 00:00:00"),  # the first Monday
        ("cron(0 0 29 2 ? *)", "2028-02-29 00:00:00"),
    ],
)
def test_the_next_time(expression: str, at: str) -> None:
    assert next_time(expression, NOW, MADE) == datetime.fromisoformat(at).replace(tzinfo=UTC)


def test_what_is_over_has_no_next_time() -> None:
    assert next_time("cron(0 0 1 1 ? 2020)", NOW, MADE) is None


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("cron(99 0 * * ? *)", "EventBridge does not take .*minute value '99'"),
        ("cron(0 2 * * * *)", "EventBridge does not take"),
        ("cron(0 0 LW * ? *)", "not known here"),
        ("@daily", "no schedule of EventBridge"),
    ],
)
def test_what_is_refused(expression: str, why: str) -> None:
    with pytest.raises(Unsupported, match=why):
        next_time(expression, NOW, MADE)
