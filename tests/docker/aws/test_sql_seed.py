"""SQL of `[seed.databases]` that is wrong. What runs: test_databases.py."""

from __future__ import annotations

import pytest

from tests.docker.aws.test_databases import AURORA_ADDON, MYSQL_ADDON, ROWS, SCHEMA, SHOP, make_workspace
from tests.docker.project import MakeProject

pytestmark = pytest.mark.docker


@pytest.mark.parametrize(
    ("templates", "name", "texts", "says"),
    [
        (AURORA_ADDON, "dataDBCluster", (SCHEMA, f"{ROWS}INSERT INTO wrds VALUES ('x');\n"), "seed1.sql:3"),
        ({"mysql": MYSQL_ADDON}, "shop", (f"{SHOP}INSERT INTO thngs VALUES ('x');\n",), "seed0.sql:3"),
    ],
    ids=["postgres", "mysql"],
)
def test_what_is_wrong_is_said_with_its_line_and_leaves_nothing(
    make_project: MakeProject, templates: dict[str, str], name: str, texts: tuple[str, ...], says: str
) -> None:
    project = make_workspace(make_project(""), templates)
    files = [project.write(f"seed{number}.sql", text).name for number, text in enumerate(texts)]
    project.write("copilot-local.toml", f'[seed.databases]\n"api/{name}" = {files}\n')
    done = project.run("up", "-d")
    assert done.code == 1
    assert says in done.err
    assert "Traceback" not in done.err
    assert project.containers() == []
    assert [volume for volume in project.volumes() if ".db." in volume or "-db." in volume] == []
