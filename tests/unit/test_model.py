"""Plain data becomes a model, or everything that is wrong with it is said, in plain words and without its values."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta, field

from emulator.ecs.references import ImageReference, Join, PseudoReference
from emulator.ecs.service import FixedResponse, ListenerRule, PathPattern, Redirect, SourceIp
from emulator.ecs.task_definition import EphemeralStorage, KeyValuePair, TaskDefinition
from emulator.errors import Position
from emulator.model import FrozenModel, InvalidData, Model, from_json, from_plain, keys_of, to_json, to_plain
from emulator.runtime.state.desired import DesiredService
from emulator.runtime.state.task_role import Keys, TaskRole
from emulator.settings import Debugging, LocalOptions
from tests.unit.runtime.world import make_service


class Inner(FrozenModel, kw_only=True, frozen=True):
    port: Annotated[int, Meta(ge=1, le=65535)]
    kind: Literal["a", "b"] = "a"

    def __post_init__(self) -> None:
        if self.port == 13:
            raise ValueError("13 is no port for us")


class Outer(Model, kw_only=True):
    inner: Inner | None = None
    many: list[Inner] = field(default_factory=list)
    named: dict[str, tuple[Inner, ...]] = field(default_factory=dict)
    limit: Annotated[int, Meta(ge=16)] = 16
    share: Annotated[float, Meta(le=1)] = 0
    account: Annotated[str, Meta(pattern=r"^\d+$")] = "1"
    flag: bool = False


def problems(content: Any) -> list[str]:
    with pytest.raises(InvalidData) as error:
        from_plain(Outer, content)
    assert str(error.value) == "; ".join(map(str, error.value.problems))
    return [str(problem) for problem in error.value.problems]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ([], "takes a map, not a list"),
        ({"inner": 1}, "inner: takes a map, not a whole number"),
        ({"inner": {}}, "inner.port: is missing"),
        ({"inner": {"port": 0}}, "inner.port: takes a whole number from 1 to 65535"),
        ({"inner": {"port": 1.5}}, "inner.port: takes a whole number from 1 to 65535, not a number"),
        ({"inner": {"port": 13}}, "inner: 13 is no port for us"),
        ({"inner": {"port": 1, "kind": "hush"}}, "inner.kind: takes one of a, b"),
        ({"many": {}}, "many: takes a list, not a map"),
        ({"many": [{"port": 1}, None]}, "many.1: takes a map, not null"),
        ({"named": {"x": [{"port": "hush"}]}}, "named.x.0.port: takes a whole number from 1 to 65535, not text"),
        ({"limit": 3}, "limit: takes a whole number of at least 16"),
        ({"share": 3}, "share: takes a number of at most 1, not a whole number"),
        ({"account": "hush"}, r"account: takes text that matches ^\d+$"),
        ({"flag": "maybe"}, "flag: takes true or false, not text"),
        ({"hush": 1}, "hush: there is no such key"),
    ],
)
def test_what_does_not_fit_is_said_with_its_place(content: object, problem: str) -> None:
    assert problems(content) == [problem]


def test_everything_is_said_at_once() -> None:
    content = {"inner": {"port": 0, "kind": 3, "more": 1}, "many": [1, {"port": 2}, {}], "flag": [], "other": None}
    assert [problem.partition(":")[0] for problem in problems(content)] == [
        *("inner.port", "inner.kind", "inner.more", "many.0", "many.2.port", "flag", "other")
    ]


def test_text_stands_for_the_number_that_it_writes() -> None:
    made = from_plain(Outer, {"inner": {"port": "80"}, "limit": "20", "flag": "true"})
    assert (made.inner, made.limit, made.flag) == (Inner(port=80), 20, True)


def test_models_in_plain_data_stay_what_they_are() -> None:
    value = Join(parts=("a", ImageReference(name="b", position=Position("f", 1))))
    assert from_plain(KeyValuePair, {"name": "x", "value": value}).value is value


def test_a_wrong_kind_of_reference_is_no_text_either() -> None:
    with pytest.raises(InvalidData, match=r"^value: takes text or a map with a kind that is known$"):
        from_plain(KeyValuePair, {"name": "x", "value": {"kind": "hush"}})


def test_a_condition_and_an_action_know_what_elastic_load_balancing_calls_them() -> None:
    assert SourceIp(values=[]).field == "source-ip"
    assert PathPattern(values=[]).field == "path-pattern"
    assert Redirect().type == "redirect"
    assert FixedResponse(status_code=200).type == "fixed-response"


def test_json_is_read_back_as_it_was_written() -> None:
    options = LocalOptions(debug={"hello": Debugging(ports={5678: 5678}, command=("sh",))})
    service = make_service()
    value = Join(parts=("arn:", PseudoReference(name="AWS::Partition", position=Position("m", 3, 1))))
    service.task_definition.container_definitions[0].environment.append(KeyValuePair(name="A", value=value))
    service.listener_rules.append(ListenerRule(name="r", conditions=[SourceIp(values=["::/0"])], action=Redirect()))
    desired = DesiredService(service=service, options=options)
    assert from_json(DesiredService, to_json(desired)) == desired
    assert from_plain(DesiredService, to_plain(desired)) == desired


def test_ecs_shapes_have_the_names_of_the_api() -> None:
    definition = TaskDefinition(
        family="f", container_definitions=[], ephemeral_storage=EphemeralStorage(size_in_gi_b=30)
    )
    plain = to_plain(definition)
    assert plain["ephemeralStorage"] == {"sizeInGiB": 30}
    assert dict(keys_of(definition))["enable_fault_injection"] == "enableFaultInjection"
    assert "container_definitions" not in plain


def test_broken_json_is_invalid_data() -> None:
    with pytest.raises(InvalidData):
        from_json(Outer, b'{"limit"')
    with pytest.raises(InvalidData, match="limit"):
        from_json(Outer, b'{"limit": 2}')


def test_what_is_secret_is_not_shown() -> None:
    keys = Keys(access_key_id="hush", secret_access_key="hush", session_token="hush")
    assert "hush" not in repr(TaskRole(source="role", keys=keys, role_arn="arn:x", external_id="hush"))
    assert "hush" not in repr(keys)


@pytest.mark.parametrize("module", ["emulator.agent.__main__", "emulator.settings", "emulator.ecs.plain"])
def test_models_cost_little_to_import(module: str) -> None:
    script = f"import sys, {module}; print([m for m in ('pydantic', 'emulator.misfits') if m in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.strip() == "[]"


MANY_THREADS = """
import gc, threading
from dataclasses import make_dataclass
from emulator.model import from_json

gc.set_threshold(1)
for number in range(100):
    inner = make_dataclass(f"Inner{number}", [(f"f{i}", "int | None", None) for i in range(30)])
    kind = make_dataclass(f"Outer{number}", [("one", inner | None, None), ("two", list[inner], None)])
    start = threading.Barrier(8)

    def decode():
        start.wait()
        from_json(kind, b'{"one": {}}')

    threads = [threading.Thread(target=decode) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def test_threads_may_read_a_kind_for_the_first_time_at_once() -> None:
    """In a process of its own: it ended with a segmentation fault."""
    ended = subprocess.run([sys.executable, "-c", MANY_THREADS], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
