"""Figures of the local AWS endpoint: what it adds to `up` and to a request, its memory, messages through it."""

from __future__ import annotations

import json
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.bench.harness import Figure, medians, seconds
from tests.docker.aws.conftest import run_in, write_workspace
from tests.docker.project import Project, docker
from tests.unit.render.storage_addons import TABLE

PAIRS = 5
SENDERS, EACH = 10, 200
MOST_EXTRA, MOST_MILLISECONDS, MOST_MEMORY, LEAST_RATE = 2.5, 5.0, 150.0, 100.0

SERVICE = "type: {type}\nimage: {{location: with-boto3}}\ncpu: 1024\nmemory: 2048\n"
API = SERVICE.format(type="Backend Service") + "publish: {topics: [{name: orders}, {name: bills, fifo: true}]}\n"
WORKER = SERVICE.format(type="Worker Service") + (
    "subscribe: {topics: [{name: orders, service: api}, {name: bills, service: api, queue: {fifo: true}}]}\n"
)
WITHOUT = '[aws]\nendpoint = "none"\n\n[values]\nordersName = "none"\n'
ALONE = "name: {name}\ntype: Backend Service\nimage: {{location: 'busybox:1.37'}}\ncommand: sleep 86400\n"

ASK = """
import http.client, statistics, sys, time
connection = http.client.HTTPConnection(*sys.argv[1].split(":"))
times = []
for _ in range(500):
    began = time.perf_counter()
    connection.request("GET", "/_ministack/health")
    connection.getresponse().read()
    times.append(time.perf_counter() - began)
print(statistics.median(times) * 1000)
"""
SEND = f"""
import threading, time
topics = json.loads(os.environ["COPILOT_SNS_TOPIC_ARNS"])
session = boto3.session.Session()
clients = [session.client("sns") for _ in range({SENDERS})]
def send(number):
    for count in range({EACH}):
        clients[number].publish(TopicArn=topics["orders"], Message=f"{{number}}-{{count}}")
def send_in_order(number):
    for count in range({EACH // 10}):
        clients[number].publish(TopicArn=topics["bills.fifo"], Message=f"{{number}}-{{count}}",
                                MessageGroupId=str(number), MessageDeduplicationId=f"{{number}}-{{count}}")
began = time.time()
for work in (send, send_in_order):
    threads = [threading.Thread(target=work, args=(number,)) for number in range({SENDERS})]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    if work is send:
        print(json.dumps({{"began": began, "ended": time.time()}}))
"""
RECEIVE = f"""
import threading, time
[bills] = json.loads(os.environ["COPILOT_TOPIC_QUEUE_URIS"]).values()
orders = os.environ["COPILOT_QUEUE_URI"]
session = boto3.session.Session()
clients = [session.client("sqs") for _ in range(10)]
got, lock = {{orders: [], bills: []}}, threading.Lock()
wanted = {{orders: {SENDERS * EACH}, bills: {SENDERS * EACH // 10}}}
last = {{orders: time.time(), bills: time.time()}}
def receive(client, queue):
    while len(got[queue]) < wanted[queue] and time.time() < max(last.values()) + 30:
        answer = client.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in answer.get("Messages", []):
            with lock:
                got[queue].append(json.loads(message["Body"])["Message"])
                last[queue] = time.time()
            client.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
threads = [threading.Thread(target=receive, args=(client, orders)) for client in clients]
threads.append(threading.Thread(target=receive, args=(session.client("sqs"), bills)))
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(json.dumps({{"orders": got[orders], "bills": got[bills], "ended": last[orders]}}))
"""


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="bench-aws-") as name:
        project = _project(Path(name) / "workspace")
        try:
            yield _up(project)
            yield _request(project)
            yield from _messages(project)
            yield _memory(project)
        finally:
            project.run("down", "-v", "-t", "0")
    with tempfile.TemporaryDirectory(prefix="bench-aws-") as name:
        yield _nothing(Path(name) / "workspace")


def _project(folder: Path) -> Project:
    folder.mkdir()
    project = Project(folder)
    files = {"api/manifest.yml": f"name: api\n{API}", "worker/manifest.yml": f"name: worker\n{WORKER}"}
    return write_workspace(project, {**files, "api/addons/orders.yml": TABLE})


