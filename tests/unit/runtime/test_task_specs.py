"""What a container definition becomes for Docker."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.ecs.references import ImportReference, Join, ParameterReference, PseudoReference, ResourceReference, Value
from emulator.ecs.service import Service
from emulator.engine.interface import ContainerSpec, HealthCheckSpec, Mount, UlimitSpec
from emulator.errors import InputError, Position
from emulator.runtime.listeners.references import resolve, resolve_all
from emulator.runtime.specs.task import TaskFactory, TaskSpec
from emulator.runtime.state import names
from emulator.runtime.state.desired import Private
from tests.unit.runtime.world import AGENT, PAUSE, ROOT, ROUTED, ROUTER, desired_state, firelens, make_service

TASK_ID = "0123456789abcdef0123456789abcdef"
FARGATE = UlimitSpec("nofile", 65535, 65535)


def task_of(service: Service, private: dict[str, str] | None = None, *, nested: bool = False) -> TaskSpec:
    state = desired_state(service)
    values = Private(services={service.name: {"hello": private or {}}})
    return TaskFactory(state, values, ROOT, nested_limits=nested).task(state.services[service.name], TASK_ID)


def spec_of(definition: dict[str, Any], private: dict[str, str] | None = None, **task: Any) -> ContainerSpec:
    [member] = task_of(make_service({"hello": definition}, **task), private).members
    return member.spec


def variables(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def test_containers_live_in_the_namespace_of_pause_which_owns_the_network() -> None:
    task = task_of(firelens())
    assert task.pause.network == "cl-demo-test"
    assert not task.pause.init, "an init would keep the capabilities that the script gives up"
    assert task.pause.extra_hosts == ("host.docker.internal:host-gateway",)
    assert {member.spec.network for member in task.members} == {f"container:{task.pause.name}"}
    assert task.pause.name == "cl-demo-test-01234567-pause"


def test_labels_say_what_a_container_is_and_whose() -> None:
    spec = spec_of({"dockerLabels": {"team": "a", names.SERVICE: "forged"}, "stopTimeout": 5, "essential": False})
    expected = {
        "team": "a",
        names.APP: "demo",
        names.ENVIRONMENT: "test",
        names.SERVICE: "hello",
        names.TASK: TASK_ID,
        names.ROLE: "member",
        names.CONTAINER: "hello",
        names.ESSENTIAL: "false",
        names.STOP_TIMEOUT: "5",
        names.ECS_TASK_ARN: f"arn:aws:ecs:us-east-1:000000000000:task/demo-test/{TASK_ID}",
        names.ECS_CONTAINER_NAME: "hello",
        names.ECS_FAMILY: "demo-test-hello",
    }
    assert {name: spec.labels.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("definition", "private", "expected"),
    [
        pytest.param({}, {}, "us-east-1", id="the region is set"),
        pytest.param({}, {"AWS_REGION": "file"}, "file", id="unless an environment file sets it"),
        pytest.param(
            {"environment": variables(("AWS_REGION", "definition"))},
            {"AWS_REGION": "file"},
            "definition",
            id="or the definition, which wins over the file",
        ),
        pytest.param(
            {
                "environment": variables(("AWS_REGION", "definition")),
                "secrets": [{"name": "AWS_REGION", "valueFrom": "/r"}],
            },
            {"AWS_REGION": "secret"},
            "secret",
            id="or a secret, which wins over both",
        ),
    ],
)
def test_whose_variable_wins(definition: dict[str, Any], private: dict[str, str], expected: str) -> None:
    assert spec_of(definition, private).environment["AWS_REGION"] == expected


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_naming_one_of_the_regions_variables_sets_neither(name: str) -> None:
    found = spec_of({"environment": variables((name, "eu-west-1"))}).environment
    assert {key: value for key, value in found.items() if "REGION" in key} == {name: "eu-west-1"}


def test_an_image_that_names_a_region_keeps_it() -> None:
    state = desired_state(make_service())
    state.services["hello"].options.own_region = ("hello",)
    [member] = TaskFactory(state, Private(), ROOT).task(state.services["hello"], TASK_ID).members
    assert "AWS_REGION" not in member.spec.environment


def test_kernel_parameters_of_the_network_are_the_tasks_and_the_last_one_counts() -> None:
    def control(name: str, value: str) -> dict[str, Any]:
        return {"systemControls": [{"namespace": name, "value": value}]}

    task = task_of(
        make_service(
            {
                "hello": control("net.core.somaxconn", "1"),
                "db": control("net.core.somaxconn", "2"),
                "web": control("kernel.sem", "1 2 3 4"),
            }
        )
    )
    assert task.pause.sysctls == {"net.ipv6.conf.all.disable_ipv6": "1", "net.core.somaxconn": "2"}
    assert [dict(member.spec.sysctls) for member in task.members] == [{}, {}, {"kernel.sem": "1 2 3 4"}]


@pytest.mark.parametrize(("mode", "expected"), [("task", "container:cl-demo-test-01234567-pause"), (None, None)])
def test_a_process_namespace_of_the_task(mode: str | None, expected: str | None) -> None:
    assert spec_of({}, pidMode=mode).pid_mode == expected


def test_volumes_of_another_container() -> None:
    sources = [{"sourceContainer": "db", "readOnly": True}, {"sourceContainer": "web"}]
    task = task_of(make_service({"hello": {"volumesFrom": sources}, "db": {}, "web": {}}))
    assert task.members[0].spec.volumes_from == (
        "cl-demo-test-hello-01234567-db:ro",
        "cl-demo-test-hello-01234567-web",
    )


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        pytest.param(None, HealthCheckSpec(("NONE",)), id="an image's own check is off, as in ECS"),
        pytest.param(
            {"command": ["CMD-SHELL", "true"]},
            HealthCheckSpec(("CMD-SHELL", "true"), interval=30, timeout=5, retries=3, start_period=0),
            id="ECS's defaults",
        ),
        pytest.param(
            {"command": ["CMD", "x"], "interval": 5, "timeout": 2, "retries": 1, "startPeriod": 60},
            HealthCheckSpec(("CMD", "x"), interval=5, timeout=2, retries=1, start_period=60),
            id="as it says",
        ),
    ],
)
def test_health_checks(check: dict[str, Any] | None, expected: HealthCheckSpec) -> None:
    assert spec_of({} if check is None else {"healthCheck": check}).health_check == expected


@pytest.mark.parametrize(
    ("ulimits", "expected"),
    [
        ([], (FARGATE,)),
        ([{"name": "nofile", "softLimit": 1024, "hardLimit": 2048}], (UlimitSpec("nofile", 1024, 2048),)),
        ([{"name": "core", "softLimit": 0, "hardLimit": 0}], (UlimitSpec("core", 0, 0), FARGATE)),
    ],
)
def test_the_open_file_limit_is_always_explicit(
    ulimits: list[dict[str, Any]], expected: tuple[UlimitSpec, ...]
) -> None:
    assert spec_of({"ulimits": ulimits}).ulimits == expected


@pytest.mark.parametrize(
    ("definition", "memory", "nested", "expected"),
    [
        ({}, "512", False, 512),
        ({}, None, False, None),
        ({"memory": 128}, "512", False, 128),
        ({"memory": 128}, "512", True, 128),
        ({}, "512", True, None),
    ],
)
def test_memory_limits(definition: dict[str, Any], memory: str | None, nested: bool, expected: int | None) -> None:
    task = task_of(make_service({"hello": definition}, memory=memory), nested=nested)
    assert task.members[0].spec.memory == (expected and expected * 1024 * 1024)
    assert task.pause.memory == (512 * 1024 * 1024 if nested else 64 * 1024 * 1024), "the parent of all, or its own"


def test_volumes_of_the_task_are_its_own_and_mounted_as_asked() -> None:
    points = [{"sourceVolume": "data", "containerPath": "/data", "readOnly": True}]
    task = task_of(make_service({"hello": {"mountPoints": points}}, volumes=[{"name": "data"}]))
    [(volume, labels)] = task.volumes.items()
    assert labels[names.TASK] == TASK_ID
    assert names.DATA not in labels, "it goes with its task"
    assert task.members[0].spec.mounts == (Mount(volume, "/data", read_only=True),)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"fileSystemId": "fs-1"}, {"fileSystemId": "fs-1"}, True),
        ({"fileSystemId": "fs-1"}, {"fileSystemId": "fs-1", "rootDirectory": "/"}, True),
        ({"fileSystemId": "fs-1"}, {"fileSystemId": "fs-2"}, False),
        ({"fileSystemId": "fs-1"}, {"fileSystemId": "fs-1", "rootDirectory": "/a"}, False),
        ({"fileSystemId": "fs-1"}, {"fileSystemId": "fs-1", "authorizationConfig": {"accessPointId": "p"}}, False),
    ],
)
def test_a_file_system_is_shared_by_all_that_mount_the_same(
    one: dict[str, Any], other: dict[str, Any], same: bool
) -> None:
    def volume(efs: dict[str, Any], service: str) -> str:
        task = task_of(make_service(name=service, volumes=[{"name": "data", "efsVolumeConfiguration": efs}]))
        [(name, labels)] = task.volumes.items()
        assert names.DATA in labels, "down keeps it"
        assert names.TASK not in labels
        return name

    assert (volume(one, "hello") == volume(other, "web")) is same


class TestFireLens:
    def test_what_a_container_prints_goes_to_the_relay_on_the_routers_volume(self) -> None:
        task = task_of(firelens())
        hello, router = task.members
        [mount] = [mount for mount in router.spec.mounts if mount.target == "/var/run"]
        assert hello.spec.log_driver == "fluentd"
        assert hello.spec.log_options["fluentd-address"] == (
            f"unix:///var/lib/docker/volumes/{mount.source}/_data/relay.sock"
        )
        assert hello.spec.log_options["fluentd-async"] == "false"
        assert hello.router == router.spec.name
        assert hello.depends_on == (("firelens_log_router", "START"),)
        assert hello.spec.labels[names.LOG_ROUTER] == "firelens_log_router"
        assert task.pause.image == AGENT
        assert (names.RELAY in task.pause.labels, task.pause.network) == (True, "cl-demo-test")
        assert [mount.source for mount in task.pause.mounts] == [
            mount.source,
            f"/var/lib/docker/volumes/cl-demo-test-logs/_data/hello.{TASK_ID}",
        ]
        script, *arguments = task.pause.command or ()
        assert script.startswith('trap "" USR1; '), "a signal that comes too early ends nothing"
        assert script.endswith('exec python3 -m emulator.agent.log_relay.relay "$@"')
        assert arguments == [
            "relay",
            "/copilot-local/socket/relay.sock",
            "/copilot-local/socket/fluent.sock",
            "/copilot-local/socket/copilot-local-buffer",
            f"/copilot-local/logs/hello.{TASK_ID}.drained",
            "/tmp/relay.settled",
            "ecs_cluster=demo-test",
            f"ecs_task_arn=arn:aws:ecs:us-east-1:000000000000:task/demo-test/{TASK_ID}",
            "ecs_task_definition=demo-test-hello:1",
        ]

    def test_with_ecss_own_driver_mode_docker_talks_to_the_router_itself(self) -> None:
        state = desired_state(firelens())
        state.services["hello"].options.fidelity = "ecs"
        task = TaskFactory(state, Private(), ROOT).task(state.services["hello"], TASK_ID)
        assert task.members[0].spec.log_options["fluentd-address"].endswith("/fluent.sock")
        assert (task.pause.image, task.pause.labels[names.RELAY]) == (AGENT, "")

    def test_only_where_something_logs_through_a_router_pause_relays(self) -> None:
        assert task_of(make_service()).pause.image == PAUSE

    def test_the_router_itself_logs_to_docker(self) -> None:
        _, router = task_of(firelens()).members
        assert router.spec.log_driver == "json-file"
        assert router.spec.labels[names.ROLE] == "router"
        assert "/fluent-bit/etc" in dict(router.files)

    def test_ecs_tells_where_the_router_listens_whatever_the_user_says(self) -> None:
        own = {"environment": variables(("FLUENT_HOST", "mine"), ("FLUENT_PORT", "1"))}
        hello = task_of(make_service({"hello": {**ROUTED, **own}, "firelens_log_router": ROUTER})).members[0]
        found = hello.spec.environment
        assert (found["FLUENT_HOST"], found["FLUENT_PORT"]) == ("127.0.0.1", "24224")

    def test_a_socket_path_that_is_too_long_is_refused(self) -> None:
        state = desired_state(firelens())
        factory = TaskFactory(state, Private(), "/var/lib/" + "deep/" * 20)
        with pytest.raises(InputError, match="a unix socket takes 107"):
            factory.task(state.services["hello"], TASK_ID)


class TestValues:
    """What a reference stands for here."""

    def desired(self, **values: str) -> Any:
        desired = desired_state(make_service()).services["hello"]
        desired.options.values = values
        return desired

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ("text", "text"),
            (PseudoReference(name="AWS::Region"), "us-east-1"),
            (PseudoReference(name="AWS::AccountId"), "000000000000"),
            (PseudoReference(name="AWS::Partition"), "aws"),
            (ResourceReference(name="LogGroup"), "/copilot/demo-test-hello"),
            (ImportReference(name="queue"), "local-queue"),
            (ResourceReference(name="Table", attribute="Arn"), "local-table"),
            (Join(parts=("arn:", PseudoReference(name="AWS::Partition"), ":x")), "arn:aws:x"),
            (ResourceReference(name="PublicLoadBalancer", attribute="DNSName"), "public-load-balancer.internal"),
        ],
    )
    def test_known_ones(self, value: Any, expected: str) -> None:
        assert resolve(value, self.desired(queue="local-queue", **{"Table.Arn": "local-table"})) == expected

    def test_unknown_ones_are_asked_for_with_their_line(self) -> None:
        value = ImportReference(name="queue", position=Position("manifest.yml", 12))
        with pytest.raises(
            InputError, match=r"manifest\.yml:12: the CloudFormation export queue has no value"
        ) as caught:
            resolve(value, self.desired())
        assert '"queue" = ' in caught.value.hint

    def test_each_is_asked_for_once(self) -> None:
        values: list[Value] = [
            ImportReference(name="a"),
            Join(parts=("x", ParameterReference(name="b"))),
            ImportReference(name="a"),
        ]
        assert resolve_all(values, self.desired()) == ["the CloudFormation export a", "the parameter b"]
