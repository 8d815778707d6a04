"""Limits of AWS that Copilot does not know: it hands the values on, and the stack fails while it is deployed."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.errors import Finding
from tests.unit.manifest.conftest import BACKEND, JOB, WEB, WORKER


def http(text: str) -> str:
    return f"{{path: /, {text}}}"


def topics(text: str) -> str:
    return f"{{topics: [{{name: a, service: ab, filter_policy: {text}}}]}}"


def volumes(text: str) -> str:
    return f"{{volumes: {text}}}"


def groups(number: int) -> str:
    return "[" + ", ".join(f"sg-{index}" for index in range(number)) + "]"


REFUSED = [
    (WEB, "http", http("deregistration_delay: 2h"), ("CL107", "http.deregistration_delay")),
    (WEB, "http", http("deregistration_delay: -5s"), ("CL107", "http.deregistration_delay")),
    (
        WEB, "http", http("additional_rules: [{path: /a, deregistration_delay: 2h}]"),
        ("CL107", "http.additional_rules[0].deregistration_delay"),
    ),
    (WEB, "http", http("healthcheck: {grace_period: -5s}"), ("CL151", "http.healthcheck.grace_period")),
    (WEB, "http", http("healthcheck: {success_codes: '999'}"), ("CL107", "http.healthcheck.success_codes")),
    (WEB, "http", http("healthcheck: {success_codes: 200-599}"), ("CL107", "http.healthcheck.success_codes")),
    (WEB, "nlb", "{port: 81, deregistration_delay: 2h}", ("CL107", "nlb.deregistration_delay")),
    (WEB, "nlb", "{port: 81, healthcheck: {healthy_threshold: 1}}", ("CL151", "nlb.healthcheck.healthy_threshold")),
    (
        WEB, "nlb", "{port: 81, healthcheck: {unhealthy_threshold: 11}}",
        ("CL151", "nlb.healthcheck.unhealthy_threshold"),
    ),
    (WEB, "nlb", "{port: 81, healthcheck: {port: 0}}", ("CL107", "nlb.healthcheck.port")),
    (WEB, "nlb", "{port: 81, healthcheck: {grace_period: -5s}}", ("CL151", "nlb.healthcheck.grace_period")),
    (WEB, "nlb", "{port: 443/tls, additional_listeners: [{port: 443}]}", ("CL123", "nlb.additional_listeners[0].port")),
    (
        WEB, "nlb", "{port: 53/udp, healthcheck: {port: 80}, additional_listeners: [{port: 53}]}",
        ("CL123", "nlb.additional_listeners[0].port"),
    ),
    (BACKEND, "image", "{location: x, port: 0}", ("CL107", "image.port")),
    (BACKEND, "storage", volumes("{'a b': {path: /x}}"), ("CL134", 'storage.volumes["a b"]')),
    (BACKEND, "storage", volumes("{v: {path: /x}, w: {path: /x/}}"), ("CL134", "storage.volumes.w.path")),
    (BACKEND, "storage", volumes("{v: {path: x}}"), ("CL134", "storage.volumes.v.path")),
    (
        BACKEND, "network", f"{{vpc: {{security_groups: {groups(5)}}}}}", ("CL154", "network.vpc.security_groups"),
    ),
    (
        BACKEND, "network", f"{{vpc: {{security_groups: {{deny_default: true, groups: {groups(6)}}}}}}}",
        ("CL154", "network.vpc.security_groups.groups"),
    ),
    (WORKER, "subscribe", topics("{a: x}"), ("CL137", "subscribe.topics[0].filter_policy.a")),
    (WORKER, "subscribe", topics("{a: {b: 1}}"), ("CL137", "subscribe.topics[0].filter_policy.a")),
    (BACKEND, "name", "Web_1", ("CL136", "name")),
    (BACKEND, "name", "web.1", ("CL136", "name")),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "block", "text", "expected"), REFUSED)
def test_what_aws_refuses_is_found_and_copilot_takes_it(
    manifests: Any, kind: str, block: str, text: str, expected: tuple[str, str]
) -> None:
    assert manifests.bad(kind, **{block: text}) == [expected]
    assert manifests.lenient(kind, **{block: text}) is not None


@pytest.mark.parametrize(
    ("kind", "block", "text"),
    [
        (WEB, "http", http("deregistration_delay: 1h, healthcheck: {grace_period: 0s, success_codes: '200-299,499'}")),
        (WEB, "http", http("version: grpc, healthcheck: {success_codes: 0-99}")),
        (WEB, "nlb", "{port: 81, healthcheck: {healthy_threshold: 2, unhealthy_threshold: 10, port: 80}}"),
        (WEB, "nlb", "{port: 443/tls, target_port: 80, additional_listeners: [{port: 444, target_port: 80}]}"),
        (BACKEND, "storage", volumes("{a_b-1: {path: /x}, w: {path: /x/y}}")),
        (BACKEND, "network", f"{{vpc: {{security_groups: {groups(4)}}}}}"),
        (BACKEND, "network", f"{{vpc: {{security_groups: {{deny_default: true, groups: {groups(5)}}}}}}}"),
        (WORKER, "subscribe", topics("{a: [x], b: {c: [{prefix: y}]}, $or: [{a: [1]}]}")),
        (BACKEND, "name", "w"),
        (BACKEND, "name", "web-1"),
    ],
)
def test_what_aws_takes_has_no_finding(manifests: Any, kind: str, block: str, text: str) -> None:
    assert manifests.good(kind, **{block: text}) is not None


def test_mount_points_of_a_sidecar_at_one_path(manifests: Any) -> None:
    mounts = "[{source_volume: v, path: /a}, {source_volume: v, path: /a}, {source_volume: v, path: b}]"
    found = manifests.bad(
        BACKEND, storage=volumes("{v: {path: /v}}"), sidecars=f"{{s: {{image: x, mount_points: {mounts}}}}}"
    )
    place = "sidecars.s.mount_points"
    assert found == [("CL134", f"{place}[1].path"), ("CL134", f"{place}[2].path")]


@pytest.mark.parametrize(
    ("schedule", "reason"),
    [
        ("cron(61 12 * * ? *)", "'61' is not a minute (0 to 59)"),
        ("cron(0 25 * * ? *)", "'25' is not a hour (0 to 23)"),
        ("cron(0 0 32 * ? *)", "'32' is not a day of the month (1 to 31)"),
        ("cron(0 0 1 JANU ? *)", "'JANU' is not a month (1 to 12)"),
        ("cron(0 0 ? * 0 *)", "'0' is not a day of the week (1 to 7)"),
        ("cron(0 0 ? * 3#6 *)", "'3#6' is not a day of the week (1 to 7)"),
        ("cron(0 0 * * ? 1969)", "'1969' is not a year (1970 to 2199)"),
        ("cron(0/0 0 * * ? *)", "'0/0' has no valid step in the minute"),
        ("cron(? 0 * * ? *)", "'?' is not a minute (0 to 59)"),
    ],
)
def test_fields_that_eventbridge_refuses(manifests: Any, schedule: str, reason: str) -> None:
    found: list[Finding] = manifests.findings(manifests.text(JOB, on_=f'{{schedule: "{schedule}"}}'))
    assert [(finding.code, finding.message) for finding in found] == [("CL107", reason)]


@pytest.mark.parametrize(
    "fields",
    [
        "0/15 8-17 ? * MON-FRI *", "0 10 L * ? *", "0 10 L-2 * ? 2026-2030", "0 10 15W * ? *", "0 10 LW 1,jul ? *",
        "0 8 1 * ? *", "0 18 ? * 6L *", "0 18 ? * fri#2 *", "*/5 0,12 ? JAN-MAR,12 1-7 *", "/10 * ? * L *",
    ],
)  # fmt: skip
def test_fields_that_eventbridge_takes(manifests: Any, fields: str) -> None:
    assert manifests.good(JOB, on_=f'{{schedule: "cron({fields})"}}').on.schedule.expression == f"cron({fields})"
