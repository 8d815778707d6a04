"""Where the credentials of a service's tasks come from."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from emulator.model import FrozenModel


class Keys(FrozenModel, kw_only=True, frozen=True):
    """An access key; with a session token and an expiration where it is temporary."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""
    expiration: datetime | None = None

    def __repr__(self) -> str:
        return f"Keys(expiration={self.expiration!r})"


class TaskRole(FrozenModel, kw_only=True, frozen=True):
    """Where the credentials of a service's tasks come from. Part of `Private`: never written down."""

    source: Literal["static", "profile", "role"]
    name: str = ""
    """Of the profile, for messages."""
    keys: Keys
    """What tasks get; of a role: what it is assumed with."""
    role_arn: str = ""
    external_id: str = ""
    region: str = "us-east-1"
    sts_endpoint: str = ""
    """Where STS is, when not at its usual address."""

    def __repr__(self) -> str:
        return f"TaskRole(source={self.source!r}, name={self.name!r}, role_arn={self.role_arn!r})"
