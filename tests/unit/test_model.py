"""Plain data becomes a model, or everything that is wrong with it is said, in plain words and without its values."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pytest
from pydantic import Field, model_validator

from emulator.ecs.references import ImageReference, Join, PseudoReference
from emulator.ecs.service import FixedResponse, ListenerRule, PathPattern, Redirect, SourceIp
from emulator.ecs.task_definition import EphemeralStorage, KeyValuePair, TaskDefinition
from emulator.errors import Position
from emulator.model import FrozenModel, InvalidData, Model, from_json, from_plain, keys_of, make, to_json, to_plain
from emulator.runtime.state.desired import DesiredService
from emulator.runtime.state.task_role import Keys, TaskRole
from emulator.settings import LocalOptions
from emulator.settings_attended import Debugging
from tests.unit.runtime.world import make_service


class Inner(FrozenModel):
    port: Annotated[int, Field(ge=1, le=65535)]
    kind: Literal["a", "b"] = "a"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.port == 13:
            raise ValueError("13 is no port for us")
        return self


class Outer(Model):
    inner: Inner | None = None
    many: list[Inner] = Field(default_factory=list)
    named: dict[str, tuple[Inner, ...]] = Field(default_factory=dict)
    limit: Annotated[int, Field(ge=16)] = 16
    share: Annotated[float, Field(le=1)] = 0
    account: Annotated[str, Field(pattern=r"^\d+$")] = "1"
    flag: bool = False


def problems(content: Any) -> list[str]:
    with pytest.raises(InvalidData) as error:
        from_plain(Outer, content)
    assert str(error.value) == "; ".join(map(str, error.value.problems))
    return [str(problem) for problem in error.value.problems]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ([], "Input should be an object"),
        ({"inner": 1}, "inner: Input should be an object"),
        ({"inner": {}}, "inner.port: is missing"),
        ({"inner": {"port": 0}}, "inner.port: Input should be greater than or equal to 1"),
        ({"inner": {"port": 1.5}}, "inner.port: Input should be a valid integer, got a number with a fractional part"),
        ({"inner": {"port": 13}}, "inner: 13 is no port for us"),
        ({"inner": {"port": 1, "kind": "hush"}}, "inner.kind: Input should be 'a' or 'b'"),
        ({"many": {}}, "many: Input should be a valid list"),
        ({"many": [{"port": 1}, None]}, "many.1: Input should be an object"),
        (
            {"named": {"x": [{"port": "hush"}]}},
            "named.x.0.port: Input should be a valid integer, unable to parse string as an integer",
        ),
        ({"limit": 3}, "limit: Input should be greater than or equal to 16"),
        ({"share": 3}, "share: Input should be less than or equal to 1"),
        ({"account": "hush"}, r"account: String should match pattern '^\d+$'"),
        ({"flag": "maybe"}, "flag: Input should be a valid boolean, unable to interpret input"),
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


class Scalars(Model):
    whole: int = 0
    share: float = 0
    flag: bool = False
    text: str = ""
    either: str | int = ""
    perhaps: int | None = None
    by_port: dict[int, int] = Field(default_factory=dict)
    several: tuple[Annotated[int, Field(ge=0)], ...] = ()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("whole", True, "Input should be a valid integer"),
        ("whole", 1.5, "Input should be a valid integer, got a number with a fractional part"),
        ("whole", " 1", "Input should be a valid integer, unable to parse string as an integer"),
        ("whole", "1_000", "Input should be a valid integer, unable to parse string as an integer"),
        ("whole", "+1", "Input should be a valid integer, unable to parse string as an integer"),
        ("whole", "010", "Input should be a valid integer, unable to parse string as an integer"),
        ("whole", "1.5", "Input should be a valid integer, unable to parse string as an integer"),
        ("share", False, "Input should be a valid number"),
        ("share", "1_0.5", "Input should be a valid number, unable to parse string as a number"),
        ("share", "inf", "Input should be a valid number, unable to parse string as a number"),
        ("flag", "yes", "Input should be a valid boolean, unable to interpret input"),
        ("flag", "on", "Input should be a valid boolean, unable to interpret input"),
        ("flag", 2, "Input should be a valid boolean, unable to interpret input"),
        ("flag", 1.0, "Input should be a valid boolean"),
        ("text", 1, "Input should be a valid string"),
        ("text", True, "Input should be a valid string"),
        ("either", True, "Input should be a valid string or Input should be a valid integer"),
        ("perhaps", True, "Input should be a valid integer"),
        ("by_port", {"80": True}, "Input should be a valid integer"),
        ("several", [1, True], "Input should be a valid integer"),
        ("several", [-1], "Input should be greater than or equal to 0"),
    ],
)
def test_nothing_stands_for_a_value_of_another_kind(key: str, value: object, message: str) -> None:
    for read in (from_plain, lambda kind, content: from_json(kind, json.dumps(content))):
        with pytest.raises(InvalidData) as error:
            read(Scalars, {key: value})
        assert [problem.message for problem in error.value.problems] == [message]


@pytest.mark.parametrize(
    ("key", "value", "meant"),
    [
        ("whole", "-12", -12),
        ("whole", 12.0, 12),
        ("share", 1, 1.0),
        ("share", "0.5", 0.5),
        ("flag", "False", False),
        ("flag", "1", True),
        ("flag", 0, False),
        ("text", "yes", "yes"),
        ("either", "1", "1"),
        ("either", 1, 1),
        ("perhaps", None, None),
        ("by_port", {"80": "8080"}, {80: 8080}),
        ("several", ["1", 2], (1, 2)),
    ],
)
def test_the_same_value_may_be_spelled_in_another_way(key: str, value: object, meant: object) -> None:
    found = getattr(from_plain(Scalars, {key: value}), key)
    assert (found, type(found)) == (meant, type(meant))


def test_a_model_of_our_own_making_has_its_defaults_and_equals_one_that_was_read() -> None:
    assert make(Outer, limit=20, inner=make(Inner, port=80)) == from_plain(Outer, {"limit": 20, "inner": {"port": 80}})


def test_models_in_plain_data_stay_what_they_are() -> None:
    value = Join(parts=("a", ImageReference(name="b", position=Position("f", 1))))
    assert from_plain(KeyValuePair, {"name": "x", "value": value}).value is value


def test_a_wrong_kind_of_reference_is_no_text_either() -> None:
    with pytest.raises(
        InvalidData, match=r"^value: Input should be a valid string or Input should be an object with a known kind$"
    ):
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


BUILT = """
import sys, {module}
from emulator.model import Model

