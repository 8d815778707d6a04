"""Rules for what FireLens writes into its log router's file.

Source: ECS developer guide, "Use a custom log router configuration" (reserved paths); Fluent Bit's classic format.
"""

from __future__ import annotations

import posixpath

from emulator.manifest.rules.at import At
from emulator.manifest.schema.logs import Logging, SidecarLogging
from emulator.model import Keys

_RESERVED = ("/fluent-bit/etc/fluent-bit.conf", "/fluentd/etc/fluent.conf")


def configuration_path(logging: Logging, at: At) -> None:
    """The path at which FireLens puts its own file."""
    path = logging.config_file_path
    if path is None:
        return
    whole = "/" + posixpath.normpath(posixpath.join("/fluent-bit/etc", path)).lstrip("/")
    if whole in _RESERVED:
        message = (
            f"{path!r} is where FireLens puts its own file, which would include itself: the log router ends over it"
        )
        hint = "put your file under another path in the log router's image"
        at.add("CL159", message, "configFilePath", hint=hint, copilot_accepts=True)


def options(block: Logging | SidecarLogging, keys: Keys, at: At) -> None:
    """Options that become other lines of the file than their own, or lines that Fluent Bit does not take."""
    for option, value in block.destination.items():
        place = (*keys, "destination", option)
        if any(_is_control(sign) for sign in option + value):
            hint = "write it on one line: a line end would begin another line of the log router's configuration"
            at.add("CL159", "holds a line end or another control character", *place, hint=hint, copilot_accepts=True)
        elif not value.strip():
            at.add("CL159", "is empty: Fluent Bit ends over a key without a value", *place, copilot_accepts=True)


def _is_control(sign: str) -> bool:
    return (sign < " " and sign != "\t") or sign in "\x7f\x85\u2028\u2029"
