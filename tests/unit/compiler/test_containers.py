from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from emulator.compiler import AddonOutputs, Surroundings
from emulator.ecs.references import (
    AddonReference,
    EnvFileReference,
    ImportReference,
    Join,
    ResourceReference,
    Value,
    value_name,
)
from emulator.ecs.service import Service
from emulator.ecs.task_definition import ContainerDefinition

Compile = Callable[..., Service]
BASE = "name: api\ntype: Backend Service\nimage: {location: api}\n"
WORKER = "name: api\ntype: Worker Service\nimage: {location: api}\n"


def container(service: Service, name: str = "api") -> ContainerDefinition:
    return service.task_definition.container(name)


def names(definition: ContainerDefinition) -> list[str]:
    return [pair.name for pair in definition.environment]


def plain(value: Value) -> str:
    """A value with each reference written as `<name>`."""
    if isinstance(value, str):
        return value
    if isinstance(value, Join):
        return "".join(plain(part) for part in value.parts)
    return f"<{value_name(value)}>"


def test_containers_come_in_copilots_order(compile: Compile) -> None:
    text = f"{BASE}observability: {{tracing: awsxray}}\nlogging: {{enableMetadata: false}}\n"
    service = compile(text + "sidecars: {z: {image: z}, a: {image: a}}")
    found = [definition.name for definition in service.task_definition.container_definitions]
    assert found == ["api", "firelens_log_router", "aws-otel-collector", "a", "z"]
    collector = container(service, "aws-otel-collector")
    assert collector.command == ["--config=/etc/ecs/ecs-xray.yaml"]
    assert collector.environment == []


def test_variables_come_in_copilots_order(compile: Compile) -> None:
    text = """
        name: api
        type: Load Balanced Web Service
        image: {location: api, port: 80}
        http: {path: /}
        publish: {topics: [{name: b}, {name: a, fifo: true}]}
        variables: {ZED: 1, ALPHA: {from_cfn: Exported}, EMPTY: }
        storage: {volumes: {data: {path: /data}}}
    """
    addons = AddonOutputs(variables=("myTableName", "MyDDBTable"))
    definition = container(compile(text, surroundings=Surroundings(addons=addons)))
    assert names(definition) == [
        "COPILOT_APPLICATION_NAME",
        "COPILOT_SERVICE_DISCOVERY_ENDPOINT",
        "COPILOT_ENVIRONMENT_NAME",
        "COPILOT_SERVICE_NAME",
        "MY_DDB_TABLE",
        "MY_TABLE_NAME",
        "COPILOT_SNS_TOPIC_ARNS",
        "COPILOT_LB_DNS",
        "ALPHA",
        "EMPTY",
        "ZED",
        "COPILOT_MOUNT_POINTS",
    ]
    found = {pair.name: plain(pair.value) for pair in definition.environment}
    assert found["MY_DDB_TABLE"] == "<MyDDBTable>"
    assert (found["ALPHA"], found["EMPTY"], found["ZED"]) == ("<Exported>", "", "1")
    assert found["COPILOT_MOUNT_POINTS"] == '{"data":"/data"}'
    arn = "arn:<AWS::Partition>:sns:<AWS::Region>:<AWS::AccountId>:demo-test-api"
    assert json.loads(found["COPILOT_SNS_TOPIC_ARNS"]) == {"a.fifo": f"{arn}-a.fifo", "b": f"{arn}-b"}


def test_a_worker_knows_its_queues(compile: Compile) -> None:
    topics = "[{name: givesdogs, service: dogsvc}, {name: give-cats, service: cat-svc, queue: {fifo: true}}]"
    definition = container(compile(f"{WORKER}subscribe: {{topics: {topics}}}"))
    found = {pair.name: plain(pair.value) for pair in definition.environment}
    assert found["COPILOT_QUEUE_URI"] == "<EventsQueue>"
    assert found["COPILOT_TOPIC_QUEUE_URIS"] == ('{"catsvcGivecatsfifoEventsQueue":"<catsvcgivecatsfifoEventsQueue>"}')


@pytest.mark.parametrize("key", ["credentialsParameter", "credentialParameter", "credentials_parameter"])
def test_a_registry_login_keeps_its_line_however_it_is_spelt(compile: Compile, key: str) -> None:
    service = compile(f"{BASE}sidecars:\n  nginx:\n    image: nginx\n    {key}: hub\n")
    credentials = container(service, "nginx").repository_credentials
    assert credentials is not None
    assert credentials.credentials_parameter == "hub"
    assert service.positions["sidecars.nginx.credentialsParameter"].line == 7


