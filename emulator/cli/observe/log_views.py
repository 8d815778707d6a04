"""What `logs` prints: containers' lines, records, requests, the comparison, what removed containers had printed."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import typer

from emulator.errors import UsageError
from emulator.logstore.tail import last_of_each

if TYPE_CHECKING:
    from emulator.app.selection import Selection
    from emulator.engine.interface import Engine, LogLine
    from emulator.runtime.state.names import Names
    from emulator.runtime.state.observed import Member, Observed

_AGO = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

Keep = Callable[[str, str, datetime | None], bool]
"""Whether a line of a container, with its time, is wanted."""


@dataclass(frozen=True, slots=True)
class View:
    """What is shown, of which environment. Each method prints one view and returns how much it printed."""

    engine: Engine
    environment: Names
    observed: Observed
    services: list[str]
    keep: Keep
    """By the options that choose lines."""
    chooses: bool
    """Whether such options are given."""
    containers: Sequence[str]
    tail: int | None
    follow: bool
    timestamps: bool
    as_json: bool

    def lines(self, *, router: bool) -> int:
        """What containers print; `router`: with a log router's banner and info lines."""
        from emulator.cli.observe.log_lines import print_lines
        from emulator.runtime.health.router_chatter import is_chatter
        from emulator.runtime.reports.logs import every_line, members_of, print_so_far
        from emulator.runtime.state.log_subjects import LogSubjects
        from emulator.runtime.state.names import Role

        def wanted(member: Member, line: LogLine) -> bool:
            hides = not router and member.role == Role.ROUTER and member.name not in self.containers
            return not (hides and is_chatter(line.text)) and self.keep(member.name, line.text, line.timestamp)

        proxies = Role.SERVICE_CONNECT in self.containers
        members = members_of(self.observed, self.services, proxies=proxies)
        routed = any(found.member.role == Role.ROUTER for found in members)
        chosen = wanted if self.chooses or (routed and not router) else every_line
        subjects = LogSubjects(one_service=len(self.services) == 1)
        for found in members:
            subjects.add(found.service, found.task_id)
        if self.follow:
            from emulator.runtime.reports.follow import follow_all

            end = threading.Event()
            chosen_services = (self.environment, self.services, self.tail)
            source = follow_all(self.engine, *chosen_services, end, wanted, proxies=proxies)
        else:
            source = print_so_far(self.engine, members, self.tail, chosen)
        rows = (
            (one.service, one.task_id, one.container, one.line.stream, one.line.timestamp, one.line.text)
            for one in source
        )
        return print_lines(rows, subjects, timestamps=self.timestamps, as_json=self.as_json)

    def records(self, *, join: bool) -> int:
        """Each record as its destination gets it, with nothing added but, where a service has several destinations, the
        name of the one that got it; as JSON with where and when it came from."""
        from emulator.runtime.reports.records import routed_records
        from emulator.runtime.specs.log_destinations import destination_of, destinations_of, several

        tasks = [t for t in self.observed.tasks.values() if not self.services or t.service in self.services]
        outputs = {task.service: destinations_of(task) for task in tasks}
        every = [one for some in outputs.values() for one in some]
        seen = {service: set(some) for service, some in outputs.items()}
        found: Iterable[dict[str, Any]] = routed_records(
            self.engine,
            self.environment,
            self.services,
            follow=self.follow,
            join=join,
            tail=self.tail if self.follow else None,
        )
        found = (one for one in found if self._keeps_record(one))
        if self.tail is not None and not self.follow:
            found = last_of_each(
                found, self.tail, lambda it: (it["service"], it["task"], it.get("group"), it["stream"])
            )
        count = 0
        for record in found:
            count += 1
            service = str(record["service"])
            where = destination_of(record, outputs.get(service, every))
            seen.setdefault(service, set()).add(where)
            if self.as_json:
                told = {**record, "destination": where.name, "plugin": where.plugin}
                typer.echo(json.dumps(told, ensure_ascii=False))
                continue
            subject = str(where) if len(seen) <= 1 else f"{service}/{where}"
            when = f"{record['time']} " if self.timestamps else ""
            prefix = f"{subject} | " if any(map(several, seen.values())) else ""
            typer.echo(f"{prefix}{when}{json.dumps(record['record'], ensure_ascii=False)}")
        return count

    def _keeps_record(self, record: dict[str, Any]) -> bool:
        text = json.dumps(record["record"], ensure_ascii=False)
        moment = datetime.fromisoformat(str(record["time"]))
        return self.keep(_container_of(record), text, moment)

    def access(self) -> int:
        """Each request as a line of an ALB's access log; as JSON under the names of the log's fields."""
        from emulator.runtime.control.client import agent_of

        agent = agent_of(self.engine, self.environment)
        tail = self.tail if self.follow else None
        found: Iterable[dict[str, Any]] = agent.access(follow=self.follow, services=self.services, tail=tail)
        found = (one for one in found if self.keep("", str(one["line"]), datetime.fromisoformat(str(one["time"]))))
        if self.tail is not None and not self.follow:
            found = last_of_each(found, self.tail, lambda _: "")
        count = 0
        for request in found:
            count += 1
            typer.echo(json.dumps(request["fields"], ensure_ascii=False) if self.as_json else request["line"])
        return count

    def comparison(self, selection: Selection) -> int:
        """What went into log routers against what came out, a container and destination a line."""
        from dataclasses import asdict

        from emulator.app.load import load_services
        from emulator.display import make_display
        from emulator.runtime.images.router_files import own_filters
        from emulator.runtime.reports.compare import compare_logs

        loaded = load_services(selection, make_display().emit)
        found = compare_logs(
            self.engine,
            self.environment,
            {one.service.name: one.service.task_definition for one in loaded},
            self.services,
            fidelity=loaded[0].settings.logs.fidelity if loaded else "local",
            own_filters=own_filters(self.engine, self.environment),
        )
        found = [one for one in found if not self.containers or one.container in self.containers]
        for one in found:
            several = sum((o.task_id, o.container) == (one.task_id, one.container) for o in found) > 1
            where = f" to {one.destination}" + (f" ({one.plugin})" if one.plugin else "") if several else ""
            text = f"{one.service}/{one.container} {one.task_id[:8]}{where}: {one}"
            typer.echo(json.dumps(asdict(one)) if self.as_json else text)
        return len(found)

    def kept(self) -> int:
        """What removed containers had printed that log to CloudWatch by themselves."""
        from emulator.runtime.reports.records import kept_records
        from emulator.runtime.state.log_subjects import SHORT

        every: Iterable[dict[str, Any]] = kept_records(self.engine, self.environment, self.services)
        found: Iterable[dict[str, Any]] = (one for one in every if self._keeps_line(one))
        if self.tail is not None:
            found = last_of_each(found, self.tail, lambda it: (it["service"], it["task"], it["stream"]))
        count = 0
        for record in found:
            count += 1
            line: dict[str, Any] = record["record"]
            if self.as_json:
                fields = {"service": record["service"], "task": record["task"], "container": record["stream"][1:]}
                fields |= {"log_stream": record["tag"], "time": record["time"], "stream": line.get("source")}
                typer.echo(json.dumps({**fields, "message": line.get("log")}, ensure_ascii=False))
            else:
                when = f"{record['time']} " if self.timestamps else ""
                service = [] if len(self.services) == 1 else [record["service"]]
                subject = "/".join([*service, record["task"][:SHORT], record["stream"][1:]])
                typer.echo(f"{subject} | {when}{line.get('log')}")
        return count

    def stored_containers(self) -> set[str]:
        """The containers that the records in the log store are of, those of earlier tasks too."""
        from emulator.runtime.control.client import agent_of

        agent = agent_of(self.engine, self.environment)
        every = [agent.records(follow=False, services=self.services, kept=kept, tail=1) for kept in (False, True)]
        found = (one for records in every for one in records)
        return {_container_of(one).removeprefix("@") for one in found}

    def _keeps_line(self, record: dict[str, Any]) -> bool:
        moment = datetime.fromisoformat(str(record["time"]))
        return self.keep(str(record["stream"])[1:], str(record["record"].get("log")), moment)


