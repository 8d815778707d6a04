"""Images, builds, health checks, words, variables, secrets, sidecars and logging: forms and rules."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.manifest.conftest import BACKEND, JOB, WEB, WORKER


def image(text: str) -> dict[str, str]:
    return {"image": f"{{port: 80, {text}}}"}


# image, §1.4


def test_a_build_is_a_dockerfile_or_a_map(manifests: Any) -> None:
    assert manifests.good(**image("build: ./Dockerfile")).image.build.dockerfile == "./Dockerfile"
    build = manifests.good(
        **image("build: {context: ., dockerfile: a, args: {A: 1.0}, target: t, cache_from: [x, y]}")
    ).image.build
    assert (build.context, build.dockerfile, build.target, build.cache_from) == (".", "a", "t", ["x", "y"])
    assert build.args == {"A": "1.0"}


def test_the_other_keys_of_an_image(manifests: Any) -> None:
    text = (
        "location: nginx, credentials: arn:x, labels: {com.x: true}, depends_on: {}, "
        "healthcheck: {command: [CMD, 'true']}"
    )
    loaded = manifests.good(**image(text)).image
    assert (loaded.location, loaded.credentials, loaded.labels) == ("nginx", "arn:x", {"com.x": "true"})
    assert loaded.healthcheck.command == ["CMD", "true"]


def test_an_empty_text_builds_nothing(manifests: Any) -> None:
    loaded = manifests.good(
        **image("build: '', location: nginx"), sidecars="{s: {image: {build: '', location: busybox}}}"
    )
    assert (loaded.image.build, loaded.image.location) == (None, "nginx")
    assert (loaded.sidecars["s"].image.build, loaded.sidecars["s"].image.location) == (None, "busybox")


@pytest.mark.parametrize("build", ["{cache_from: []}", "{args: {}}", "{context: ''}", "{dockerfile: ''}"])
def test_a_map_with_a_key_builds_whatever_is_in_it(manifests: Any, build: str) -> None:
    sidecar = f"{{s: {{image: {{build: {build}}}}}}}"
    loaded = manifests.good(**image(f"build: {build}"), sidecars=sidecar)
    assert loaded.image.build is not None
    assert loaded.sidecars["s"].image.build is not None
    assert manifests.bad(**image(f"build: {build}, location: x")) == [("CL120", "image.location")]


def test_a_build_that_is_not_known_yet_is_no_contradiction(manifests: Any) -> None:
    text = manifests.text(
        **image("build: '${B}', location: nginx"), sidecars="{s: {image: {build: '${B}', location: busybox}}}"
    )
    found = [(finding.code, finding.path) for finding in manifests.findings(text)]
    assert found == [("CL110", "image.build"), ("CL110", "sidecars.s.image.build")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("build: a, location: b", [("CL120", "image.location")]),
        ("labels: {}", [("CL120", "image")]),
        ("build: ''", [("CL120", "image")]),
        ("build: {}", [("CL103", "image.build")]),
        ("build: [a]", [("CL103", "image.build")]),
        ("location: 'repo:<image_tag>'", [("CL157", "image.location")]),
        ("location: nginx, build: null, labels: [a]", [("CL103", "image.labels")]),
    ],
)
def test_images_that_are_wrong(manifests: Any, text: str, expected: list[tuple[str, str]]) -> None:
    assert manifests.bad(**image(text)) == expected


def test_a_web_service_needs_a_port(manifests: Any) -> None:
    assert manifests.bad(image="{location: nginx}") == [("CL106", "image")]
    assert manifests.good(BACKEND, image="{location: nginx}").image.port is None


@pytest.mark.parametrize("kind", [WORKER, JOB])
def test_a_port_of_a_worker_or_job_is_ignored_by_copilot(manifests: Any, kind: str) -> None:
    assert manifests.bad(kind, image="{location: nginx, port: 80}") == [("CL109", "image.port")]
    assert not hasattr(manifests.lenient(kind, image="{location: nginx, port: 80}").image, "port")


@pytest.mark.parametrize("kind", [WEB, BACKEND, WORKER, JOB])
def test_an_image_is_required(manifests: Any, kind: str) -> None:
    assert ("CL106", "") in manifests.bad(kind, image=None)


# health checks, §1.5


def test_a_health_check_has_durations_and_a_list(manifests: Any) -> None:
    text = "location: x, healthcheck: {command: [CMD, x], interval: 10s, timeout: 5s, retries: 3, start_period: 1m}"
    check = manifests.good(**image(text)).image.healthcheck
    assert (check.interval, check.timeout, check.retries) == (timedelta(seconds=10), timedelta(seconds=5), 3)
    assert check.start_period == timedelta(minutes=1)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("command: [CMD, x], interval: 4s", "CL151"),
        ("command: [CMD, x], interval: 301s", "CL151"),
        ("command: [CMD, x], timeout: 1s", "CL151"),
        ("command: [CMD, x], timeout: 61s", "CL151"),
        ("command: [CMD, x], retries: 0", "CL151"),
        ("command: [CMD, x], retries: 11", "CL151"),
        ("command: [CMD, x], start_period: 301s", "CL151"),
        ("command: [curl, x]", "CL151"),
        ("command: [CMD]", "CL151"),
        ("command: curl x", "CL103"),
        ("command: [CMD, x], interval: 10", "CL103"),
        ("command: [CMD, x], interval: 10.5s", "CL104"),
        ("interval: 10s", "CL109"),
    ],
)
def test_health_checks_that_are_wrong(manifests: Any, text: str, code: str) -> None:
    assert code in [found for found, _ in manifests.bad(**image(f"location: x, healthcheck: {{{text}}}"))]


def test_durations_at_the_limits_of_ecs_are_right(manifests: Any) -> None:
    text = "location: x, healthcheck: {command: [CMD, x], interval: 300s, timeout: 60s, retries: 10, start_period: 0s}"
    assert manifests.good(**image(text)).image.healthcheck.retries == 10


# entrypoint and command, §1.6


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("'echo \"a b\" c'", ["echo", "a b", "c"]),
        ("[echo, 'a b']", ["echo", "a b"]),
        ("a # b", ["a"]),
        ("'a # b'", ["a"]),
        ("'a#b'", ["a#b"]),
        ("'$HOME ${X:-y}'", ["$HOME", "${X:-y}"]),
        ("'a\\ b'", ["a b"]),
        ("'\"a\\nb\"'", ["anb"]),
        ('"a #x\\nb"', ["a", "b"]),
        ("[80, true, 1.0]", ["80", "true", "1.0"]),
        ("''", []),
    ],
)
def test_words(manifests: Any, text: str, words: list[str]) -> None:
    loaded = manifests.good(command=text, entrypoint=text)
    assert (loaded.command, loaded.entrypoint) == (words, words)


@pytest.mark.parametrize("text", ["'echo \"a'", "'a \\'"])
def test_a_quote_that_never_closes(manifests: Any, text: str) -> None:
    assert manifests.bad(command=text) == [("CL107", "command")]


def test_words_that_are_a_map(manifests: Any) -> None:
    assert manifests.bad(entrypoint="{a: b}") == [("CL103", "entrypoint")]


# variables, secrets, env_file, §1.8


def test_forms_of_variables(manifests: Any) -> None:
    variables = manifests.good(variables="{A: text, B: 80, C: {from_cfn: export}, D: , E: ''}").variables
    assert [variables[name].value for name in "ABCDE"] == ["text", "80", None, "", ""]
    assert variables["C"].from_cfn == "export"


def test_forms_of_secrets(manifests: Any) -> None:
    secrets = manifests.good(
        secrets="{A: /ssm/name, B: 'arn:aws:ssm:a:1:parameter/x', C: {secretsmanager: 'n:key::'}, D: {from_cfn: e}}"
    ).secrets
    assert (secrets["A"].value_from, secrets["C"].secretsmanager, secrets["D"].from_cfn) == (
        "/ssm/name",
        "n:key::",
        "e",
    )
    assert secrets["B"].value_from == "arn:aws:ssm:a:1:parameter/x"


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ({"variables": "{A: [x]}"}, [("CL103", "variables.A")]),
        ({"variables": "{A: {x: y}}"}, [("CL101", "variables.A.x"), ("CL103", "variables.A")]),
        ({"variables": "{A: {from_cfn: }}"}, [("CL103", "variables.A")]),
        ({"variables": "{A: {from_cfn: ''}}"}, [("CL107", "variables.A.from_cfn")]),
        ({"variables": "[A]"}, [("CL103", "variables")]),
        ({"secrets": "{A: [x]}"}, [("CL103", "secrets.A")]),
        ({"secrets": "{A: }"}, [("CL107", "secrets.A")]),
        ({"secrets": "{A: 'arn:aws'}"}, [("CL107", "secrets.A")]),
        ({"secrets": "{A: 'arn:aws:s3:::bucket'}"}, [("CL107", "secrets.A")]),
        ({"variables": "{A: x}", "secrets": "{A: y}"}, [("CL152", "secrets.A")]),
        ({"variables": "{COPILOT_SERVICE_NAME: x}"}, [("CL153", "variables.COPILOT_SERVICE_NAME")]),
        ({"secrets": "{COPILOT_SERVICE_NAME: x}"}, [("CL153", "secrets.COPILOT_SERVICE_NAME")]),
        ({"variables": "{'A B': x}"}, [("CL136", 'variables["A B"]')]),
        ({"variables": f"{{A: {'x' * 66000}}}"}, [("CL154", "variables")]),
        ({"env_file": "vars.txt"}, [("CL122", "env_file")]),
    ],
)
def test_variables_that_are_wrong(manifests: Any, blocks: dict[str, str], expected: list[tuple[str, str]]) -> None:
    found = manifests.bad(**blocks)
    assert set(expected) <= set(found)


@pytest.mark.parametrize("path", ["a.env", ".env", "folder/prod.env"])
def test_env_files(manifests: Any, path: str) -> None:
    assert manifests.good(env_file=path).env_file == path


# sidecars, §1.9


def test_every_key_of_a_sidecar(manifests: Any) -> None:
    sidecar = manifests.good(
        storage="{volumes: {data: {path: /data}}}",
        sidecars="""
  nginx:
    port: 8080/udp
    image: {build: {dockerfile: nginx/Dockerfile}}
    essential: false
    credentialsParameter: arn:x
    variables: {A: 1}
    secrets: {B: c}
    env_file: x.env
    mount_points: [{source_volume: data, path: /x, read_only: false}, {source_volume: data, path: /y}]
    labels: {a: b}
    depends_on: {web: start}
    healthcheck: {command: [CMD, x]}
    entrypoint: a b
    command: [c]
