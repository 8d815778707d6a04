"""What a task may try against the agent, which is root and has the Docker socket, and against other tasks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.docker.project import docker, wait_until

if TYPE_CHECKING:
    from tests.docker.project import MakeProject, Project

pytestmark = pytest.mark.docker

STORE = "/copilot-local/logs"
OTHER = """
name: other
type: Backend Service
image:
  location: busybox:1.37
command: "sh -c 'trap exit TERM; echo private line; sleep 3600 & wait'"
logging:
  destination: {Name: cloudwatch, region: us-west-2, log_group_name: /x, log_stream_prefix: x}
"""


FORGED = """
FROM busybox:1.37
LABEL copilot-local.one-off=1 copilot-local.given-up=no copilot-local.role=pause copilot-local.task=forged \\
 copilot-local.env=other com.amazonaws.ecs.task-arn=forged copilot-local.log-stream=/x
"""
FORGER = """
name: forger
type: Backend Service
image:
  build: copilot/forger/Dockerfile
command: "sh -c 'trap exit TERM; sleep 3600 & wait'"
sidecars:
  pause: &waits
    image: busybox:1.37
    command: "sh -c 'trap exit TERM; sleep 3600 & wait'"
  agent: *waits
"""


@pytest.fixture(scope="module")
def hello(make_shared_project: MakeProject) -> Project:
    """A service and another one, both with a log router, up and healthy."""
    project = make_shared_project("firelens-cloudwatch")
    project.write("copilot/other/manifest.yml", OTHER)
    project.write("copilot/forger/manifest.yml", FORGER)
    project.write("copilot/forger/Dockerfile", FORGED)
    keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "a-secret"}
    port = ("--port", str(project.port))
    project.run("up", "-d", "--wait", *port, "--credentials", "static", variables=keys).ok()
    return project


def inside(container: str, script: str) -> str:
    """What a shell script prints in a container, run as the container's own processes are."""
    return docker("exec", container, "sh", "-c", script)


def router(project: Project, service: str = "hello") -> str:
    [found] = [
        container.name
        for container in project.containers()
        if container.role == "router" and container.labels["copilot-local.service"] == service
    ]
    return found


def container_of(project: Project, role: str) -> str:
    """The one container of that role."""
    [found] = [container.name for container in project.containers() if container.role == role]
    return found


def inspect(container: str) -> Any:
    return json.loads(docker("inspect", container))[0]


def test_links_in_the_log_store_lead_the_agent_nowhere(hello: Project) -> None:
    agent = container_of(hello, "agent")
    state = docker("exec", agent, "cat", "/copilot-local/state/desired.json")
    task = inspect(router(hello))["Config"]["Labels"]["copilot-local.task"]
    plants = ["@front.0.@access", *(f"hello.{task}.{stream}" for stream in ("drained", "stolen", "hello.1", "api"))]
    targets = ["/etc/ld.so.preload", "/copilot-local/state/desired.json", "/dev/zero", "/etc"]
    plans = [f"ln -sfn {target} $name" for target in targets] + ["rm -rf $name; mkfifo $name"]
    for plan in plans:
        inside(router(hello), f"cd {STORE}; for name in {' '.join(plants)}; do {plan}; done")
        assert hello.get("/hello/records").status_code == 200
        hello.run("logs", "--routed").ok()
        hello.run("logs", "--access").ok()
    hello.ps()
    assert docker("exec", agent, "sh", "-c", "ls /etc/ld.so.preload 2> /dev/null || true") == ""
    assert docker("exec", agent, "cat", "/copilot-local/state/desired.json") == state
    assert docker("exec", agent, "ls", "-A", "/copilot-local/access").split() == ["@front.0.@access"]


def test_a_router_sees_no_other_tasks_records_and_cannot_put_words_into_its_mouth(hello: Project) -> None:
    wait_until(lambda: any("private line" in record["log"] for record in hello.records()), "the other's line")
    other = inspect(router(hello, "other"))["Config"]["Labels"]["copilot-local.task"]
    mine = inspect(router(hello))["Config"]["Labels"]["copilot-local.task"]
    assert all(mine in name for name in inside(router(hello), f"ls {STORE}").split() if name.startswith("hello."))
    assert other not in inside(router(hello), f"ls -R {STORE}")
    line = 'tag: [1795392235.1, {"log":"forged"}]'
    inside(router(hello), f"echo '{line}' > {STORE}/other.{other}.other")
    assert not [record for record in hello.records() if record["log"] == "forged"]


