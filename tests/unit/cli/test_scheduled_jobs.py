"""Which jobs `up` runs on their schedules, and what it says of the others."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from emulator.app.jobs import check_names, in_words, next_run, scheduled_jobs, without_idle_jobs
from emulator.ecs.job import JobSchedule
from emulator.ecs.service import Service
from emulator.errors import UsageError
from emulator.events import Event
from emulator.missing import Blockers
from emulator.settings_services import JobSettings
from tests.unit.runtime.world import make_service

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)


def job(name: str, expression: str = "cron(0 2 * * ? *)", *, enabled: bool = True) -> Service:
    schedule = JobSchedule(expression=expression, enabled=enabled)
    made = make_service(name=name, count=0, type="Scheduled Job")
    return made.model_copy(update={"schedule": schedule})


SERVICES = [make_service(name="web"), job("nightly"), job("hourly")]


@pytest.mark.parametrize(
    ("asked", "schedule", "names"),
    [
        (None, False, set()),
        (None, True, {"nightly", "hourly"}),
        (None, ("hourly",), {"hourly"}),
        (True, False, {"nightly", "hourly"}),
        (False, True, set()),
    ],
)
def test_options_win_over_settings(asked: bool | None, schedule: bool | tuple[str, ...], names: set[str]) -> None:
    assert scheduled_jobs(SERVICES, asked, JobSettings(schedule=schedule)) == names


def test_what_is_asked_of_no_job_is_refused() -> None:
    with pytest.raises(UsageError, match="no Scheduled Job among"):
        scheduled_jobs(SERVICES[:1], True, JobSettings())


@pytest.mark.parametrize(
    ("name", "said"), [("nightli", "there is no job nightli"), ("web", "web is a Load Balanced Web Service, not a job")]
)
def test_a_name_in_the_settings_that_is_no_job_is_refused(name: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)) as error:
        check_names(SERVICES, JobSettings(schedule=("hourly", name)))
    assert name == "web" or "did you mean nightly?" in (error.value.hint or "")


def test_up_names_the_next_run_of_every_job() -> None:
    said: list[Event] = []
    rest = without_idle_jobs(SERVICES, frozenset({"hourly"}), said.append, Blockers())
    assert [service.name for service in rest] == ["web", "hourly"]
    kept, idle = (event.message for event in said)
    assert re.match(r"runs on its schedule, next at \d{4}-\d\d-\d\d 02:00 UTC, in ", kept)
    assert "its schedule would run it next at " in idle
    assert "`copilot-local run nightly` runs it once" in idle


def test_jobs_alone_need_the_option() -> None:
    with pytest.raises(UsageError, match="only jobs") as error:
        without_idle_jobs([job("nightly")], frozenset(), lambda _: None, Blockers())
    assert "`copilot-local up --jobs`" in (error.value.hint or "")


def test_the_next_run_in_words() -> None:
    assert next_run(job("nightly"), NOW) == "next at 2026-03-02 02:00 UTC, in 30 min"
    assert next_run(job("never", enabled=False), NOW) == ""
    assert next_run(job("unknown", "cron(0 0 LW * ? *)"), NOW) == ""


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=5), "1 min"),
        (timedelta(hours=2), "2 h"),
        (timedelta(hours=3, minutes=20), "3 h 20 min"),
        (timedelta(days=1, hours=1, minutes=1), "1 d 1 h"),
    ],
)
def test_a_span_in_words(span: timedelta, words: str) -> None:
    assert in_words(span) == words
