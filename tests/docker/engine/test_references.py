"""What Docker says of texts that are taken for an image's name in a manifest, and of those that are not."""

from __future__ import annotations

import pytest
from docker.errors import APIError

from tests.docker.project import daemon
from tests.unit.manifest.image_references import NAMES, OTHERS

pytestmark = pytest.mark.docker
NO_NAME = "!"
"""Of no container, so that none is made where there is such an image."""
REFUSALS = ("invalid reference format", "must not be more than 255 characters", "unsupported digest algorithm")


def test_docker_takes_the_same_texts_for_names() -> None:
    refused: dict[str, str] = {}
    with daemon() as client:
        for text in (*NAMES, *OTHERS):
            with pytest.raises(APIError) as error:
                client.create_container(text, name=NO_NAME)
            if any(reason in str(error.value) for reason in REFUSALS):
                refused[text] = str(error.value)
            else:
                assert any(reason in str(error.value) for reason in ("No such image", "Invalid container name")), text
    assert list(refused) == list(OTHERS)
