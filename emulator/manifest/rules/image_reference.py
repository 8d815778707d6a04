"""Rules for the names of images.

Source: the grammar of image references (distribution/reference, on which Docker, containerd and registries agree).
"""

from __future__ import annotations

import re
from typing import Final

from emulator.manifest.rules.at import At

_PLACEHOLDER = r"<[A-Za-z][\w .-]*>"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_REGISTRY: Final = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_TAG = r"\w[\w.-]{0,127}"
_DIGEST = "sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}"
_REFERENCE: Final = re.compile(
    rf"(?P<name>(?:{_REGISTRY}/)?{_PART}(?:/{_PART})*)(?::{_TAG})?(?:@(?:{_DIGEST}))?", re.ASCII
)
_LONGEST: Final = 255


def reference(location: str | None, at: At, *keys: str) -> None:
    """What a manifest says of an image must be the name of one, and no gap that `copilot init` or documentation leaves
    for people to fill in (`repository:<image_tag>`)."""
    if location is None or at.report.is_undefined(at.node.get(keys[0]) if keys else at.node):
        return
    if found := re.search(_PLACEHOLDER, location):
        hint = "put the tag there, or use ${TAG} and set TAG"
        at.add("CL157", f"{found[0]} is a placeholder, not an image's tag", *keys, hint=hint, copilot_accepts=True)
    elif problem := reference_problem(location):
        at.add("CL166", f"{location!r} {problem}", *keys, hint=_hint(location), copilot_accepts=True)


def reference_problem(location: str) -> str:
    """Why a text is not the name of an image, to follow the text; empty where it is one."""
    found = _REFERENCE.fullmatch(location)
    if found is not None:
        if len(_familiar(found["name"])) > _LONGEST:
            return f"is longer than the {_LONGEST} characters that an image's name may have"
        if re.fullmatch("[a-f0-9]{64}", location):
            return "is an image's id, and no registry knows an image by it"
        return ""
    if not location:
        return "names no image"
    if re.search(r"\s", location):
        return "has a blank, which no image's name has"
    if "://" in location:
        return "is a URL, and an image's name has no scheme"
    if _REFERENCE.fullmatch(_lowered(location)):
        return "has capital letters: a repository's name has none"
    if re.search(r"@\w+:\w*\Z", location):
        return "is no image's name: a digest is sha256: and 64 hexadecimal digits"
    return "is no image's name: that is [registry/]repository[:tag][@digest]"


def _familiar(name: str) -> str:
    """The name with the registry that Docker adds where it has none."""
    first, slash, _ = name.partition("/")
    if not slash:
        return f"docker.io/library/{name}"
    return name if re.search(r"[.:A-Z\[]", first) or first == "localhost" else f"docker.io/{name}"


def _lowered(location: str) -> str:
    """With the repository in lower case; registry and tag may have capitals."""
    registry, slash, rest = location.rpartition("/")
    name, colon, tag = rest.partition(":")
    return f"{registry.lower()}{slash}{name.lower()}{colon}{tag}"


def _hint(location: str) -> str:
    for other in (location.strip(), location.strip().partition("://")[2], _lowered(location)):
        if other and not reference_problem(other):
            return f"write {other}"
    return ""
