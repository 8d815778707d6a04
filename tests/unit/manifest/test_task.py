"""Dependencies, scaling, platform, size, network, storage: forms and rules."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from emulator.manifest.schema.containers import DependencyCondition
from tests.unit.manifest.conftest import BACKEND, JOB, WEB, WORKER


def depends(text: str) -> str:
    return f"{{location: x, port: 80, depends_on: {text}}}"


# dependencies, §1.13


@pytest.mark.parametrize("word", ["start", "START", "Start"])
def test_case_of_a_condition_does_not_matter(manifests: Any, word: str) -> None:
    loaded = manifests.good(image=depends(f"{{a: {word}}}"), sidecars="{a: {image: x}}")
    assert loaded.image.depends_on == {"a": DependencyCondition.START}


@pytest.mark.parametrize(
    ("main", "sidecars", "expected"),
    [
        ("{a: started}", "{a: {image: x}}", ("CL107", "image.depends_on.a")),
        ("{b: start}", "{a: {image: x}}", ("CL125", "image.depends_on.b")),
        ("{firelens_log_router: start}", "{}", ("CL125", "image.depends_on.firelens_log_router")),
        ("{web: start}", "{}", ("CL126", "image.depends_on.web")),
        ("{a: start}", "{a: {image: x, depends_on: {web: start}}}", ("CL126", "image.depends_on.a")),
        ("{a: complete}", "{a: {image: x}}", ("CL127", "image.depends_on.a")),
        ("{a: success}", "{a: {image: x, essential: true}}", ("CL127", "image.depends_on.a")),
        ("{}", "{a: {image: x, depends_on: {web: complete}}}", ("CL127", "sidecars.a.depends_on.web")),
        ("{a: healthy}", "{a: {image: x}}", ("CL127", "image.depends_on.a")),
        ("{}", "{a: {image: x, depends_on: {web: healthy}}}", ("CL127", "sidecars.a.depends_on.web")),
        ("[a]", "{a: {image: x}}", ("CL103", "image.depends_on")),
    ],
)
def test_dependencies_that_are_wrong(manifests: Any, main: str, sidecars: str, expected: tuple[str, str]) -> None:
    assert expected in manifests.bad(image=depends(main), sidecars=sidecars)


def test_a_circle_names_its_containers(manifests: Any) -> None:
    cars = [f"{one}: {{image: x, depends_on: {{{other}: start}}}}" for one, other in ("ab", "bc", "ca")]
    (finding,) = manifests.findings(manifests.text(sidecars=f"{{{', '.join(cars)}}}"))
    assert finding.code == "CL126"
    assert sorted(finding.message.removeprefix("a circle: ").split(" → ")[:-1]) == ["a", "b", "c"]


def test_a_container_that_may_end_can_be_waited_for(manifests: Any) -> None:
    sidecars = "{a: {image: x, essential: false}, b: {image: x, healthcheck: {command: [CMD, x]}}}"
    loaded = manifests.good(image=depends("{a: success, b: healthy}"), sidecars=sidecars)
    assert loaded.image.depends_on["a"] is DependencyCondition.SUCCESS


def test_the_log_router_can_only_be_waited_for_to_start(manifests: Any) -> None:
    assert manifests.good(image=depends("{firelens_log_router: start}"), logging="{image: x}")
    (finding,) = manifests.findings(
        manifests.text(image=depends("{firelens_log_router: complete}"), logging="{image: x}")
    )
    assert (finding.code, finding.copilot_accepts) == ("CL127", True)


# count, §1.7


def test_forms_of_a_count(manifests: Any) -> None:
    assert manifests.good().count.desired == 1
    assert manifests.good(count="0").count.desired == 0
    assert manifests.good(count="{spot: 3}").count.desired == 3
    count = manifests.good(
        count="""
  range: {min: 2, max: 10, spot_from: 3}
  cooldown: {in: 1m, out: 30s}
  cpu_percentage: 70
  memory_percentage: {value: 80, cooldown: {in: 5s}}
  requests: 1000
  response_time: {value: 250ms}
