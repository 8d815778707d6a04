"""Where the credentials of a service's tasks come from."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from emulator.model import FrozenModel
from emulator.regions import DEFAULT_REGION


class Keys(FrozenModel):
    """An access key; with a session token and an expiration where it is temporary."""

    access_key_id: str = Field(repr=False)
    secret_access_key: str = Field(repr=False)
    session_token: str = Field(default="", repr=False)
    expiration: datetime | None = None


class TaskRole(FrozenModel):
    """Where the credentials of a service's tasks come from. Part of `Private`: never written down."""

    source: Literal["static", "profile", "role"]
    name: str = ""
    """Of the profile, for messages."""
    keys: Keys
    """What tasks get; of a role: what it is assumed with."""
    role_arn: str = ""
    external_id: str = Field(default="", repr=False)
    region: str = DEFAULT_REGION
    sts_endpoint: str = ""
    """Where STS is, when not at its usual address."""
