"""Task sizes on Fargate. Source: the ECS developer guide, task definition parameters for Fargate."""

from __future__ import annotations

import re
from collections.abc import Callable

from emulator.limits.task_sizes import TASK_SIZES

_UNITS = {"": 1.0, "GB": 1024.0}


def memory_mib(text: str) -> int:
    """Task memory in MiB from `512`, `0.5GB` or `1 GB`. Raises ValueError."""
    match = re.fullmatch(r"\s*([0-9]{0,9}\.?[0-9]{1,9})\s*(GB)?\s*", text, re.IGNORECASE)
    if not match:
        raise ValueError(f"memory {text!r} is neither MiB (512) nor GB (0.5 GB)")
    return int(float(match[1]) * _UNITS[(match[2] or "").upper()])


def cpu_units(text: str) -> int:
    """Task CPU in units of 1/1024 vCPU from `256`, `.25 vCPU` or `1 vCPU`. Raises ValueError."""
    match = re.fullmatch(r"\s*([0-9]{0,9}\.?[0-9]{1,9})\s*(vCPU)?\s*", text, re.IGNORECASE)
    if not match:
        raise ValueError(f"cpu {text!r} is neither CPU units (256) nor vCPU (.25 vCPU)")
    return int(float(match[1]) * 1024) if match[2] else int(float(match[1]))


def registered_size(cpu: str | None, memory: str | None) -> dict[str, str]:
    """A task's size as ECS gives it back: in units and MiB, however it was written. Without what is not set."""
    found = {"cpu": (cpu, cpu_units), "memory": (memory, memory_mib)}
    return {key: _in_units(text, read) for key, (text, read) in found.items() if text is not None}


def _in_units(text: str, read: Callable[[str], int]) -> str:
    try:
        return str(read(text))
    except ValueError:
        return text  # which is refused elsewhere, where anything reads it


def size_problem(cpu: str | None, memory: str | None) -> tuple[str, str]:
    """What ECS says to a task size that Fargate does not have, and what to do; both empty for one that it has."""
    try:
        units = cpu_units(cpu) if cpu is not None else None
        mib = memory_mib(memory) if memory is not None else None
    except ValueError as error:
        return str(error), ""
    if units is None or mib is None:
        return f"Fargate requires that '{'cpu' if units is None else 'memory'}' be defined at the task level", ""
    if units not in TASK_SIZES:
        hint = f"one of {', '.join(map(str, TASK_SIZES))} CPU units"
        return f"Invalid 'cpu' setting for task: {cpu}", hint
    if mib not in TASK_SIZES[units]:
        hint = f"with {units} CPU units: {', '.join(map(str, TASK_SIZES[units]))} MiB"
        return f"No Fargate configuration exists for given values: {units} CPU units with {mib} MiB", hint
    return "", ""
