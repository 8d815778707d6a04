"""What runs, by AWS's own clients: a command in a container, logs, load balancers."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError

from emulator.api.clusters import Clusters
from emulator.api.serve import serving
from emulator.engine.interface import Engine
from tests.docker.api.terminal_session import Session
from tests.docker.project import DEADLINE, MakeProject, Project, docker, wait_until

pytestmark = pytest.mark.docker

MANIFEST = """\
name: {name}
type: {type}
image:
  location: busybox:1.37
  port: 80
exec: {exec}
cpu: 256
memory: 512
command: ["sh", "-c", "trap 'exit 0' TERM; echo begun; mkdir /srv; echo ok >/srv/index.html; httpd -p 80 -h /srv; \\
  sleep 3600 & wait"]
"""
BALANCED = """\
http:
  path: /
  healthcheck: {interval: 5s, healthy_threshold: 2}
"""
LINES = 14_000
"""More than a pipe holds."""
RULE = "/Resources/HTTPListenerRule/Properties"
REWRITE = {"Regex": "^/old/(.*)$", "Replace": "/$1"}
PATCHES = [
    {"op": "remove", "path": f"{RULE}/Conditions/0/PathPatternConfig/Values"},
    {"op": "add", "path": f"{RULE}/Conditions/0/PathPatternConfig/RegexValues", "value": ["^/(old/)?[a-z.]*$"]},
    {
        "op": "add",
        "path": f"{RULE}/Transforms",
        "value": [{"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [REWRITE]}}],
    },
]
UNTIL = 'until [ "$(stty size)" = "{}" ]; do sleep 0.05; done; '
ON_A_TERMINAL = (
    # The size comes after the command has begun, as on AWS.
    f"{UNTIL.format('30 100')}echo small; read word; echo got-$word; {UNTIL.format('40 120')}echo wide; id -u; "
    'echo $TERM; trap "echo interrupted; exit" INT; echo ready; while :; do sleep 0.1; done'
)
AWS = str(Path(sys.executable).with_name("aws"))
PLUGIN = Path(__file__).with_name("session_manager_plugin.py")


@cache
def client_of(address: str, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )


@dataclass
class Shop:
    """An environment and the API: `web` allows ECS Exec and is behind a load balancer, `shut` does neither."""

    project: Project
    address: str
    variables: Mapping[str, str]

    @property
    def cluster(self) -> str:
        return f"{self.project.app}-test"

    def client(self, service: str = "ecs") -> Any:
        return client_of(self.address, service)

    def task(self, service: str) -> str:
        """The ARN of a service's task, once it has one that runs."""
        wait_until(lambda: self.running(service) != "", f"a task of {service}")
        return self.running(service)

    def running(self, service: str) -> str:
        """The ARN of a service's only task that runs; empty where there is none, or more."""
        ecs = self.client()
        arns = ecs.list_tasks(cluster=self.cluster, serviceName=service)["taskArns"]
        tasks = ecs.describe_tasks(cluster=self.cluster, tasks=arns)["tasks"] if arns else []
        return str(tasks[0]["taskArn"]) if [task["lastStatus"] for task in tasks] == ["RUNNING"] else ""

    def aws(self, *words: str) -> str:
        """What a command of awscli prints."""
        done = subprocess.run(
            [AWS, *words],
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """A name for an image, which `shut` runs."""
    name = f"cl-test-{uuid.uuid4().hex[:12]}:1"
    yield name
    docker("image", "rm", "--force", name)


@pytest.fixture(scope="module")
def shop(
    make_shared_project: MakeProject, engine: Engine, busybox: str, image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    docker("tag", busybox, image)
    project = make_shared_project("")
    project.write("copilot/.workspace", f"application: {project.app}\n")
    project.write("copilot/environments/test/manifest.yml", "name: test\ntype: Environment\n")
    web = MANIFEST.format(name="web", type="Load Balanced Web Service", exec="true")
    project.write("copilot/web/manifest.yml", web + BALANCED)
    project.write("copilot/web/overrides/cfn.patches.yml", json.dumps(PATCHES))
    shut = MANIFEST.format(name="shut", type="Backend Service", exec="false")
    project.write("copilot/shut/manifest.yml", shut.replace("busybox:1.37", image))
    project.up()
    programs = tmp_path_factory.mktemp("programs")
    plugin = programs / "session-manager-plugin"
    plugin.write_text(f"#!{sys.executable}\n{PLUGIN.read_text(encoding='utf-8')}", encoding="utf-8")
    plugin.chmod(0o755)
    with serving(Clusters(engine), 0) as port:
        address = f"http://127.0.0.1:{port}"
        variables = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(programs),
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        yield Shop(project, address, variables)


@pytest.fixture
def session(shop: Shop) -> Iterator[Any]:
    """Starts sessions, which end with the test."""
    with contextlib.ExitStack() as stack:

        def start(command: str) -> Session:
            words = ["--cluster", shop.cluster, "--task", shop.task("web"), "--container", "web", "--command", command]
            found = Session([AWS, "ecs", "execute-command", "--interactive", *words], shop.variables)
            stack.callback(found.close)
            return found

        yield start


@pytest.fixture
def brief(shop: Shop) -> Iterator[Any]:
    """What a command prints in a session of the plugin alone, without awscli, which takes longer than the session."""
    with contextlib.ExitStack() as stack:

        def run(command: str) -> str:
            asked = {"cluster": shop.cluster, "task": shop.task("web"), "container": "web", "command": command}
            begun = shop.client().execute_command(interactive=True, **asked)["session"]
            found = Session(["session-manager-plugin", json.dumps(begun)], shop.variables)
            stack.callback(found.close)
            return found.end()

        yield run


def refused(shop: Shop, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        shop.client().execute_command(cluster=shop.cluster, command="sh", **{"interactive": True, **request})
    error = caught.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


def processes(shop: Shop) -> str:
    return docker("exec", shop.project.container("web"), "ps")


class TestExec:
    def test_every_line_arrives_and_the_session_ends_with_its_command(self, session: Any) -> None:
        printed = session(f"seq 1 {LINES}").end()
        lines = [line for line in printed.replace("\r", "").split("\n") if line.isdecimal()]
        assert lines == [str(number) for number in range(1, LINES + 1)]
        assert "Exiting session" in printed

    def test_a_terminal_with_its_size_keys_and_signals(self, session: Any) -> None:
        shell = session(f"sh -c '{ON_A_TERMINAL}'")
        shell.until(r"^small")
        shell.type("word\n")
        shell.until(r"^got-word")
        shell.resize(120, 40)
        shell.until(r"^wide\r\n0\r\nxterm-256color\r\nready")
        shell.type("\x03")
        printed = shell.end()
        assert "interrupted" in printed
        assert "Exiting session" in printed

    def test_words_are_split_without_a_shell(self, brief: Any) -> None:
        assert "a  b $HOME" in brief("echo 'a  b' $HOME")

    def test_a_program_that_is_not_there(self, brief: Any) -> None:
        assert "no-such-program" in brief("no-such-program --help")

    def test_nothing_is_left_of_a_client_that_goes_away(self, shop: Shop, session: Any) -> None:
        gone = session("sh -c 'echo here; exec sleep 4321'")
        gone.until("^here")
        assert "sleep 4321" in processes(shop)
        subprocess.run(["pkill", "-KILL", "-s", str(gone.process.pid)], check=True)
        wait_until(lambda: "sleep 4321" not in processes(shop), lambda: processes(shop))

    def test_what_is_refused(self, shop: Shop) -> None:
        task = shop.task("web")
        code, message = refused(shop, task=shop.task("shut"))
        assert code == "InvalidParameterException"
        assert message.startswith("The execute command failed because execute command was not enabled when the task")
        assert refused(shop, task=task, interactive=False)[1] == "Interactive is the only mode supported currently."
        assert refused(shop, task="0" * 32)[1] == "The referenced task was not found."
        assert refused(shop, task=task, container="other")[0] == "InvalidParameterException"
        [found] = shop.client().describe_tasks(cluster=shop.cluster, tasks=[task])["tasks"]
        [agent] = found["containers"][0]["managedAgents"]
        assert (agent["name"], agent["lastStatus"]) == ("ExecuteCommandAgent", "RUNNING")


class TestLogs:
    def test_by_the_command_line(self, shop: Shop) -> None:
        group = f"/copilot/{shop.project.app}-test-web"
        stream = f"copilot/web/{shop.task('web').rpartition('/')[2]}"
        words = ("--log-group-name", group, "--log-stream-names", stream, "--query", "events[].message")
        printed = shop.aws("logs", "filter-log-events", *words)
        assert json.loads(printed) == ["begun"]

    def test_what_a_task_had_printed_that_is_gone(self, shop: Shop) -> None:
        ecs, logs = shop.client(), shop.client("logs")
        group, gone = f"/copilot/{shop.project.app}-test-shut", shop.task("shut")
        stream = f"copilot/shut/{gone.rpartition('/')[2]}"
        ecs.stop_task(cluster=shop.cluster, task=gone)
        ecs.get_waiter("tasks_stopped").wait(
            cluster=shop.cluster, tasks=[gone], WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
        events = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"]
        assert [event["message"] for event in events] == ["begun"]


class TestLoadBalancers:
    def test_from_a_load_balancer_to_an_answer(self, shop: Shop) -> None:
        elb = shop.client("elbv2")
        [balancer] = elb.describe_load_balancers(Names=[f"{shop.project.app}-test"])["LoadBalancers"]
        [listener] = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
        address = f"http://{balancer['DNSName']}:{listener['Port']}/"
        assert httpx.get(address, timeout=20).text == "ok\n"
        [group] = elb.describe_target_groups(LoadBalancerArn=balancer["LoadBalancerArn"])["TargetGroups"]
        elb.get_waiter("target_in_service").wait(
            TargetGroupArn=group["TargetGroupArn"], WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )
        [target] = elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
        [task] = shop.client().describe_tasks(cluster=shop.cluster, tasks=[shop.task("web")])["tasks"]
        assert target["Target"]["Id"] == task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"]

    def test_rules_that_patches_of_the_template_change(self, shop: Shop) -> None:
        elb = shop.client("elbv2")
        [balancer] = elb.describe_load_balancers(Names=[f"{shop.project.app}-test"])["LoadBalancers"]
        [listener] = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
        [rule, _] = elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
        assert rule["Conditions"][0]["PathPatternConfig"]["RegexValues"] == ["^/(old/)?[a-z.]*$"]
        assert rule["Transforms"][0]["UrlRewriteConfig"]["Rewrites"] == [REWRITE]
        assert shop.project.get("/old/index.html").text == "ok\n"
        assert shop.project.get("/123").status_code == 503
        explained = shop.project.run("route", "GET", "/old/index.html", "-e", "test").ok().out
        assert "it sees GET /index.html, in place of /old/index.html" in explained


def test_a_task_hears_of_its_protection(shop: Shop) -> None:
    task = shop.task("web")
    shop.client().update_task_protection(cluster=shop.cluster, tasks=[task], protectionEnabled=True)
    words = ("sh", "-c", "wget -qO- $ECS_AGENT_URI/task-protection/v1/state")
    answer = json.loads(docker("exec", shop.project.container("web"), *words))
    assert (answer["protection"]["ProtectionEnabled"], answer["protection"]["TaskArn"]) == (True, task)


def test_a_task_is_the_same_in_every_place(shop: Shop) -> None:
    """DescribeTasks, `inspect`, the last event of the task, and what the task itself hears of its metadata."""
    arn = shop.task("web")
    [task] = shop.client().describe_tasks(cluster=shop.cluster, tasks=[arn])["tasks"]
    inspected = json.loads(shop.project.run("inspect", "-e", "test").ok().out)["tasks"]
    events = [json.loads(line) for line in shop.project.run("events", "-e", "test").ok().out.splitlines()]
    own = [event["detail"] for event in events if event["resources"] == [arn]]
    words = ("sh", "-c", "wget -qO- $ECS_CONTAINER_METADATA_URI_V4/task")
    metadata = json.loads(docker("exec", shop.project.container("web"), *words))
    [container] = metadata["Containers"]
    [network] = container["Networks"]

    def facts(found: dict[str, Any]) -> dict[str, Any]:
        interface = {one["name"]: one["value"] for one in found["attachments"][0]["details"]}
        [inner] = found["containers"]
        return {
            "task": found["taskArn"],
            "cluster": found["clusterArn"],
            "definition": found["taskDefinitionArn"].rpartition("/")[2],
            "zone": found["availabilityZone"],
            "size": (int(found["cpu"]) / 1024, int(found["memory"])),
            "address": interface["privateIPv4Address"],
            "name": interface["privateDnsName"],
            "mac": interface["macAddress"],
            "container": inner["containerArn"],
            "image": inner["image"],
            "digest": inner["imageDigest"],
            "status": (found["desiredStatus"], inner["lastStatus"]),
        }

    assert facts(task) == {
        "task": metadata["TaskARN"],
        "cluster": metadata["Cluster"],
        "definition": f"{metadata['Family']}:{metadata['Revision']}",
        "zone": metadata["AvailabilityZone"],
        "size": (metadata["Limits"]["CPU"], metadata["Limits"]["Memory"]),
        "address": network["IPv4Addresses"][0],
        "name": network["PrivateDNSName"],
        "mac": network["MACAddress"],
        "container": container["ContainerARN"],
        "image": container["Image"],
        "digest": container["ImageID"],
        "status": (metadata["DesiredStatus"], container["KnownStatus"]),
    }
    for other in (next(one for one in inspected if one["taskArn"] == arn), own[-1]):
        assert facts(other) == facts(task)
        for key in ("connectivity", "startedBy", "platformFamily", "ephemeralStorage", "overrides", "group"):
            assert other[key] == task[key]
        assert other["containers"][0]["networkInterfaces"] == task["containers"][0]["networkInterfaces"]


def test_a_tag_that_moves_changes_no_task_of_a_deployment(shop: Shop, image: str, local_image: Any) -> None:
    ecs, before = shop.client(), shop.task("shut")

    def digest(task: str) -> str:
        [found] = ecs.describe_tasks(cluster=shop.cluster, tasks=[task])["tasks"]
        return str(found["containers"][0]["imageDigest"])

    docker("tag", local_image("python:3.13-slim"), image)
    ecs.stop_task(cluster=shop.cluster, task=before)
    wait_until(lambda: shop.running("shut") not in ("", before), "a new task")
    after = shop.running("shut")
    assert digest(after) == digest(before)
    assert docker("image", "inspect", "--format", "{{.Id}}", image).strip() != digest(after)
