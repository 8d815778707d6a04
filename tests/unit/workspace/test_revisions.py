"""`up` beside task definitions that were registered: no two have the same revision."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.app.selection import Selection
from emulator.app.up_request import up_request
from emulator.errors import InputError
from emulator.events import discard
from emulator.runtime.lifecycle.prepare import desired_state
from emulator.setup.paths import data_dir
from emulator.setup.store import FOLDER, TASK_DEFINITIONS, Store, last_revisions

MANIFEST = "name: web\ntype: Backend Service\nimage: {location: busybox:1.37}\ncpu: 256\nmemory: 512\n"


@pytest.fixture(autouse=True)
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))


def test_the_last_of_each_family() -> None:
    assert last_revisions("us-east-1") == {}
    with Store(data_dir() / FOLDER).changing(TASK_DEFINITIONS) as document:
        for region, family, revision in (
            ("us-east-1", "web", 2),
            ("us-east-1", "web", 10),
            ("us-east-1", "api", 1),
            ("eu-west-1", "api", 7),
        ):
            document[f"{region}:{family}:{revision}"] = {"region": region, "family": family, "revision": revision}
    assert last_revisions("us-east-1") == {"web": 10, "api": 1}
    assert last_revisions("eu-west-1") == {"api": 7}, "each region counts by itself"


def test_an_environment_begins_with_a_revision_that_is_not_registered(tmp_path: Path) -> None:
    file = tmp_path / "shop" / "copilot" / "web" / "manifest.yml"
    file.parent.mkdir(parents=True)
    file.write_text(MANIFEST, encoding="utf-8")
    family = "shop-test-web"
    for expected in (1, 4):
        request = up_request(Selection(start=tmp_path / "shop"), discard)
        state = desired_state(request, {"web": {"web": "busybox:1.37"}}, {}, "pause", "front", "agent")
        assert state.services["web"].service.task_definition.family == family
        assert state.services["web"].revision == expected
        with Store(data_dir() / FOLDER).changing(TASK_DEFINITIONS) as document:
            document[f"{family}:3"] = {"region": "us-east-1", "family": family, "revision": 3}


def test_a_document_that_cannot_be_read() -> None:
    folder = data_dir() / FOLDER
    folder.mkdir(parents=True)
    (folder / f"{TASK_DEFINITIONS}.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read"):
        last_revisions("us-east-1")