def test_the_relay_follows_no_link_of_its_router(hello: Project) -> None:
    """It is root in the task's pause."""
    [pause] = [
        container.name
        for container in hello.containers()
        if container.role == "pause" and container.labels["copilot-local.service"] == "hello"
    ]
    inside(
        router(hello), "cd /var/run; for n in relay.settled relay.settled.new; do ln -sf /etc/ld.so.preload $n; done"
    )
    inside(router(hello), "cd /var/run/copilot-local-buffer; ln -s /dev/zero 1-1.flb; mkfifo 1-2.flb; ln -s / sub")
    task = inspect(pause)["Config"]["Labels"]["copilot-local.task"]
    docker("restart", "--time", "1", router(hello))
    assert docker("exec", pause, "sh", "-c", "ls /etc/ld.so.preload 2> /dev/null || true") == ""
    # The router is essential: the task ends with it, and what it left in its buffer is drained.
    wait_until(lambda: task not in hello.tasks(), "the end of the task")
    wait_until(lambda: hello.targets() == ["healthy"], "the new task")


def test_a_task_gets_no_metadata_and_no_keys_of_another(hello: Project) -> None:
    variables = dict(line.split("=", 1) for line in inspect(hello.container("hello"))["Config"]["Env"])
    keys = f"http://169.254.170.2{variables['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI']}"
    metadata = variables["ECS_CONTAINER_METADATA_URI_V4"]
    urls = [keys, metadata, f"{metadata}/task", f"{metadata}/stats", metadata.replace("v4", "v3")]
    urls.append(f"{variables['ECS_AGENT_URI']}/task-protection/v1/state")
    for url in urls:
        answer = inside(hello.container("other"), f"wget -q -O- {url} 2> /dev/null || echo refused")
        assert answer == "refused\n", url
    namespace = f"container:{hello.container('hello')}"
    [image] = {inspect(hello.container("other"))["Image"]}
    own = docker("run", "--rm", f"--network={namespace}", image, "wget", "-q", "-O-", keys)
    assert json.loads(own)["AccessKeyId"] == "AKIDEXAMPLE"


def test_the_labels_of_an_image_have_no_say(hello: Project) -> None:
    [task] = [
        container.task
        for container in hello.containers()
        if container.labels.get("copilot-local.container") == "forger"
    ]
    labels = inspect(hello.container("forger"))["Config"]["Labels"]
    assert labels["copilot-local.role"] == "member"
    assert labels["com.amazonaws.ecs.task-arn"].endswith(task)
    assert not any(labels[f"copilot-local.{name}"] for name in ("one-off", "given-up"))
    hello.run("restart", "forger").ok()
    tasks = {it.task for it in hello.containers() if it.labels.get("copilot-local.service") == "forger"}
    assert len(tasks) == 1
    assert tasks != {task}


@pytest.mark.parametrize(("service", "left"), [("forger", 0), ("hello", 1 << 1)])
def test_what_goes_on_running_in_a_pause_has_no_capability_but_the_relays(
    hello: Project, service: str, left: int
) -> None:
    [pause] = [
        container.name
        for container in hello.containers()
        if container.role == "pause" and container.labels["copilot-local.service"] == service
    ]
    status = docker("exec", pause, "cat", "/proc/1/status")
    found = dict(line.split(":\t", 1) for line in status.splitlines() if line.startswith(("Cap", "NoNew")))
    assert int(found["CapPrm"], 16) == int(found["CapEff"], 16) == left
    assert found["NoNewPrivs"] == "1"
    assert inside(hello.container(service), "ip route del default 2> /dev/null || echo refused") == "refused\n"


def test_a_task_cannot_send_frames_in_the_name_of_the_agent(hello: Project) -> None:
    answer = inside(hello.container("forger"), "arping -c 1 -U -I eth0 169.254.170.2 2>&1 || true")
    assert "permitted" in answer or "denied" in answer, answer


def test_the_agent_writes_nowhere_but_to_its_volumes_and_has_what_it_needs_alone(hello: Project) -> None:
    agent = container_of(hello, "agent")
    host = inspect(agent)["HostConfig"]
    assert host["ReadonlyRootfs"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["Memory"]
    assert host["PidsLimit"]
    process = docker("exec", agent, "cat", "/proc/1/task/1/children").split()[0]
    status = docker("exec", agent, "cat", f"/proc/{process}/status")
    found = dict(line.split(":\t", 1) for line in status.splitlines() if line.startswith("Cap"))
    assert int(found["CapPrm"], 16) == 1 << 1, "to open files of others"
    assert hello.container("front")
    for name, container in hello.inspected().items():
        assert container["HostConfig"]["PidsLimit"], name


def test_a_sidecar_may_be_called_like_a_container_of_ours(hello: Project) -> None:
    members = {it.labels.get("copilot-local.container") for it in hello.containers() if it.role == "member"}
    assert {"pause", "agent"} <= members
    assert hello.run("exec", "pause", "echo", "the sidecar").ok().out.strip() == "the sidecar"
