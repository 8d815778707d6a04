"""What becomes of an image when a build puts another one in its place.

Its containers may run on until they are replaced, so it cannot be removed then, and without a name it would stay for
good. So it gets one, `<tag>-before-<id>`, and goes with the next build of that tag that finds it unused.
"""

from __future__ import annotations

import contextlib

from emulator.engine.docker.client import Client
from emulator.engine.docker.images import split_reference
from emulator.errors import EngineError

BEFORE = "-before-"
_LONGEST_TAG = 128


def keep_until_unused(client: Client, tag: str, image: str) -> None:
    """Names the image that `tag` stood for until now, and removes those before it that no container uses any more.

    A failure is of no consequence: an image is left over.
    """
    repository, version = split_reference(tag)
    kept = f"{version}{BEFORE}{image.removeprefix('sha256:')[:12]}"
    with contextlib.suppress(EngineError):
        _remove_unused(client, repository, f"{version}{BEFORE}")
        if len(kept) <= _LONGEST_TAG:
            with client.sdk(f"name image {image}") as sdk:
                sdk.tag(image, repository, kept)


def _remove_unused(client: Client, repository: str, prefix: str) -> None:
    with client.sdk("list images") as sdk:
        documents = sdk.images(filters={"reference": [f"{repository}:{prefix}*"]})
    for document in documents:
        for reference in document.get("RepoTags") or ():
            if str(reference).rpartition(":")[2].startswith(prefix):
                # A container may still use it.
                with contextlib.suppress(EngineError), client.sdk(f"remove image {reference}") as sdk:
                    sdk.remove_image(str(reference))
