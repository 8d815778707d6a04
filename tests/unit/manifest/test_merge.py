"""What an environment's override does to the base: every row of Copilot's rules."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.manifest.conftest import BACKEND, WORKER


def overridden(manifests: Any, override: str, kind: str = BACKEND, **base: str | None) -> Any:
    """The manifest for `test`, whose override is given as YAML flow text."""
    text = manifests.text(kind, **base) + f"environments:\n  test: {override}\n"
    loaded = manifests.load(text, "test")
    assert [str(finding) for finding in loaded.findings] == []
    return loaded.manifest


def test_scalars_override_where_they_are_given(manifests: Any) -> None:
    merged = overridden(manifests, "{cpu: 512, memory: 1024}", cpu="256", exec="true")
    assert (merged.cpu, merged.memory, merged.exec is not None) == (512, 1024, True)


@pytest.mark.parametrize("text", ["", "~", "null"])
def test_null_keeps_the_base(manifests: Any, text: str) -> None:
    assert overridden(manifests, f"{{env_file: {text}}}", env_file="a.env").env_file == "a.env"


def test_zero_false_and_empty_text_override(manifests: Any) -> None:
    base = {"sidecars": "{s: {image: x, essential: true}}", "count": "2", "storage": "{readonly_fs: true}"}
    merged = overridden(
        manifests, "{count: 0, sidecars: {s: {essential: false}}, storage: {readonly_fs: false}}", **base
    )
    assert (merged.count.value, merged.sidecars["s"].essential, merged.storage.readonly_fs) == (0, False, False)


def test_lists_are_replaced_and_can_be_emptied(manifests: Any) -> None:
    base = {"command": "[a, b]", "publish": "{topics: [{name: a}]}", "taskdef_overrides": "[{path: A, value: 1}]"}
    merged = overridden(manifests, "{command: [c], publish: {topics: []}, taskdef_overrides: []}", **base)
    assert (merged.command, merged.publish.topics, merged.taskdef_overrides) == (["c"], [], [])


def test_lists_deeper_down_are_replaced(manifests: Any) -> None:
    base = {
        "image": "{location: x, healthcheck: {command: [CMD, a], retries: 3}}",
        "network": "{vpc: {security_groups: [sg-1, sg-2]}}",
        "storage": "{volumes: {v: {path: /v}}}",
        "sidecars": "{s: {image: x, mount_points: [{source_volume: v, path: /a}]}}",
    }
    override = "{image: {healthcheck: {command: [CMD, b]}}, network: {vpc: {security_groups: []}}, sidecars: {s: {mount_points: []}}}"  # noqa: E501
    merged = overridden(manifests, override, **base)
    assert (merged.image.healthcheck.command, merged.image.healthcheck.retries) == (["CMD", "b"], 3)
    assert merged.network.vpc.security_groups.groups == []
    assert merged.sidecars["s"].mount_points == []


def test_maps_of_text_are_merged_key_by_key_and_keep_their_keys(manifests: Any) -> None:
    image = "{location: x, labels: {a: '1', b: '2', c: '3'}}"
    merged = overridden(manifests, "{image: {labels: {b: '', c: ~, d: '4'}}}", image=image)
    assert merged.image.labels == {"a": "1", "b": "", "c": "", "d": "4"}
    assert overridden(manifests, "{image: {labels: {}}}", image=image).image.labels == {"a": "1", "b": "2", "c": "3"}
    logging = overridden(
        manifests, "{logging: {destination: {b: 3}}}", logging="{destination: {Name: x, b: 2}}"
    ).logging
    assert logging.destination == {"Name": "x", "b": "3"}


def test_variables_are_replaced_whole(manifests: Any) -> None:
    base = {"variables": "{A: a, B: {from_cfn: b}, C: c, D: d}"}
    merged = overridden(manifests, "{variables: {A: {from_cfn: x}, B: y, C: }}", **base).variables
    assert (merged["A"].value, merged["A"].from_cfn) == (None, "x")
    assert (merged["B"].value, merged["B"].from_cfn) == ("y", None)
    assert (merged["C"].value, merged["D"].value) == ("", "d")


def test_secrets_change_their_form(manifests: Any) -> None:
    base = {"secrets": "{A: /ssm, B: {secretsmanager: b}, C: {from_cfn: c}}"}
    merged = overridden(manifests, "{secrets: {A: {secretsmanager: x}, B: /y, C: {secretsmanager: z}}}", **base).secrets
    assert (merged["A"].value_from, merged["A"].secretsmanager) == (None, "x")
    assert (merged["B"].value_from, merged["B"].secretsmanager) == ("/y", None)
    assert (merged["C"].from_cfn, merged["C"].secretsmanager) == (None, "z")


def test_sidecars_and_volumes_are_merged_deeply_and_added(manifests: Any) -> None:
    base = {
        "sidecars": "{a: {image: x, port: 8080, variables: {K: v}}}",
        "storage": "{volumes: {v: {path: /v, read_only: false}}}",
    }
    override = "{sidecars: {a: {port: 8081}, b: {image: y}}, storage: {volumes: {v: {path: /w}, z: {path: /z}}}}"
    merged = overridden(manifests, override, **base)
    assert (merged.sidecars["a"].port.number, merged.sidecars["a"].variables["K"].value) == (8081, "v")
    assert merged.sidecars["b"].image.location == "y"
    assert (merged.storage.volumes["v"].path, merged.storage.volumes["v"].read_only) == ("/w", False)
    assert "z" in merged.storage.volumes


def test_blocks_are_merged_field_by_field(manifests: Any) -> None:
    merged = overridden(
        manifests,
        "{logging: {enableMetadata: false}, http: {stickiness: true}, deployment: {rolling: recreate}}",
        http="{path: /a, deregistration_delay: 5s}", logging="{retention: 7, image: x}",
    )  # fmt: skip
    assert (merged.logging.retention, merged.logging.image, merged.logging.enable_metadata) == (7, "x", False)
    assert (merged.http.path, merged.http.stickiness, merged.http.deregistration_delay) == (
        "/a", True, timedelta(seconds=5),
    )  # fmt: skip


def test_build_and_location_replace_each_other(manifests: Any) -> None:
    image = overridden(manifests, "{image: {location: x}}", image="{build: a, port: 80}").image
    assert (image.build, image.location, image.port) == (None, "x", 80)
    image = overridden(manifests, "{image: {build: {target: t}}}", image="{location: x, port: 80}").image
    assert (image.build.target, image.location) == ("t", None)


def test_an_empty_build_leaves_the_location(manifests: Any) -> None:
    image = overridden(manifests, "{image: {build: ''}}", image="{location: x, port: 80}").image
    assert (image.build, image.location) == (None, "x")


def test_build_and_location_in_one_override(manifests: Any) -> None:
    text = manifests.text(BACKEND) + "environments: {test: {image: {build: a, location: b}}}\n"
    assert ("CL120", "environments.test.image.location") in [
        (finding.code, finding.path) for finding in manifests.findings(text, "test")
    ]


def test_text_and_map_of_a_build_replace_each_other_and_maps_merge(manifests: Any) -> None:
    build = overridden(manifests, "{image: {build: {target: t}}}", image="{build: a}").image.build
    assert (build.dockerfile, build.target) == (None, "t")
    build = overridden(manifests, "{image: {build: b}}", image="{build: {dockerfile: a, target: t}}").image.build
    assert (build.dockerfile, build.target) == ("b", None)
    build = overridden(
        manifests, "{image: {build: {args: {B: 2}}}}", image="{build: {dockerfile: a, args: {A: 1}}}"
    ).image.build
    assert (build.dockerfile, build.args) == ("a", {"A": "1", "B": "2"})


@pytest.mark.parametrize(
    ("base", "override", "names"),
    [
        ("a.com", "[b.com]", ["b.com"]),
        ("[a.com, b.com]", "c.com", ["c.com"]),
        ("a.com", "[{name: b.com, hosted_zone: Z}]", ["b.com"]),
        ("[{name: a.com}]", "b.com", ["b.com"]),
    ],
)
def test_forms_of_an_alias_replace_each_other(manifests: Any, base: str, override: str, names: list[str]) -> None:
    merged = overridden(manifests, f"{{http: {{alias: {override}}}}}", http=f"{{path: /, alias: {base}}}")
    assert [alias.name for alias in merged.http.alias] == names


def test_forms_of_words_replace_each_other(manifests: Any) -> None:
    merged = overridden(manifests, "{entrypoint: [c], command: d e}", entrypoint="a b", command="[x]")
    assert (merged.entrypoint, merged.command) == (["c"], ["d", "e"])


def test_forms_of_a_platform_replace_each_other(manifests: Any) -> None:
    merged = overridden(
        manifests, "{platform: {osfamily: linux, architecture: x86_64}}", platform="linux/arm64"
    ).platform
    assert (merged.osfamily, merged.architecture) == ("linux", "x86_64")


def test_forms_of_placement_and_subnets_replace_each_other(manifests: Any) -> None:
    placement = overridden(
        manifests, "{network: {vpc: {placement: {subnets: [a]}}}}", network="{vpc: {placement: private}}"
    ).network.vpc.placement
    assert (placement.access, placement.subnets.ids) == (None, ["a"])
    placement = overridden(
        manifests, "{network: {vpc: {placement: public}}}", network="{vpc: {placement: {subnets: [a]}}}"
    ).network.vpc.placement
    assert (placement.access, placement.subnets) == ("public", None)
    subnets = overridden(
        manifests, "{network: {vpc: {placement: {subnets: {from_tags: {a: b}}}}}}",
        network="{vpc: {placement: {subnets: [a]}}}",
    ).network.vpc.placement.subnets  # fmt: skip
    assert (subnets.ids, subnets.from_tags) == ([], {"a": ["b"]})


def test_forms_of_security_groups_replace_each_other(manifests: Any) -> None:
    groups = overridden(
        manifests, "{network: {vpc: {security_groups: {deny_default: true}}}}",
        network="{vpc: {security_groups: [a]}}",
    ).network.vpc.security_groups  # fmt: skip
    assert (groups.deny_default, groups.groups) == (True, [])


def test_forms_of_connect_replace_each_other(manifests: Any) -> None:
    assert (
        overridden(manifests, "{network: {connect: {alias: a}}}", network="{connect: true}").network.connect.alias
        == "a"
    )
    assert overridden(manifests, "{network: {connect: false}}", network="{connect: {alias: a}}").network.connect is None


@pytest.mark.parametrize(
    ("base", "override", "value", "spot", "low"),
    [
        ("2", "{spot: 3}", None, 3, None),
        ("{spot: 3}", "2", 2, None, None),
        ("{spot: 3}", "{range: 1-2, cpu_percentage: 5}", None, None, 1),
        ("{range: 1-2, cpu_percentage: 5}", "{spot: 3}", None, 3, None),
        ("{range: 1-2, cpu_percentage: 5}", "{range: {min: 4, max: 5}}", None, None, 4),
        ("{range: {min: 4, max: 5, spot_from: 5}, cpu_percentage: 5}", "{range: 2-9}", None, None, 2),
        (None, "{spot: 3}", None, 3, None),
    ],
)
def test_forms_of_a_count_replace_each_other(
    manifests: Any, base: str | None, override: str, value: int | None, spot: int | None, low: int | None
) -> None:
    count = overridden(manifests, f"{{count: {override}}}", count=base).count
    assert (count.value, count.spot, count.range.min if count.range else None) == (value, spot, low)
    assert count.range is None or count.range.spot_from is None


def test_forms_of_a_metric_replace_each_other(manifests: Any) -> None:
    base = "{range: 1-2, cpu_percentage: {value: 70, cooldown: {in: 1s}}, memory_percentage: 50}"
    merged, found = kept(
        manifests, "{count: {cpu_percentage: 60, memory_percentage: {cooldown: {in: 2s}}}}", count=base
    )
    assert found == [("CL121", "environments.test.count.memory_percentage")]
    count = merged.count
    assert (count.cpu_percentage.value, count.cpu_percentage.cooldown) == (60, None)
    assert (count.memory_percentage.value, count.memory_percentage.cooldown.in_) == (None, timedelta(seconds=2))


def test_forms_of_efs_replace_each_other(manifests: Any) -> None:
    def efs(base: str, override: str) -> Any:
        storage = f"{{volumes: {{v: {{path: /v, efs: {base}}}}}}}"
        merged = overridden(manifests, f"{{storage: {{volumes: {{v: {{efs: {override}}}}}}}}}", storage=storage)
        return merged.storage.volumes["v"].efs

    assert efs("true", "{id: fs-1}").id.value == "fs-1"
    assert efs("{id: fs-1}", "false") is None
    own = efs("{uid: 1, gid: 2}", "{id: fs-1}")
    assert (own.uid, own.managed) == (None, False)
    managed = efs("{id: fs-1, root_dir: /a}", "{uid: 1, gid: 2}")
    assert (managed.id, managed.root_dir, managed.managed) == (None, None, True)
    assert efs("{id: {from_cfn: a}, root_dir: /a}", "{id: fs-2}").root_dir == "/a"


def kept(manifests: Any, override: str, kind: str = BACKEND, **base: str | None) -> tuple[Any, list[tuple[str, str]]]:
    """As `overridden`, as Copilot takes the manifest, and the code and path of what was found."""
    text = manifests.text(kind, **base) + f"environments:\n  test: {override}\n"
    loaded = manifests.load(text, "test", strict=False)
    return loaded.manifest, [(finding.code, finding.path) for finding in loaded.findings]


@pytest.mark.parametrize(
    ("base", "override", "high_throughput"),
    [("false", "{high_throughput: true}", True), ("{high_throughput: true}", "true", None), ("true", "true", None)],
)
def test_forms_of_a_fifo_queue_replace_each_other(
    manifests: Any, base: str, override: str, high_throughput: bool | None
) -> None:
    queue = overridden(
        manifests, f"{{subscribe: {{queue: {{timeout: 1s, fifo: {override}}}}}}}", WORKER,
        subscribe=f"{{topics: [{{name: a, service: ab}}], queue: {{delay: 5s, fifo: {base}}}}}",
    ).subscribe.queue  # fmt: skip
    assert (queue.delay, queue.timeout) == (timedelta(seconds=5), timedelta(seconds=1))
    assert queue.fifo.high_throughput is high_throughput


@pytest.mark.parametrize(
    ("base", "override", "high_throughput"),
    [("{high_throughput: true}", "false", True), ("true", "{high_throughput: true}", None)],
)
def test_a_fifo_queue_keeps_the_bases_form_where_copilot_looks_at_it_first(
    manifests: Any, base: str, override: str, high_throughput: bool | None
) -> None:
    merged, found = kept(
        manifests, f"{{subscribe: {{queue: {{fifo: {override}}}}}}}", WORKER,
        subscribe=f"{{topics: [{{name: a, service: ab}}], queue: {{fifo: {base}}}}}",
    )  # fmt: skip
    assert merged.subscribe.queue.fifo.high_throughput is high_throughput
    assert found == [("CL109", "environments.test.subscribe.queue.fifo")]


def test_an_efs_id_as_text_wins_over_an_export(manifests: Any) -> None:
    merged, found = kept(
        manifests, "{storage: {volumes: {v: {efs: {id: {from_cfn: x}}}}}}",
        storage="{volumes: {v: {path: /v, efs: {id: fs-1}}}}",
    )  # fmt: skip
    given = merged.storage.volumes["v"].efs.id
    assert (given.value, given.from_cfn) == ("fs-1", None)
    assert found == [("CL109", "environments.test.storage.volumes.v.efs.id")]


def test_http_is_switched_on_and_off(manifests: Any) -> None:
    from tests.unit.manifest.conftest import WEB

    merged = overridden(manifests, "{http: {path: /x}}", WEB, http="false", nlb="{port: 81}")
    assert merged.http.path == "/x"
    merged = overridden(manifests, "{http: false}", WEB, http="{path: /x}", nlb="{port: 81}")
    assert merged.http is None


def test_a_target_container_of_either_spelling_is_overridden(manifests: Any) -> None:
    text = manifests.text(
        http="{path: /, targetContainer: a}", sidecars="{a: {image: x, port: 81}, b: {image: x, port: 82}}"
    )
    text += "environments: {test: {http: {target_container: b}}}\n"
    loaded = manifests.load(text, "test")
    assert loaded.manifest.http.target_container == "b"
    assert [finding.code for finding in loaded.findings] == ["CL108"]


def test_switching_the_form_of_a_health_check_discards_the_other(manifests: Any) -> None:
    merged = overridden(
        manifests, "{http: {healthcheck: {grace_period: 30s}}}", http="{path: /, healthcheck: /foo}"
    ).http.healthcheck
    assert (merged.path, merged.grace_period) == (None, timedelta(seconds=30))
    merged = overridden(
        manifests, "{http: {healthcheck: {grace_period: 30s}}}", http="{path: /, healthcheck: {path: /foo}}"
    ).http.healthcheck
    assert (merged.path, merged.grace_period) == ("/foo", timedelta(seconds=30))


def test_forms_of_rollback_alarms_discard_each_other(manifests: Any) -> None:
    merged = overridden(
        manifests, "{deployment: {rollback_alarms: {cpu_utilization: 5}}}", deployment="{rollback_alarms: [a]}"
    ).deployment.rollback_alarms
    assert (merged.names, merged.cpu_utilization) == ([], 5.0)


def test_a_sidecars_build_is_replaced_by_text_but_not_by_a_map(manifests: Any) -> None:
    base = {"sidecars": "{s: {image: {build: a}}}"}
    image = overridden(manifests, "{sidecars: {s: {image: x}}}", **base).sidecars["s"].image
    assert (image.build, image.location) == (None, "x")
    text = manifests.text(BACKEND, **base) + "environments: {test: {sidecars: {s: {image: {location: x}}}}}\n"
    (finding,) = manifests.findings(text, "test")
    assert (finding.code, finding.path) == ("CL120", "environments.test.sidecars.s.image.location")
    assert "as text" in finding.hint


def test_exec_as_a_map_stays_on(manifests: Any) -> None:
    merged, found = kept(manifests, "{exec: false}", exec="{enable: true}")
    assert (merged.exec is not None, found) == (True, [("CL109", "environments.test.exec")])
    assert overridden(manifests, "{exec: true}", exec="{enable: true}").exec is not None
    assert overridden(manifests, "{exec: false}", exec="true").exec is None


def test_an_environment_that_is_not_listed_or_empty_changes_nothing(manifests: Any) -> None:
    text = manifests.text(BACKEND, cpu="512", memory="1024") + "environments: {prod: {cpu: 1024}, empty: }\n"
    for environment in (None, "other", "empty"):
        loaded = manifests.load(text, environment)
        assert (loaded.manifest.cpu, loaded.environments) == (512, ["prod", "empty"])


def test_an_override_can_supply_what_the_base_lacks(manifests: Any) -> None:
    text = manifests.text(WORKER, image=None) + "environments: {test: {image: {location: x}}}\n"
    assert manifests.load(text, "test").manifest.image.location == "x"
    assert [finding.code for finding in manifests.findings(text)] == ["CL106"]


def test_anchors_shared_by_base_and_override(manifests: Any) -> None:
    text = manifests.text(BACKEND, variables="&v {A: a}", sidecars="{s: {image: x, variables: *v}}")
    text += "environments: {test: {sidecars: {s: {variables: {A: b}}}}}\n"
    merged = manifests.load(text, "test").manifest
    assert (merged.variables["A"].value, merged.sidecars["s"].variables["A"].value) == ("a", "b")


@pytest.mark.parametrize("environments", ["[a]", "text", "{test: text}", "{test: [a]}"])
def test_environments_that_are_no_maps(manifests: Any, environments: str) -> None:
    text = manifests.text(BACKEND) + f"environments: {environments}\n"
    assert [finding.code for finding in manifests.findings(text, "test")] == ["CL103"]


def test_mistakes_in_environments_that_are_not_used_are_found(manifests: Any) -> None:
    text = manifests.text(BACKEND) + "environments: {prod: {cpu: many, memroy: 5}, test: {}}\n"
    found = [(finding.code, finding.path) for finding in manifests.findings(text, "test")]
    assert found == [("CL103", "environments.prod.cpu"), ("CL101", "environments.prod.memroy")]
