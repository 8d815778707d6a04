"""What unmodified SDKs send in tasks is received in the collector's place, kept, and joined with requests."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from emulator.engine.interface import Container, ContainerState
from emulator.testing import Environment
from tests.docker.command import COMMAND, Command
from tests.docker.project import Running, wait_until

pytestmark = pytest.mark.docker

REQUESTS = 120
AT_ONCE = 8
REGION = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"


def get(environment: Environment, path: str) -> str:
    """The id of the trace that a request began, by what its service answers."""
    return environment.http.get(path).text.split()[0]


def test_two_services_with_different_sdks_are_one_trace(environment: Environment) -> None:
    id = get(environment, "/order/inner/40")
    trace = environment.wait_for_trace(id, spans=44)
    assert (trace.state, trace.services, trace.name) == ("ok", ["shop", "pay"], "GET /order/inner/40")
    assert not trace.lost_when_deployed
    assert trace.request is not None
    assert (trace.request["by"], trace.request["url"], trace.request["status"]) == ("id", "/order/inner/40", 200)
    spans = {span["name"]: span for span in environment.spans(trace)}
    assert spans["next"]["parent"] == spans["shop"]["span"]
    [served] = [span for span in spans.values() if span["service"] == "pay" and span["root"]]
    assert served["parent"] == spans["next"]["span"]
    assert spans["part 39"]["source"] == "xray"  # the SDK sends subsegments ahead once there are many
    assert served["source"] == "otlp_grpc"


def test_node_with_the_sdk_of_x_ray_and_another_service_are_one_trace(environment: Environment) -> None:
    trace = environment.wait_for_trace(get(environment, "/node/order"), spans=4)
    assert (trace.services, trace.state) == (["node", "pay"], "ok")
    assert trace.request is not None
    assert (trace.request["by"], trace.request["url"]) == ("id", "/node/order")
    spans = environment.spans(trace)
    [called] = [span for span in spans if span["source"] == "xray" and not span["root"]]
    [served] = [span for span in spans if span["service"] == "pay" and span["root"]]
    assert served["parent"] == called["span"]


@pytest.mark.parametrize(("exporter", "source"), [("grpc", "otlp_grpc"), ("proto", "otlp_http"), ("http", "otlp_http")])
def test_node_with_opentelemetry_and_another_service_are_one_trace(
    environment: Environment, exporter: str, source: str
) -> None:
    trace = environment.wait_for_trace(get(environment, f"/node-{exporter}/order"), spans=4)
    assert (trace.services, trace.state) == (["node-otel", "pay"], "ok")
    assert not trace.lost_when_deployed
    assert trace.request is not None
    assert (trace.request["by"], trace.request["url"]) == ("port", f"/node-{exporter}/order")
    assert {span["source"] for span in environment.spans(trace) if span["service"] != "pay"} == {source}


def test_an_exception_is_a_fault_of_the_trace(environment: Environment) -> None:
    trace = environment.wait_for_trace(get(environment, "/fail"), spans=4)
    assert (trace.state, trace.status) == ("fault", 500)
    [root] = [span for span in environment.spans(trace) if not span["parent"]]
    assert root["detail"]["cause"]["exceptions"][0]["message"] == "no such order"


@pytest.mark.parametrize("path", ["/web/x", "/proto/x"], ids=["json", "protobuf"])
def test_a_trace_of_opentelemetry_is_joined_by_the_port_of_the_load_balancer(
    environment: Environment, path: str
) -> None:
    trace = environment.wait_for_trace(get(environment, path), spans=2)
    assert trace.services == ["web"]
    assert trace.request is not None
    assert (trace.request["by"], trace.request["url"]) == ("port", path)


def test_every_request_is_joined_with_its_own_trace(environment: Environment) -> None:
    """Over connections that are used again, with several at a time, to two services, one of which sends in two ways."""
    paths = [f"/{('web', 'proto', 'deaf')[number % 3]}/{number}" for number in range(REQUESTS)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        began = dict(zip(paths, pool.map(lambda path: get(environment, path), paths), strict=True))
    ids = {path: id.removeprefix("1-").replace("-", "") for path, id in began.items()}
    wait_until(lambda: set(ids.values()) <= {trace.id for trace in environment.traces}, "not every trace arrived")

    def joined() -> dict[str, str | None]:
        found = {trace.id: trace.request for trace in environment.traces}
        return {path: request["url"] if (request := found[id]) is not None else None for path, id in ids.items()}

    wait_until(lambda: None not in joined().values(), "a request without its trace")
    assert joined() == {path: path for path in paths}


def test_what_a_deployment_would_lose_is_marked_and_said(environment: Environment) -> None:
    lost = {get(environment, "/deaf/x"), get(environment, "/web/y")}
    assert all(environment.wait_for_trace(id).lost_when_deployed for id in lost)
    notes = {(note["workload"], note["code"]): note["text"] for note in environment.agent.traces()["notes"]}
    assert "does not listen there when deployed" in notes["deaf", "deaf-xray"]
    assert "trace ids that are not X-Ray's" in notes["web", "strange-id"]
    assert not {workload for workload, _ in notes} & {"shop", "pay"}
    said = [(note["workload"], note["code"]) for note in environment.agent.status()["lost_traces"]]
    assert {("deaf", "deaf-xray"), ("web", "strange-id")} <= set(said)  # what `ps` and the foreground `up` show


def test_what_is_malformed_is_counted_and_ends_nothing(environment: Environment) -> None:
    script = (
        "import socket, urllib.request, urllib.error\n"
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'nonsense', ('127.0.0.1', 2000))\n"
        "s = socket.create_connection(('127.0.0.1', 4317)); s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n'); s.close()\n"
        "for body in (b'{', b'\\xff'):\n"
        "    try: urllib.request.urlopen(urllib.request.Request('http://127.0.0.1:4318/v1/traces', body,\n"
        "        {'Content-Type': 'application/json'}))\n"
        "    except urllib.error.HTTPError: pass\n"
    )
    assert environment.exec("web", ["python3", "-c", script]).exit_code == 0
    trace = environment.wait_for_trace(get(environment, "/web/after"), spans=2)
    assert trace.state == "ok"
    [note] = [one for one in environment.agent.traces()["notes"] if one["code"] == "malformed"]
    assert (note["workload"], note["count"]) == ("web", 3)


def test_sampling_is_answered_from_the_start(environment: Environment) -> None:
    """botocore's client of X-Ray, which the Python SDK asks with."""
    script = (
        "import json, botocore.session, botocore.config\n"
        "client = botocore.session.get_session().create_client('xray', region_name='us-east-1',\n"
        "    endpoint_url='http://127.0.0.1:2000', aws_access_key_id='x', aws_secret_access_key='x')\n"
        "rules = client.get_sampling_rules()['SamplingRuleRecords']\n"
        "put = client.put_trace_segments(TraceSegmentDocuments=[json.dumps({'trace_id': '1-6b0bad11-' + 'a' * 24,\n"
        "    'id': 'b' * 16, 'name': 'by the api', 'start_time': 1795927313.0, 'end_time': 1795927314.0})])\n"
        "print(json.dumps([rules[0]['SamplingRule']['FixedRate'], put['UnprocessedTraceSegments']]))\n"
    )
    done = environment.exec("shop/shop", ["python3", "-c", script])
    assert json.loads(done.stdout) == [1.0, []], done.stderr
    assert environment.wait_for_trace("1-6b0bad11-" + "a" * 24).name == "by the api"


