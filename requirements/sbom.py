"""Prints the software bill of materials as CycloneDX 1.6. Run by `make sbom`; equal locks give equal text.

It has the distributions that the project runs on and is developed with, those in the images of the agent and of the
local AWS endpoint, all from the locks, and the container images that copilot-local starts itself.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
import tomllib
import uuid
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from emulator.setup.agent_image import pinned_closure  # noqa: E402
from emulator.setup.images import DATABASES, IMAGES  # noqa: E402

LOCKS = {
    "development": ROOT / "requirements" / "dev.lock",
    "image of the agent": ROOT / "emulator" / "setup" / "recipes" / "agent" / "requirements.txt",
    "image of the local AWS endpoint": ROOT / "emulator" / "setup" / "recipes" / "aws" / "requirements.txt",
}
_PINNED = re.compile(r"(?m)^([A-Za-z0-9._-]+)==([^\s;\\]+)")
Component = dict[str, object]


def document() -> Component:
    """The whole bill of materials."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    components = [*distributions(project), *container_images()]
    content = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": f"pkg:pypi/{project['name']}@{project['version']}",
                "name": project["name"],
                "version": project["version"],
                "licenses": [{"license": {"id": project["license"]}}],
                "purl": f"pkg:pypi/{project['name']}@{project['version']}",
            }
        },
        "components": components,
    }
    return {"serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(content))}", **content}


def distributions(project: dict[str, object]) -> Iterator[Component]:
    """What the locks name, each version once, with where it is used."""
    used: dict[tuple[str, str], list[str]] = {}
    for where, lock in LOCKS.items():
        for name, version in _PINNED.findall(lock.read_text(encoding="utf-8")):
            used.setdefault((re.sub(r"[-_.]+", "-", name).lower(), version), []).append(where)
    declared = project["dependencies"]
    assert isinstance(declared, list)
    roots = [match.group() for text in declared if (match := re.match(r"[A-Za-z0-9._-]+", text))]
    runs_on = {pinned.split("==")[0] for pinned in pinned_closure(roots)}
    for (name, version), places in sorted(used.items()):
        where = ["run time"] if name in runs_on and "development" in places else []
        component: Component = {
            "type": "library",
            "bom-ref": f"pkg:pypi/{name}@{version}",
            "name": name,
            "version": version,
            "purl": f"pkg:pypi/{name}@{version}",
            "scope": "required" if where or places != ["development"] else "excluded",
            "properties": [{"name": "copilot-local:used-in", "value": place} for place in (*where, *places)],
        }
        if licence := _licence(name, version):
            component["licenses"] = [{"license": {"name": licence}}]
        yield component


def container_images() -> Iterator[Component]:
    """The images that are pulled, or stood in for where there is no registry."""
    for image in (*IMAGES, *DATABASES):
        name, _, version = image.reference.rpartition(":")
        yield {"type": "container", "bom-ref": image.reference, "name": name, "version": version}


def _licence(name: str, version: str) -> str:
    """As the installed distribution of that version says it; empty where it is not installed or says nothing."""
    try:
        found = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
    if found.version != version:
        return ""
    said = found.metadata.get("License-Expression") or found.metadata.get("License") or ""
    return said if "\n" not in said and len(said) < 100 else ""


if __name__ == "__main__":
    json.dump(document(), sys.stdout, indent=2)
    sys.stdout.write("\n")
