"""What an image may be called, and what is said of other texts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.manifest.image_references import NAMES, OF_NEWER_DAEMONS, OTHERS


@pytest.mark.parametrize("text", [*NAMES, *OF_NEWER_DAEMONS])
def test_a_name_of_an_image_is_taken(manifests: Any, text: str) -> None:
    written = json.dumps(text)
    manifests.good(
        image=f"{{port: 80, location: {written}}}",
        sidecars=f"{{a: {{image: {written}}}, b: {{image: {{location: {written}}}}}}}",
        logging=f"{{image: {written}}}",
    )


@pytest.mark.parametrize("text", OTHERS)
def test_another_text_is_reported_wherever_it_stands(manifests: Any, text: str) -> None:
    written = json.dumps(text)
    assert manifests.bad(
        image=f"{{port: 80, location: {written}}}",
        sidecars=f"{{a: {{image: {written}}}, b: {{image: {{location: {written}}}}}}}",
        logging=f"{{image: {written}}}",
    ) == [
        ("CL166", "image.location"),
        ("CL166", "sidecars.a.image"),
        ("CL166", "sidecars.b.image.location"),
        ("CL166", "logging.image"),
    ]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("Nginx:Latest", "'Nginx:Latest' has capital letters: a repository's name has none", "write nginx:Latest"),
        ("nginx ", "'nginx ' has a blank, which no image's name has", "write nginx"),
        ("https://r.test/a:1", "'https://r.test/a:1' is a URL, and an image's name has no scheme", "write r.test/a:1"),
        ("a@sha256:1", "'a@sha256:1' is no image's name: a digest is sha256: and 64 hexadecimal digits", ""),
        ("a:", "'a:' is no image's name: that is [registry/]repository[:tag][@digest]", ""),
        ("0" * 64, f"'{'0' * 64}' is an image's id, and no registry knows an image by it", ""),
        ("n" * 300, f"'{'n' * 300}' is longer than the 255 characters that an image's name may have", ""),
    ],
)
def test_it_is_said_what_is_wrong_and_what_to_write(manifests: Any, text: str, message: str, hint: str) -> None:
    [finding] = manifests.findings(manifests.text(image=f"{{port: 80, location: {json.dumps(text)}}}"))
    assert (finding.message, finding.hint) == (message, hint)


def test_a_variable_that_is_not_defined_is_all_that_is_said(manifests: Any) -> None:
    found = manifests.findings(manifests.text(image="{port: 80, location: 'Nginx:${TAG}'}"))
    assert [(finding.code, finding.path) for finding in found] == [("CL110", "image.location")]