def test_the_main_containers_registry_login_keeps_its_line(compile: Compile) -> None:
    service = compile("name: api\ntype: Backend Service\nimage:\n  location: api\n  credentials: hub\n")
    assert service.positions["image.credentials"].line == 5


def test_a_sidecar_has_its_own_variables_and_mount_points(compile: Compile) -> None:
    text = f"""{BASE}storage: {{volumes: {{data: {{path: /data, read_only: false}}}}}}
sidecars:
  nginx:
    image: nginx
    essential: false
    variables: {{A: on}}
    mount_points: [{{source_volume: data, path: /var/www}}]
    labels: {{k: v}}
    credentialsParameter: arn:aws:secretsmanager:eu-west-1:1:secret:registry
    depends_on: {{api: start}}
"""
    service = compile(text)
    nginx = container(service, "nginx")
    assert {pair.name: pair.value for pair in nginx.environment}["A"] == "on"
    assert nginx.environment[-1].value == '{"data":"/var/www"}'
    assert nginx.essential is False
    [mount] = nginx.mount_points
    assert (mount.source_volume, mount.container_path, mount.read_only) == ("data", "/var/www", True)
    [main_mount] = container(service).mount_points
    assert (main_mount.container_path, main_mount.read_only) == ("/data", False)
    assert nginx.docker_labels == {"k": "v"}
    assert nginx.repository_credentials is not None
    assert nginx.repository_credentials.credentials_parameter.endswith(":registry")  # type: ignore[union-attr]
    [dependency] = nginx.depends_on
    assert (dependency.container_name, dependency.condition) == ("api", "START")


def test_secrets_in_their_three_forms(compile: Compile) -> None:
    text = f"{BASE}secrets: {{C: {{secretsmanager: 'db:key::'}}, A: /copilot/a, B: {{from_cfn: Exported}}}}"
    definition = container(compile(text, surroundings=Surroundings(addons=AddonOutputs(secrets=("DbSecret",)))))
    assert {secret.name: plain(secret.value_from) for secret in definition.secrets} == {
        "A": "/copilot/a",
        "B": "<Exported>",
        "C": "arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:db:key::",
        "DB_SECRET": "<DbSecret>",
    }
    assert isinstance(definition.secrets[1].value_from, ImportReference)
    assert definition.secrets[1].value_from.position is not None
    assert isinstance(definition.secrets[3].value_from, AddonReference)


def test_environment_file(compile: Compile) -> None:
    [file] = container(compile(f"{BASE}env_file: ./api.env")).environment_files
    assert isinstance(file.value, EnvFileReference)
    assert (file.value.name, file.type) == ("./api.env", "s3")


@pytest.mark.parametrize(
    ("build", "context", "dockerfile"),
    [
        ("./Dockerfile", ".", "Dockerfile"),
        ("api/Dockerfile.dev", "api", "api/Dockerfile.dev"),
        ("{context: api}", "api", "api/Dockerfile"),
        ("{dockerfile: api/Dockerfile}", "api", "api/Dockerfile"),
        ("{context: ., dockerfile: ./docker/api}", ".", "docker/api"),
        ("{args: {A: 1}}", ".", "Dockerfile"),
    ],
)
def test_where_an_image_is_built(compile: Compile, build: str, context: str, dockerfile: str) -> None:
    found = compile(f"name: api\ntype: Backend Service\nimage: {{build: {build}}}").builds["api"]
    assert (found.context, found.dockerfile) == (context, dockerfile)
    assert found.position is not None


def test_an_empty_build_leaves_the_image_that_is_pulled(compile: Compile) -> None:
    service = compile(
        "name: api\ntype: Backend Service\nimage: {build: '', location: nginx}\n"
        "sidecars: {s: {image: {build: '', location: busybox}}}\n"
    )
    images = {container.name: container.image for container in service.task_definition.container_definitions}
    assert (images, service.builds) == ({"api": "nginx", "s": "busybox"}, {})


def test_a_sidecar_may_be_built(compile: Compile) -> None:
    text = f"{BASE}sidecars: {{nginx: {{image: {{build: {{context: nginx, target: prod, args: {{V: 1.0}}}}}}}}}}"
    service = compile(text)
    assert not isinstance(container(service, "nginx").image, str)
    assert (service.builds["nginx"].target, service.builds["nginx"].args) == ("prod", {"V": "1.0"})


def test_a_partial_health_check_takes_copilots_defaults(compile: Compile) -> None:
    assert container(compile(BASE)).health_check is None
    service = compile("name: api\ntype: Backend Service\nimage: {location: api, healthcheck: {interval: 6s}}")
    check = container(service).health_check
    assert check is not None
    assert check.command == ["CMD-SHELL", "curl -f http://localhost/ || exit 1"]
    assert (check.interval, check.timeout, check.retries, check.start_period) == (6, 5, 2, 0)


