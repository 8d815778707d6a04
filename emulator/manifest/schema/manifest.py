"""The union of the workload types."""

from __future__ import annotations

from typing import TypeAlias

from emulator.manifest.schema.backend_service import BackendService
from emulator.manifest.schema.load_balanced_web_service import LoadBalancedWebService
from emulator.manifest.schema.scheduled_job import ScheduledJob
from emulator.manifest.schema.worker_service import WorkerService

Manifest: TypeAlias = LoadBalancedWebService | BackendService | WorkerService | ScheduledJob
