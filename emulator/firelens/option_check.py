"""Refuses log options that would become other lines of the router's file than their own, or that it cannot hold."""

from __future__ import annotations

from emulator.errors import InputError


class BadOption(InputError):
    """A log option that ECS's file cannot hold. `stream`: whose it is, empty where it is the router's own."""

    def __init__(self, message: str, stream: str, option: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.stream = stream
        self.option = option


def refuse_control_characters(stream: str, option: str, value: str) -> None:
    """Raises BadOption for a line end or another control character in the name or the value of an option.

    ECS writes both into the router's file as they are: a line end would begin a section of its own, an output among
    them, which stays hidden here.
    """
    for what, text in (("name", option), ("value", value)):
        found = next((sign for sign in text if (sign < " " and sign != "\t") or sign in "\x7f\x85\u2028\u2029"), "")
        if found:
            of = f"log option {option!r} of container {stream}" if stream else f"the FireLens option {option!r}"
            raise BadOption(
                f"the {what} of {of} holds a control character: {found!r}",
                stream,
                option,
                hint="write it on one line: a line end would begin another line of the log router's configuration",
            )


def check_option(stream: str, option: str, value: str) -> None:
    """Raises BadOption for what makes a line that Fluent Bit does not take."""
    if not option.strip() or option[:1].isspace():
        message = f"a log option of container {stream} has no name that Fluent Bit reads: {option!r}"
        raise BadOption(message, stream, option, hint="a name has no blank at its beginning")
    if not value.strip():
        raise BadOption(
            f"log option {option} of container {stream} is empty: Fluent Bit ends over a key without a value",
            stream,
            option,
            hint="give it a value, or remove it",
        )