@pytest.mark.parametrize(
    ("logging", "router"),
    [("{}", False), ("{retention: 1}", False), ("{enableMetadata: true}", True), ("{destination: {Name: x}}", True)],
)
def test_anything_but_retention_adds_the_log_router(compile: Compile, logging: str, router: bool) -> None:
    service = compile(f"{BASE}logging: {logging}")
    assert (service.task_definition.log_router is not None) is router
    driver = container(service).log_configuration
    assert driver is not None
    assert driver.log_driver == ("awsfirelens" if router else "awslogs")


def test_log_router(compile: Compile) -> None:
    text = f"""{BASE}logging:
  image: my/router
  enableMetadata: false
  configFilePath: /extra.conf
  variables: {{A: b}}
  secrets: {{S: s}}
  env_file: router.env
  destination: {{Name: datadog}}
  secretOptions: {{apikey: /datadog/key}}
  retention: 7
"""
    service = compile(text)
    router = container(service, "firelens_log_router")
    assert router.image == "my/router"
    assert router.firelens_configuration is not None
    assert router.firelens_configuration.options == {
        "enable-ecs-log-metadata": "false",
        "config-file-type": "file",
        "config-file-value": "/extra.conf",
    }
    assert names(router)[-1] == "A"
    assert [secret.name for secret in router.secrets] == ["S"]
    assert len(router.environment_files) == 1
    driver = container(service).log_configuration
    assert driver is not None
    assert [(secret.name, secret.value_from) for secret in driver.secret_options] == [("apikey", "/datadog/key")]
    assert service.log_group.retention_in_days == 7


def test_sidecars_log_to_cloudwatch_unless_they_are_named(compile: Compile) -> None:
    sidecars = "sidecars: {a: {image: a}, b: {image: b}}\n"
    drivers = {
        name: definition.log_configuration.log_driver if definition.log_configuration else ""
        for name in ("a", "b")
        for definition in [
            container(compile(f"{BASE}{sidecars}logging: {{destination: {{Name: x}}, sidecars: [b]}}"), name)
        ]
    }
    assert drivers == {"a": "awslogs", "b": "awsfirelens"}


def test_volumes(compile: Compile) -> None:
    text = f"""{BASE}storage:
  ephemeral: 30
  readonly_fs: true
  volumes:
    b: {{path: /b}}
    a: {{path: /a, efs: {{id: fs-1, auth: {{iam: true, access_point_id: fsap-1}}}}}}
    managed: {{path: /m, efs: true}}
"""
    service = compile(text)
    task = service.task_definition
    assert [volume.name for volume in task.volumes] == ["managed", "a", "b"]
    managed, existing, scratch = (volume.efs_volume_configuration for volume in task.volumes)
    assert managed is not None
    assert isinstance(managed.file_system_id, ResourceReference)
    assert existing is not None
    assert (existing.file_system_id, existing.root_directory, existing.transit_encryption) == ("fs-1", "/", "ENABLED")
    assert existing.authorization_config is not None
    assert (existing.authorization_config.iam, existing.authorization_config.access_point_id) == ("ENABLED", "fsap-1")
    assert scratch is None
    assert task.ephemeral_storage is not None
    assert task.ephemeral_storage.size_in_gi_b == 30
    assert container(service).readonly_root_filesystem is True
    assert [mount.source_volume for mount in container(service).mount_points] == ["a", "b", "managed"]


def test_fargates_own_scratch_size_is_not_written(compile: Compile) -> None:
    assert compile(f"{BASE}storage: {{ephemeral: 20}}").task_definition.ephemeral_storage is None


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("linux/amd64", None),
        ("linux/arm64", ("LINUX", "ARM64")),
        ("{osfamily: windows_server_2022_core, architecture: x86_64}", ("WINDOWS_SERVER_2022_CORE", "X86_64")),
    ],
)
def test_platform(compile: Compile, platform: str, expected: tuple[str, str] | None) -> None:
    found = compile(f"{BASE}cpu: 1024\nmemory: 2048\nplatform: {platform}").task_definition.runtime_platform
    assert (found and (found.operating_system_family, found.cpu_architecture)) == expected


def test_positions_of_what_may_need_a_message(compile: Compile) -> None:
    service = compile(f"{BASE}count: 3\nsidecars: {{nginx: {{image: nginx}}}}")
    assert service.desired_count == 3
    assert service.positions["count"].line == 4
    assert service.positions["sidecars.nginx"].line == 5
    assert service.manifest == "manifest.yml"