def _up(project: Project) -> Figure:
    """Two services with topics, queues and a table of an addon, and the same ones without an endpoint."""
    settings = project.folder / "copilot-local.toml"

    def timed(text: str) -> float:
        settings.write_text(text, encoding="utf-8")
        took = seconds(lambda: project.run("up", "-d", "--wait").ok())
        project.run("down", "-v", "-t", "0").ok()
        return took

    ours, without = medians(lambda: timed(""), lambda: timed(WITHOUT), pairs=PAIRS)
    settings.write_text("", encoding="utf-8")
    project.run("up", "-d", "--wait").ok()
    bound = round((without + MOST_EXTRA) / without, 2)
    note = f"{PAIRS} pairs; {ours - without:+.2f} s, at most {MOST_EXTRA:g} s wanted"
    return Figure("`up` with topics, queues and an addon's table", ours, without, "s", "no endpoint", bound, note=note)


def _request(project: Project) -> Figure:
    """From a task through its relay, against the endpoint's container asking itself."""
    port = docker("port", project.container("aws")).split(":")[-1].strip()

    def ask(container: str, address: str) -> Callable[[], float]:
        return lambda: float(docker("exec", container, "python3", "-c", ASK, address))

    inside = docker("inspect", "--format", "{{json .NetworkSettings.Networks}}", project.container("aws"))
    [network] = json.loads(inside).values()
    direct = f"{network['IPAddress']}:{_inner_port(project)}"
    api = project.container("api")
    ours, theirs = medians(ask(api, f"127.0.0.1:{port}"), ask(api, direct), pairs=5)
    bound = round(MOST_MILLISECONDS / theirs, 2)
    note = f"p50 of 500 requests; at most {MOST_MILLISECONDS:g} ms wanted"
    return Figure("a request from a task", ours, theirs, "ms", "the endpoint without the relay", bound, note=note)


def _inner_port(project: Project) -> str:
    ports = json.loads(docker("inspect", "--format", "{{json .NetworkSettings.Ports}}", project.container("aws")))
    return next(str(port).partition("/")[0] for port, published in ports.items() if published)


def _messages(project: Project) -> Iterator[Figure]:
    with ThreadPoolExecutor(1) as pool:
        receiving = pool.submit(run_in, project, "worker", RECEIVE)
        sent = json.loads(run_in(project, "api", SEND))
        got = json.loads(receiving.result())
    total = SENDERS * EACH
    rate = total / (got["ended"] - sent["began"])
    note = f"{SENDERS} senders, 10 receivers; through SNS to SQS, all deleted"
    yield Figure("messages a second", rate, LEAST_RATE, "/s", "wanted", 1.0, higher_is_better=True, note=note)
    orders, bills = got["orders"], got["bills"]
    wrong = total - len(set(orders)) + len(orders) - len(set(orders)) + _out_of_order(bills)
    note = f"of {total}, and of {len(bills)} in {SENDERS} FIFO groups also those out of order"
    yield Figure("messages lost, twice or out of order", 1.0 + wrong, 1.0, "(1 + n)", "none", 1.0, note=note)


def _out_of_order(messages: list[str]) -> int:
    """How many messages of FIFO groups are missing or not where they belong."""
    wrong = 0
    for group in range(SENDERS):
        counts = [int(one.partition("-")[2]) for one in messages if one.startswith(f"{group}-")]
        wrong += sum(a != b for a, b in zip(counts, range(EACH // 10), strict=False)) + abs(EACH // 10 - len(counts))
    return wrong


def _memory(project: Project) -> Figure:
    said = docker("stats", "--no-stream", "--format", "{{.MemUsage}}", project.container("aws"))
    number, unit = said.split("/")[0].strip()[:-3], said.split("/")[0].strip()[-3:]
    megabytes = float(number) * {"MiB": 1.049, "GiB": 1074.0, "KiB": 0.001}[unit]
    note = "after the messages"
    return Figure("memory of the endpoint", megabytes, MOST_MEMORY, "MB", "wanted", 1.0, note=note)


def _nothing(folder: Path) -> Figure:
    """Where nothing needs it there is no endpoint."""
    folder.mkdir()
    project = Project(folder)
    project.write("copilot/.workspace", f"application: bench-{uuid.uuid4().hex[:8]}\n")
    project.write("copilot/alone/manifest.yml", ALONE.format(name="alone"))
    try:
        project.run("up", "-d").ok()
        there = sum(container.role == "aws" for container in project.containers())
    finally:
        project.run("down", "-v", "-t", "0")
        shutil.rmtree(folder)
    return Figure("endpoints where nothing needs one", 1.0 + there, 1.0, "(1 + n)", "none", 1.0)
