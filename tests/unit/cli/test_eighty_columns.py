"""`ps`, `targets`, `connect` and the lists in a terminal of 80 columns: nothing is wider, and nothing is lost."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from emulator.cli.endpoint.asking import Endpoint
from emulator.cli.observe import connect, ps, targets
from emulator.cli.shell.options import OutputFormat
from emulator.runtime.listeners.published import PublishedListener
from emulator.runtime.reports.connect import Avoided, Calls, Connected, Name, Server
from emulator.runtime.reports.overview_rows import ContainerRow, Overview, ServiceRow
from tests.unit.cli.test_ps_table import row

WIDTH = 80
LONG = "a-service-with-quite-a-long-name"
DIGITS = f"sha256:{'ab' * 32}"


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("emulator.display.table.is_terminal", lambda stream: stream is sys.stdout)


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    def lines() -> list[str]:
        found = capsys.readouterr().out.splitlines()
        assert [line for line in found if len(line) > WIDTH] == []
        return found

    return lines


def overview(*containers: ContainerRow, **others: Any) -> Overview:
    fields = {"app": "shop", "environment": "test", "url": None, "supervised": True, "targets": (), **others}
    return Overview(containers=containers, **fields)


def listener(port: int, *, internal: bool = False) -> PublishedListener:
    name = "internal" if internal else "public"
    return PublishedListener(service="", port=80, protocol="HTTP", host_port=port, load_balancer=name)


def target(service: str, state: str, **others: str) -> dict[str, Any]:
    fields = {"target_group": "default", "load_balancer": "public", "reason_code": "", "description": "", **others}
    return {"name": f"{service}-01234567", "service": service, "state": state, **fields}


def shown(found: Overview, stopped: Sequence[dict[str, Any]] = (), *, every: bool = False) -> None:
    ps._print(found, list(stopped), every=every)


def test_a_healthy_service_behind_two_load_balancers(printed: Any) -> None:
    web = row("web", "nginx", image=DIGITS, image_name="built from nginx/Dockerfile", ports=("80/tcp",))
    shown(
        overview(
            web,
            row("web", "web", image=DIGITS, image_name="built from web/Dockerfile", status="Up 2 minutes (healthy)"),
            row("", "front", image="haproxy:3.0"),
            row("", "aws", image="copilot-local/aws:ae2432a05e74", url="http://127.0.0.1:4566"),
            targets=(target("web", "healthy"),),
            target_containers={"web": {"default": "nginx"}},
            services=(ServiceRow("web", 1, 1, "http://127.0.0.1:8080/"),),
            listeners=(listener(8080), listener(8081, internal=True)),
        )
    )
    assert printed() == [
        "SERVICE   TASK       CONTAINER   STATUS                   TARGET",
        "web       01234567   nginx       Up 2 seconds             healthy",
        "web       01234567   web         Up 2 minutes (healthy)",
        "                     front       Up 2 seconds",
        "                     aws         Up 2 seconds",
        "web: http://127.0.0.1:8080/",
        "aws: http://127.0.0.1:4566",
        "IMAGE and PORTS: in a wider terminal, or with --format json",
        "http://127.0.0.1:8080",
        "http://127.0.0.1:8081 is the internal load balancer",
    ]


def test_empty_columns_go_first(printed: Any) -> None:
    shown(overview(row("web", "web", image=DIGITS, image_name="built from web/Dockerfile")))
    assert printed() == [
        "SERVICE   TASK       CONTAINER   IMAGE                       STATUS         URL",
        "web       01234567   web         built from web/Dockerfile   Up 2 seconds",
    ]


def test_one_that_is_pending_one_that_is_unhealthy_and_why(printed: Any) -> None:
    reason = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref"
    shown(
        overview(
            row("web", "web", image="web:1", status="Created", state="created"),
            row(LONG, "nginx", image="nginx:1.26", status="Up 30 seconds (health: starting)", health="starting"),
            targets=(target(LONG, "unhealthy", reason_code="Target.Timeout", description="Request timed out"),),
            target_containers={LONG: {"default": "nginx"}},
            services=(ServiceRow("web", 2, 0, ""), ServiceRow(LONG, 1, 1, ""), ServiceRow("mailer", 2, 0, "")),
            failures=(f"web: 0 of 2 tasks run; the last 3 did not stay: {reason}",),
        )
    )
    assert printed() == [
        "SERVICE                  TASK      CONTAINER  STATUS                   TARGET",
        "web                      01234567  web        Created",
        "a-service-with-quite-a-  01234567  nginx      Up 30 seconds (health:   unhealthy",
        "long-name                                     starting)",
        "mailer                   -         -          0 of 2 tasks",
        "IMAGE: in a wider terminal, or with --format json",
        "target a-service-with-quite-a-long-name-01234567 (default) of",
        "  a-service-with-quite-a-long-name is unhealthy: Request timed out",
        "  (Target.Timeout)",
        "web: 0 of 2 tasks run; the last 3 did not stay: CannotPullContainerError: pull",
        "  image manifest has been retried 1 time(s): failed to resolve ref",
    ]


def test_tasks_that_have_stopped_and_their_proxies(printed: Any) -> None:
    stopped = {
        "taskArn": "arn:aws:ecs:eu-west-1:1:task/shop/0123456789abcdef",
        "group": "service:web",
        "stoppedAt": "2026-01-01T10:00:00.123+00:00",
        "stoppedReason": "Essential container in task exited",
        "containers": [
            {"name": "web", "exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"},
            {"name": "firelens_log_router", "exitCode": 0},
        ],
    }
    proxy = row("web", "ecs-service-connect", image="copilot-local/envoy:6f9163b4a36b", status="Up 2 seconds (healthy)")
    again = "web: 1 of 1 tasks run; the last 3 did not stay: essential container web exited with code 137"
    shown(overview(row("web", "web", image="web:1"), proxy, failures=(again,)), [stopped], every=True)
    assert printed() == [
        "SERVICE   TASK       CONTAINER             STATUS",
        "web       01234567   web                   Up 2 seconds",
        "web       01234567   ecs-service-connect   Up 2 seconds (healthy)",
        "IMAGE: in a wider terminal, or with --format json",
        "",
        "SERVICE  TASK      STOPPED AT           EXIT CODES           REASON",
        "web      01234567  2026-01-01T10:00:00  web 137,             Essential container",
        "                                        firelens_log_router  in task exited;",
        "                                        0                    OutOfMemoryError:",
        "                                                             Container killed",
        "                                                             due to memory usage",
    ]


def test_jobs_say_when_they_run(printed: Any) -> None:
    asleep: dict[str, Any] = {"on_schedule": False, "next": None, "runs": [], "expression": "cron(0 * * * ? *)"}
    awake = {**asleep, "on_schedule": True, "next": "2026-01-01T10:00:00+00:00"}
    shown(
        overview(
            row("web", "web", image=f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/{LONG}:1"),
            services=(ServiceRow("report", 0, 0, "", asleep), ServiceRow(f"{LONG}-2", 0, 0, "", awake)),
        )
    )
    assert printed() == [
        "SERVICE                       TASK      CONTAINER  STATUS",
        "web                           01234567  web        Up 2 seconds",
        "report                        -         -          not on its schedule",
        "a-service-with-quite-a-long-  -         -          next run 2026-01-01 10:00 UTC",
        "name-2",
        "IMAGE: in a wider terminal, or with --format json",
    ]


def test_targets(printed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    description = "Health checks failed with these codes: [503]"
    found = [
        target(LONG, "unhealthy", reason_code="Target.ResponseCodeMismatch", description=description),
        target("web", "healthy", load_balancer="internal"),
    ]
    monkeypatch.setattr(targets, "_looked", lambda app, env: (found, {}))
    targets.targets(None, None, OutputFormat.TEXT)
    text = " ".join(printed())
    for word in ("unhealthy", "internal", "[503]"):
        assert word in text


def connected(**others: Any) -> Connected:
    server = Server(service=LONG, task_id="0123456789abcdef", address="10.0.0.2", state="not ready")
    calls = Calls(
        service=LONG,
        task_id="0123456789abcdef",
        name="payments-internal",
        calls=12_000,
        failed=1_000,
        retries=345,
        p50_ms=123.4,
        by_task={},
        avoided=(Avoided("fedcba9876543210", datetime(2026, 1, 1, tzinfo=UTC)),),
    )
    name = Name(name="payments-internal.shop", port=8080, address="127.255.0.1", protocol="http2", servers=(server,))
    return replace(Connected(names=(name,), calls=(calls,), proxied=True, silent={}), **others)


def test_connect(printed: Any) -> None:
    for line in connect.lines(connected(), WIDTH):
        print(line)
    found = printed()
    assert found[:6] == [
        "NAME                    ADDRESS      PROTOCOL  TASK                    STATE",
        "payments-internal.      127.255.0.1  http2     a-service-with-quite-   not ready",
        "shop:8080                                      a-long-name 01234567",
        "",
        "CLIENT                       NAME               CALLS  FAILED  RETRIES  P50",
        "a-service-with-quite-a-      payments-internal  12000  1000    345      123.4 ms",
    ]
    assert found[7].startswith(f"{LONG} 01234567 avoids payments-internal fedcba98")


def test_connect_without_proxies(printed: Any) -> None:
    for line in connect.lines(connected(proxied=False, calls=()), WIDTH):
        print(line)
    assert len(printed()) > 2


def test_a_list_of_queues_of_long_names(printed: Any) -> None:
    name = f"shop-test-{LONG}-apiplacedEventsQueue"
    columns = {"name": "QUEUE", "visible": "WAITING", "queue": "NAME IN SQS"}
    Endpoint().show([{"name": f"{LONG}/placed", "visible": 3, "queue": name}], columns, "there is no queue")
    found = printed()
    assert found[1].split()[1] == "3"
    assert name in "".join(line.split()[-1] for line in found[1:])
