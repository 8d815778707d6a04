"""The access point of a volume on the environment's file system. Source: Copilot, partial `efs-access-point.yml`."""

from __future__ import annotations

from emulator.ecs.service import Service
from emulator.render.cloudformation.foundations.foundation import Foundation
from emulator.render.cloudformation.template import Template

PERMISSIONS = "0755"


def add_access_point(template: Template, service: Service, foundation: Foundation) -> None:
    """Adds the access point, if the service has such a volume."""
    managed = service.managed_file_system
    if managed is None:
        return
    template.resource(
        "AccessPoint",
        "AWS::EFS::AccessPoint",
        {
            "ClientToken": f"{service.app}-{service.environment}-{service.name}",
            "FileSystemId": foundation.managed_file_system(),
            "PosixUser": {"Uid": str(managed.uid), "Gid": str(managed.gid)},
            "RootDirectory": {
                "Path": managed.path,
                "CreationInfo": {
                    "OwnerUid": str(managed.uid),
                    "OwnerGid": str(managed.gid),
                    "Permissions": PERMISSIONS,
                },
            },
        },
        comment="The service's own folder of the file system",
        position=service.positions.get("storage"),
    )
