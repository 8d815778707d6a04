"""What goes beside the Docker socket is what was locked, and everything that is locked can be listed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from emulator.errors import ImageError
from emulator.setup.agent_image import fetch_wheels, locked_requirements, pinned_closure

ROOT = Path(__file__).parents[3]


def name_of(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", requirement.partition("==")[0]).lower()


@pytest.mark.parametrize("recipe", ["agent", "aws"])
def test_everything_in_an_image_has_hashes(recipe: str) -> None:
    locked = locked_requirements(recipe)
    assert locked
    for requirement in locked:
        assert re.fullmatch(r"[a-z0-9._-]+==\S+( --hash=sha256:[0-9a-f]{64})+", requirement), requirement


def test_the_agent_has_what_it_is_developed_with() -> None:
    assert sorted(requirement.partition(" ")[0] for requirement in locked_requirements("agent")) == pinned_closure()


def h11() -> tuple[str, str]:
    """Its requirement with hashes, and its version."""
    [requirement] = [one for one in locked_requirements("agent") if one.startswith("h11==")]
    return requirement, requirement.partition(" ")[0].removeprefix("h11==")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is fetched goes there. A registry, or what stands between, hands out another h11 of the locked version."""
    _, version = h11()
    index = tmp_path / "index"
    index.mkdir()
    with zipfile.ZipFile(index / f"h11-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("h11/__init__.py", "import os; os.system('id')\n")
        wheel.writestr(f"h11-{version}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: h11\nVersion: {version}\n")
        wheel.writestr(
            f"h11-{version}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"h11-{version}.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "copilot-local" / "wheels"


def test_a_wheel_that_is_not_the_locked_one_is_refused(cache: Path) -> None:
    requirement, version = h11()
    fetch_wheels([f"h11=={version}"], "amd64", "sdk")  # without a hash it is taken: the file itself is sound
    with pytest.raises(ImageError) as caught:
        fetch_wheels([requirement], "amd64")
    assert "DO NOT MATCH THE HASHES" in "\n".join(caught.value.output)
    assert len(list(cache.iterdir())) == 1


def test_two_that_fetch_the_same_at_once_both_have_it(cache: Path) -> None:
    _, version = h11()
    with ThreadPoolExecutor(2) as pool:
        folders = {*pool.map(lambda _: fetch_wheels([f"h11=={version}"], "amd64", "sdk"), range(2))}
    assert folders == set(cache.iterdir())
    assert len(folders) == 1


def test_the_bill_of_materials_lists_all_that_is_locked_and_is_the_same_each_time() -> None:
    first, second = (
        subprocess.run(
            [sys.executable, ROOT / "requirements" / "sbom.py"], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    )
    assert first == second
    bill = json.loads(first)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    required = {component["name"] for component in bill["components"] if component.get("scope") == "required"}
    locked = {name_of(one) for recipe in ("agent", "aws") for one in locked_requirements(recipe)}
    assert locked | {"docker", "typer", "cryptography"} <= required
    assert "pytest" not in required
    references = [component["bom-ref"] for component in bill["components"]]
    assert len(references) == len(set(references))
    assert {"busybox:1.37", "haproxy:3.0"} <= set(references)
