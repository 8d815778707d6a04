"""Base of the shapes around a task definition."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A shape around a task definition; unknown fields are errors."""

    model_config = ConfigDict(extra="forbid")
