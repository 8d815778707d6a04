"""From a Copilot manifest to the ECS model. Pure: the same input gives the same service, and nothing is read."""

from __future__ import annotations

from emulator.compiler.context import AddonOutputs, Surroundings
from emulator.compiler.service import compile_service

__all__ = ["AddonOutputs", "Surroundings", "compile_service"]
