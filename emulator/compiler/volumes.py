"""The volumes of a task. Source: Copilot's templates `volumes.yml` and `efs-access-point.yml`."""

from __future__ import annotations

from emulator.compiler.context import Context
from emulator.ecs.references import ImportReference, ResourceReference, Value
from emulator.ecs.task_definition import EfsAuthorizationConfig, EfsVolumeConfiguration, Volume
from emulator.manifest.schema.storage import Efs
from emulator.model import make

MANAGED_FILE_SYSTEM = "ManagedFileSystem"
ACCESS_POINT = "AccessPoint"


def volumes(context: Context) -> list[Volume]:
    """The volumes: the file system that Copilot manages first, then the others by name."""
    manifest = sorted(context.manifest.storage.volumes.items())
    managed = [name for name, volume in manifest if volume.efs is not None and volume.efs.managed]
    others = [name for name, _ in manifest if name not in managed]
    found = []
    for name in [*managed, *others]:
        path = f"storage.volumes.{name}"
        position = context.position(path)
        efs = context.manifest.storage.volumes[name].efs
        configuration = None
        if efs is not None and efs.managed:
            configuration = make(
                EfsVolumeConfiguration,
                file_system_id=make(ResourceReference, name=MANAGED_FILE_SYSTEM, position=position),
                root_directory="/",
                transit_encryption="ENABLED",
                authorization_config=make(
                    EfsAuthorizationConfig,
                    access_point_id=make(ResourceReference, name=ACCESS_POINT, position=position),
                    iam="ENABLED",
                ),
            )
        elif efs is not None:
            configuration = _existing(context, path, efs)
        found.append(make(Volume, name=name, efs_volume_configuration=configuration))
    return found


def _existing(context: Context, path: str, efs: Efs) -> EfsVolumeConfiguration:
    file_system: Value = ""
    if efs.id is not None and efs.id.from_cfn is not None:
        file_system = make(ImportReference, name=efs.id.from_cfn, position=context.position(f"{path}.efs.id"))
    elif efs.id is not None:
        file_system = efs.id.value or ""
    auth = efs.auth
    return make(
        EfsVolumeConfiguration,
        file_system_id=file_system,
        root_directory=efs.root_dir or "/",
        transit_encryption="ENABLED",
        authorization_config=make(
            EfsAuthorizationConfig,
            access_point_id=auth.access_point_id if auth else None,
            iam="ENABLED" if auth and auth.iam else "DISABLED",
        ),
    )
