"""Which container a test means."""

from __future__ import annotations

from collections.abc import Callable


def chooser(container: str | None) -> Callable[[str, str], bool]:
    """Tells of a service and a container's name whether they are meant by `container`: a name in the manifest,
    `service/name`, or None for all."""
    wanted_service, slash, wanted = (container or "").rpartition("/")

    def meant(service: str, name: str) -> bool:
        return container is None or (name == wanted and (not slash or service == wanted_service))

    return meant