def test_the_receiver_has_the_name_of_the_collector_and_starts_before_everything_else(environment: Environment) -> None:
    started = {row.name: row for row in environment.containers if row.service == "pay"}
    assert set(started) == {"pay", "aws-otel-collector"}
    [collector] = [
        row
        for row in environment.engine.list_containers(environment.names.labels())
        if row.labels.get("copilot-local.container") == "aws-otel-collector"
        and row.labels.get("copilot-local.service") == "pay"
    ]
    assert collector.labels["copilot-local.traces"] == "capture"
    [app] = [
        row
        for row in environment.engine.list_containers(environment.names.labels())
        if row.labels.get("copilot-local.container") == "pay"
    ]
    assert "aws-otel-collector:START" in app.labels["copilot-local.depends-on"]


def test_collectors_that_run_themselves_hand_on_what_they_take(environment: Environment) -> None:
    """The daemon's endpoint, and OTLP in place of another exporter; what is sent arrives as it was."""
    text = "a quote ' and \", a backslash \\, ünïcode, <&>"
    done = environment.exec("forwards/forwards", ["python3", "/send.py", text])
    assert done.exit_code == 0, done.stderr
    daemon = environment.wait_for_trace("1-6b0bad12-" + "c" * 24)
    otlp = environment.wait_for_trace((b"e" * 16).hex())
    found = [environment.spans(one)[0] for one in (daemon, otlp)]
    assert [(one["name"], one["source"], one["service"]) for one in found] == [
        ("by the daemon", "api", "by the daemon"),
        ("by otlp", "otlp_http", "by otlp"),
    ]
    assert found[0]["detail"]["annotations"] == {"text": text}
    assert found[1]["detail"]["attributes"] == {"text": text}
    assert not daemon.lost_when_deployed
    assert not otlp.lost_when_deployed


