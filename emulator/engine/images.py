"""Images as the engine takes and gives them: what one is built from, a local one, a registry's login."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class BuildSpec:
    """An image build. `substitutes` replaces images that the Dockerfile's FROM lines and COPY --from name."""

    context: Path
    dockerfile: Path
    tag: str
    target: str | None = None
    args: Mapping[str, str] = field(default_factory=dict)
    cache_from: Sequence[str] = ()
    platform: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    substitutes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Image:
    """A local image."""

    id: str
    tags: tuple[str, ...]
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    environment: tuple[str, ...]
    user: str
    working_directory: str
    labels: Mapping[str, str]
    has_health_check: bool
    volumes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImageName:
    """A name of a local image. `size` in bytes, with the layers that it shares with others; `created`: seconds since
    1970."""

    reference: str
    id: str
    size: int
    created: int


@dataclass(frozen=True, slots=True)
class RegistryAuth:
    """Credentials of an image registry."""

    username: str
    password: str = field(repr=False)


OnLine = Callable[[str], None]
"""Receives progress in words: a build's line, a pull's state."""
