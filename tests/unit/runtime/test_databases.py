"""Databases and caches of addons: which container runs for a resource, when it starts and stops, what it is given."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from emulator.app.databases import described_databases
from emulator.ecs.addons.model import Addons
from emulator.ecs.addons.types import TYPES, Kind
from emulator.engine.interface import Container
from emulator.errors import InputError, Position, Unsupported
from emulator.events import Event, EventKind, discard
from emulator.model import make
from emulator.runtime.execution.database import difference
from emulator.runtime.lifecycle.down import _plan
from emulator.runtime.planning.databases import plan_databases, restart_databases
from emulator.runtime.specs.aws.resources import aws_request
from emulator.runtime.specs.databases.account import account
from emulator.runtime.specs.databases.container import database_spec, default_image
from emulator.runtime.specs.databases.programs import PROGRAMS
from emulator.runtime.state import names
from emulator.runtime.state.database import DesiredDatabase
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.observed import Observed
from emulator.runtime.state.operations import Plan
from emulator.settings import Settings
from tests.unit.runtime.world import DEMO, World, desired_state, lines, make_service, text_of

KEY = "demo-test-hello-AddonsStack/Db"


def database(program: str = "postgres", **fields: Any) -> DesiredDatabase:
    given = {"key": KEY, "engine": program, "identifier": "db", "port": 5432, "image": f"{program}:1", **fields}
    return make(DesiredDatabase, program=program, **given)


def described(
    type: str, properties: dict[str, Any], settings: Settings | None = None, emit: Any = discard
) -> list[DesiredDatabase]:
    """The databases of an addon template with one resource `Db`."""
    sections: dict[str, Any] = {"Resources": {"Db": {"Type": type, "Properties": properties}}}
    positions = {"Resources.Db": Position("addons/db.yml", 3)}
    found = make(Addons, sections=sections, positions=positions)
    state = desired_state(make_service().model_copy(update={"addons": found}))
    return described_databases(aws_request(state), settings or Settings(), emit)


EXAMPLES: list[tuple[str, dict[str, Any], tuple[str, int, str]]] = [
    ("AWS::RDS::DBCluster", {"Engine": "aurora-postgresql"}, ("postgres", 5432, "postgres:17")),
    (
        "AWS::RDS::DBCluster",
        {"Engine": "aurora-postgresql", "EngineVersion": "14.4"},
        ("postgres", 5432, "postgres:14"),
    ),
    ("AWS::RDS::DBCluster", {"Engine": "aurora"}, ("mysql", 3306, "mysql:8.4")),
    ("AWS::RDS::DBCluster", {"Engine": "aurora-mysql", "Port": 3307}, ("mysql", 3307, "mysql:8.4")),
    ("AWS::RDS::DBInstance", {"Engine": "postgres", "EngineVersion": "16"}, ("postgres", 5432, "postgres:16")),
    ("AWS::RDS::DBInstance", {"Engine": "mysql", "EngineVersion": "8.0.35"}, ("mysql", 3306, "mysql:8.0")),
    ("AWS::RDS::DBInstance", {"Engine": "mariadb", "EngineVersion": "10.11"}, ("mariadb", 3306, "mariadb:10.11")),
    ("AWS::ElastiCache::CacheCluster", {"Engine": "redis"}, ("redis", 6379, "valkey/valkey:8")),
    ("AWS::ElastiCache::CacheCluster", {"Engine": "memcached"}, ("memcached", 11211, "memcached:1.6")),
    ("AWS::ElastiCache::ReplicationGroup", {"EngineVersion": "7.1"}, ("redis", 6379, "valkey/valkey:8")),
    ("AWS::ElastiCache::ServerlessCache", {"Engine": "valkey"}, ("valkey", 6379, "valkey/valkey:8")),
]


class TestTypes:
    @pytest.mark.parametrize(("type", "properties", "expected"), EXAMPLES, ids=str)
    def test_a_resource_is_a_program(
        self, type: str, properties: dict[str, Any], expected: tuple[str, int, str]
    ) -> None:
        [found] = described(type, properties)
        assert (found.program, found.port, found.image) == expected
        assert (found.key, found.position) == (KEY, "addons/db.yml:3")

    def test_every_type_of_the_table_that_is_a_program_has_its_example(self) -> None:
        programs = {name for name, found in TYPES.items() if found.kind is Kind.PROGRAM}
        assert {type for type, _, _ in EXAMPLES} == programs

    @pytest.mark.parametrize("engine", ["oracle-ee", "sqlserver-ex", "db2-se", "custom-oracle-ee"])
    def test_an_engine_that_does_not_run_here_is_refused_with_its_line(self, engine: str) -> None:
        with pytest.raises(
            Unsupported, match=f"Resources.Db: a AWS::RDS::DBInstance with the engine {engine}"
        ) as caught:
            described("AWS::RDS::DBInstance", {"Engine": engine})
        assert caught.value.position == Position("addons/db.yml", 3)
        assert "[values]" in caught.value.hint

    def test_a_template_that_is_wrong_is_refused_with_its_line(self) -> None:
        with pytest.raises(InputError, match="Nowhere") as caught:
            described("AWS::RDS::DBInstance", {"Engine": {"Ref": "Nowhere"}})
        assert caught.value.position == Position("addons/db.yml", 3)

    def test_an_instance_of_a_cluster_is_no_container_of_its_own(self) -> None:
        assert described("AWS::RDS::DBInstance", {"Engine": "postgres", "DBClusterIdentifier": "other"}) == []

    def test_other_addons_have_no_databases(self) -> None:
        assert described("AWS::S3::Bucket", {}) == []

    @pytest.mark.parametrize("name", ["aurora-postgresql", "postgres"])
    def test_settings_name_an_image_by_engine_or_program(self, name: str) -> None:
        settings = Settings(backing={name: "postgis/postgis:16"})
        [found] = described("AWS::RDS::DBCluster", {"Engine": "aurora-postgresql"}, settings)
        assert found.image == "postgis/postgis:16"

    def test_a_cache_that_asks_for_tls_is_warned_about(self) -> None:
        heard: list[Event] = []
        described("AWS::ElastiCache::ReplicationGroup", {"TransitEncryptionEnabled": True}, emit=heard.append)
        [event] = heard
        assert event.kind is EventKind.WARNING
        assert "addons/db.yml:3" in event.message


@pytest.mark.parametrize(
    ("asked", "running", "said"),
    [
        ({"program": "postgres", "engine": "aurora-postgresql"}, "PostgreSQL 17.5", ""),
        ({"program": "postgres", "version": "17.2", "major": "17"}, "PostgreSQL 17.5", ""),
        (
            {"program": "postgres", "engine": "aurora-postgresql", "version": "14.4", "major": "14"},
            "PostgreSQL 17.5",
            "aurora-postgresql 14.4 is asked for, PostgreSQL 17.5 runs here",
        ),
        ({"program": "mysql", "version": "8.0.35", "major": "8.0"}, "MySQL 8.0.40", ""),
        ({"program": "mysql"}, "MariaDB 11.8.3", "mysql is asked for, MariaDB 11.8.3 runs here"),
        (
            {"program": "redis", "version": "7.1", "major": "7"},
            "Valkey 8.1.1",
            "redis 7.1 is asked for, Valkey 8.1.1 runs here",
        ),
        ({"program": "memcached"}, "Memcached 1.6.38", ""),
    ],
)
def test_what_runs_is_said_where_it_differs(asked: dict[str, str], running: str, said: str) -> None:
    assert difference(database(**asked), running) == said


class TestPlan:
    def state(self, *databases: DesiredDatabase) -> DesiredState:
        return desired_state().model_copy(update={"databases": list(databases) or [database()]})

    def running(self, state: DesiredState) -> World:
        world = World()
        spec = database_spec(state, state.databases[0])
        world._add(spec.name, spec.labels, "running", None)
        return world

    def plan(self, state: DesiredState, observed: Observed | None = None) -> str:
        plan = Plan()
        plan_databases(plan, state, observed or Observed([]), None)
        return text_of(plan)

    def again(self, state: DesiredState, observed: Observed) -> str:
        plan = Plan()
        restart_databases(plan, state, observed)
        return text_of(plan)

    def test_a_new_one_gets_its_volume_and_its_account(self) -> None:
        name = DEMO.database(KEY).removeprefix(f"{DEMO.prefix}-")
        assert self.plan(self.state()) == lines(f"""
            #1 create volume {name}: Db is a database
            #2 create container {name} after #1: Db is a database
            #3 start container {name} after #2: postgres Db
            #4 await database {name} after #3: services connect to it
            #5 give database its account {name} after #4: its user and password
        """)

    def test_one_that_runs_is_left_alone(self) -> None:
        state = self.state()
        observed = self.running(state).observed
        assert [line.split(" db.")[0] for line in self.plan(state, observed).splitlines()] == [
            "#1 await database",
            "#2 give database its account",
        ]
        assert self.again(state, observed) == ""

    def test_one_that_ended_is_started_again(self) -> None:
        state = self.state()
        world = World()
        spec = database_spec(state, state.databases[0])
        world._add(spec.name, spec.labels, "exited", 137)
        assert self.plan(state, world.observed).startswith("#1 start container")
        assert self.again(state, world.observed).startswith("#1 start container")

    def test_one_that_is_not_there_is_made_by_up_alone(self) -> None:
        assert self.again(self.state(), Observed([])) == ""

    def test_another_image_stops_it_in_order_first(self) -> None:
        state = self.state()
        planned = self.plan(self.state(database(image="postgres:2")), self.running(state).observed).splitlines()
        assert [line.split(maxsplit=1)[1].split(" db.")[0] for line in planned] == [
            "stop container",
            "remove container",
            "create volume",
            "create container",
            "start container",
            "await database",
            "give database its account",
        ]

    def test_memcached_keeps_nothing(self) -> None:
        assert "create volume" not in self.plan(self.state(database("memcached")))

    def test_down_stops_databases_after_the_tasks(self) -> None:
        world = self.running(self.state())
        world.state = desired_state(make_service())
        world.runs_task(state=world.state)
        plan = _plan(world.observed, DEMO, None, volumes=False)
        [stop] = [one for one in plan.operations if one.title == "stop database Db"]
        tasks = [one.id for one in plan.operations if one.task_id]
        assert max(tasks) in stop.needs

    def test_what_ran_before_and_is_not_asked_for_now_stays_desired(self) -> None:
        """It holds data until `down`; a second `up` of another service does not end it."""
        other = database(key="demo-test-other-AddonsStack/Db")
        merged = self.state().merged_with(self.state(other))
        assert [one.key for one in merged.databases] == [other.key, KEY]


class TestSpec:
    def spec(self, found: DesiredDatabase) -> Any:
        return database_spec(desired_state(), found)

    def test_it_is_reached_by_its_identifier_in_this_environment_alone(self) -> None:
        spec = self.spec(database())
        assert (spec.network, spec.network_aliases, spec.ports) == (DEMO.network, ("db",), ())

    def test_its_data_outlives_down(self) -> None:
        plan = Plan()
        plan_databases(plan, desired_state().model_copy(update={"databases": [database()]}), Observed([]), None)
        [volume] = [one for one in plan.operations if one.labels]
        assert names.DATA in volume.labels
        assert [mount.source for mount in self.spec(database()).mounts] == [volume.subject]

    @pytest.mark.parametrize("program", ["postgres", "mysql", "mariadb", "redis", "valkey", "memcached"])
    def test_it_has_few_rights(self, program: str) -> None:
        spec = self.spec(database(program))
        assert spec.cap_drop == ("ALL",)
        assert set(spec.cap_add) <= {"CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETPCAP", "SETUID"}
        assert spec.environment.keys() <= {"PGDATA", "PGPORT", "PORT"}

    @pytest.mark.parametrize("name", PROGRAMS)
    def test_its_scripts_are_such_of_any_shell(self, name: str) -> None:
        given = account(name, ANSWER)
        for script in (PROGRAMS[name].start, PROGRAMS[name].wait, given.script if given is not None else ""):
            subprocess.run(["sh", "-n", "-c", script], check=True, timeout=20)

    def test_a_program_of_no_version_has_one(self) -> None:
        assert default_image("postgres", "") == "postgres:17"


ANSWER = {"username": "o'me", "password": "p'\\\"w", "dbname": "main", "engine": "", "version": ""}


class TestAccount:
    @pytest.mark.parametrize("program", ["postgres", "mysql", "mariadb", "redis", "valkey"])
    def test_the_password_is_in_private_files_and_in_no_command(self, program: str) -> None:
        given = account(program, ANSWER)
        assert given is not None
        assert {file.mode for file in given.files} == {0o600}
        assert ANSWER["password"] not in given.script
        assert all(f"{given.folder}/{file.path}" in given.script for file in given.files)

    def test_postgres_takes_any_name(self) -> None:
        given = account("postgres", ANSWER)
        assert given is not None
        text = given.files[0].content.decode()
        assert "ALTER ROLE \"o'me\" LOGIN SUPERUSER PASSWORD 'p''\\\"w';" in text
        assert 'CREATE DATABASE "main" OWNER "o\'\'me"' in text

    def test_mysql_takes_any_name(self) -> None:
        given = account("mysql", ANSWER)
        assert given is not None
        text = given.files[0].content.decode()
        assert "ALTER USER 'o''me'@'%' IDENTIFIED BY 'p''\\\\\"w';" in text
        assert "CREATE DATABASE IF NOT EXISTS `main`;" in text

    def test_the_users_of_rds_are_meant_where_none_is_named(self) -> None:
        nobody = {**ANSWER, "username": "", "dbname": ""}
        texts = [found.files[0].content.decode() for name in ("postgres", "mysql") if (found := account(name, nobody))]
        assert '"postgres"' in texts[0]
        assert "'admin'@'%'" in texts[1]

    def test_memcached_has_none(self) -> None:
        assert account("memcached", ANSWER) is None


def test_the_endpoint_is_told_where_databases_are() -> None:
    found = make(Addons, sections={"Resources": {"Db": {"Type": "AWS::RDS::DBCluster"}}})
    state = desired_state(make_service().model_copy(update={"addons": found}))
    state.databases = [database()]
    assert json.loads(json.dumps(aws_request(state)))["databases"] == {
        KEY: {"host": "db", "port": 5432, "engine": "postgres", "identifier": "db"}
    }


def test_a_listing_tells_databases_apart() -> None:
    state = desired_state().model_copy(
        update={"databases": [database(), database(key="demo-test-hello-AddonsStack/B")]}
    )
    world = World()
    for one in state.databases:
        spec = database_spec(state, one)
        world._add(spec.name, spec.labels, "running", None)
    found: dict[str, Container] = world.observed.databases
    assert list(found) == [one.key for one in state.databases]
