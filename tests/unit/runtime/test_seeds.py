"""Seeds as they are read: what is wrong in a file is said before anything is started."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.app.seeds import read_seed
from emulator.engine.fake import FakeEngine
from emulator.engine.interface import ContainerSpec, File
from emulator.errors import CopilotLocalError, InputError, Position
from emulator.events import discard
from emulator.runtime.lifecycle.seeding import plant
from emulator.runtime.lifecycle.sql import _error, _script, run_sql
from emulator.runtime.planning.up_request import also_done
from emulator.runtime.specs.aws.seed import Seed, SqlSeed
from emulator.runtime.specs.beside import Beside
from emulator.runtime.state.database import DesiredDatabase
from emulator.runtime.state.names import Role
from emulator.settings import load_settings
from tests.unit.runtime.bench import Bench
from tests.unit.runtime.world import AGENT, DEMO, desired_state, make_service


class Workspace:
    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def read(self, toml: str, services: frozenset[str] = frozenset({"api", "worker"})) -> Seed | None:
        self.write("copilot-local.toml", toml)
        settings = load_settings(self.root)
        return read_seed(self.root, settings.seed, services, {"api", "worker", "other"})

    def targets(self, toml: str) -> list[dict[str, Any]]:
        found = self.read(toml)
        assert found is not None
        assert found.files[0].path == "seed.json"
        targets: list[dict[str, Any]] = json.loads(found.files[0].content)["targets"]
        return targets


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


@pytest.mark.parametrize("value", ['{"N": 1.5}', '{"S": 5}', '{"L": [1]}', '{"M": {"x": 1}}', '{"NS": [1]}'])
def test_dynamodbs_own_json_has_numbers_as_texts(workspace: Workspace, value: str) -> None:
    workspace.write("seed/things.json", f'\n{{"id": {{"S": "1"}}, "n": {value}}}')
    with pytest.raises(InputError, match=r"things\.json:2: n is no value of DynamoDB's own JSON"):
        workspace.read(TABLE)


def test_what_is_no_number_of_json_is_refused(workspace: Workspace) -> None:
    workspace.write("seed/things.json", '{"id": "1",\n "n": NaN}')
    with pytest.raises(InputError, match="no JSON: NaN is no number of JSON"):
        workspace.read(TABLE)


QUEUE_AND_PARAMETERS = '[seed]\nparameters = "ssm.env"\n[seed.queues]\nworker = "events.jsonl"\n'


@pytest.mark.parametrize("inside", ["\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c"])
def test_only_the_end_of_a_line_ends_a_message_or_a_parameter(workspace: Workspace, inside: str) -> None:
    body = json.dumps({"text": f"a{inside}b"}, ensure_ascii=False)
    workspace.write("events.jsonl", f"{body}\r\n\nlast")
    workspace.write("ssm.env", f"A=1{inside}B=2\nC=3\n")
    queue, parameters = workspace.targets(QUEUE_AND_PARAMETERS)
    assert [(one["body"], one["position"][-2:]) for one in queue["entries"]] == [(body, ":1"), ("last", ":3")]
    assert [one["value"] for one in parameters["entries"]] == [f"1{inside}B=2", "3"]


TABLE = '[seed.tables]\n"api/Things" = "seed/things.json"\n'


@pytest.mark.parametrize(
    "text",
    [
        '[\n  {"id": "1", "n": 1.50, "ok": true},\n  {"id": "2", "deep": {"list": [1, null]}}\n]',
        '\n{"id": {"S": "1"}, "n": {"N": "1.50"}, "ok": {"BOOL": true}}\n'
        '{"id": {"S": "2"}, "deep": {"M": {"list": {"L": [{"N": "1"}, {"NULL": true}]}}}}\n',
    ],
)
def test_items_are_plain_or_in_dynamodbs_own_json(workspace: Workspace, text: str) -> None:
    workspace.write("seed/things.json", text)
    [target] = workspace.targets(TABLE)
    assert [one["item"] for one in target["entries"]] == [
        {"id": {"S": "1"}, "n": {"N": "1.50"}, "ok": {"BOOL": True}},
        {"id": {"S": "2"}, "deep": {"M": {"list": {"L": [{"N": "1"}, {"NULL": True}]}}}},
    ]
    lines = [one["position"].rpartition(":")[2] for one in target["entries"]]
    assert lines == ["2", "3"]


@pytest.mark.parametrize(
    ("text", "line"), [('[\n{"id": "1"},\n{"id": }\n]', 3), ('[\n{"id": "1"}\n', 3), ('[\n{"a": 1},\n\n"text"]', 4)]
)
def test_what_is_no_item_is_said_with_its_line(workspace: Workspace, text: str, line: int) -> None:
    workspace.write("seed/things.json", text)
    with pytest.raises(InputError) as raised:
        workspace.read(TABLE)
    assert str(raised.value.position).endswith(f"seed/things.json:{line}")


def test_messages_are_lines_and_objects_are_files(workspace: Workspace) -> None:
    workspace.write("seed/events.jsonl", '{"a": 1}\n\nplain text\n')
    workspace.write("seed/files/b/c.txt", "c")
    workspace.write("seed/files/a.txt", "a")
    toml = '[seed]\nqueues = { worker = "seed/events.jsonl" }\nbuckets = { "api/Files" = "seed/files" }\n'
    queue, bucket = workspace.targets(toml)
    assert [(one["body"], one["position"][-2:]) for one in queue["entries"]] == [
        ('{"a": 1}', ":1"),
        ("plain text", ":3"),
    ]
    seed = workspace.read(toml)
    assert seed is not None
    contents = {file.path: file.content for file in seed.files}
    assert {one["key"]: contents[one["file"]] for one in bucket["objects"]} == {"a.txt": b"a", "b/c.txt": b"c"}


def test_parameters_are_lines_with_a_name_and_a_value(workspace: Workspace) -> None:
    workspace.write("ssm.env", "# a comment\n/shop/key = a value=1 \n\n")
    [target] = workspace.targets('[seed]\nparameters = "ssm.env"\n')
    assert [(one["parameter"], one["value"]) for one in target["entries"]] == [("/shop/key", "a value=1")]
    workspace.write("ssm.env", "A=1\nnothing\n")
    with pytest.raises(InputError, match="no NAME=VALUE line") as raised:
        workspace.read('[seed]\nparameters = "ssm.env"\n')
    assert str(raised.value.position).endswith("ssm.env:2")


def test_a_secret_is_a_files_text(workspace: Workspace) -> None:
    workspace.write("mail.json", '{"host": "mail"}')
    [target] = workspace.targets('[seed]\nsecrets = { "shop/mail" = "mail.json" }\n')
    assert (target["kind"], target["name"], target["value"]) == ("secret", "shop/mail", '{"host": "mail"}')
    workspace.write("mail.json", '{"host":\n mail}')
    with pytest.raises(InputError, match="takes no secret of the name 'a b'"):
        workspace.read('[seed]\nsecrets = { "a b" = "mail.json" }\n')
    with pytest.raises(InputError, match="is no JSON") as raised:
        workspace.read('[seed]\nsecrets = { "shop/mail" = "mail.json" }\n')
    assert str(raised.value.position).endswith("mail.json:2")


@pytest.mark.parametrize(
    "key", ['parameters = "fill.sh"', 'secrets = { a = "fill.sh" }', 'queues = { worker = "fill.sh" }']
)
def test_a_script_is_refused(workspace: Workspace, key: str) -> None:
    workspace.write("fill.sh", "aws sqs list-queues")
    with pytest.raises(InputError, match="is a script, which nothing here runs") as raised:
        workspace.read(f"[seed]\n{key}\n")
    assert str(raised.value.position).endswith("copilot-local.toml:2")


def test_a_service_that_is_not_brought_up_is_passed_over(workspace: Workspace) -> None:
    assert workspace.read('[seed.tables]\n"other/Things" = "not-there.json"\n') is None


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ('[seed.tables]\n"appi/Things" = "x.json"\n', "is for no service of this workspace"),
        ('[seed.queues]\nworkr = "x.jsonl"\n', "is for no service of this workspace"),
        ('[seed.tables]\n"api/Things" = "x.json"\n', "cannot be read"),
        ('[seed.buckets]\n"api/Files" = "x"\n', "is no folder"),
        ('[seed.buckets]\n"api/Files" = "links"\n', "leads out of"),
    ],
)
def test_what_the_settings_name_wrongly_is_said_with_their_line(workspace: Workspace, toml: str, says: str) -> None:
    (workspace.root / "links").mkdir()
    (workspace.root / "links" / "a").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match=says) as raised:
        workspace.read(toml)
    assert str(raised.value.position).endswith("copilot-local.toml:2")


def test_sql_is_read_in_its_order(workspace: Workspace) -> None:
    workspace.write("a.sql", "SELECT 1;")
    workspace.write("b.sql", "SELECT 2;")
    found = workspace.read('[seed.databases]\n"api/Db" = ["b.sql", "a.sql"]\n"other/Db" = ["not-there.sql"]\n')
    assert found is not None
    assert [(one.name, [text for _, text in one.files]) for one in found.databases] == [
        ("api/Db", [b"SELECT 2;", b"SELECT 1;"])
    ]
    with pytest.raises(InputError, match="cannot be read"):
        workspace.read('[seed.databases]\n"api/Db" = ["not-there.sql"]\n')


@pytest.mark.parametrize(
    ("said", "place", "message"),
    [
        ('psql:/copilot-local/seed/1.sql:7: ERROR:  relation "x" does not exist', "b.sql:7", 'relation "x" does not'),
        ("/copilot-local/seed/0.sql: ERROR 1064 (42000) at line 3: You have an error", "a.sql:3", "You have an error"),
        ("/copilot-local/seed/0.sql: ---\nX\n---\n\nERROR 1146 (42S02) at line 2: no table", "a.sql:2", "no table"),
        ("psql: error: connection refused", "copilot-local.toml:2", "connection refused"),
    ],
)
def test_what_a_database_says_is_told_with_the_line_of_the_file(said: str, place: str, message: str) -> None:
    seed = SqlSeed("api/Db", Position("copilot-local.toml", 2), (("a.sql", b""), ("b.sql", b"")))
    error = _error(seed, said)
    assert str(error.position) == place
    assert message in error.message


def test_sql_for_a_database_that_is_not_there_is_refused_with_those_that_are() -> None:
    seed = SqlSeed("api/Dta", Position("copilot-local.toml", 2), (("a.sql", b""),))
    with pytest.raises(InputError, match="there is no database api/Dta") as raised:
        run_sql(FakeEngine(), DEMO, desired_state(make_service()), [seed], {}, discard)
    assert raised.value.position == seed.position


@pytest.mark.parametrize(("program", "says"), [("redis", "takes no SQL"), ("mysql", "makes no database")])
def test_sql_that_a_database_cannot_run_is_refused(program: str, says: str) -> None:
    seed = SqlSeed("api/Db", Position("copilot-local.toml", 2), (("a.sql", b""),))
    database = DesiredDatabase(key="stack/Db", program=program, engine=program, identifier="db", port=1)
    with pytest.raises(InputError, match=says) as raised:
        _script(database, seed, "", "me")
    assert raised.value.position == seed.position


def test_an_endpoint_that_is_known_to_be_seeded_is_not_asked(bench: Bench) -> None:
    bench.engine.ensure_network(DEMO.network, DEMO.labels(Role.NETWORK))
    bench.engine.start(bench.engine.create_container(ContainerSpec(name=DEMO.aws, image=AGENT, network=DEMO.network)))
    seed = Seed((File("seed.json", b"{}"),), ("table api/Orders", "queue worker"))
    bench.engine.calls.clear()
    plant(bench.engine, DEMO, seed, ["queue worker", "table api/Orders", "table old"], bench.emit)
    assert [verb for verb, _ in bench.engine.calls] == ["put_files"], "a reset takes what the seed says now"
    with pytest.raises(CopilotLocalError):  # this one answers nothing
        plant(bench.engine, DEMO, seed, ["queue worker"], bench.emit)
    assert len(bench.engine.calls) > 2


def test_what_a_command_brings_up_leaves_the_seed_of_the_others(workspace: Workspace, bench: Bench) -> None:
    bench.engine.ensure_network(DEMO.network, DEMO.labels(Role.NETWORK))
    bench.engine.start(bench.engine.create_container(ContainerSpec(name=DEMO.aws, image=AGENT, network=DEMO.network)))
    for name in ("api", "worker"):
        workspace.write(f"seed/{name}/{name}.txt", name)
    toml = """[seed.buckets]\n"api/Files" = "seed/api"\n"worker/Files" = "seed/worker"\n"""
    every, api = ["bucket api/Files", "bucket worker/Files"], frozenset({"api"})

    def after(toml: str, services: frozenset[str]) -> dict[str, list[bytes]]:
        """What a reset puts in after an `up` of these services."""
        seed = workspace.read(toml, services)
        assert seed is not None
        plant(bench.engine, DEMO, seed, every, bench.emit)
        document = json.loads(bench.engine.read_file(DEMO.aws, "/copilot-local/own/seed/seed.json"))
        return {
            target["name"]: [
                bench.engine.read_file(DEMO.aws, f"/copilot-local/own/seed/{one['file']}") for one in target["objects"]
            ]
            for target in document["targets"]
        }

    both = {"api/Files": [b"api"], "worker/Files": [b"worker"]}
    assert after(toml, api) == {"api/Files": [b"api"]}
    assert after(toml, frozenset({"api", "worker"})) == both
    assert after(toml, frozenset({"worker"})) == both
    workspace.write("seed/api/api.txt", "new")
    assert after(toml, api) == {**both, "api/Files": [b"new"]}
    assert after('[seed.buckets]\n"api/Files" = "seed/api"\n', api) == {"api/Files": [b"new"]}, "it is named no more"


def test_a_dry_run_names_compose_services_and_seeds(bench: Bench) -> None:
    seed = Seed((), ("table api/Orders", "parameters parameters"), (SqlSeed("api/Db", None, ()),))
    beside = Beside({"services": {"search": {}, "mail": {}}}, Path())
    assert also_done(bench.request(seed=seed, beside=beside)) == [
        "start Compose service mail: [beside] names it",
        "start Compose service search: [beside] names it",
        "seed table api/Orders: [seed] names it, and it is seeded once",
        "seed parameters: [seed] names it, and it is seeded once",
        "seed database api/Db: [seed] names it, and it is seeded once",
    ]