"""
    ).count
    assert (count.desired, count.range.max, count.range.spot_from) == (2, 10, 3)
    assert (count.cooldown.in_, count.memory_percentage.cooldown.in_) == (timedelta(minutes=1), timedelta(seconds=5))
    assert (count.cpu_percentage.value, count.response_time.value) == (70, timedelta(milliseconds=250))
    assert manifests.good(count="{range: 1-5, response_time: 2s}").count.range.max == 5


def test_a_worker_scales_on_the_queue(manifests: Any) -> None:
    text = "{range: 1-5, queue_delay: {acceptable_latency: 10m, msg_processing_time: 1s, cooldown: {in: 1s}}}"
    assert manifests.good(WORKER, count=text).count.queue_delay.acceptable_latency == timedelta(minutes=10)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (JOB, "{spot: 1}", ("CL130", "count")),
        (WEB, "{range: 1-2, queue_delay: {acceptable_latency: 2s, msg_processing_time: 1s}}",
         ("CL130", "count.queue_delay")),
        (WORKER, "{range: 1-2, requests: 10}", ("CL130", "count.requests")),
        (WEB, "{spot: 1, cpu_percentage: 70}", ("CL120", "count.spot")),
        (WEB, "{spot: 1, range: 1-2}", ("CL120", "count.spot")),
        (WEB, "{cpu_percentage: 70}", ("CL121", "count.cpu_percentage")),
        (WEB, "{range: 1-2}", ("CL121", "count.range")),
        (WEB, "{cooldown: {in: 1s}}", ("CL121", "count.cooldown.in")),
        (WEB, "{range: 1..2, cpu_percentage: 70}", ("CL107", "count.range")),
        (WEB, "{range: 5-1, cpu_percentage: 70}", ("CL107", "count.range")),
        (WEB, "{range: {min: 1}, cpu_percentage: 70}", ("CL106", "count.range")),
        (WEB, "{range: {min: 5, max: 1}, cpu_percentage: 70}", ("CL107", "count.range.min")),
        (WEB, "{range: {min: -1, max: 1}, cpu_percentage: 70}", ("CL107", "count.range.min")),
        (WEB, "{range: 1-2, cpu_percentage: 101}", ("CL107", "count.cpu_percentage")),
        (WEB, "{range: 1-2, memory_percentage: {value: -1}}", ("CL107", "count.memory_percentage.value")),
        (WEB, "{range: 1-2, response_time: 2}", ("CL103", "count.response_time")),
        (WEB, "{range: 1-2, cpu_percentage: {value: 7, cooldown: 5}}", ("CL104", "count.cpu_percentage.cooldown")),
        (WEB, "{spot: '5'}", ("CL104", "count.spot")),
        (WEB, "-1", ("CL107", "count")),
        (WEB, "two", ("CL103", "count")),
        (WEB, "[1]", ("CL103", "count")),
        (WEB, "{}", ("CL103", "count")),
        (WORKER, "{range: 1-2, queue_delay: {acceptable_latency: 1s}}",
         ("CL121", "count.queue_delay.acceptable_latency")),
        (WORKER, "{range: 1-2, queue_delay: {acceptable_latency: 0s, msg_processing_time: 1s}}",
         ("CL107", "count.queue_delay.acceptable_latency")),
        (WORKER, "{range: 1-2, queue_delay: {acceptable_latency: 1s, msg_processing_time: 0s}}",
         ("CL107", "count.queue_delay.msg_processing_time")),
        (WORKER, "{range: 1-2, queue_delay: {acceptable_latency: 1s, msg_processing_time: 2s}}",
         ("CL107", "count.queue_delay.msg_processing_time")),
        (WORKER, "{range: 1-2, queue_delay: {}}", ("CL106", "count.queue_delay")),
    ],
)  # fmt: skip
def test_counts_that_are_wrong(manifests: Any, kind: str, text: str, expected: tuple[str, str]) -> None:
    found = manifests.bad(kind, count=text)
    assert any(code == expected[0] and expected[1].startswith(path) for code, path in found), found


@pytest.mark.parametrize("metric", ["cpu_percentage", "memory_percentage", "requests", "response_time"])
def test_a_metric_without_a_value_scales_nothing(manifests: Any, metric: str) -> None:
    blocks = {"count": f"{{range: 1-5, {metric}: {{cooldown: {{in: 1m}}}}}}"}
    assert manifests.bad(**blocks) == [("CL121", f"count.{metric}")]
    assert manifests.lenient(**blocks) is not None


def test_scaling_on_a_load_balancer_that_is_not_there(manifests: Any) -> None:
    found = manifests.bad(http="false", nlb="{port: 81}", count="{range: 1-2, requests: 10}")
    assert found == [("CL130", "count.requests")]
    found = manifests.bad(BACKEND, count="{range: 1-2, response_time: 1s}")
    assert found == [("CL130", "count.response_time")]


# platform, size, exec, §1.7


@pytest.mark.parametrize(
    ("text", "osfamily", "architecture"),
    [
        ("linux/arm64", "linux", "arm64"),
        ("Linux/AMD64", "linux", "amd64"),
        ("windows/x86_64", "windows", "x86_64"),
        ("{osfamily: linux, architecture: arm}", "linux", "arm"),
        ("{osfamily: windows_server_2022_core, architecture: x86_64}", "windows_server_2022_core", "x86_64"),
    ],
)
def test_forms_of_a_platform(manifests: Any, text: str, osfamily: str, architecture: str) -> None:
    platform = manifests.good(platform=text, cpu="1024", memory="2048").platform
    assert (platform.osfamily, platform.architecture) == (osfamily, architecture)
    assert (platform.is_windows, platform.is_arm) == (osfamily != "linux", architecture.startswith("arm"))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("linux", "CL107"),
        ("linux/arm64/v8", "CL107"),
        ("darwin/arm64", "CL131"),
        ("windows/arm64", "CL131"),
        ("linux/riscv", "CL131"),
        ("windows_server_2019_core/amd64", "CL131"),
        ("{osfamily: linux}", "CL121"),
        ("{osfamily: windows_server_2025_core, architecture: amd64}", "CL131"),
        ("[linux]", "CL103"),
    ],
)
def test_platforms_that_are_wrong(manifests: Any, text: str, code: str) -> None:
    assert code in [found for found, _ in manifests.bad(platform=text, cpu="1024", memory="2048")]


@pytest.mark.parametrize(
    ("count", "path"),
    [("{spot: 1}", "count.spot"), ("{range: {min: 1, max: 2, spot_from: 2}, requests: 5}", "count.range.spot_from")],
)
def test_spot_on_arm(manifests: Any, count: str, path: str) -> None:
    assert manifests.bad(platform="linux/arm64", count=count) == [("CL132", path)]


@pytest.mark.parametrize(
    ("cpu", "memory", "path"),
    [
        ("300", "512", "cpu"),
        ("256", "1536", "memory"),
        ("256", "4096", "memory"),
        ("512", "512", "memory"),
        ("1024", "2500", "memory"),
        ("4096", "31744", "memory"),
        ("8192", "18432", "memory"),
        ("32768", "65536", "cpu"),
    ],
)
def test_sizes_that_fargate_has_not(manifests: Any, cpu: str, memory: str, path: str) -> None:
    assert manifests.bad(cpu=cpu, memory=memory) == [("CL150", path)]


@pytest.mark.parametrize(
    ("cpu", "memory"),
    [("256", "2048"), ("512", "4096"), ("1024", "8192"), ("2048", "5120"), ("4096", "30720"), ("16384", "122880")],
)
def test_sizes_that_fargate_has(manifests: Any, cpu: str, memory: str) -> None:
    assert manifests.good(cpu=cpu, memory=memory).cpu == int(cpu)


def test_defaults(manifests: Any) -> None:
    loaded = manifests.good()
    assert (loaded.cpu, loaded.memory, loaded.exec) == (256, 512, None)
    assert loaded.network.vpc.placement.access == "public"


def test_forms_of_exec(manifests: Any) -> None:
    assert manifests.good(exec="true").exec is not None
    assert manifests.good(exec="false").exec is None
    assert manifests.good(exec="{enable: true}").exec is not None
    assert manifests.bad(exec="maybe") == [("CL103", "exec")]


# network, §1.15


def test_forms_of_the_network(manifests: Any) -> None:
    assert manifests.good(network="{connect: true}").network.connect is not None
    assert manifests.good(network="{connect: false}").network.connect is None
    assert manifests.good(network="{connect: {alias: api}}").network.connect.alias == "api"
    vpc = manifests.good(network="{vpc: {placement: private, security_groups: [sg-1, {from_cfn: e}]}}").network.vpc
    assert (vpc.placement.access, [group.id or group.from_cfn for group in vpc.security_groups.groups]) == (
        "private", ["sg-1", "e"],
    )  # fmt: skip
    vpc = manifests.good(
        network="{vpc: {placement: {subnets: [a, b]}, security_groups: {deny_default: true, groups: [g]}}}"
    ).network.vpc
    assert (vpc.placement.access, vpc.placement.subnets.ids) == (None, ["a", "b"])
    assert (vpc.security_groups.deny_default, vpc.security_groups.groups[0].id) == (True, "g")
    subnets = manifests.good(network="{vpc: {placement: {subnets: {from_tags: {a: x, b: [y, z]}}}}}").network.vpc
    assert subnets.placement.subnets.from_tags == {"a": ["x"], "b": ["y", "z"]}


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (WEB, "{vpc: {placement: Private}}", ("CL107", "network.vpc.placement")),
        (WEB, "{vpc: {placement: [a]}}", ("CL103", "network.vpc.placement")),
        (WEB, "{connect: maybe}", ("CL103", "network.connect")),
        (WEB, "{vpc: {security_groups: sg-1}}", ("CL103", "network.vpc.security_groups")),
        (WORKER, "{connect: {alias: a}}", ("CL140", "network.connect.alias")),
        (JOB, "{connect: true}", ("CL109", "network.connect")),
        (WEB, "{placement: private}", ("CL102", "network.placement")),
    ],
)
def test_networks_that_are_wrong(manifests: Any, kind: str, text: str, expected: tuple[str, str]) -> None:
    assert expected in manifests.bad(kind, network=text)


def test_an_alias_of_a_backend_needs_a_port(manifests: Any) -> None:
    found = manifests.bad(BACKEND, image="{location: x}", network="{connect: {alias: a}}")
    assert found == [("CL140", "network.connect.alias")]


# storage, §1.16


def test_forms_of_storage(manifests: Any) -> None:
    storage = manifests.good(
        storage="""
  ephemeral: 21
  readonly_fs: true
  volumes:
    scratch: {path: /a}
    off: {path: /b, efs: false}
    managed: {path: /c, efs: true, read_only: false}
    own: {path: /d, efs: {id: fs-1, root_dir: /x, auth: {iam: true}}}
    imported: {path: /e, efs: {id: {from_cfn: e}, auth: {iam: true, access_point_id: ap}}}
