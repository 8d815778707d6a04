"""Whatever is in a file, the answer is a manifest or findings: no traceback, and soon."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.errors import FindingsError, InputError
from emulator.manifest import WORKLOAD_TYPES, LoadedManifest, Options, check, load
from emulator.manifest.findings.formats import as_sarif
from emulator.manifest.load.emit import as_json, as_yaml, explain
from emulator.manifest.schema import shapes
from emulator.manifest.schema.backend_service import BackendService
from emulator.manifest.schema.base import Block
from emulator.manifest.schema.load_balanced_web_service import LoadBalancedWebService
from emulator.manifest.schema.scheduled_job import ScheduledJob
from emulator.manifest.schema.worker_service import WorkerService

MODELS: list[type[Block]] = [LoadBalancedWebService, BackendService, WorkerService, ScheduledJob]
FULL = """
name: web
type: Load Balanced Web Service
image:
  build: {context: ., dockerfile: Dockerfile, args: {A: '1'}}
  port: 3000
  depends_on: {nginx: start}
  healthcheck: {command: [CMD, x], interval: 10s}
http:
  path: 'api'
  healthcheck: {path: /up, grace_period: 30s}
  alias: [a.com, b.com]
  target_container: nginx
  additional_rules: [{path: /x, target_port: 3001}]
count: {range: 1-10, cpu_percentage: {value: 70, cooldown: {in: 1m}}, response_time: 2s}
variables: &v {A: 1.0, B: {from_cfn: x}}
secrets: {C: /ssm, D: {secretsmanager: 'x:y::'}}
storage: {ephemeral: 50, volumes: {data: {path: /data, efs: {id: fs-1, auth: {iam: true}}}}}
sidecars:
  nginx: {port: 80, image: 'nginx:1', variables: *v, mount_points: [{source_volume: data, path: /d}]}
logging: {destination: {Name: cloudwatch}, secretOptions: {K: s}, enableMetadata: true}
network: {connect: {alias: api}, vpc: {placement: private, security_groups: [sg-1, {from_cfn: g}]}}
publish: {topics: [{name: t, fifo: true}]}
deployment: {rolling: recreate, rollback_alarms: {cpu_utilization: 70}}
taskdef_overrides: [{path: 'ContainerDefinitions[0].Ulimits[-].HardLimit', value: !Sub x}]
environments:
  test: {http: {healthcheck: /other}, count: {spot: 3}, variables: {A: ~}}
  prod: {image: {location: 'x:${TAG}'}, sidecars: {extra: {image: y}}}
