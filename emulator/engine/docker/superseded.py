"""What becomes of an image when a build puts another one in its place.

Its containers may run on until they are replaced, so it cannot be removed then, and without a name it would stay for
good. So it gets one, `<tag>-before-<id>`, and goes with the next build of that tag that finds it unused.
"""

from __future__ import annotations

import contextlib
import json
from urllib.parse import quote

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
            name = quote(image, safe=":")
            client.post(f"/images/{name}/tag", f"name image {image}", params={"repo": repository, "tag": kept})


def _remove_unused(client: Client, repository: str, prefix: str) -> None:
    filters = json.dumps({"reference": [f"{repository}:{prefix}*"]})
    for document in client.get("/images/json", "list images", params={"filters": filters}):
        for reference in document.get("RepoTags") or ():
            if str(reference).rpartition(":")[2].startswith(prefix):
                with contextlib.suppress(EngineError):  # a container still uses it
                    client.delete(f"/images/{quote(str(reference), safe='/:')}", f"remove image {reference}")
