"""Databases and caches of addons: services connect with their own clients, data outlives `down`, faults are shown."""

from __future__ import annotations

import json

import pytest

from emulator.runtime.specs.databases.programs import PROGRAMS
from emulator.runtime.state.names import DATA, Names
from emulator.testing import Environment
from tests.docker.aws.conftest import WAITS, Held, client, held, variables, write_workspace
from tests.docker.aws.shared_workspace import MYSQL_ADDON, ROWS, SCHEMA, SHOP, TOKEN
from tests.docker.project import MakeProject, Project, docker, output_of, wait_until
from tests.unit.render.storage_addons import AURORA, AURORA_PARAMETERS, PARAMETERS

__all__ = ["MYSQL_ADDON", "ROWS", "SCHEMA", "SHOP"]  # for test_sql_seed.py

pytestmark = pytest.mark.docker

AURORA_ADDON = {"data": AURORA, "addons.parameters": AURORA_PARAMETERS}
CACHE = f"""\
{PARAMETERS}Resources:
  words:
    Type: AWS::ElastiCache::CacheCluster
    Properties: {{Engine: redis, ClusterName: words, CacheNodeType: cache.t3.micro, NumCacheNodes: 1}}
Outputs:
  wordsHost: {{Value: !GetAtt words.RedisEndpoint.Address}}
"""
NOTES = """\
Resources:
  notes:
    Type: AWS::RDS::DBInstance
    Properties: {Engine: postgres, DBName: notes, MasterUsername: me, MasterUserPassword: four-words-of-mine}
"""


def make_workspace(project: Project, templates: dict[str, str]) -> Project:
    """A service that does nothing, with these addons."""
    files = {f"api/addons/{name}.yml": text for name, text in templates.items()}
    return write_workspace(project, {**files, "api/manifest.yml": f"name: api\ntype: Backend Service\n{WAITS}"})


def psql(project: Project, query: str) -> str:
    """What PostgreSQL's client prints in the task, with what the service was given; empty where it fails."""
    it = json.loads(variables(project)["DATA_SECRET"])
    words = ("-h", it["host"], "-p", str(it["port"]), "-U", it["username"], "-d", it["dbname"])
    given = ("-e", f"PGPASSWORD={it['password']}", "-e", "PGSSLMODE=require")
    return docker(
        "exec", *given, project.container("postgres-client"), "psql", "-XAtq", *words, "-c", query, check=False
    ).strip()


def mysql_client(project: Project, query: str) -> str:
    """The same of MySQL."""
    it = json.loads(variables(project)["SHOP_SECRET"])
    words = ("-h", it["host"], "-P", str(it["port"]), "-u", it["username"], it["dbname"])
    container = project.container("mysql-client")
    return docker("exec", "-e", f"MYSQL_PWD={it['password']}", container, "mariadb", *words, "-NBe", query).strip()


def redis_client(project: Project, *words: str, token: str = TOKEN) -> str:
    """The same of Redis."""
    given = ("-e", f"REDISCLI_AUTH={token}") if token else ()
    host = variables(project)["WORDS_HOST"]
    return docker("exec", *given, project.container("redis-client"), "valkey-cli", "-h", host, *words).strip()


def database(project: Project, logical_id: str) -> str:
    """The Docker name of the running container of a database; empty where there is none."""
    for container in project.containers():
        if (
            container.labels.get("copilot-local.database", "").endswith(f"/{logical_id}")
            and container.state == "running"
        ):
            return container.name
    return ""


def postgres(project: Project, query: str) -> str:
    words = ("psql", "-XAtq", "-U", "postgres", "-d", "main", "-c", query)
    return docker("exec", database(project, "dataDBCluster"), *words).strip()


def mysql(project: Project, query: str) -> str:
    script = f'{PROGRAMS["mysql"].client}\n$client -NB shop -e "{query}"'
    return docker("exec", database(project, "shop"), "sh", "-c", script).strip()