"""


def _keys() -> Iterator[str]:
    seen: set[type[Block]] = set()
    waiting = list(MODELS)
    while waiting:
        block = waiting.pop()
        if block in seen:
            continue
        seen.add(block)
        for name, field in shapes.fields_of(block).items():
            yield name
            yield from field.legacy
            shape: Any = field.shape
            while isinstance(shape, shapes.ListOf | shapes.MapOf):
                shape = shape.item
            if isinstance(shape, shapes.Model):
                waiting.append(shape.block)


KEYS = sorted({*_keys(), "environments", "test", "nginx", "web", "A", "<<", "", "a.b", "é"})
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from([
        "10s", "5d", "1h30m", "80/udp", "443/tls", "1-10", "@daily", "rate(1 hour)", "10.0.0.0/8", "linux/arm64",
        "web", "nginx",
        "start", "${TAG}", "${NOTHING}", "\\${TAG}", '["a"]', "'", "a.env", "/data", "arn:aws:s3:::b", "-", "~",
        "x" * 300, *WORKLOAD_TYPES,
    ]),
)  # fmt: skip
TREES = st.recursive(
    VALUES,
    lambda below: st.one_of(st.lists(below, max_size=4), st.dictionaries(st.sampled_from(KEYS), below, max_size=6)),
    max_leaves=40,
)
PIECES = ["\t", "{", "[", "*v", "&v ", "<<: *v", "- ", "? ", "!!x ", "|", ": ", "\n  "]
QUICK = settings(
    max_examples=100, deadline=2000, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)  # fmt: skip


def answered(text: str, folder: Path) -> None:
    """Checks and loads a file in every way; anything but findings is let through to fail the test."""
    path = folder / "manifest.yml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    for options in (Options(), Options(strict=False), Options(copilot=True)):
        found = check(path, environments=None, variables={"TAG": "t"}, app="a", options=options)
        for finding in found.findings:
            assert finding.position is not None
            assert finding.position.line >= 1
        as_sarif(found.findings, version="0")
    try:
        loaded = load(path, environment="test", variables={"TAG": "t"}, app="a", strict=False)
    except (FindingsError, InputError):
        return
    printable(loaded, folder)


def printable(loaded: LoadedManifest, folder: Path) -> None:
    as_json(loaded)
    for key in loaded.tree.entries:
        if key in shapes.keys_of(type(loaded.manifest)):
            explain(loaded, key)
    again = folder / "again.yml"
    again.write_text(as_yaml(loaded), encoding="utf-8")
    assert load(again, environment=None, variables={}, app="a", strict=False).manifest == loaded.manifest


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@QUICK
@given(tree=TREES)
def test_random_trees(folder: Path, tree: object) -> None:
    answered(json.dumps(tree), folder)


@QUICK
@given(kind=st.sampled_from(list(WORKLOAD_TYPES)), blocks=st.dictionaries(st.sampled_from(KEYS), TREES, max_size=8))
def test_random_blocks(folder: Path, kind: str, blocks: dict[str, object]) -> None:
    base: dict[str, object] = {"name": "web", "type": kind, "image": {"location": "x", "port": 80}}
    if kind == "Scheduled Job":
        base["on"] = {"schedule": "@daily"}
    if kind == "Load Balanced Web Service":
        base["http"] = {"path": "/"}
    answered(json.dumps({**base, **blocks, "type": kind}), folder)


def _places(tree: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield here
    for key in tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ():
        yield from _places(tree[key], (*here, key))


def _real() -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!Sub", lambda loader, node: "sub")
    return yaml.load(FULL, Loader=Loader)


REAL = _real()


@QUICK
@given(place=st.sampled_from(list(_places(REAL))[1:]), value=TREES, remove=st.booleans())
def test_one_value_of_a_real_manifest_replaced_or_removed(
    folder: Path, place: tuple[Any, ...], value: object, remove: bool
) -> None:
    tree = json.loads(json.dumps(REAL))
    here = tree
    for key in place[:-1]:
        here = here[key]
    if remove:
        del here[place[-1]]
    else:
        here[place[-1]] = value
    answered(json.dumps(tree), folder)


@QUICK
@given(
    start=st.integers(0, len(FULL)),
    length=st.integers(0, 40),
    piece=st.one_of(st.text(max_size=10), st.sampled_from(PIECES)),
)  # fmt: skip
def test_text_of_a_real_manifest_spoilt(folder: Path, start: int, length: int, piece: str) -> None:
    answered(FULL[:start] + piece + FULL[start + length :], folder)


@QUICK
@given(data=st.binary(max_size=200))
def test_random_bytes(folder: Path, data: bytes) -> None:
    path = folder / "bytes.yml"
    path.write_bytes(data)
    check(path, environments=None, variables={}, app="a")


def test_the_manifest_that_is_spoilt_is_right(folder: Path) -> None:
    path = folder / "manifest.yml"
    path.write_text(FULL)
    found = check(path, environments=None, variables={"TAG": "t"}, app="a")
    assert [str(finding) for finding in found.findings] == []


@pytest.mark.parametrize(
    "text",
    [
        "variables: " + "{a: " * 90 + "1" + "}" * 90,
        "variables: {" + ", ".join(f"K{number}: v" for number in range(3000)) + "}",
        "variables: {A: '" + "${TAG}" * 20000 + "'}",
        "variables: {A: '" + "\\\\${TAG}" * 5000 + "'}",
        "variables: {A: '" + "".join(f"\\\\${{V{number}}}" for number in range(50000)) + "'}",
        "variables: {A: '" + "[" * 50000 + "'}",
        "command: '" + '"a b" ' * 50000 + "'",
        "image: {location: '" + "<a" * 100000 + "'}",
        "k" * 200000 + ": 1",
        "http: {path: /, deregistration_delay: " + "1h" * 100000 + "}",
        "http: {path: /, deregistration_delay: '" + "9" * 100000 + "h'}",
        "cpu: " + "9" * 100000,
        "cpu: 1e400",
        "count: {range: " + "1" * 100000 + "-2}",
        "sidecars: {" + ", ".join(f"s{n}: {{image: x, depends_on: {{s{n + 1}: start}}}}" for n in range(500)) + "}",
        "on: {schedule: '" + "*," * 50000 + "* * * * *'}",
    ],
    ids=lambda text: text[:30],
)
def test_long_and_deep_values_take_no_time(folder: Path, text: str) -> None:
    kind = "Scheduled Job" if text.startswith("on:") else "Load Balanced Web Service"
    started = time.process_time()
    answered(f"name: web\ntype: {kind}\n{text}\n", folder)
    assert time.process_time() - started < 10
