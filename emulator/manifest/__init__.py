"""The Copilot manifest: reading, checking, merging for an environment, and the typed schema.

Importing this package is cheap. The models come with the first use of their name, one workload type at a time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from emulator.manifest.load.interpolate import Gaps, Undefined
from emulator.manifest.load.loader import (
    Checked,
    LoadedEnvironment,
    LoadedManifest,
    LoadedPipeline,
    check,
    load,
    load_environment,
    load_pipeline,
    load_with_gaps,
)
from emulator.manifest.load.source import REFUSED_TYPES, WORKLOAD_TYPES, Options

if TYPE_CHECKING:
    from emulator.manifest.schema.backend_service import BackendService
    from emulator.manifest.schema.environment import EnvironmentManifest
    from emulator.manifest.schema.load_balanced_web_service import LoadBalancedWebService
    from emulator.manifest.schema.manifest import Manifest
    from emulator.manifest.schema.scheduled_job import ScheduledJob
    from emulator.manifest.schema.worker_service import WorkerService
    from emulator.manifest.schema.workload import Workload

__all__ = [
    "REFUSED_TYPES",
    "WORKLOAD_TYPES",
    "BackendService",
    "Checked",
    "EnvironmentManifest",
    "Gaps",
    "LoadBalancedWebService",
    "LoadedEnvironment",
    "LoadedManifest",
    "LoadedPipeline",
    "Manifest",
    "Options",
    "ScheduledJob",
    "Undefined",
    "WorkerService",
    "Workload",
    "check",
    "load",
    "load_environment",
    "load_pipeline",
    "load_with_gaps",
]

_LAZY = {
    "BackendService": "backend_service",
    "EnvironmentManifest": "environment",
    "LoadBalancedWebService": "load_balanced_web_service",
    "Manifest": "manifest",
    "ScheduledJob": "scheduled_job",
    "WorkerService": "worker_service",
    "Workload": "workload",
}


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return getattr(import_module(f"emulator.manifest.schema.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
