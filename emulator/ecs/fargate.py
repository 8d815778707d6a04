"""Task sizes on Fargate. Source: the ECS developer guide, task definition parameters for Fargate."""

from __future__ import annotations

import re

_UNITS = {"": 1.0, "GB": 1024.0}


def memory_mib(text: str) -> int:
    """Task memory in MiB from `512`, `0.5GB` or `1 GB`. Raises ValueError."""
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*(GB)?\s*", text, re.IGNORECASE)
    if not match:
        raise ValueError(f"memory {text!r} is neither MiB (512) nor GB (0.5 GB)")
    return int(float(match[1]) * _UNITS[(match[2] or "").upper()])


def cpu_units(text: str) -> int:
    """Task CPU in units of 1/1024 vCPU from `256`, `.25 vCPU` or `1 vCPU`. Raises ValueError."""
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*(vCPU)?\s*", text, re.IGNORECASE)
    if not match:
        raise ValueError(f"cpu {text!r} is neither CPU units (256) nor vCPU (.25 vCPU)")
    return int(float(match[1]) * 1024) if match[2] else int(float(match[1]))
