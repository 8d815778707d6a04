from __future__ import annotations

import ast
import sys
import zipfile
from pathlib import Path

import pytest

from emulator.errors import ImageError, Unsupported
from emulator.setup import agent_image
from emulator.setup.agent_image import (
    MODULES,
    ROOMS,
    copy_rooms,
    image_tag,
    pinned_closure,
    platforms,
    running_tag,
    unpack_wheels,
)
from emulator.setup.paths import PACKAGE

DISTRIBUTIONS = {"dns": "dnspython", "google": "protobuf", "opentelemetry": "opentelemetry-proto"}
"""Packages that are not called like what they come with."""


def names(requirements: list[str]) -> set[str]:
    return {requirement.split("==")[0] for requirement in requirements}


def test_the_closure_is_pinned_to_what_is_installed_here() -> None:
    closure = pinned_closure()
    assert names(closure) == {
        *("annotated-types", "aws-croniter", "certifi", "charset-normalizer", "dnspython", "docker", "h11", "h2"),
        *("hpack", "hyperframe", "idna", "msgpack", "opentelemetry-proto", "protobuf", "pydantic", "pydantic-core"),
        *("python-dateutil", "requests", "six"),
        *("typing-extensions", "typing-inspection", "urllib3"),
    }
    assert all(version for _, version in (requirement.split("==") for requirement in closure))


def test_a_dependency_that_is_not_installed_is_an_error_with_a_hint() -> None:
    with pytest.raises(ImageError, match="no-such-thing is not installed"):
        pinned_closure(["no-such-thing"])


def test_an_unknown_architecture_is_refused() -> None:
    assert "manylinux2014_x86_64" in platforms("amd64")
    assert "manylinux_2_28_aarch64" in platforms("arm64")
    with pytest.raises(Unsupported, match="s390x"):
        platforms("s390x")


def test_the_tag_changes_with_code_dependencies_and_architecture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipes = tmp_path / "recipes"
    monkeypatch.setattr(agent_image, "data_path", lambda name: recipes)
    recipes.mkdir()
    (recipes / "requirements.txt").write_text("a==1")
    files = copy_rooms(ROOMS, tmp_path / "emulator", MODULES)
    tags = [image_tag("agent", files, "amd64")]
    assert running_tag("amd64") == tags[0]
    assert image_tag("agent", files, "amd64") == tags[0]
    tags.append(image_tag("agent", files, "arm64"))
    (tmp_path / "emulator" / "errors.py").write_text("")
    tags.append(image_tag("agent", files, "amd64"))
    (recipes / "requirements.txt").write_text("a==2")
    tags.append(image_tag("agent", files, "amd64"))
    assert len(set(tags)) == 4


def imports(folder: Path) -> set[tuple[str, str]]:
    """(file, module) of every import in the snapshot, those inside functions included."""
    found = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {(file.name, alias.name) for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found |= {(file.name, node.module)} | {
                    (file.name, f"{node.module}.{alias.name}") for alias in node.names
                }
    return found


def test_the_image_holds_everything_that_its_code_imports(tmp_path: Path) -> None:
    copy_rooms(ROOMS, tmp_path, MODULES)
    pinned = names(pinned_closure())
    for file, module in imports(tmp_path):
        top, _, rest = module.partition(".")
        if top != "emulator":
            distribution = DISTRIBUTIONS.get(top, top.replace("_", "-"))
            assert top in sys.stdlib_module_names or distribution in pinned, (file, module)
            continue
        first = rest.split(".")[0]
        here = (tmp_path / first).is_dir() or (tmp_path / f"{first}.py").is_file()
        there = (PACKAGE / first).exists() or (PACKAGE / f"{first}.py").exists()
        assert here or not there, f"{file} imports {module}: add it to ROOMS or MODULES"


def test_wheels_are_unpacked_for_pythonpath(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / "thing-1-py3-none-any.whl", "w") as archive:
        archive.writestr("thing/__init__.py", "value = 1\n")
    unpack_wheels(wheels, tmp_path / "site")
    assert (tmp_path / "site" / "thing" / "__init__.py").read_text(encoding="utf-8") == "value = 1\n"
