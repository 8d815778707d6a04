"""Where the records of a log router go: `emulator.logstore` reads them."""

from __future__ import annotations

LOG_FOLDER = "/copilot-local/logs"
"""Where the log store, or a task's folder of it, is mounted in a container."""