"""
    ).storage
    volumes = storage.volumes
    assert (storage.ephemeral, storage.readonly_fs) == (21, True)
    assert (volumes["scratch"].efs, volumes["off"].efs, volumes["scratch"].read_only) == (None, None, True)
    assert (volumes["managed"].efs.managed, volumes["managed"].read_only) == (True, False)
    assert (volumes["own"].efs.managed, volumes["own"].efs.id.value) == (False, "fs-1")
    assert volumes["imported"].efs.id.from_cfn == "e"
    assert manifests.good(storage="{volumes: {a: {path: /a, efs: {uid: 1, gid: 2}}}}").storage.volumes["a"].efs.managed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ephemeral: 19}", ("CL134", "ephemeral")),
        ("{ephemeral: 201}", ("CL134", "ephemeral")),
        ("{volumes: {a: {}}}", ("CL106", "volumes.a")),
        ("{volumes: {a: }}", ("CL106", "volumes.a")),
        ("{volumes: {a: {path: '/a$'}}}", ("CL134", "volumes.a.path")),
        ("{volumes: {a: {path: /a, efs: {}}}}", ("CL103", "volumes.a.efs")),
        ("{volumes: {a: {path: /a, efs: maybe}}}", ("CL103", "volumes.a.efs")),
        ("{volumes: {a: {path: /a, efs: true}, b: {path: /b, efs: true}}}", ("CL134", "volumes.b.efs")),
        ("{volumes: {a: {path: /a, efs: {id: fs, uid: 1, gid: 1}}}}", ("CL120", "volumes.a.efs")),
        ("{volumes: {a: {path: /a, efs: {uid: 1}}}}", ("CL121", "volumes.a.efs.uid")),
        ("{volumes: {a: {path: /a, efs: {gid: 1}}}}", ("CL121", "volumes.a.efs.gid")),
        ("{volumes: {a: {path: /a, efs: {uid: 0, gid: 1}}}}", ("CL107", "volumes.a.efs.uid")),
        ("{volumes: {a: {path: /a, efs: {id: fs, root_dir: '/a b'}}}}", ("CL134", "volumes.a.efs.root_dir")),
        ("{volumes: {a: {path: /a, efs: {root_dir: /x}}}}", ("CL121", "volumes.a.efs")),
        ("{volumes: {a: {path: /a, efs: {id: f, root_dir: /x, auth: {access_point_id: p, iam: true}}}}}",
         ("CL120", "volumes.a.efs.auth.access_point_id")),
        ("{volumes: {a: {path: /a, efs: {id: f, auth: {access_point_id: p, iam: false}}}}}",
         ("CL120", "volumes.a.efs.auth.access_point_id")),
        ("{volumes: {a: {path: /a, efs: {id: f, auth: {access_point_id: p}}}}}",
         ("CL109", "volumes.a.efs.auth.access_point_id")),
    ],
)  # fmt: skip
def test_storage_that_is_wrong(manifests: Any, text: str, expected: tuple[str, str]) -> None:
    assert (expected[0], f"storage.{expected[1]}") in manifests.bad(storage=text)


@pytest.mark.parametrize(
    ("blocks", "path"),
    [
        ({"storage": "{readonly_fs: true}"}, "storage.readonly_fs"),
        ({"storage": "{volumes: {a: {path: /a, efs: true}}}"}, "storage.volumes.a.efs"),
        ({"network": "{connect: true}"}, "network.connect"),
        ({"logging": "{image: x}"}, "logging"),
    ],
)
def test_what_windows_has_not(manifests: Any, blocks: dict[str, str], path: str) -> None:
    found = manifests.bad(platform="windows/amd64", cpu="1024", memory="2048", **blocks)
    assert found == [("CL133", path)]


def test_windows_has_fewer_sizes(manifests: Any) -> None:
    assert {code for code, _ in manifests.bad(platform="windows/amd64")} == {"CL150"}
