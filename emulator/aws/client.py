"""Clients of the endpoint, from inside its own container."""

from __future__ import annotations

from typing import Any

import botocore.session
from botocore.config import Config

from emulator.aws.ports import PLAIN_PORT


def client(service: str, region: str) -> Any:
    """A botocore client of one service in one region; the endpoint takes any keys."""
    session = botocore.session.Session()
    session.set_credentials("local", "local")
    return session.create_client(
        service,
        region_name=region,
        endpoint_url=f"http://127.0.0.1:{PLAIN_PORT}",
        config=Config(retries={"max_attempts": 1}, connect_timeout=2, read_timeout=30),
    )
