"""`storage`: ephemeral storage and volumes."""

from typing import Annotated

from emulator.manifest.schema.base import INT64, Block, Key


class StringOrExport(Block):
    """Text, or `{from_cfn: export}`."""

    short = "value"
    swallows = True

    value: Annotated[str | None, Key(hidden=True)] = None
    """The text."""
    from_cfn: str | None = None
    """The name of a CloudFormation export."""


class EfsAuthorization(Block):
    """How a task is let into a file system."""

    iam: Annotated[bool | None, Key(default="false")] = None
    """Whether the task role decides."""
    access_point_id: str | None = None
    """An access point to go through."""


class Efs(Block):
    """A file system: `true` for one that Copilot manages, or a map."""

    switch = True
    swallows = True

    id: StringOrExport | None = None
    """An existing file system."""
    root_dir: Annotated[str | None, Key(default="/")] = None
    """The folder of the file system that is mounted."""
    auth: EfsAuthorization | None = None
    """How a task is let in."""
    uid: Annotated[int | None, INT64] = None
    """Owner of a managed file system's folder; default: CRC-32 of the workload's name."""
    gid: Annotated[int | None, INT64] = None
    """Group of a managed file system's folder; default as `uid`."""

    @property
    def managed(self) -> bool:
        """Whether Copilot makes the file system: nothing but `uid` and `gid` is given."""
        return self.id is None and self.root_dir is None and self.auth is None


class Volume(Block):
    """A volume. The main container has every volume at `path`; without `efs` it is scratch space of the task."""

    path: str
    """Where the main container has it."""
    read_only: Annotated[bool, Key(default="true")] = True
    """Whether the main container may only read it."""
    efs: Efs | None = None
    """The file system behind it; None: scratch space that lives as long as the task."""


class Storage(Block):
    """`storage`."""

    ephemeral: Annotated[int | None, INT64, Key(default="20")] = None
    """GiB of the task's disk, 20 to 200."""
    readonly_fs: bool | None = None
    """Whether the main container's root file system is read-only."""
    volumes: dict[str, Volume] = {}
    """Volumes by name."""
