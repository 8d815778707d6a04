"""`[seed.databases]`: SQL that runs once in a database that is new."""

from __future__ import annotations

import pytest

from emulator.runtime.specs.databases.programs import PROGRAMS
from emulator.testing import Environment
from tests.docker.aws.test_databases import MORE, database
from tests.docker.project import MakeProject, Project, docker
from tests.unit.render.storage_addons import AURORA, AURORA_PARAMETERS

pytestmark = pytest.mark.docker

MANIFEST = """\
name: api
type: Backend Service
image:
  location: busybox:1.37
command: ["sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait"]
cpu: 256
memory: 512
"""
SETTINGS = """\
[seed.databases]
"api/dataDBCluster" = ["seed/schema.sql", "seed/rows.sql"]
"api/shop" = ["seed/shop.sql"]
"""
SCHEMA = "CREATE TABLE words (\n  word text\n);\n"
ROWS = "INSERT INTO words VALUES ('one');\nINSERT INTO words VALUES ('two');\n"
SHOP = "CREATE TABLE things (name text);\nINSERT INTO things VALUES ('it''s');\n"


def make_workspace(project: Project, *, rows: str = ROWS, shop: str = SHOP) -> Project:
    project.write("copilot/.workspace", f"application: {project.app}\n")
    project.write("copilot/environments/test/manifest.yml", "name: test\ntype: Environment\n")
    project.write("copilot/api/manifest.yml", MANIFEST)
    for name, text in {"data": AURORA, "addons.parameters": AURORA_PARAMETERS, "more": MORE}.items():
        project.write(f"copilot/api/addons/{name}.yml", text)
    project.write("seed/schema.sql", SCHEMA)
    project.write("seed/rows.sql", rows)
    project.write("seed/shop.sql", shop)
    project.write("copilot-local.toml", SETTINGS)
    return project


def postgres(project: Project, query: str) -> str:
    words = ("psql", "-XAtq", "-U", "postgres", "-d", "main", "-c", query)
    return docker("exec", database(project, "dataDBCluster"), *words).strip()


def mysql(project: Project, query: str) -> str:
    script = f'{PROGRAMS["mysql"].client}\n$client -NB shop -e "{query}"'
    return docker("exec", database(project, "shop"), "sh", "-c", script).strip()


def test_it_runs_once_as_the_databases_own_user(make_project: MakeProject) -> None:
    project = make_workspace(make_project(""))
    project.up()
    assert postgres(project, "SELECT string_agg(word, ',' ORDER BY word) FROM words") == "one,two"
    assert mysql(project, "SELECT name FROM things") == "it's"
    assert postgres(project, "SELECT tableowner FROM pg_tables WHERE tablename = 'words'") == "postgres"
    changed_and_reset(project)
    postgres(project, "DELETE FROM words WHERE word = 'one'")
    project.run("down").ok()
    said = project.up()
    assert postgres(project, "SELECT word FROM words") == "two"
    assert "left out" not in said.err


def changed_and_reset(project: Project) -> None:
    """A test that changes rows, and the rows of the seed again."""
    postgres(project, "INSERT INTO words VALUES ('more'); CREATE TABLE later (a int); INSERT INTO later VALUES (1)")
    mysql(project, "DELETE FROM things")
    with Environment(project.folder, instance=project.app, reuse=True) as environment:
        environment.reset()
        environment.reset()
    assert postgres(project, "SELECT string_agg(word, ',' ORDER BY word) FROM words") == "one,two"
    assert mysql(project, "SELECT name FROM things") == "it's"
    assert postgres(project, "SELECT a FROM later") == "1", "tables that came later keep their rows"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"rows": f"{ROWS}INSERT INTO wrds VALUES ('x');\n"}, "rows.sql:3"),
        ({"shop": f"{SHOP}INSERT INTO thngs VALUES ('x');\n"}, "shop.sql:3"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_leaves_nothing(
    make_project: MakeProject, change: dict[str, str], says: str
) -> None:
    project = make_workspace(make_project(""), **change)
    done = project.run("up", "-d")
    assert done.code == 1
    assert says in done.err
    assert "Traceback" not in done.err
    assert project.containers() == []
    assert [
        name
        for name in docker("volume", "ls", "-q", "--filter", f"label=copilot-local.app={project.app}").split()
        if ".db." in name or "-db." in name
    ] == []
