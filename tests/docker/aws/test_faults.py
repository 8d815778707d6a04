"""What becomes of messages where the local AWS endpoint dies while they flow, or has no room; two workers at once."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.docker.aws.conftest import WAITS, client, run_in, write_workspace
from tests.docker.aws.test_compose_provider import CACHE
from tests.docker.project import MakeProject, Project, daemon, docker, wait_until
from tests.docker.testing.conftest import WITHOUT
from tests.unit.render.storage_addons import TABLE

pytestmark = pytest.mark.docker

SEND = """
import boto3, json, os, sys, time
from botocore.config import Config
sns = boto3.client("sns", config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1}))
arn = json.loads(os.environ["COPILOT_SNS_TOPIC_ARNS"])["orders"]
size = {"size": {"DataType": "String", "StringValue": "big"}}
number = 0
while not os.path.exists("/tmp/enough"):
    number += 1
    time.sleep(0.02)  # the processors are for the endpoint that starts again
    try:
        sns.publish(TopicArn=arn, Message=str(number), MessageAttributes=size)
        print(number, flush=True)
    except Exception as error:
        print("failed", type(error).__name__, flush=True)
"""
DRAIN = """
sqs, queue = boto3.client("sqs"), os.environ["COPILOT_QUEUE_URI"]
while found := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=60).get("Messages", []):
    for message in found:
        print(json.loads(message["Body"])["Message"])
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
"""
WORKER = f"""\
name: worker
type: Worker Service
{WAITS.replace("busybox:1.37", "valkey/valkey:8")}
publish: {{topics: [{{name: orders}}]}}
subscribe: {{topics: [{{name: orders, service: worker}}]}}
"""
"""Has a client of its cache, and gets what is published to its own topic."""


class Sender:
    """A program in the service's container that publishes until it is told that it is enough. `taken` are the numbers
    of the messages that the endpoint has taken."""

    def __init__(self, project: Project) -> None:
        self._container = project.container("api")
        words = ["docker", "exec", self._container, "python3", "-c", SEND]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        self.taken: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            self.taken.extend(line.strip() for line in lines if line.strip().isdigit())

    def wait_for(self, more: int) -> int:
        """Until so many more were taken; returns how many there were before."""
        before = len(self.taken)
        wait_until(lambda: len(self.taken) >= before + more, lambda: f"{more} messages more than {before}")
        return before

    def end(self) -> None:
        docker("exec", self._container, "touch", "/tmp/enough")
        self._process.wait(60)
        self._reader.join(60)


def in_snapshot(project: Project) -> set[str]:
    """The numbers of the messages that the endpoint has written down."""
    text = docker("exec", project.container("aws"), "cat", "/copilot-local/data/state/sqs.json", check=False)
    if not text:
        return set()
    return {word for word in text.replace('\\"', " ").replace('"', " ").split() if word.isdigit()}


def endpoint(project: Project) -> str:
    return next((one.name for one in project.containers() if one.role == "aws" and one.state == "running"), "")


def test_what_was_written_down_and_what_is_sent_later_survives_a_death_while_messages_flow(
    shop: Project,
) -> None:
    sender = Sender(shop)
    sender.wait_for(20)
    before = set(sender.taken)
    wait_until(lambda: before <= in_snapshot(shop), "the snapshot")
    sender.wait_for(5)
    docker("kill", shop.container("aws"))
    wait_until(lambda: bool(endpoint(shop)), "the endpoint again")
    wait_until(lambda: answers(shop), "its answer")
    again = sender.wait_for(10)
    sender.end()
    after = set(sender.taken[again + 1 :])
    got = run_in(shop, "worker", DRAIN).split()
    assert len(got) == len(set(got)), "none comes twice"
    assert before | after <= set(got)
    assert len(after) >= 9


def test_a_full_volume_refuses_messages_and_keeps_what_it_has(make_project: MakeProject) -> None:
    project = write_workspace(make_project(""), {"worker/manifest.yml": f"name: worker\ntype: Worker Service\n{WAITS}"})
    volume = f"cl-{project.app}-test-aws-data"
    options = ("--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=2m")
    docker("volume", "create", *options, "--label", f"copilot-local.app={project.app}", volume)
    try:
        project.up()
        sqs = client(project, "sqs")
        [queue] = [url for url in sqs.list_queues()["QueueUrls"] if url.endswith("worker-EventsQueue")]

        refusals: list[ClientError] = []

        def is_refused() -> bool:
            """Not before the next snapshot, which is made a moment after a change."""
            try:
                sqs.send_message(QueueUrl=queue, MessageBody="x" * 200_000)
            except ClientError as error:
                refusals.append(error)
            return bool(refusals)

        wait_until(is_refused, "a refusal")
        refused = refusals[0].response["Error"]
        assert refused["Code"] == "InsufficientStorage"
        said = refused["Message"]
        assert said.startswith("what the local AWS endpoint holds could not be written")
        assert "make room on the disk of Docker" in said
        sqs.purge_queue(QueueUrl=queue)
        wait_until(lambda: answers(project), "an answer")
    finally:
        project.run("down", "-v").ok()
        docker("volume", "rm", "--force", volume)


def answers(project: Project) -> bool:
    """Not before it runs, and where there was no room, not before the next snapshot."""
    with contextlib.suppress(BotoCoreError, ClientError):
        return bool(client(project, "sts").get_caller_identity())
    return False


SUITE = """
from pathlib import Path
import pytest