def test_copilots_aurora_cluster_is_a_postgres_that_takes_tls(everything: Project) -> None:
    assert psql(everything, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == "t"
    assert psql(everything, "CREATE TABLE t (a int); INSERT INTO t VALUES (1); SELECT a FROM t") == "1"
    fields = ["dbClusterIdentifier", "dbname", "engine", "host", "password", "port", "username"]
    assert sorted(json.loads(variables(everything)["DATA_SECRET"])) == fields


def test_an_aurora_mysql_cluster_takes_its_user(everything: Project) -> None:
    assert mysql_client(everything, "CREATE TABLE t (a int); SELECT CURRENT_USER(), DATABASE()") == "admin@%\tshop"


def test_a_replication_group_has_its_token(everything: Project) -> None:
    assert redis_client(everything, "SET", "a", "one") == "OK"
    assert redis_client(everything, "GET", "a") == "one"
    assert "Authentication required" in redis_client(everything, "PING", token="")


def test_passwords_are_in_nothing_that_others_see(everything: Project) -> None:
    """Those of databases, and the one that an addon makes for a service."""
    own = variables(everything)
    secrets = [json.loads(own[name])["password"] for name in ("DATA_SECRET", "SHOP_SECRET", "LOGIN_SECRET")]
    for name, shown in everything.inspected().items():
        # The service's own are for it alone; that output of its addon is for every container of the task.
        pairs = [] if name == everything.container("api") else shown["Config"]["Env"]
        shown["Config"]["Env"] = [pair for pair in pairs if not pair.startswith("URL=")]
        logs = output_of(name)
        for secret in (*secrets, TOKEN):
            assert json.dumps(secret)[1:-1] not in json.dumps(shown)
            assert secret not in logs
    state = docker("exec", everything.container("agent"), "sh", "-c", "cat /copilot-local/state/*")
    assert "LOGIN_SECRET" in state
    printed = everything.run("up", "--dry-run").ok().out
    assert not [secret for secret in secrets if secret in state + printed]
    listed = everything.ps()["containers"]
    assert {"dataDBCluster", "shop", "words"} <= {row["name"] for row in listed}


def test_a_database_that_is_killed_comes_back_with_its_data(everything: Project) -> None:
    assert psql(everything, "CREATE TABLE killed AS SELECT 7 AS a; SELECT a FROM killed") == "7"
    docker("kill", database(everything, "dataDBCluster"))
    wait_until(lambda: psql(everything, "SELECT a FROM killed") == "7", "the database again, with its data")


def test_sql_runs_as_the_databases_own_user_and_again_in_a_reset(shop: Project) -> None:
    assert_seeded(shop)
    assert postgres(shop, "SELECT tableowner FROM pg_tables WHERE tablename = 'words'") == "postgres"
    postgres(shop, "INSERT INTO words VALUES ('more'); CREATE TABLE later (a int); INSERT INTO later VALUES (1)")
    mysql(shop, "DELETE FROM things")
    with Environment(shop.folder, instance=shop.app, reuse=True) as environment:
        environment.reset()
        environment.reset()
    assert_seeded(shop)
    assert postgres(shop, "SELECT a FROM later") == "1", "tables that came later keep their rows"


def assert_seeded(project: Project) -> None:
    assert postgres(project, "SELECT string_agg(word, ',' ORDER BY word) FROM words") == "one,two"
    assert mysql(project, "SELECT name FROM things") == "it's"


def test_data_and_passwords_outlive_down_and_sql_runs_once(shop: Project) -> None:
    """The same of what the local AWS endpoint holds."""
    before = variables(shop)
    redis_client(shop, "SET", "kept", "word")
    postgres(shop, "DELETE FROM words WHERE word = 'one'")
    client(shop, "dynamodb").put_item(TableName=before["THINGS_NAME"], Item={"id": {"S": "1"}})
    topics = json.loads(before["COPILOT_SNS_TOPIC_ARNS"])
    size = {"size": {"DataType": "String", "StringValue": "big"}}
    client(shop, "sns").publish(TopicArn=topics["orders"], Message="kept", MessageAttributes=size)
    shop.run("down").ok()
    said = shop.up()
    assert psql(shop, "SELECT word FROM words") == "two"
    assert redis_client(shop, "GET", "kept") == "word"
    assert client(shop, "dynamodb").scan(TableName=before["THINGS_NAME"])["Count"] == 1
    assert held(shop) == Held([], [], 0), "what was emptied is not seeded again"
    queue = variables(shop, "worker")["COPILOT_QUEUE_URI"]
    [message] = client(shop, "sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
    assert json.loads(message["Body"])["Message"] == "kept"
    after = variables(shop)
    names = ("THINGS_NAME", "FILES_NAME", "LOGIN_SECRET", "URL", "DATA_SECRET")
    assert [after[name] for name in names] == [before[name] for name in names]
    assert "left out" not in said.err
    assert "aurora-mysql 8.0.mysql_aurora.3.02.0 is asked for" in said.err + said.out
    postgres(shop, "INSERT INTO words VALUES ('one')")


def test_one_that_ends_as_it_starts_is_shown_with_its_log_and_leaves_nothing(make_project: MakeProject) -> None:
    project = make_workspace(make_project(""), {"cache": CACHE})
    project.write("copilot-local.toml", '[backing]\nredis = "busybox:1.37"\n')
    done = project.run("up", "-d")
    assert done.code == 1
    assert "words: the redis database ended before it was ready" in done.err
    assert "docker-entrypoint.sh: not found" in done.err
    assert project.everything() == []


def test_a_full_volume_is_said(everything: Project) -> None:
    """Of one that comes later: what runs goes on."""
    names = Names(everything.app, "test")
    volume = names.database_volume(f"{everything.app}-test-api-AddonsStack/notes")
    pairs = {**names.labels(), DATA: "a database"}.items()
    labels = [word for pair in pairs for word in ("--label", "=".join(pair))]
    size = ("--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=1m")
    before = set(everything.everything())
    docker("volume", "create", *size, *labels, volume)
    addon = everything.write("copilot/api/addons/notes.yml", NOTES)
    try:
        done = everything.run("up", "-d")
        assert set(everything.everything()) == before | {volume}
    finally:
        addon.unlink()
        docker("volume", "rm", "--force", volume)
    assert done.code == 1
    assert "notes: the postgres database ended before it was ready" in done.err
    assert "No space left on device" in done.err
