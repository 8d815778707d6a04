"""Each value that a Compose file asks for has a variable of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from emulator.render.compose import render_compose
from tests.unit.render.features import WEB, Feature


def environment(manifest: str, folder: Path) -> dict[str, dict[str, Any]]:
    document = yaml.safe_load(render_compose(Feature(WEB + manifest).service(folder)))
    return {name: service.get("environment", {}) for name, service in document["services"].items()}


SIDE = "sidecars: {{side: {{image: 'nginx:1.27', secrets: {{S: {source}}}}}}}\n"


def test_two_secrets_of_one_name_are_two_variables(tmp_path: Path) -> None:
    found = environment("secrets: {S: /main/s}\n" + SIDE.format(source="/side/s"), tmp_path)
    assert found["web"]["S"] == "${S:?secret of web}"
    assert found["side"]["S"] == "${side_S:?secret of side}"


@pytest.mark.parametrize("source", ["/both/s", "{secretsmanager: both/s}"])
def test_one_secret_of_two_containers_is_one_variable(tmp_path: Path, source: str) -> None:
    found = environment(f"secrets: {{S: {source}}}\n" + SIDE.format(source=source), tmp_path)
    assert [found[name]["S"].partition(":?")[0] for name in ("web", "side")] == ["${S", "${S"]


@pytest.mark.parametrize("name", ["PORT", "PORT_81", "NO_FILE", "DOCKER_ROOT_DIR"])
def test_a_secret_does_not_share_a_variable_of_the_file_itself(tmp_path: Path, name: str) -> None:
    found = environment(f"secrets: {{{name}: /main/s}}\n", tmp_path)
    assert found["web"][name] == f"${{web_{name}:?secret of web}}"


def test_exports_whose_names_differ_in_signs_alone_are_two_variables(tmp_path: Path) -> None:
    found = environment("variables: {A: {from_cfn: shop-table}, B: {from_cfn: 'shop:table'}}\n", tmp_path)
    assert found["web"]["A"].startswith("${shop_table:?")
    assert found["web"]["B"].startswith("${shop_table_2:?")


def test_a_secret_and_an_export_of_one_name_are_two_variables(tmp_path: Path) -> None:
    manifest = "variables: {A: {from_cfn: table}}\nsecrets: {table: /main/table}\n"
    found = environment(manifest, tmp_path)
    assert found["web"]["A"].startswith("${table:?")
    assert found["web"]["table"] == "${web_table:?secret of web}"
