"""What `ps` prints of an environment."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from emulator.cli.observe.ps_table import container_lines, stopped_table, target_lines
from emulator.runtime.reports.overview_rows import ContainerRow, Overview, ServiceRow


def row(service: str, name: str, **fields: Any) -> ContainerRow:
    found = {"state": "running", "health": "", "exit_code": None, "status": "Up 2 seconds", **fields}
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    task = "0123456789abcdef" if service else ""
    return ContainerRow(service=service, task_id=task, name=name, created=moment, docker_name=name, id=name, **found)


BUILT = f"sha256:{'ab' * 32}"
FOUND = Overview(
    app="shop",
    environment="test",
    url="http://127.0.0.1:8080",
    supervised=True,
    containers=(
        row("web", "nginx", image="nginx:1.26", ports=("80/tcp",)),
        row("web", "pause", image="pause"),
        row("web", "web", image=BUILT, status="Exited (1) 1 second ago", state="exited", exit_code=1),
        row("", "agent", image="agent:1"),
    ),
    targets=(
        {
            "name": "web-01234567",
            "service": "web",
            "target_group": "default",
            "state": "unhealthy",
            "reason_code": "Target.Timeout",
            "description": "Request timed out",
        },
    ),
    services=(
        ServiceRow("web", 1, 1, "http://127.0.0.1:8080/"),
        ServiceRow("worker", 0, 0, ""),
        ServiceRow("mailer", 2, 0, ""),
    ),
    target_containers={"web": {"default": "nginx"}},
)


def test_a_line_for_each_container_and_for_each_service_without_a_task() -> None:
    assert container_lines(FOUND, colour=False)[0].splitlines() == [
        "SERVICE   TASK       CONTAINER   IMAGE          STATUS                    PORTS    TARGET      URL",
        "web       01234567   nginx       nginx:1.26     Up 2 seconds              80/tcp   unhealthy   "
        "http://127.0.0.1:8080/",
        "web       01234567   web         abababababab   Exited (1) 1 second ago",
        "worker    -          -           -              0 tasks",
        "mailer    -          -           -              0 of 2 tasks",
        "                     agent       agent:1        Up 2 seconds",
    ]


def test_an_image_that_runs_by_its_id_is_shown_by_what_a_person_knows_it_by() -> None:
    named = row("web", "web", image=BUILT, image_name="built from web/Dockerfile")
    other = row("web", "web", image="nginx:1.26", image_name="nginx")
    found = container_lines(replace(FOUND, containers=(named, other), services=()), colour=False)[0].splitlines()
    assert [re.split(" {3,}", line)[3] for line in found[1:]] == ["built from web/Dockerfile", "nginx:1.26"]


def test_colours_of_a_narrow_table_stay_with_their_columns() -> None:
    [narrow, *_] = container_lines(FOUND, colour=True, width=70)
    assert "\x1b[31munhealthy" in narrow
    assert "\x1b[31mExited (1)" in narrow
    assert "IMAGE" not in narrow


def test_colour_changes_no_text_and_marks_what_is_wrong() -> None:
    coloured = "\n".join(container_lines(FOUND, colour=True))
    plain = coloured
    for code in ("31", "32", "33", "0"):
        plain = plain.replace(f"\x1b[{code}m", "")
    assert plain == "\n".join(container_lines(FOUND, colour=False))
    assert "\x1b[31munhealthy" in coloured
    assert "\x1b[31mExited (1)" in coloured
    assert "\x1b[31m0 of 2 tasks" in coloured


def test_an_unhealthy_target_says_why() -> None:
    assert list(target_lines(FOUND)) == [
        "target web-01234567 (default) of web is unhealthy: Request timed out (Target.Timeout)"
    ]


def test_a_stopped_task_says_when_with_which_codes_and_why() -> None:
    task = {
        "taskArn": "arn:aws:ecs:eu-west-1:1:task/shop/0123456789abcdef",
        "group": "service:web",
        "stoppedAt": "2026-01-01T10:00:00.123+00:00",
        "stoppedReason": "Essential container in task exited",
        "containers": [{"name": "web", "exitCode": 137, "reason": "OutOfMemoryError: x"}, {"name": "nginx"}],
    }
    assert stopped_table([task]).splitlines()[1] == (
        "web       01234567   2026-01-01T10:00:00   web 137      Essential container in task exited; "
        "OutOfMemoryError: x"
    )


def test_a_reason_that_a_task_shares_with_its_containers_stands_once() -> None:
    why = "CannotPullContainerError: no such image"
    containers = [{"name": name, "reason": why} for name in ("hello", "nginx")]
    task = {"taskArn": "arn/1", "group": "service:hello", "stoppedReason": why, "containers": containers}
    assert stopped_table([task]).splitlines()[1].count(why) == 1
