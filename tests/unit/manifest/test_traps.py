"""The behaviours of Copilot that a second implementation is most likely to get wrong, one test each, as far as they are
the manifest's. (What Copilot renders from a manifest is tested with the compiler and the renderers.)"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from emulator.errors import Severity
from tests.unit.manifest.conftest import BACKEND, JOB, WEB, WORKER


def accepted(manifests: Any, kind: str = WEB, **blocks: str | None) -> list[tuple[str, str]]:
    """Code and path of what Copilot takes without a word; nothing else may be wrong."""
    found = manifests.findings(manifests.text(kind, **blocks))
    assert all(finding.copilot_accepts for finding in found), found
    return [(finding.code, finding.path) for finding in found]


def test_trap_01_scalars_keep_their_text_and_on_is_a_key(manifests: Any) -> None:
    text = "{A: true, B: on, C: 1.0, D: 0x1F, E: 0123, F: 12:30:45}"
    variables = manifests.good(JOB, variables=text, on_='{schedule: "@daily"}').variables
    assert [variable.value for variable in variables.values()] == ["true", "on", "1.0", "0x1F", "0123", "12:30:45"]


def test_trap_02_retention_alone_makes_no_log_router(manifests: Any) -> None:
    assert not manifests.good(logging="{retention: 7}").logging.firelens
    assert manifests.good(logging="{retention: 7, enableMetadata: false}").logging.firelens


def test_trap_03_sidecars_log_through_firelens_only_where_asked(manifests: Any) -> None:
    loaded = manifests.good(logging="{destination: {Name: stdout}}", sidecars="{a: {image: x}}")
    assert loaded.logging.sidecars is None


def test_trap_04_the_router_counts_as_one_that_may_end(manifests: Any) -> None:
    image = "{location: x, port: 80, depends_on: {firelens_log_router: success}}"
    assert accepted(manifests, image=image, logging="{image: r}") == [("CL127", "image.depends_on.firelens_log_router")]


def test_trap_05_case_of_a_dependency_condition(manifests: Any) -> None:
    loaded = manifests.good(
        image="{location: x, port: 80, depends_on: {a: StArT}}", sidecars="{a: {image: x}}"
    )  # fmt: skip
    assert loaded.image.depends_on["a"].value == "START"


def test_trap_06_complete_needs_a_container_that_may_end(manifests: Any) -> None:
    image = "{location: x, port: 80, depends_on: {a: complete}}"
    assert manifests.bad(image=image, sidecars="{a: {image: x}}") == [("CL127", "image.depends_on.a")]
    assert manifests.good(image=image, sidecars="{a: {image: x, essential: false}}")
    sidecars = "{a: {image: x, essential: false, depends_on: {web: complete}}}"
    assert manifests.bad(sidecars=sidecars) == [("CL127", "sidecars.a.depends_on.web")]


def test_trap_07_sidecars_keep_their_names_whatever_their_order(manifests: Any) -> None:
    assert sorted(manifests.good(sidecars="{z: {image: x}, a: {image: x}}").sidecars) == ["a", "z"]


def test_trap_08_connect_is_apart_from_ports(manifests: Any) -> None:
    loaded = manifests.good(network="{connect: false}")
    assert (loaded.network.connect, loaded.image.port) == (None, 80)


def test_trap_09_the_listener_port_of_an_nlb_is_claimed_on_the_target(manifests: Any) -> None:
    sidecars = "{tls: {image: x, port: 82}, other: {image: x, port: 443}}"
    assert manifests.good(nlb="{port: 443/tls, target_container: tls}", sidecars="{tls: {image: x, port: 82}}")
    found = manifests.bad(nlb="{port: 443/tls, target_container: tls}", sidecars=sidecars)
    assert found == [("CL123", "nlb.port")]


def test_trap_10_a_target_sidecar_needs_a_port_even_with_a_target_port(manifests: Any) -> None:
    http = "{path: /, target_container: a, target_port: 8080}"
    assert manifests.bad(http=http, sidecars="{a: {image: x}}") == [("CL124", "http.target_container")]
    assert manifests.good(http=http, sidecars="{a: {image: x, port: 81}}")


@pytest.mark.parametrize("kind", [WORKER, JOB])
def test_trap_11_a_port_of_a_worker_or_job_is_ignored(manifests: Any, kind: str) -> None:
    assert accepted(manifests, kind, image="{location: x, port: 80}") == [("CL109", "image.port")]


def test_trap_12_where_copilot_ignores_target_container_alb_and_true(manifests: Any) -> None:
    sidecars = "{a: {image: x, port: 81}}"
    backend = manifests.text(BACKEND, http="{path: /, targetContainer: a}", sidecars=sidecars)
    (finding,) = manifests.findings(backend)
    assert (finding.code, "Copilot ignores it" in finding.message) == ("CL108", True)
    assert manifests.load(backend).manifest.http.target_container == "a"
    rules = manifests.text(http="{path: /, additional_rules: [{path: /a, targetContainer: a}]}", sidecars=sidecars)
    (finding,) = manifests.findings(rules)
    assert (finding.code, "Copilot ignores it" in finding.message) == ("CL108", True)
    main = manifests.text(http="{path: /, targetContainer: a}", sidecars=sidecars)
    (finding,) = manifests.findings(main)
    assert (finding.code, "Copilot ignores it" in finding.message) == ("CL108", False)
    assert accepted(manifests, BACKEND, http="{path: /, alb: x}") == [("CL109", "http.alb")]
    assert accepted(manifests, http="true") == [("CL109", "http")]
    assert manifests.bad(BACKEND, http="false") == [("CL103", "http")]


def test_trap_13_wrong_types_inside_some_blocks_become_zero(manifests: Any) -> None:
    http = "{path: /, deregistration_delay: 50, target_port: '80', allowed_source_ips: 10.0.0.0/8, stickiness: 1}"
    assert accepted(manifests, http=http) == [
        ("CL104", "http.deregistration_delay"),
        ("CL104", "http.target_port"),
        ("CL104", "http.allowed_source_ips"),
        ("CL104", "http.stickiness"),
    ]
    loaded = manifests.lenient(http=http).http
    assert (loaded.deregistration_delay, loaded.target_port, loaded.stickiness) == (timedelta(0), 0, False)
    assert loaded.allowed_source_ips == []
    assert manifests.lenient(count="{spot: '5'}").count.spot == 0
    assert manifests.bad(BACKEND, http="{path: /, deregistration_delay: 50}") == [
        ("CL103", "http.deregistration_delay")
    ]
    assert manifests.bad(http="{path: /, healthcheck: {path: /, interval: 10}}") == [
        ("CL103", "http.healthcheck.interval")
    ]


def test_trap_14_durations_need_units_and_have_no_days(manifests: Any) -> None:
    image = "{{location: x, port: 80, healthcheck: {{command: [CMD, x], interval: {}}}}}"
    assert manifests.bad(image=image.format("10")) == [("CL103", "image.healthcheck.interval")]
    assert manifests.bad(image=image.format("1d")) == [("CL103", "image.healthcheck.interval")]
    assert ("CL104", "image.healthcheck.interval") in accepted(manifests, image=image.format("10.9s"))
    (finding,) = manifests.findings(manifests.text(image="{location: x, port: 80, healthcheck: {retries: 3}}"))
    assert (finding.code, finding.severity, "curl" in finding.message) == ("CL109", Severity.WARNING, True)


def test_trap_15_what_an_override_discards(manifests: Any) -> None:
    text = manifests.text(http="{path: /, healthcheck: /foo}", variables="{A: a}", command="[a]")
    text += "environments: {test: {http: {healthcheck: {grace_period: 30s}}, variables: {A: }, command: []}}\n"
    merged = manifests.load(text, "test").manifest
    assert (merged.http.healthcheck.path, merged.variables["A"].value, merged.command) == (None, "", [])


def test_trap_16_exec_as_a_map_is_on(manifests: Any) -> None:
    assert accepted(manifests, exec="{enable: false}") == [("CL109", "exec.enable")]
    assert manifests.lenient(exec="{enable: false}").exec is not None
    text = manifests.text(exec="{enable: true}") + "environments: {test: {exec: false}}\n"
    assert manifests.load(text, "test", strict=False).manifest.exec is not None


def test_trap_17_words_are_split_and_stay_text(manifests: Any) -> None:
    assert manifests.good(command="'echo $HOME \"a b\" # rest'").command == ["echo", "$HOME", "a b"]
    loaded = manifests.load(manifests.text(command="['{}', 80, 'a: b']"))
    assert loaded.manifest.command == ["{}", "80", "a: b"]
    assert [(finding.code, finding.severity) for finding in loaded.findings] == [("CL158", Severity.WARNING)] * 2


def test_trap_18_interpolation_reaches_every_environment_and_makes_lists(manifests: Any) -> None:
    text = manifests.text() + "environments: {prod: {variables: {A: '${NOTHING}'}}}\n"
    assert [finding.severity for finding in manifests.findings(text, copilot=True)] == [Severity.ERROR]
    assert manifests.bad(variables="{LIST: '[\"a\"]'}") == [("CL111", "variables.LIST")]
    found = manifests.findings(manifests.text(count="${N}"), variables={"N": "3"})
    assert [finding.code for finding in found] == ["CL103"]


def test_trap_19_volumes_are_read_only_and_names_are_not_checked(manifests: Any) -> None:
    storage = "{ephemeral: 20, volumes: {v: {path: /v}}}"
    assert manifests.good(storage=storage).storage.volumes["v"].read_only is True
    sidecars = "{a: {image: x, mount_points: [{source_volume: w, path: /w}]}}"
    assert accepted(manifests, storage=storage, sidecars=sidecars) == [
        ("CL135", "sidecars.a.mount_points[0].source_volume")
    ]


def test_trap_20_variables_of_copilots_own(manifests: Any) -> None:
    assert accepted(manifests, variables="{COPILOT_LB_DNS: x}") == [("CL153", "variables.COPILOT_LB_DNS")]
    sidecars = "{a: {image: x, variables: {COPILOT_MOUNT_POINTS: x}}}"
    assert accepted(manifests, sidecars=sidecars) == [("CL153", "sidecars.a.variables.COPILOT_MOUNT_POINTS")]


@pytest.mark.parametrize(
    ("blocks", "path"),
    [
        ({"env_file": "x.txt"}, "env_file"),
        ({"sidecars": "{a: {image: x, env_file: x.txt}}"}, "sidecars.a.env_file"),
        ({"logging": "{env_file: x.txt}"}, "logging.env_file"),
    ],
)
def test_trap_21_env_files_end_in_env(manifests: Any, blocks: dict[str, str], path: str) -> None:
    assert manifests.bad(**blocks) == [("CL122", path)]


def test_trap_22_secrets_hold_names_arns_and_json_keys(manifests: Any) -> None:
    text = "{A: name, B: 'arn:aws:secretsmanager:a:1:secret:s', C: {secretsmanager: 's:key::'}}"
    secrets = manifests.good(secrets=text).secrets
    assert (secrets["A"].value_from, secrets["C"].secretsmanager) == ("name", "s:key::")
    assert secrets["B"].value_from == "arn:aws:secretsmanager:a:1:secret:s"


def test_trap_23_paths_stay_as_written(manifests: Any) -> None:
    assert manifests.good(http="{path: api}").http.path == "api"


def test_trap_24_no_name_of_a_policy_is_special(manifests: Any) -> None:
    assert (
        manifests.good(variables="{AdditionalResourcesPolicy: x}").variables["AdditionalResourcesPolicy"].value == "x"
    )


def test_trap_25_what_copilot_never_checks(manifests: Any) -> None:
    text = manifests.text(variables="{A: x}", secrets="{A: y}", cpu="300")
    found = manifests.findings(text)
    assert [(finding.code, finding.copilot_accepts) for finding in found] == [("CL152", True), ("CL150", True)]
    other = manifests.text() + "environments: {prod: {http: {version: http9}}}\n"
    assert manifests.findings(other, "test") == []
    assert [finding.code for finding in manifests.findings(other, "prod")] == ["CL107"]
    assert manifests.bad(taskdef_overrides="[{path: Family, value: x}]") == [("CL138", "taskdef_overrides[0].path")]