INSTANCES = "{instances}"

@pytest.mark.parametrize("number", range(2))
def test_alone(copilot_environment, number, worker_id):
    table = copilot_environment.aws("dynamodb")
    [name] = table.list_tables()["TableNames"]
    table.put_item(TableName=name, Item={"customer": {"S": worker_id}, "time": {"N": str(number)}})
    topics = copilot_environment.aws("sns")
    [arn] = [one["TopicArn"] for one in topics.list_topics()["Topics"] if one["TopicArn"].endswith("-orders")]
    size = {"size": {"DataType": "String", "StringValue": "big"}}
    topics.publish(TopicArn=arn, Message=f"from {worker_id} {number}", MessageAttributes=size)
    copilot_environment.wait_for_message("worker", f"from {worker_id} {number}")
    items = table.scan(TableName=name)["Items"]
    assert {item["customer"]["S"] for item in items} == {worker_id}
    sqs = copilot_environment.aws("sqs")
    [url] = [one for one in sqs.list_queues()["QueueUrls"] if one.endswith("worker-EventsQueue")]
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0).get("Messages", [])
    assert found
    assert all(f"from {worker_id} " in message["Body"] for message in found)
    words = 'valkey-cli -h "$WORDS_HOST"'
    done = copilot_environment.exec("worker", f"{words} SADD workers {worker_id} && {words} SMEMBERS workers")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.split()[1:] == [worker_id]
    (Path(INSTANCES) / worker_id).write_text(copilot_environment.names.app)
"""


def test_two_pytest_workers_see_nothing_of_each_other(make_project: MakeProject, tmp_path: Path) -> None:
    project = make_project("")
    files = {
        "worker/manifest.yml": WORKER,
        "worker/addons/orders.yml": TABLE,
        "worker/addons/words.yml": CACHE,
    }
    write_workspace(project, files)
    tests = tmp_path / "suite"
    tests.mkdir()
    instances = tmp_path / "instances"
    instances.mkdir()
    (tests / "test_suite.py").write_text(SUITE.replace("{instances}", str(instances)), encoding="utf-8")
    (tests / "conftest.py").write_text(
        "from pathlib import Path\nimport pytest\n\n\n@pytest.fixture(scope='session')\ndef copilot_workspace():\n"
        f"    return Path({json.dumps(str(project.folder))})\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", *WITHOUT, "-p", "no:cacheprovider", "-c", "/dev/null", "."],
        cwd=tests,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout
    names = {file.read_text() for file in instances.iterdir()}
    assert len(names) == 2
    with daemon() as here:
        for name in names:
            label = {"label": f"copilot-local.app={name}"}
            assert here.containers(all=True, filters=label) == []
            assert here.volumes(filters=label)["Volumes"] in (None, [])
