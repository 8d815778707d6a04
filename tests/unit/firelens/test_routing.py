from __future__ import annotations

from collections.abc import Callable

import pytest

from emulator.ecs.identity import TaskIdentity
from emulator.ecs.task_definition import TaskDefinition
from emulator.errors import InputError
from emulator.firelens.log_options import docker_log_configuration, fluent_variables, router_variables
from emulator.firelens.routing import router_dependencies, router_secrets

MakeTask = Callable[..., TaskDefinition]
SOCKET = "/var/lib/docker/volumes/cl-demo/_data/fluent.sock"


def test_a_container_that_logs_through_the_router_waits_for_its_start(make_task: MakeTask) -> None:
    [(name, dependency)] = router_dependencies(make_task()).items()
    assert (name, dependency.container_name, dependency.condition) == ("web", "firelens_log_router", "START")


def test_a_dependency_that_the_user_wrote_stands(make_task: MakeTask) -> None:
    depends_on = [{"containerName": "firelens_log_router", "condition": "HEALTHY"}]
    assert router_dependencies(make_task(web={"dependsOn": depends_on})) == {}


def test_no_container_waits_for_a_router_that_waits_itself(make_task: MakeTask) -> None:
    depends_on = [{"containerName": "init", "condition": "SUCCESS"}]
    task = make_task(router={"dependsOn": depends_on}, others=[{"name": "init", "image": "init", "essential": False}])
    assert router_dependencies(task) == {}


def test_other_log_drivers_and_the_router_itself_do_not_wait(make_task: MakeTask) -> None:
    own = {"logConfiguration": {"logDriver": "awsfirelens", "options": {"Name": "stdout"}}}
    awslogs = {"name": "nginx", "image": "nginx", "logConfiguration": {"logDriver": "awslogs"}}
    assert set(router_dependencies(make_task(router=own, others=[awslogs]))) == {"web"}


def test_docker_log_driver(make_task: MakeTask, fargate_task: TaskIdentity, firehose: dict[str, str]) -> None:
    task = make_task(options=firehose)
    configuration = docker_log_configuration(task.container("web"), fargate_task, SOCKET)
    assert configuration.driver == "fluentd"
    assert configuration.options == {
        "tag": "web-firelens-0123456789abcdef0123456789abcdef",
        "fluentd-address": f"unix://{SOCKET}",
        "fluentd-async": "false",
        "fluentd-sub-second-precision": "true",
        "mode": "blocking",
        "cache-disabled": "false",
        "fluentd-buffer-limit": "4096",
        "labels": "container_id,container_name",
    }
    assert configuration.labels == {"container_id": fargate_task.container_id("web"), "container_name": "web"}


def test_driver_mode_of_ecs_on_ec2(make_task: MakeTask, fargate_task: TaskIdentity) -> None:
    driver = docker_log_configuration(make_task().container("web"), fargate_task, SOCKET, asynchronous=True)
    assert driver.options["fluentd-async"] == "true"
    assert "fluentd-buffer-limit" not in driver.options
    assert "labels" not in driver.options
    assert not driver.labels


def test_a_socket_path_longer_than_linux_takes_is_refused(make_task: MakeTask, fargate_task: TaskIdentity) -> None:
    with pytest.raises(InputError, match="108 bytes"):
        docker_log_configuration(make_task().container("web"), fargate_task, "/" + "s" * 107)


def test_only_containers_that_log_through_the_router_learn_its_address(make_task: MakeTask) -> None:
    task = make_task()
    expected = {"FLUENT_HOST": "127.0.0.1", "FLUENT_PORT": "24224"}
    assert fluent_variables(task, task.container("web")) == expected
    assert fluent_variables(task, task.container("firelens_log_router")) == {}


def test_on_a_bridge_the_address_is_the_routers(make_task: MakeTask) -> None:
    task = make_task(network_mode="bridge")
    assert fluent_variables(task, task.container("web"), "172.17.0.5")["FLUENT_HOST"] == "172.17.0.5"
    with pytest.raises(InputError, match="unable to get BridgeIP for task in bridge mode"):
        fluent_variables(task, task.container("web"))
    host = make_task(network_mode="host")
    assert fluent_variables(host, host.container("web")) == {}


def test_secret_options_become_variables_of_the_router(make_task: MakeTask) -> None:
    [secret] = router_secrets(make_task(secrets={"apikey": "arn:aws:ssm:::parameter/key"}))
    assert (secret.name, secret.value_from) == ("apikey_0", "arn:aws:ssm:::parameter/key")


def test_fluentd_runs_as_root(make_task: MakeTask) -> None:
    assert router_variables(make_task(type="fluentd", options={"@type": "stdout"})) == {"FLUENT_UID": "0"}
    assert router_variables(make_task()) == {}