""",
    ).sidecars["nginx"]
    assert (sidecar.port.number, sidecar.port.protocol, sidecar.essential) == (8080, "udp", False)
    assert (sidecar.image.build.dockerfile, sidecar.image.location) == ("nginx/Dockerfile", None)
    assert (sidecar.credentials_parameter, sidecar.variables["A"].value, sidecar.env_file) == ("arn:x", "1", "x.env")
    assert [mount.read_only for mount in sidecar.mount_points] == [False, True]
    assert (sidecar.entrypoint, sidecar.command, sidecar.labels) == (["a", "b"], ["c"], {"a": "b"})


@pytest.mark.parametrize("text", ["80", "'80'", "80/tcp", "80/UDP", "65535"])
def test_ports_of_a_sidecar(manifests: Any, text: str) -> None:
    port = (
        manifests.good(BACKEND, image="{location: x}", sidecars=f"{{n: {{image: x, port: {text}}}}}").sidecars["n"].port
    )
    assert port.number in (80, 65535)


@pytest.mark.parametrize("text", ["81/tls", "80/sctp", "80/udp/tcp", "http", "0", "65536", "-1", "8080-8090", "''"])
def test_ports_that_are_none(manifests: Any, text: str) -> None:
    assert manifests.bad(sidecars=f"{{n: {{image: x, port: {text}}}}}") == [("CL107", "sidecars.n.port")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{port: 8080}", ("CL106", "sidecars.n")),
        ("", ("CL106", "sidecars.n")),
        ("{image: {}}", ("CL103", "sidecars.n.image")),
        ("{image: {build: a, location: b}}", ("CL120", "sidecars.n.image.location")),
        ("{image: {build: a, context: b}}", ("CL102", "sidecars.n.image.context")),
        ("{image: x, env_file: a.txt}", ("CL122", "sidecars.n.env_file")),
        
        
        
        
        ("{image: 'x:<tag>'}", ("CL157", "sidecars.n.image")),
    ],
)  # fmt: skip
def test_sidecars_that_are_wrong(manifests: Any, text: str, expected: tuple[str, str]) -> None:
    assert expected in manifests.bad(sidecars=f"{{n: {text}}}")


@pytest.mark.parametrize(
    ("text", "code", "key"),
    [
        ("{path: /a}", "CL106", ""),
        ("{source_volume: v}", "CL106", ""),
        ("{source_volume: '', path: /a}", "CL106", ".source_volume"),
        ("{source_volume: v, path: '/a b'}", "CL134", ".path"),
        ("{source_volume: v, path: ''}", "CL106", ".path"),
        ("{source_volume: v, path: /a}", "CL135", ".source_volume"),
    ],
)
def test_mount_points_that_are_wrong(manifests: Any, text: str, code: str, key: str) -> None:
    found = manifests.bad(sidecars=f"{{n: {{image: x, mount_points: [{text}]}}}}")
    assert code in [found_code for found_code, _ in found]
    assert any(path.endswith(f"mount_points[0]{key}") for _, path in found)


@pytest.mark.parametrize("name", ["a.b", "web", "x" * 256])
def test_names_of_containers(manifests: Any, name: str) -> None:
    assert ("CL155" in {code for code, _ in manifests.bad(sidecars=f"{{{name}: {{image: x}}}}")}) is True


def test_sidecars_that_cloudformation_cannot_tell_apart(manifests: Any) -> None:
    assert manifests.bad(sidecars="{a-b: {image: x}, ab: {image: x}}") == [("CL155", "sidecars.ab")]


def test_a_task_has_ten_containers(manifests: Any) -> None:
    cars = ", ".join(f"c{number}: {{image: x}}" for number in range(10))
    assert manifests.bad(sidecars=f"{{{cars}}}") == [("CL154", "sidecars")]


# logging, §1.10


@pytest.mark.parametrize(
    ("text", "on"),
    [
        ("{}", False),
        ("{retention: 1}", False),
        ("{enableMetadata: false}", True),
        ("{env_file: x.env}", True),
        ("{destination: {}}", True),
        ("{image: x}", True),
        ("{image: ~, retention: 7}", False),
        ("{variables: {A: b}}", True),
        ("{configFilePath: /x}", True),
    ],
)
def test_what_makes_a_log_router(manifests: Any, text: str, on: bool) -> None:
    assert manifests.good(logging=text).logging.firelens is on


def test_every_key_of_logging(manifests: Any) -> None:
    logging = manifests.good(
        logging="{retention: 7, image: x, destination: {Name: es, Port: 80}, enableMetadata: false, "
        "secretOptions: {P: s}, configFilePath: /c, variables: {A: 1}, secrets: {B: c}, env_file: l.env}"
    ).logging
    assert (logging.retention, logging.image, logging.enable_metadata) == (7, "x", False)
    assert logging.destination == {"Name": "es", "Port": "80"}
    assert (logging.secret_options["P"].value_from, logging.config_file_path) == ("s", "/c")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{retention: 31}", ("CL156", "logging.retention")),
        ("{env_file: x.txt}", ("CL122", "logging.env_file")),
        ("{destination: {name: es}}", ("CL159", "logging.destination.name")),
        ("{destination: {Host: es}}", ("CL159", "logging.destination")),
        ("{enable_metadata: true}", ("CL102", "logging.enable_metadata")),
        ("text", ("CL103", "logging")),
    ],
)
def test_logging_that_is_wrong(manifests: Any, text: str, expected: tuple[str, str]) -> None:
    assert expected in manifests.bad(logging=text)


@pytest.mark.parametrize(
    ("text", "everyone", "named"),
    [
        ("true", True, []),
        ("[nginx]", False, ["nginx"]),
        ("{nginx: {destination: {Name: stdout}}}", False, ["nginx"]),
        ("{nginx: true}", False, ["nginx"]),
        ("{nginx: false}", False, []),
    ],
)
def test_the_extension_that_routes_sidecars(manifests: Any, text: str, everyone: bool, named: list[str]) -> None:
    text = manifests.text(logging=f"{{sidecars: {text}}}", sidecars="{nginx: {image: x}}")
    loaded = manifests.load(text)
    assert [finding.code for finding in loaded.findings] == ["CL117"]
    sidecars = loaded.manifest.logging.sidecars
    assert (sidecars.everyone, list(sidecars.named)) == (everyone, named)
    assert loaded.manifest.logging.firelens


@pytest.mark.parametrize("text", ["[other]", "{other: true}"])
def test_the_extension_names_sidecars_that_exist(manifests: Any, text: str) -> None:
    assert "CL125" in {code for code, _ in manifests.bad(logging=f"{{sidecars: {text}}}")}
