"""First words after `copilot-local aws` that are Copilot's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

NOUNS: Final = ("app", "deploy", "env", "job", "pipeline", "secret", "svc", "task")
"""`deploy` is a service of AWS too, whose operations are words; Copilot's takes options."""

ALIASES: Final = {
    "application": "app",
    "applications": "app",
    "apps": "app",
    "environment": "env",
    "environments": "env",
    "envs": "env",
    "jobs": "job",
    "pipelines": "pipeline",
    "secrets": "secret",
    "service": "svc",
    "services": "svc",
    "svcs": "svc",
    "tasks": "task",
}
"""What people write for them, and the AWS command line does not know either."""


def is_copilots(words: Sequence[str]) -> bool:
    """Whether words after `aws` are a verb of Copilot's, and not for the AWS command line."""
    if not words or words[0] not in (*NOUNS, *ALIASES):
        return False
    return words[0] != "deploy" or len(words) == 1 or words[1].startswith("-")
