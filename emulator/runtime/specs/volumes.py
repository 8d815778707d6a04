"""The volumes of a task as Docker volumes.

An empty volume lives and dies with its task. A file system (EFS) is a named volume that all tasks of the environment
share and that `down` keeps. Access points and their owners are not emulated: a container sees what root made.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from emulator.ecs.references import ResourceReference
from emulator.ecs.task_definition import Volume
from emulator.runtime.listeners.references import resolve
from emulator.runtime.state import names
from emulator.runtime.state.desired import DesiredService
from emulator.runtime.state.names import Names, Role


def docker_volumes(
    desired: DesiredService, task_id: str, environment: Names, task_labels: Mapping[str, str]
) -> dict[str, tuple[str, dict[str, str]]]:
    """Task volume name to the Docker volume's name and labels."""
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for volume in desired.service.task_definition.volumes:
        if volume.efs_volume_configuration is None:
            name = environment.task_volume(task_id, volume.name)
            found[volume.name] = (name, {**task_labels, names.ROLE: Role.VOLUME})
        else:
            file_system = _file_system(volume, desired)
            labels = {**environment.labels(Role.VOLUME), names.DATA: f"efs {file_system}"}
            found[volume.name] = (environment.file_system_volume(file_system), labels)
    return found


def _file_system(volume: Volume, desired: DesiredService) -> str:
    """What tells file systems apart: id, folder and access point; one that Copilot manages has a folder a service."""
    efs = volume.efs_volume_configuration
    assert efs is not None
    if isinstance(efs.file_system_id, ResourceReference):
        return f"managed-{desired.service.name}"
    parts = [resolve(efs.file_system_id, desired)]
    if efs.root_directory and efs.root_directory != "/":
        parts.append(efs.root_directory)
    point = efs.authorization_config.access_point_id if efs.authorization_config else None
    if point is not None:
        parts.append(resolve(point, desired))
    name = re.sub(r"[^A-Za-z0-9_.]+", "-", "-".join(parts)).strip("-")
    if parts == [name] and not name.startswith("managed-"):
        return name
    # `/a/b` and `/a-b` look alike by now.
    return f"{name}-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:8]}"