def _container_of(record: dict[str, Any]) -> str:
    """The name of a record's container: its tag says it, else the record itself, or its stream."""
    name, sign, _ = str(record["tag"]).rpartition("/")[2].partition("-firelens-")
    return name if sign else str(record["record"].get("container_name", record["stream"]))


def line_filter(containers: Sequence[str], since: str | None, until: str | None, grep: str | None) -> Keep:
    """Whether a line is wanted by these options. Raises UsageError for one that cannot be read."""
    first, last = (_moment(text, option) for text, option in ((since, "--since"), (until, "--until")))
    try:
        pattern = re.compile(grep) if grep else None
    except re.error as error:
        raise UsageError(f"--grep {grep!r} is no regular expression: {error}") from None

    def keep(container: str, text: str, moment: datetime | None) -> bool:
        return (
            (not containers or container in containers)
            and (first is None or moment is None or moment >= first)
            and (last is None or moment is None or moment < last)
            and (pattern is None or pattern.search(text) is not None)
        )

    return keep


def _moment(text: str | None, option: str) -> datetime | None:
    """`10m` ago, or a date of ISO 8601; without a zone it is this machine's. Raises UsageError."""
    if text is None:
        return None
    if ago := _AGO.fullmatch(text):
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise UsageError(f"{option} takes 10s, 5m, 2h, 1d or a date such as 2026-01-31T12:00, not {text!r}") from None
