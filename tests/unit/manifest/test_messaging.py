"""publish, subscribe, deployment, observability, taskdef_overrides and jobs: forms and rules."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from emulator.manifest.schema.notations.schedule import Schedule
from tests.unit.manifest.conftest import JOB, WEB, WORKER


def test_forms_of_topics(manifests: Any) -> None:
    advanced = "{content_based_deduplication: true}"
    text = f"[{{name: a}}, {{name: b-B_1, fifo: true}}, {{name: c, fifo: {advanced}}}, {{name: d, fifo: false}}]"
    topics = manifests.good(publish=f"{{topics: {text}}}").publish.topics
    assert [topic.fifo is not None for topic in topics] == [False, True, True, False]
    assert topics[2].fifo.content_based_deduplication is True


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", ("CL106", "publish.topics[0]")),
        ("{name: a.b}", ("CL136", "publish.topics[0].name")),
        ("{name: a.fifo}", ("CL136", "publish.topics[0].name")),
        ("{name: ''}", ("CL106", "publish.topics[0].name")),
        ("{name: a, fifo: maybe}", ("CL103", "publish.topics[0].fifo")),
    ],
)
def test_topics_that_are_wrong(manifests: Any, text: str, expected: tuple[str, str]) -> None:
    found = manifests.bad(publish=f"{{topics: [{text}]}}")
    assert any(code == expected[0] and expected[1].startswith(path) for code, path in found)


@pytest.mark.parametrize("second", ["a-b", "ab"])
def test_topics_that_collide_in_cloudformation(manifests: Any, second: str) -> None:
    topics = f"[{{name: a-b}}, {{name: {second}}}]"
    assert manifests.bad(publish=f"{{topics: {topics}}}") == [("CL137", "publish.topics[1].name")]
    subscribed = f"[{{name: a-b, service: api}}, {{name: {second}, service: api, queue: true}}]"
    assert manifests.bad(WORKER, subscribe=f"{{topics: {subscribed}}}") == [("CL137", "subscribe.topics[1].name")]


def test_topics_that_do_not_collide(manifests: Any) -> None:
    """One of each service, and a FIFO one, which has a suffix."""
    subscribed = "[{name: a, service: api}, {name: a, service: web}, {name: a, service: api, queue: {fifo: true}}]"
    assert len(manifests.good(WORKER, subscribe=f"{{topics: {subscribed}}}").subscribe.topics) == 3
    assert len(manifests.good(publish="{topics: [{name: a}, {name: a, fifo: true}]}").publish.topics) == 2


def test_forms_of_subscriptions(manifests: Any) -> None:
    subscribe = manifests.good(
        WORKER,
        subscribe="""
  queue: {retention: 96h, delay: 30s, timeout: 1m, dead_letter: {tries: 3}, fifo: true}
  topics:
    - {name: a, service: api}
    - {name: b, service: api, queue: true}
    - {name: c, service: api, queue: false}
    - name: d
      service: api
      filter_policy: {store: [x], price: [{numeric: [">=", 1.5]}], on: [true, null]}
      queue: {timeout: 5s, fifo: {high_throughput: true, content_based_deduplication: true}}
    - {name: e, service: api, queue: {fifo: {deduplication_scope: queue, throughput_limit: perQueue}}}
