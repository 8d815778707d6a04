"""The services that tables of the settings name."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.app.named_services import check_named
from emulator.errors import InputError
from emulator.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, "shop", {name: tmp_path / name / "manifest.yml" for name in ("api", "worker")})


def test_a_name_that_no_service_has_is_said_with_its_line_and_what_was_meant(workspace: Workspace) -> None:
    (workspace.root / "copilot-local.toml").write_text('[aws]\nport = 4570\n[aws.reach]\nwroker = "names"\n')
    with pytest.raises(InputError, match="there is no service wroker") as error:
        check_named(["api", "wroker"], workspace, "aws", "reach")
    assert error.value.position is not None
    assert error.value.position.line == 4
    assert "did you mean worker?" in error.value.hint


def test_a_name_in_your_own_settings_may_be_another_workspaces(workspace: Workspace) -> None:
    check_named(["elsewhere"], workspace, "aws", "reach")


def test_a_table_of_a_service_is_found_by_its_heading(workspace: Workspace) -> None:
    text = '[images]\n"aip/nginx" = "nginx:1.27"\n[container_variables."aip/nginx"]\nA = "1"\n'
    (workspace.root / "copilot-local.toml").write_text(text)
    with pytest.raises(InputError, match="there is no service aip") as error:
        check_named(["aip/nginx"], workspace, "container_variables")
    assert error.value.position is not None
    assert error.value.position.line == 3
