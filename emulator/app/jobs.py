"""Which Scheduled Jobs `up` runs on their schedules, and what it says of the others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from emulator.errors import CopilotLocalError, UsageError
from emulator.events import Emit, Event, EventKind
from emulator.missing import Blockers
from emulator.spelling import did_you_mean

if TYPE_CHECKING:
    from emulator.ecs.service import Service
    from emulator.settings_services import JobSettings

JOB = "Scheduled Job"


def scheduled_jobs(services: Sequence[Service], asked: bool | None, settings: JobSettings) -> frozenset[str]:
    """The names of the jobs that run on their schedules. `asked` is `--jobs` or `--no-jobs`; None: as the settings say.

    Raises `UsageError` where there is nothing that `--jobs` could be about.
    """
    jobs = frozenset(service.name for service in services if service.type == JOB)
    if asked is None:
        return jobs if settings.schedule is True else jobs.intersection(settings.schedule or ())
    if asked and not jobs:
        raise UsageError("--jobs: there is no Scheduled Job among the services that are meant")
    return jobs if asked else frozenset()


def check_names(services: Sequence[Service], settings: JobSettings) -> None:
    """Raises `UsageError` for a name in `[jobs] schedule` that is none of all these services, or not a job's."""
    types = {service.name: service.type for service in services}
    for name in settings.schedule if isinstance(settings.schedule, tuple) else ():
        if name not in types:
            known = [one for one, type in types.items() if type == JOB]
            raise UsageError(f"[jobs] schedule: there is no job {name}", hint=did_you_mean(name, known, "jobs"))
        if types[name] != JOB:
            raise UsageError(f"[jobs] schedule: {name} is a {types[name]}, not a job")


def without_idle_jobs(
    services: list[Service], scheduled: frozenset[str], emit: Emit, blockers: Blockers
) -> list[Service]:
    """Leaves out the jobs that do not run on their schedules, and what only they lack; says when each would run."""
    idle = [service for service in services if service.type == JOB and service.name not in scheduled]
    names = {job.name for job in idle}
    blockers.missing[:] = [one for one in blockers.missing if one.service not in names]
    for job in services:
        if job.name in scheduled and (when := next_run(job, datetime.now(UTC))):
            emit(Event(EventKind.INFO, job.name, f"runs on its schedule, {when}"))
    for job in idle:
        emit(Event(EventKind.INFO, job.name, f"a job is not started with the services; {_ways_to_run(job)}"))
    rest = [service for service in services if service.name not in names]
    if idle and not rest and not blockers:
        raise UsageError(
            "there is no service to run, only jobs",
            hint=f"`copilot-local run {idle[0].name}` runs one, `copilot-local up --jobs` all on their schedules",
        )
    return rest


def _ways_to_run(job: Service) -> str:
    now = f"`copilot-local run {job.name}` runs it once"
    when = next_run(job, datetime.now(UTC))
    return f"its schedule would run it {when}: `up --jobs` keeps to that, {now}" if when else now


def next_run(job: Service, now: datetime) -> str:
    """When a rule that is made now would start the job first, in words; empty where that is never, or not known."""
    from emulator.ecs.schedule_times import next_time

    if job.schedule is None or not job.schedule.enabled:
        return ""
    try:
        at = next_time(job.schedule.expression, now, now)
    except CopilotLocalError:
        return ""
    return f"next at {at:%Y-%m-%d %H:%M} UTC, in {in_words(at - now)}" if at is not None else ""


def in_words(span: timedelta) -> str:
    """A span of time, in its two largest units: `3 h 20 min`."""
    minutes = max(1, round(span.total_seconds() / 60))
    days, hours = divmod(minutes // 60, 24)
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{minutes % 60} min" if minutes % 60 else ""]
    return " ".join([part for part in parts if part][:2])