def test_collectors_that_run_themselves_get_a_region_and_keys_that_are_none(environment: Environment) -> None:
    """What they sign for this machine with; one as deployed gets no keys of ours, and its own configuration."""
    names = ("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AOT_CONFIG_CONTENT")

    def given(container: str) -> list[str | None]:
        printed = environment.exec(f"forwards/{container}", ["env", "-0"]).stdout
        found = dict(pair.split("=", 1) for pair in printed.split("\0") if pair)
        return [found.get(name) for name in names]

    region, *keys, content = given("real-xray")
    assert (region, keys, content) == (REGION, ["local", "local"], None)
    _, *keys, content = given("real-otel")
    assert keys == ["local", "local"]
    assert content is not None
    assert "http://169.254.170.2:2000" in content
    assert "secret" not in content
    region, *keys, content = given("live-otel")
    assert (region, keys) == (REGION, [None, None])
    assert content is not None
    assert "datadog" in content


def test_the_end_of_a_receiver_ends_its_task_where_the_collector_s_would(environment: Environment) -> None:
    def containers(service: str) -> dict[str, Container]:
        found = environment.engine.list_containers({**environment.names.labels(), "copilot-local.service": service})
        return {one.labels["copilot-local.container"]: one for one in found if "copilot-local.container" in one.labels}

    def task(service: str) -> str:
        return containers(service)[service].labels["copilot-local.task"]

    loose, deaf = task("loose"), task("deaf")
    environment.kill("loose/xray")
    wait_until(lambda: containers("loose")["xray"].state is ContainerState.EXITED, "the receiver has not ended")
    environment.kill("deaf/aws-otel-collector")

    def replaced() -> bool:
        found = containers("deaf").get("deaf")
        return found is not None and found.labels["copilot-local.task"] != deaf

    wait_until(replaced, "no other task of deaf")
    wait_until(lambda: environment.http.get("/deaf/again").status_code == 200, "the other task does not answer")
    assert task("loose") == loose  # the agent heard of that end first
    assert environment.exec("loose/loose", ["true"]).exit_code == 0


def runner(environment: Environment) -> Callable[..., str]:
    """Runs the command in a terminal of 80 columns; returns what it prints. Fails where a line is longer."""
    chosen = ["-a", environment.names.app, "-e", environment.names.environment]

    def run(*words: str) -> str:
        variables = {**os.environ, "COLUMNS": "80"}
        ended = Running(Command([str(COMMAND), *words, *chosen], Path.cwd(), variables)).wait().ok()
        if "json" not in words:
            assert max(map(len, (ended.out + ended.err).splitlines())) <= 80, ended.out
        return ended.out

    return run


def test_trace_shows_the_spans_of_its_request_below_the_hops(environment: Environment) -> None:
    """By the id that X-Ray's SDK goes on with, and by the port where OpenTelemetry begins another one, here as JSON."""
    run = runner(environment)
    hops, _, spans = run("trace", "GET", "/order/11").partition("\n\n")
    assert "client → front" in hops
    [id] = [line.removeprefix("trace id ") for line in hops.splitlines() if line.startswith("trace id ")]
    rows = spans.splitlines()
    assert rows[0].startswith(f"{id}  ")
    assert rows[0].endswith(", 4 spans")
    found = [next(i for i, row in enumerate(rows) if text in row) for text in (": GET /order/11", "shop: ", "pay: ")]
    assert found == sorted(found)
    assert f"shop: serving {id}" in spans  # its log line
    content = json.loads(run("trace", "GET", "/web/by-port", "--format", "json"))
    [joined] = content["traces"]
    assert (joined["trace"]["request"]["by"], joined["trace"]["request"]["url"]) == ("port", "/web/by-port")
    assert joined["trace"]["xray_id"] != content["trace_id"]
    assert ("web", "GET /web/by-port") in [(span["service"], span["name"]) for span in joined["spans"]], joined


def test_commands_show_them(environment: Environment) -> None:
    id = get(environment, "/order/7")
    environment.wait_for_trace(id, spans=4)
    run = runner(environment)
    waterfall = run("traces", id)
    assert "load balancer: GET /order/7" in waterfall
    assert f"shop: serving {id}" in waterfall
    assert "pay: GET /charge" in waterfall
    assert "shop → pay" in run("traces", "--map")
    assert "GET /order/7  shop, pay" in run("traces", "--service", "pay")
    assert json.loads(run("traces", id[:12], "--format", "json"))["trace"]["xray_id"] == id
    lines = run("logs", "--trace", id)
    assert f"serving {id}" in lines
    assert len(lines.splitlines()) == 2
