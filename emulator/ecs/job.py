"""When a job runs, and what happens when it fails."""

from emulator.model import Model


class JobSchedule(Model):
    """The trigger of a scheduled job. `timeout` in seconds."""

    expression: str
    """EventBridge's form: `rate(…)` or `cron(…)`."""
    enabled: bool = True
    retries: int | None = None
    timeout: int | None = None


class ManagedFileSystem(Model):
    """A folder of the environment's own file system that is the workload's: its owner and its path."""

    path: str
    uid: int
    gid: int