""",
    ).subscribe
    assert subscribe.queue.retention == timedelta(hours=96)
    assert (subscribe.queue.dead_letter.tries, subscribe.queue.fifo is not None) == (3, True)
    assert [topic.queue is not None for topic in subscribe.topics] == [False, True, False, True, True]
    assert subscribe.topics[3].filter_policy == {
        "store": ["x"],
        "price": [{"numeric": [">=", 1.5]}],
        "on": [True, None],
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{topics: [{name: a}]}", ("CL106", "subscribe.topics[0]")),
        ("{topics: [{name: a, service: ''}]}", ("CL106", "subscribe.topics[0].service")),
        ("{topics: [{name: a, service: Api}]}", ("CL136", "subscribe.topics[0].service")),
        ("{topics: [{name: a, service: a--b}]}", ("CL136", "subscribe.topics[0].service")),
        ("{topics: [{name: a, service: ab-}]}", ("CL136", "subscribe.topics[0].service")),
        ("{topics: [{name: a!, service: ab}]}", ("CL136", "subscribe.topics[0].name")),
        ("{topics: [{name: a, service: ab, filter_policy: {a: [{prefx: x}]}}]}",
         ("CL137", "subscribe.topics[0].filter_policy.a")),
        ("{topics: [{name: a, service: ab, filter_policy: {a: {b: [{like: x}]}}}]}",
         ("CL137", "subscribe.topics[0].filter_policy.a")),
        ("{topics: [{name: a, service: ab, filter_policy: {$or: [{a: [1]}, {b: [{is: 2}]}]}}]}",
         ("CL137", 'subscribe.topics[0].filter_policy["$or"]')),
        ("{topics: [{name: a, service: ab, filter_policy: {a: [1], b: [1], c: [1], d: [1], e: [1], f: [1]}}]}",
         ("CL137", "subscribe.topics[0].filter_policy")),
        ("{topics: [{name: a, service: ab, queue: 1}]}", ("CL103", "subscribe.topics[0].queue")),
        ("{queue: {retention: 5d}}", ("CL103", "subscribe.queue.retention")),
        ("{queue: {retention: 30s}}", ("CL137", "subscribe.queue.retention")),
        ("{queue: {delay: 16m}}", ("CL137", "subscribe.queue.delay")),
        ("{queue: {timeout: 13h}}", ("CL137", "subscribe.queue.timeout")),
        ("{queue: {dead_letter: {tries: 1001}}}", ("CL137", "subscribe.queue.dead_letter.tries")),
        ("{queue: {dead_letter: {tries: 70000}}}", ("CL103", "subscribe.queue.dead_letter.tries")),
        ("{queue: {fifo: {high_throughput: true, deduplication_scope: queue}}}",
         ("CL120", "subscribe.queue.fifo.deduplication_scope")),
        ("{queue: {fifo: {high_throughput: true, throughput_limit: perQueue}}}",
         ("CL120", "subscribe.queue.fifo.throughput_limit")),
        ("{queue: {fifo: {deduplication_scope: Queue}}}", ("CL107", "subscribe.queue.fifo.deduplication_scope")),
        ("{queue: {fifo: {throughput_limit: all}}}", ("CL107", "subscribe.queue.fifo.throughput_limit")),
        ("{queue: {fifo: {throughput_limit: perMessageGroupId, deduplication_scope: queue}}}",
         ("CL137", "subscribe.queue.fifo.throughput_limit")),
    ],
)  # fmt: skip
def test_subscriptions_that_are_wrong(manifests: Any, text: str, expected: tuple[str, str]) -> None:
    assert expected in manifests.bad(WORKER, subscribe=text)


def test_filter_policies_that_sns_takes(manifests: Any) -> None:
    matches = "[x, {prefix: y}, {anything-but: {suffix: z}}, {numeric: ['>', 1]}]"
    policy = f"{{a: {matches}, b: {{c: [{{exists: true}}]}}, $or: [{{d: [1]}}]}}"
    subscribe = f"{{topics: [{{name: a, service: ab, filter_policy: {policy}}}]}}"
    [topic] = manifests.good(WORKER, subscribe=subscribe).subscribe.topics
    assert list(topic.filter_policy) == ["a", "b", "$or"]


def test_subscribe_is_for_workers(manifests: Any) -> None:
    assert manifests.bad(subscribe="{}") == [("CL102", "subscribe")]


def test_forms_of_a_deployment(manifests: Any) -> None:
    deployment = manifests.good(deployment="{rolling: recreate, rollback_alarms: [a, b]}").deployment
    assert (deployment.rolling, deployment.rollback_alarms.names) == ("recreate", ["a", "b"])
    alarms = manifests.good(
        WORKER, deployment="{rollback_alarms: {cpu_utilization: 70, memory_utilization: 50.5, messages_delayed: 5}}"
    ).deployment.rollback_alarms
    assert (alarms.cpu_utilization, alarms.memory_utilization, alarms.messages_delayed) == (70.0, 50.5, 5)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (WEB, "{rolling: fast}", ("CL107", "deployment.rolling")),
        (WEB, "{rollback_alarms: {messages_delayed: 5}}", ("CL101", "deployment.rollback_alarms.messages_delayed")),
        (WEB, "{rollback_alarms: {cpu_utilization: high}}", ("CL103", "deployment.rollback_alarms.cpu_utilization")),
        (WEB, "{rollback_alarms: name}", ("CL103", "deployment.rollback_alarms")),
        (JOB, "{rolling: default}", ("CL102", "deployment")),
    ],
)
def test_deployments_that_are_wrong(manifests: Any, kind: str, text: str, expected: tuple[str, str]) -> None:
    assert expected in manifests.bad(kind, deployment=text)


@pytest.mark.parametrize("text", ["awsxray", "AWSXRAY"])
def test_tracing(manifests: Any, text: str) -> None:
    assert manifests.good(observability=f"{{tracing: {text}}}").observability.tracing == text


def test_another_tracer_is_ignored_by_copilot(manifests: Any) -> None:
    (finding,) = manifests.findings(manifests.text(observability="{tracing: zipkin}"))
    assert (finding.code, finding.path, finding.copilot_accepts) == ("CL107", "observability.tracing", True)


def test_forms_of_overrides(manifests: Any) -> None:
    text = """
  - {path: 'ContainerDefinitions[0].Ulimits[-].HardLimit', value: 1024}
  - {path: Volumes, value: [{Name: x}, true, ~, on, 1.5, !Ref Y, !GetAtt A.B, !Sub 'a${AWS::Region}', !If [C, 1, 2]]}
