"""Which tasks are protected from scaling in, and until when: for the metadata endpoint and the ECS API alike."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta


class ProtectedTasks:
    """By ARN. Lives as long as the agent's process."""

    def __init__(self) -> None:
        self._until: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def protect(self, task_arn: str, minutes: int, now: datetime | None = None) -> None:
        """Protects a task for so long from now on; 0 ends its protection."""
        with self._lock:
            self._until.pop(task_arn, None)
            if minutes:
                self._until[task_arn] = (now or datetime.now(UTC)) + timedelta(minutes=minutes)

    def until(self, task_arn: str, now: datetime | None = None) -> datetime | None:
        """When the protection of a task ends; None where it is not protected."""
        with self._lock:
            until = self._until.get(task_arn)
        return until if until is not None and until > (now or datetime.now(UTC)) else None

    def all(self) -> dict[str, str]:
        """The tasks that are protected now, each with the end of that in ISO 8601."""
        with self._lock:
            known = list(self._until)
        return {arn: until.isoformat() for arn in known if (until := self.until(arn)) is not None}
