"""What a scheduled job has in place of a service. Source: Copilot, `scheduled_job.go` and its template."""

from __future__ import annotations

import zlib

from emulator.compiler.context import Context
from emulator.compiler.values import optional_seconds
from emulator.ecs.job import JobSchedule, ManagedFileSystem
from emulator.manifest.schema.scheduled_job import ScheduledJob
from emulator.model import make


def job_schedule(context: Context) -> JobSchedule | None:
    """The trigger of a job, None for a service."""
    manifest = context.manifest
    if not isinstance(manifest, ScheduledJob):
        return None
    context.position("on.schedule")
    return make(
        JobSchedule,
        expression=manifest.on.schedule.expression,
        enabled=manifest.on.schedule.enabled,
        retries=manifest.retries,
        timeout=optional_seconds(manifest.timeout),
    )


def managed_file_system(context: Context) -> ManagedFileSystem | None:
    """The workload's folder of the environment's file system, if it has a volume there."""
    manifest = context.manifest
    for volume in manifest.storage.volumes.values():
        if volume.efs is not None and volume.efs.managed:
            owner = zlib.crc32(manifest.name.encode())
            return make(
                ManagedFileSystem,
                path=f"/{manifest.name}",
                uid=owner if volume.efs.uid is None else volume.efs.uid,
                gid=owner if volume.efs.gid is None else volume.efs.gid,
            )
    return None
