"""What a changed file means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator.ecs.references import ImageReference
from emulator.ecs.service import Build, Service
from emulator.errors import InputError
from emulator.model import from_plain
from emulator.runtime.images.sources import ImageSources
from emulator.runtime.planning.up_request import SupportImages, UpRequest
from emulator.runtime.state.names import Names
from emulator.runtime.watch.files import Changes, WatchedFiles
from emulator.settings import Settings, SyncRule
from emulator.settings_attended import Native
from tests.unit.runtime.world import make_service


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace: a web service built from web/ with a sidecar from web/nginx, and an api from api/."""
    for file in ("copilot/web/manifest.yml", "web/Dockerfile", "web/nginx/Dockerfile", "api/Dockerfile", "web/s/a.css"):
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("FROM scratch\n", encoding="utf-8")
    (tmp_path / "web" / ".dockerignore").write_text("*.md\nnginx\n", encoding="utf-8")
    return tmp_path


def built(name: str, folders: dict[str, str], **definition: Any) -> Service:
    """A service whose containers are built from these folders."""
    service = make_service({container: dict(definition) for container in folders}, name=name)
    for container in service.task_definition.container_definitions:
        container.image = ImageReference(name=container.name)
        folder = folders[container.name]
        service.builds[container.name] = Build(context=folder, dockerfile=f"{folder}/Dockerfile")
    return service


def watched(root: Path, *rules: SyncRule, native: tuple[str, ...] = (), **definition: Any) -> WatchedFiles:
    services = [built("web", {"web": "web", "nginx": "web/nginx"}, **definition), built("api", {"api": "api"})]
    request = UpRequest(
        environment=Names("shop", "test"),
        services=services,
        settings=Settings(sync=rules),
        workspace=root,
        support=SupportImages("pause", "front", lambda _: "agent"),
        native=dict.fromkeys(native, Native()),
    )
    return WatchedFiles(request, ImageSources(root, {}, {}), [root / "values.env"])


def images(changes: Changes) -> list[str]:
    return [f"{build.service}/{build.container}" for build in changes.builds]


def static(root: Path, **fields: str) -> SyncRule:
    return from_plain(SyncRule, {"service": "web", "source": str(root / "web/s"), "target": "/s", **fields})


@pytest.mark.parametrize(
    ("file", "meant"),
    [
        ("web/app.py", ["web/web"]),
        ("web/README.md", []),
        ("web/nginx/default.conf", ["web/nginx"]),
        ("web/Dockerfile", ["web/web"]),
        ("web/.dockerignore", ["web/web"]),
        ("api/deep/down/file", ["api/api"]),
        ("web/.app.py.swp", []),
        ("api/.git/index", []),
        ("elsewhere/file", []),
    ],
)
def test_a_file_rebuilds_the_images_that_have_it(root: Path, file: str, meant: list[str]) -> None:
    files = watched(root)
    changes = files.sort([root / file])
    assert images(changes) == meant
    assert files.concerns(root / file) is bool(meant)
    assert not changes.configuration


@pytest.mark.parametrize(
    "file", ["copilot/web/manifest.yml", "copilot/api/addons/db.yml", "copilot-local.toml", ".env", "values.env"]
)
def test_what_is_configuration(root: Path, file: str) -> None:
    changes = watched(root).sort([root / file])
    assert changes.configuration == {root / file}
    assert not changes.builds


def test_a_swap_file_of_a_manifest_is_none(root: Path) -> None:
    assert not watched(root).concerns(root / "copilot/web/.manifest.yml.swp")


def test_many_files_of_one_build_are_one_build(root: Path) -> None:
    changes = watched(root).sort([root / "api" / f"file{number}" for number in range(1000)])
    assert images(changes) == ["api/api"]


def test_a_program_of_this_machine_has_the_files_themselves(root: Path) -> None:
    assert watched(root, static(root), native=("web",)).syncs == []
    assert watched(root, static(root, container="nginx"), native=("web",)).syncs != []


def test_a_file_of_a_sync_rule_is_copied_and_not_built(root: Path) -> None:
    files = watched(root, static(root))
    changes = files.sort([root / "web/s/a.css", root / "web/app.py"])
    [(sync, paths)] = changes.syncs.items()
    assert (sync.service, sync.container, paths) == ("web", "web", {root / "web/s/a.css"})
    assert images(changes) == ["web/web"]
    assert images(files.sort([root / "web/s/a.css"])) == []


def test_folders_are_watched_once_and_single_files_by_their_folder(root: Path) -> None:
    files = watched(root, static(root))
    assert files.folders() == [root / "api", root / "copilot", root / "web"]
    assert files.flat_folders() == [root]


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"service": "wep"}, "no service wep runs"),
        ({"container": "ngin"}, "there is no such container"),
        ({"source": "/nowhere/at/all"}, "its source /nowhere/at/all does not exist"),
    ],
)
def test_a_rule_that_cannot_work_is_refused(root: Path, rule: dict[str, str], says: str) -> None:
    with pytest.raises(InputError) as caught:
        watched(root, static(root, **rule))
    assert says in caught.value.message


def test_a_read_only_container_is_refused_unless_the_target_is_on_a_volume(root: Path) -> None:
    with pytest.raises(InputError) as caught:
        watched(root, static(root), readonlyRootFilesystem=True)
    assert "its file system is read-only, so nothing can be copied to /s" in caught.value.message
    mounts = [{"sourceVolume": "static", "containerPath": "/s", "readOnly": False}]
    assert watched(root, static(root), readonlyRootFilesystem=True, mountPoints=mounts).syncs