"""
    rules = manifests.good(taskdef_overrides=text).taskdef_overrides
    assert (rules[0].path, rules[0].value) == ("ContainerDefinitions[0].Ulimits[-].HardLimit", 1024)
    assert rules[1].value == [
        {"Name": "x"}, True, None, "on", 1.5, {"Ref": "Y"}, {"Fn::GetAtt": ["A", "B"]},
        {"Fn::Sub": "a${AWS::Region}"}, {"Fn::If": ["C", 1, 2]},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{path: Family, value: x}", ("CL138", "taskdef_overrides[0].path")),
        ("{path: 'ContainerDefinitions[3].Name', value: x}", ("CL138", "taskdef_overrides[0].path")),
        ("{path: 'A..B', value: x}", ("CL138", "taskdef_overrides[0].path")),
        ("{path: 'A[x]', value: x}", ("CL138", "taskdef_overrides[0].path")),
        ("{path: A}", ("CL106", "taskdef_overrides[0]")),
        ("{value: A}", ("CL106", "taskdef_overrides[0]")),
    ],
)
def test_overrides_that_are_wrong(manifests: Any, text: str, expected: tuple[str, str]) -> None:
    assert expected in manifests.bad(taskdef_overrides=f"[{text}]")


# jobs


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("rate(5 minutes)", "rate(5 minutes)"),
        ("rate(1 hour)", "rate(1 hour)"),
        ("cron(0 12 * * ? *)", "cron(0 12 * * ? *)"),
        ("@hourly", "cron(0 * * * ? *)"),
        ("@daily", "cron(0 0 * * ? *)"),
        ("@midnight", "cron(0 0 * * ? *)"),
        ("@weekly", "cron(0 0 ? * 1 *)"),
        ("@monthly", "cron(0 0 1 * ? *)"),
        ("@yearly", "cron(0 0 1 1 ? *)"),
        ("@annually", "cron(0 0 1 1 ? *)"),
        ("@every 1h30m", "rate(90 minutes)"),
        ("@every 1m", "rate(1 minute)"),
        ("* * * * *", "cron(* * * * ? *)"),
        ("0 9 * * 1-5", "cron(0 9 ? * 2-6 *)"),
        ("0 9 * * 0,6", "cron(0 9 ? * 1,7 *)"),
        ("0 9 * * MON-FRI", "cron(0 9 ? * MON-FRI *)"),
        ("0 9 1 * *", "cron(0 9 1 * ? *)"),
        ("0 9 1,15 1-6 ?", "cron(0 9 1,15 1-6 ? *)"),
        ("*/15 8-18/2 ? * ?", "cron(*/15 8-18/2 * * ? *)"),
        ("0  12 * *   MON", "cron(0 12 ? * MON *)"),
        ("0 0 1 jan *", "cron(0 0 1 jan ? *)"),
    ],
)
def test_schedules(text: str, expression: str) -> None:
    schedule = Schedule.parse(text)
    assert (schedule.text, schedule.expression, schedule.enabled) == (text, expression, True)


def test_a_schedule_of_none_is_switched_off() -> None:
    assert Schedule.parse("none") == Schedule("none", "rate(5 minutes)", enabled=False)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "daily", "@dayly", "@every", "@every 30s", "@every 90s", "@every 1d",
        "rate(5 minute)", "rate(1 minutes)",
        "rate(0 minutes)", "rate(five minutes)", "cron(0 12 * * *)", "cron(0 12 * * * *)", "cron(0 12 ? * ? *)",
        "every rate(5 minutes)", "none at all", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *",
        "* * * 13 *", "* * * * 7", "* * * * FUN", "5-1 * * * *", "*/0 * * * *", "*/x * * * *", "0 9 1 * 1",
        "0 0 * * */2", "0 0 */2 * *", "0 0 * * 1-5/2", "1,,2 * * * *", "- * * * *",
    ],
)  # fmt: skip
def test_schedules_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Schedule.parse(text)


def test_a_job(manifests: Any) -> None:
    job = manifests.good(JOB, on_='{schedule: "0 12 * * MON"}', retries="3", timeout="1h30m")
    assert (str(job.on.schedule), job.retries, job.timeout) == ("0 12 * * MON", 3, timedelta(minutes=90))


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ({"on_": None}, ("CL106", "")),
        ({"on_": "{}"}, ("CL106", "on")),
        ({"on_": "{schedule: sometimes}"}, ("CL107", "on.schedule")),
        ({"on_": "{schedule: [a]}"}, ("CL103", "on.schedule")),
        ({"retries": "-1"}, ("CL139", "retries")),
        ({"timeout": "60"}, ("CL103", "timeout")),
        ({"timeout": "500ms"}, ("CL139", "timeout")),
        ({"timeout": "1500ms"}, ("CL139", "timeout")),
        ({"exec": "true"}, ("CL109", "exec")),
    ],
)
def test_jobs_that_are_wrong(manifests: Any, blocks: dict[str, str | None], expected: tuple[str, str]) -> None:
    assert expected in manifests.bad(JOB, **blocks)
