"""The tables that `copilot-local ps` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from emulator.display.colours import GREEN, RED, YELLOW
from emulator.display.table import fits, table

if TYPE_CHECKING:
    from emulator.runtime.reports.overview_rows import ContainerRow, Overview, ServiceRow

HEADERS = ("SERVICE", "TASK", "CONTAINER", "IMAGE", "STATUS", "PORTS", "TARGET", "URL")
SERVICE, TASK, CONTAINER, IMAGE, STATUS, PORTS, TARGET, URL = range(len(HEADERS))
GIVEN_UP = (IMAGE, PORTS, URL)
"""Columns that a narrow terminal has no room for, first the one that is missed least."""
_COLOURS = {"healthy": GREEN, "unused": "", "initial": YELLOW, "draining": YELLOW}


def container_lines(found: Overview, colour: bool, *, every: bool = False, width: int | None = None) -> list[str]:
    """A line for each container, with `every` for proxies of Service Connect too; for a service without a task a line
    that says how many of how many run.

    Where `width` is not enough, empty columns, images, ports and then URLs are left out of the table: URLs are beneath
    it, and a line says how to see the rest.
    """
    body, colours = _rows(found, every=every)
    shown, left_out = list(range(len(HEADERS))), []
    empty = [at for at in shown if not any(row[at].strip("-") for row in body)]
    for column in (*empty, *(at for at in GIVEN_UP if at not in empty)):
        if fits([HEADERS[at] for at in shown], [[row[at] for at in shown] for row in body], width):
            break
        shown.remove(column)
        if column not in empty:
            left_out.append(HEADERS[column])
    painted = [{shown.index(at): one for at, one in row.items() if at in shown} for row in colours] if colour else None
    lines = [table([HEADERS[at] for at in shown], [[row[at] for at in shown] for row in body], painted, width=width)]
    if URL not in shown:
        lines += [f"{row[SERVICE] or row[CONTAINER]}: {row[URL]}" for row in body if row[URL]]
    if rest := [name for name in left_out if name != HEADERS[URL]]:
        lines.append(f"{' and '.join(rest)}: in a wider terminal, or with --format json")
    return lines


def _rows(found: Overview, *, every: bool) -> tuple[list[list[str]], list[dict[int, str]]]:
    """The cells of each row, and the colours of some by their column."""
    body: list[list[str]] = []
    colours: list[dict[int, str]] = []
    for row in found.containers:
        if row.service and (not is_own(row) or (every and row.name != "pause")):
            target, ports = _target(found, row), ", ".join(row.ports)
            cells = [row.service, row.task_id[:8], row.name, _image(row), row.status, ports, target]
            body.append([*cells, _url(found, row.service) if row.name == _answering(found, row) else ""])
            colours.append({STATUS: _status_colour(row), TARGET: _COLOURS.get(target, RED)})
    present = {row.service for row in found.containers}
    for service in found.services:
        if service.name not in present:
            count = f"0 of {service.desired_count} tasks" if service.desired_count else _idle(service)
            body.append([service.name, "-", "-", "-", count, "", "", service.url])
            colours.append({STATUS: RED if service.desired_count else ""})
    for row in found.containers:
        if not row.service:
            body.append(["", "", row.name, _image(row), row.status, ", ".join(row.ports), "", row.url])
            colours.append({STATUS: _status_colour(row)})
    return body, colours


def is_own(row: ContainerRow) -> bool:
    """Whether a container of a task is of our making: its pause, or its proxy of Service Connect."""
    return row.name in ("pause", "ecs-service-connect")


def _idle(service: ServiceRow) -> str:
    """What a service without a task waits for: a job for its next run."""
    if service.job is None:
        return "0 tasks"
    if not service.job["on_schedule"]:
        return "not on its schedule"
    at = service.job["next"]
    return f"next run {at[:16].replace('T', ' ')} UTC" if at else "no next run"


def service_of(task: dict[str, Any]) -> str:
    """The service or job of a task in ECS's shape; of a task of another family that name."""
    kind, _, name = str(task.get("group", "")).partition(":")
    cluster = str(task.get("clusterArn", "")).rpartition("/")[2]
    return name.removeprefix(f"{cluster}-") if kind == "family" else name


def stopped_table(tasks: Sequence[dict[str, Any]], width: int | None = None) -> str:
    """The stopped tasks, oldest first: when, with which exit codes, and why."""
    rows = []
    for task in tasks:
        containers = task.get("containers", [])
        codes = ", ".join(f"{one['name']} {one['exitCode']}" for one in containers if "exitCode" in one)
        reasons = dict.fromkeys(one["reason"] for one in containers if one.get("reason"))
        reasons.pop(why := task.get("stoppedReason", ""), None)
        rows.append(
            [
                service_of(task),
                task["taskArn"].rpartition("/")[2][:8],
                str(task.get("stoppedAt", ""))[:19],
                codes,
                "; ".join([why, *reasons]),
            ]
        )
    return table(["SERVICE", "TASK", "STOPPED AT", "EXIT CODES", "REASON"], rows, width=width)


def target_lines(found: Overview) -> Iterator[str]:
    """What is wrong with a target: its health has a reason only where it is not healthy."""
    for target in found.targets:
        if target["description"]:
            name = f"target {target['name']} ({target['target_group']}) of {target['service']}"
            yield f"{name} is {target['state']}: {target['description']} ({target['reason_code']})"


def _target(found: Overview, row: ContainerRow) -> str:
    """The worst health of the container's targets; empty where it has none."""
    groups = found.target_containers.get(row.service, {})
    states = [
        str(target["state"])
        for target in found.targets
        if target["service"] == row.service
        and str(target["name"]).endswith(row.task_id[:8])
        and groups.get(target["target_group"]) == row.name
    ]
    return next((state for state in states if state not in ("healthy", "unused")), states[0] if states else "")


def _answering(found: Overview, row: ContainerRow) -> str:
    """The container of the row's task that requests go to, else its first one."""
    members = [one.name for one in found.containers if one.task_id == row.task_id and not is_own(one)]
    targets = found.target_containers.get(row.service, {}).values()
    return next((name for name in members if name in targets), members[0] if members else "")


def _image(row: ContainerRow) -> str:
    """The image by the name that it runs by; of one that runs by its id what a person knows it by, else twelve digits
    as `docker images` shows them."""
    if not row.image.startswith("sha256:"):
        return row.image
    return row.image_name or row.image.removeprefix("sha256:")[:12]


def _url(found: Overview, service: str) -> str:
    return next((one.url for one in found.services if one.name == service), "")


def _status_colour(row: ContainerRow) -> str:
    if row.state != "running":
        return RED if row.exit_code else ""
    return {"unhealthy": RED, "starting": YELLOW}.get(row.health, GREEN)
