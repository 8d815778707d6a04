"""The Copilot manifest: reading, checking, merging for an environment, and the typed schema.

Importing this package is cheap. The models come with the first manifest that is read, one workload type at a time.
"""

from __future__ import annotations

from emulator.manifest.load.interpolate import Gaps
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
from emulator.manifest.load.source import WORKLOAD_TYPES, Options

__all__ = [
    "WORKLOAD_TYPES",
    "Checked",
    "Gaps",
    "LoadedEnvironment",
    "LoadedManifest",
    "LoadedPipeline",
    "Options",
    "check",
    "load",
    "load_environment",
    "load_pipeline",
    "load_with_gaps",
]
