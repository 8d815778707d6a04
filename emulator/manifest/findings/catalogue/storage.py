"""Volumes and file systems."""

from __future__ import annotations

from emulator.manifest.findings.catalogue.base import VALIDATE, FindingKind


class Volume(FindingKind):
    code = "CL134"
    title = "volume that does not fit"
    explanation = """
        Fargate has 20 to 200 GiB of ephemeral storage, Copilot makes one managed file system for a workload, and a path
        in a container has letters, digits and `. - _ /`. Copilot refuses the manifest. It does not see that a path is
        relative, that two volumes have the same path in a container, or that a volume's name has other characters than
        letters, digits, `-` and `_`: ECS refuses those, or the task does not start.
    """
    source = f"Copilot, `Storage.validate` and `validateVolumePath` in {VALIDATE}; Amazon ECS, `RegisterTaskDefinition`"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx}
        storage:
          ephemeral: 500
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx}
        storage:
          ephemeral: 200
    """


class MountPoint(FindingKind):
    code = "CL135"
    title = "mount point without a volume"
    explanation = """
        A sidecar mounts a volume that `storage.volumes` does not have, and that neither an override nor a patch adds.
        Copilot renders it all the same, and ECS refuses the task definition: `Invalid volume referenced`.
    """
    source = "Amazon ECS, `RegisterTaskDefinition`; Copilot does not compare `source_volume` with the volumes"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx}
        storage:
          volumes:
            pages: {path: /srv}
        sidecars:
          proxy:
            image: envoy
            mount_points:
              - {source_volume: page, path: /srv}
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx}
        storage:
          volumes:
            pages: {path: /srv}
        sidecars:
          proxy:
            image: envoy
            mount_points:
              - {source_volume: pages, path: /srv}
    """
