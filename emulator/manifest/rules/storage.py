"""Rules for volumes and file systems."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from emulator.manifest.rules.at import At
from emulator.manifest.rules.containers import mounted_path, mounted_twice, volume_path
from emulator.manifest.schema.storage import Efs, Storage, Volume
from emulator.manifest.schema.workload import Workload

_VOLUME_NAME: Final = r"[a-zA-Z0-9_-]{1,255}"


def storage(storage: Storage, at: At) -> None:
    if storage.ephemeral is not None and not 20 <= storage.ephemeral <= 200:
        message = f"{storage.ephemeral} GiB of ephemeral storage; Fargate has 20 to 200"
        at.add("CL134", message, "ephemeral")
    managed = [name for name, volume in storage.volumes.items() if volume.efs is not None and volume.efs.managed]
    for name in managed[1:]:
        message = f"a second managed file system; {managed[0]} is one already"
        at.add("CL134", message, "volumes", name, "efs", hint="a workload has one; give the other one an id")

    mounted_twice(((volume.path, ("volumes", name, "path")) for name, volume in storage.volumes.items()), at)
    for name in storage.volumes:
        if not re.fullmatch(_VOLUME_NAME, name):
            message = f"{name!r} is not a volume's name"
            at.add(
                "CL134", message, "volumes", name, hint="letters, digits, - and _, 255 at most", copilot_accepts=True
            )


def volume(volume: Volume, at: At) -> None:
    mounted_path(volume.path, at)


def efs(efs: Efs, at: At) -> None:
    """Copilot: `EFSVolumeConfiguration.validate`."""
    own = efs.uid is not None or efs.gid is not None
    if own and not efs.managed:
        at.add(
            "CL120", "uid and gid are for a managed file system, id, root_dir and auth for your own", hint="give one"
        )
        return
    if own and (efs.uid is None or efs.gid is None):
        given, missing = ("uid", "gid") if efs.gid is None else ("gid", "uid")
        at.add("CL121", f"{given} needs {missing}", given)
    if efs.uid == 0:
        at.add("CL107", "uid cannot be 0", "uid")
    for name in ("uid", "gid"):
        value = getattr(efs, name)
        if value is not None and not 0 <= value < 2**32:
            at.add("CL107", f"{value} is out of range (0 to {2**32 - 1})", name)
    auth = efs.auth
    if auth is not None and auth.access_point_id is not None:
        if efs.root_dir not in (None, "", "/") or auth.iam is False:
            message = "an access point needs root_dir empty or '/', and auth.iam true"
            at.add("CL120", message, "auth", "access_point_id")
        elif auth.iam is None:
            message = "an access point needs auth.iam: true; Copilot renders it as DISABLED where it is not given"
            at.add("CL109", message, "auth", "access_point_id", hint="add auth.iam: true", copilot_accepts=True)
    elif efs.root_dir:
        volume_path(efs.root_dir, at, "root_dir")
    if efs.id is None and not efs.managed:
        at.add("CL121", "root_dir and auth need the id of a file system", hint="give id", copilot_accepts=True)


def windows(workload: Workload, at: At) -> None:
    """Copilot: `validateWindows`."""
    if workload.platform is None or not workload.platform.is_windows:
        return
    if workload.storage.readonly_fs:
        at.add("CL133", "readonly_fs is not there for Windows containers", "storage", "readonly_fs")
    for name, volume in workload.storage.volumes.items():
        if volume.efs is not None:
            at.add("CL133", "EFS is not there for Windows containers", "storage", "volumes", name, "efs")
    if workload.network.connect is not None and "network" in at.node.entries:
        at.add("CL133", "Service Connect is not there for Windows containers", "network", "connect")
    if workload.logging.firelens:
        at.add("CL133", "FireLens is not there for Windows containers", "logging", copilot_accepts=True)


def mount_points(workload: Workload, at: At, patched: Iterable[str] = ()) -> None:
    """Copilot renders a mount point of any name; ECS refuses one without a volume, which overrides and patches may add
    too."""
    known = {*workload.storage.volumes, *_added_by_overrides(workload), *patched}
    for name, sidecar in workload.sidecars.items():
        for index, mount in enumerate(sidecar.mount_points):
            there = mount.source_volume in known or at.given("storage", "volumes", mount.source_volume)
            if mount.source_volume and not there:
                message = f"there is no volume {mount.source_volume!r} in storage.volumes"
                keys = ("sidecars", name, "mount_points", index, "source_volume")
                hint = f"volumes: {', '.join(sorted(known)) or 'none'}"
                at.add("CL135", message, *keys, hint=hint, copilot_accepts=True)


def _added_by_overrides(workload: Workload) -> Iterator[str]:
    """The names of volumes that `taskdef_overrides` add to the task definition."""
    for rule in workload.taskdef_overrides:
        first, *rest = rule.path.split(".")
        if first.partition("[")[0].lower() != "volumes":
            continue
        if rest and rest[0].lower() == "name":
            yield str(rule.value)
        for volume in rule.value if isinstance(rule.value, list) else [rule.value]:
            if not rest and isinstance(volume, dict):
                yield from (str(value) for key, value in volume.items() if key.lower() == "name")