def below(kind):
    for one in kind.__subclasses__():
        yield one
        yield from below(one)

kinds = list(below(Model))
print(bool(kinds), [kind.__name__ for kind in kinds if kind.__pydantic_complete__], "msgspec" in sys.modules)
"""


@pytest.mark.parametrize("module", ["emulator.agent.__main__", "emulator.settings", "emulator.ecs.plain"])
def test_no_schema_is_built_on_import(module: str) -> None:
    script = BUILT.format(module=module)
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.strip() == "True [] False"


def test_a_service_is_compiled_and_rendered_without_a_schema(tmp_path: Path) -> None:
    """Each schema costs milliseconds, and a service has thirty shapes."""
    folder = tmp_path / "copilot" / "hello"
    folder.mkdir(parents=True)
    (tmp_path / "copilot" / ".workspace").write_text("application: shop\n")
    manifest = "name: hello\ntype: Load Balanced Web Service\nimage:\n  location: nginx\n  port: 80\nhttp:\n  path: /\n"
    (folder / "manifest.yml").write_text(f"{manifest}cpu: 256\nmemory: 512\nvariables:\n  A: b\n")
    run = (
        "from emulator.cli.shell.app import run; run(['render', 'taskdef', 'hello', '-e', 'test', '--placeholders'])\n"
    )
    script = run + BUILT.format(module="emulator.model")
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path)
    assert '"containerDefinitions"' in ended.stdout
    assert ended.stdout.splitlines()[-1] == "True [] False"


MANY_THREADS = """
import sys, threading
from pydantic import create_model
from emulator.model import Model, from_json, make, to_json

sys.setswitchinterval(1e-6)
for number in range(40):
    fields = {f"f{i}": (int | None, None) for i in range(20)}
    inner = create_model(f"Inner{number}", __base__=Model, **fields)
    outer = create_model(f"Outer{number}", __base__=Model, one=(inner | None, None), two=(list[inner], []))
    start = threading.Barrier(8)
    uses = [
        lambda: inner(f1=1),
        lambda: from_json(outer, b'{"one": {}}'),
        lambda: outer(one=None),
        lambda: to_json(make(outer)),
    ]

    def use(one):
        start.wait()
        one()

    threads = [threading.Thread(target=use, args=(uses[n % 4],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def test_threads_may_use_a_model_for_the_first_time_at_once() -> None:
    ended = subprocess.run([sys.executable, "-c", MANY_THREADS], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
