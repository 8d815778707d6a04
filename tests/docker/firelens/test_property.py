"""Whatever options a task definition has, the real Fluent Bit parses the file that ECS would generate from them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.ecs.identity import task_identity
from emulator.ecs.task_definition import TaskDefinition
from emulator.engine.interface import ContainerSpec, Engine, File
from emulator.firelens.ecs_config import ecs_router_configuration
from emulator.firelens.local import local_router_configuration
from emulator.model import from_plain

pytestmark = pytest.mark.docker

ROUTER_IMAGE = "public.ecr.aws/aws-observability/aws-for-fluent-bit:stable"
FLUENT_BIT = "/fluent-bit/bin/fluent-bit"

words = st.from_regex(r"[A-Za-z0-9_./:-]{1,20}", fullmatch=True)
values = st.lists(words, min_size=1, max_size=3).map(" ".join)
patterns = st.sampled_from(["failure", "^GET /health", "a|b", "[0-9]+ms", "\\\\d+", "(?i)error", "*", "é"])
names = st.from_regex(r"[A-Za-z0-9_-]{1,30}", fullmatch=True)


@st.composite
def outputs(draw: st.DrawFn) -> dict[str, str]:
    """The log options of a container: none, or an output plugin that knows its options."""
    kind = draw(st.sampled_from(["none", "stdout", "null", "http", "cloudwatch_logs"]))
    options: dict[str, str] = {}
    if kind == "http":
        options = {"Name": "http", "Host": draw(words), "header": draw(values), "tls": "On"}
    elif kind == "cloudwatch_logs":
        options = {"Name": kind, "region": "eu-west-1", "log_group_name": draw(words), "log_stream_prefix": draw(words)}
    elif kind != "none":
        options = {"Name": kind}
    for key in draw(st.sets(st.sampled_from(["include-pattern", "exclude-pattern"]))):
        options[key] = draw(patterns)
    if kind != "none" and draw(st.booleans()):
        options["log-driver-buffer-limit"] = str(draw(st.integers(0, 536_870_911)))
    return options


@st.composite
def task_definitions(draw: st.DrawFn) -> TaskDefinition:
    containers: list[dict[str, Any]] = []
    for name in draw(st.lists(names, min_size=1, max_size=4, unique=True)):
        log = {"logDriver": "awsfirelens", "options": draw(outputs())}
        containers.append({"name": name, "image": name, "logConfiguration": log})
    router: dict[str, Any] = {"name": "firelens_log_router", "image": "router"}
    options = draw(st.dictionaries(st.just("enable-ecs-log-metadata"), st.sampled_from(["true", "false", "T", "no"])))
    if draw(st.booleans()):
        options |= {"config-file-type": "file", "config-file-value": "/fluent-bit/configs/parse-json.conf"}
    router["firelensConfiguration"] = {"type": "fluentbit", "options": options}
    if memory := draw(st.sampled_from([None, 64, 512])):
        router["memory"] = memory
    mode = draw(st.sampled_from(["awsvpc", "bridge", "host", None]))
    containers.insert(draw(st.integers(0, len(containers))), router)
    return from_plain(TaskDefinition, {"family": "demo", "networkMode": mode, "containerDefinitions": containers})


PARSE = f"""\
for file in /tmp/generated/*.conf; do
    said=$({FLUENT_BIT} -c $file --dry-run 2>&1) && ! echo "$said" | grep -qE "cannot be|rror" \\
        && echo "$said" | grep -q successful || {{ echo "$file: $said"; cat $file; }}
done
rm -r /tmp/generated
"""


@pytest.fixture(scope="module")
def parse(engine: Engine, local_image: Callable[[str], str]) -> Iterator[Callable[[list[str]], str]]:
    """Gives files to a real Fluent Bit for it to parse; returns what it says against them, nothing if it takes all."""
    name = f"cl-test-parse-{task_identity(cluster='x', family='x').task_id[:12]}"
    engine.create_container(
        ContainerSpec(name=name, image=local_image(ROUTER_IMAGE), command=("sleep", "3600"), network="none", init=True)
    )
    engine.start(name)

    def parse(texts: list[str]) -> str:
        files = [File(f"generated/{number}.conf", text.encode()) for number, text in enumerate(texts)]
        engine.put_files(name, "/tmp", files)
        result = engine.exec(name, ("sh", "-c", PARSE), timeout=120)
        assert result.exit_code == 0
        return (result.stdout + result.stderr).decode(errors="replace")

    assert parse(["[SERVICE]\n    Flush 1\n"]) == ""
    assert parse(["no section\n"]), "what is wrong would be seen"
    yield parse
    engine.kill(name)
    engine.remove(name)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(definitions=st.lists(task_definitions(), min_size=5, max_size=5))
def test_fluent_bit_parses_what_ecs_would_generate(
    parse: Callable[[list[str]], str], definitions: list[TaskDefinition]
) -> None:
    identity = task_identity(cluster="demo-test", family="demo", task_id="0" * 32)
    files = [ecs_router_configuration(definition, identity) for definition in definitions]
    local = [
        local_router_configuration(definition, identity, service="hello", check=False) for definition in definitions
    ]
    # The copy of the user's file is not in this container; all else is the file that runs.
    assert parse(files + [re.sub(r"(?m)^@INCLUDE .*$", "", one.text) for one in local]) == ""
